from pathlib import Path

import flyte

FOLDER = "project"

env = flyte.TaskEnvironment(
    name="paths_strings",
    image=flyte.Image.from_debian_base(name="paths-strings")
    .with_requirements(str(Path(__file__).parent / "requirements.txt"))
    .with_uv_project(f"{FOLDER}/pyproject.toml", extra_args="--group " + "train"),
)


@env.task
def a() -> str:
    return "a"
