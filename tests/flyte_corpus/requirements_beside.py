import pathlib

import flyte

image = flyte.Image.from_debian_base(name="requirements-beside").with_requirements(
    pathlib.Path(__file__).parent / "requirements.txt"
)
env = flyte.TaskEnvironment(name="requirements_beside", image=image)


@env.task
def t() -> str:
    return "x"
