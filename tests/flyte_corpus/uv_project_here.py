import pathlib

import flyte

HERE = pathlib.Path(__file__).parent

env = flyte.TaskEnvironment(
    name="uv_project_here",
    image=flyte.Image.from_debian_base(name="uv-project").with_uv_project(
        pyproject_file=HERE / "project" / "pyproject.toml", extra_args="--only-group train"
    ),
)


@env.task
def t() -> str:
    return "x"
