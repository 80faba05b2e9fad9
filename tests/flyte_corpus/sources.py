from pathlib import Path

import flyte

here = Path(__file__).parent

env = flyte.TaskEnvironment(
    name="sources",
    image=flyte.Image.from_debian_base(name="sources")
    .with_source_file(here / "requirements.txt")
    .with_source_file([here / "data" / "towns.csv", here / "data" / "rivers.csv"], dst="/data/")
    .with_source_file(here / "data" / "towns.csv", "/root")
    .with_source_folder(here / "data")
    .with_source_folder(here / "project", dst="./vendored")
    .with_source_folder(here / "data", copy_contents_only=True)
    .with_dockerignore(here / ".dockerignore"),
)


@env.task
def t() -> str:
    return "x"
