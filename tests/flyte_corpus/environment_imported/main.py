import flyte
from job import env


@env.task
async def main() -> str:
    return "x"


if __name__ == "__main__":
    flyte.init_from_config()
    flyte.run(main)
