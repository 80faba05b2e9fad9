from pathlib import Path

import flyte

WORKSPACE = Path(__file__).resolve().parents[0]
PROJECT = WORKSPACE / "project"

env = flyte.TaskEnvironment(
    name="paths_parents",
    image=flyte.Image.from_debian_base(name="paths-parents")
    .with_uv_project(pyproject_file=PROJECT / "pyproject.toml", uvlock=PROJECT / "uv.lock")
    .with_source_file(Path(__file__).with_name("requirements.txt"))
    .with_source_folder((WORKSPACE / "data").absolute(), dst="/root/data"),
)


@env.task
def a() -> str:
    return "a"
