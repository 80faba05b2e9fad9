import os

import flyte

HERE = os.path.dirname(os.path.abspath(__file__))

env = flyte.TaskEnvironment(
    name="paths_of_os",
    image=flyte.Image.from_debian_base(name="paths-of-os")
    .with_requirements(os.path.join(HERE, "requirements.txt"))
    .with_uv_project(pyproject_file=os.path.join(HERE, "project", "pyproject.toml")),
)


@env.task
def a() -> str:
    return "a"
