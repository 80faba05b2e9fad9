from pathlib import Path

import flyte
from flyte import Image

image = (
    Image.from_debian_base(install_flyte=False)
    .with_apt_packages("git")
    .with_uv_project(uvlock=Path("project/uv.lock"), pyproject_file=Path("./project/pyproject.toml"))
)
bare = Image.from_debian_base().with_uv_project("project/pyproject.toml")

env = flyte.TaskEnvironment(name="uv_project_relative", image=image)
bare_env = flyte.TaskEnvironment(name="uv_project_bare", image=bare)


@env.task
async def t1(data: str = "hello") -> str:
    return f"Hello {data}"


@bare_env.task
async def t2(data: str = "hello") -> str:
    return f"Hello {data}"
