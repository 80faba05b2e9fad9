import pathlib

import flyte

env = flyte.TaskEnvironment(
    name="whole_folder",
    image=flyte.Image.from_debian_base(name="whole-folder").with_source_folder(
        pathlib.Path(__file__).parent, copy_contents_only=True
    ),
)
dot = flyte.TaskEnvironment(
    name="dot_folder", image=flyte.Image.from_debian_base(name="dot-folder").with_source_folder(pathlib.Path("."))
)


@env.task
def t() -> str:
    return "x"


@dot.task
def u() -> str:
    return "y"
