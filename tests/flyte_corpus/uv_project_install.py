from pathlib import Path

import flyte

ROOT = Path(__file__).resolve().parent.joinpath("project")

env = flyte.TaskEnvironment(
    name="uv_install",
    image=flyte.Image.from_debian_base(name="uv-install")
    .with_uv_project(
        pyproject_file=ROOT / "pyproject.toml",
        uvlock=ROOT / "uv.lock",
        project_install_mode="install_project",
    )
    .with_code_bundle(),
)


@env.task
def t() -> str:
    return "x"
