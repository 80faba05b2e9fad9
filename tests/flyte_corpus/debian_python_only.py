import flyte

env = flyte.TaskEnvironment(name="older_python", image=flyte.Image.from_debian_base(python_version=(3, 12)))


@env.task
async def hello(name: str) -> str:
    return f"Hello {name}"
