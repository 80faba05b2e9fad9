from pathlib import Path

import flyte

env = flyte.TaskEnvironment(
    name="sources_relative",
    image=flyte.Image.from_debian_base(name="sources-relative")
    .with_source_folder(Path("data"))
    .with_source_folder(Path("./project/"), "/srv/project", copy_contents_only=True)
    .with_source_file(Path("data/towns.csv"), dst="data/towns.csv")
    .with_dockerignore(Path(".dockerignore")),
)


@env.task
def t() -> str:
    return "x"
