import flyte

REGISTRY = "ghcr.io"

data_image = (
    flyte.Image.from_base("docker.io/library/python:3.12-slim")
    .clone(name="orchard/data-prep", registry=REGISTRY, extendable=True)
    .with_env_vars({"PATH": "/opt/conda/bin:$PATH", "PYTHONPATH": "/workspace"})
    .with_code_bundle("all")
)
env = flyte.TaskEnvironment(name="names_with_folders", image=data_image)


@env.task
def a() -> str:
    return "a"
