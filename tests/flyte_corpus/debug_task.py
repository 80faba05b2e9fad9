import flyte

env = flyte.TaskEnvironment(
    name="debugged",
    image=flyte.Image.from_debian_base(name="debugged").with_pip_packages("attrs"),
)


@env.task
async def main() -> str:
    return "x"


if __name__ == "__main__":
    flyte.init_from_config()
    run = flyte.with_runcontext(mode="remote", debug=True).run(main)
    print(run.get_debug_url())
