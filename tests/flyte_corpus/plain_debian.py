import flyte

env = flyte.TaskEnvironment(name="hello_debian", image=flyte.Image.from_debian_base())


@env.task
async def hello(name: str) -> str:
    return f"Hello {name}"
