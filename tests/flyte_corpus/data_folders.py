import pathlib

import flyte

env = flyte.TaskEnvironment(
    name="data_folders",
    image=(
        flyte.Image.from_debian_base(name="data-folders")
        .with_source_folder(src=pathlib.Path(__file__).parent / "data", dst="/opt/data", copy_contents_only=True)
        .with_source_folder(pathlib.Path(__file__).parent / "data", ".", True)
        .with_source_file(src=pathlib.Path(__file__), dst="/opt/job.py")
    ),
)


@env.task
def a() -> str:
    return "a"
