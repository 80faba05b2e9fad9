import flyte

env = flyte.TaskEnvironment(
    name="by_reference",
    resources=flyte.Resources(cpu=1, memory="1Gi"),
    image=flyte.Image.from_ref_name("custom-image"),
)


@env.task
async def main(x: int = 1) -> int:
    return x
