import flyte

env = flyte.TaskEnvironment(
    "base_clone_python",
    image=flyte.Image.from_base("docker.io/library/python:3.12-slim")
    .clone(name="base-python", registry="ghcr.io/orchard", python_version=(3, 12), extendable=True)
    .with_pip_packages("attrs"),
)


@env.task
async def t() -> str:
    return "x"
