import flyte

env = flyte.TaskEnvironment(
    name="base_clone",
    image=flyte.Image.from_base("docker.io/library/python:3.12-slim")
    .clone(name="base-clone", registry="ghcr.io/orchard", extendable=True)
    .with_pip_packages("attrs"),
)


@env.task
def t() -> str:
    return "x"
