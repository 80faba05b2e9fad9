from pathlib import Path

import flyte

requirements_path = Path("requirements.txt")
index_url = (
    "https://packages.example/"
    "team/pypi/simple/"
)

image = (
    flyte.Image.from_base("docker.io/library/python:3.13-slim")
    .clone(registry="ghcr.io/orchard", name="requirements-relative", extendable=True)
    .with_requirements(requirements_path, index_url=index_url)
)
env = flyte.TaskEnvironment(name="requirements_relative", image=image)


@env.task
def t() -> str:
    return "x"
