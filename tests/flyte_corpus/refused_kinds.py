# /// script
# dependencies = ["flyte"]
# ///
from pathlib import Path

import flyte

here = Path(__file__).parent
debian = flyte.Image.from_debian_base(registry="ghcr.io/orchard", name="refused")

poetry = flyte.TaskEnvironment(
    name="refused_poetry",
    image=debian.clone(name="poetry").with_poetry_project(
        here / "project" / "pyproject.toml", extra_args="--no-root", project_install_mode="install_project"
    ),
)
pixi = flyte.TaskEnvironment(
    name="refused_pixi",
    image=debian.clone(name="pixi").with_pixi_project(here / "project" / "pyproject.toml", environment="gpu"),
)
script = flyte.TaskEnvironment(
    name="refused_pixi_script",
    image=flyte.Image.from_pixi_script(__file__, name="pixi-script", platform=("linux/amd64",)),
)
docker = flyte.TaskEnvironment(
    name="refused_dockerfile",
    image=flyte.Image.from_dockerfile(
        here / "Dockerfile", registry="ghcr.io/orchard", name="docker", platform=("linux/amd64", "linux/arm64")
    ),
)
local = flyte.TaskEnvironment(name="refused_checkout", image=debian.clone(name="local").with_local_v2())


@poetry.task
def a() -> str:
    return "a"
