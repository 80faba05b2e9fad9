from pathlib import Path

import flyte

ROOT = Path(__file__).parent.parent.parent

env = flyte.TaskEnvironment(
    name="paths_above",
    image=flyte.Image.from_debian_base(name="paths-above")
    .with_requirements(Path("../../requirements.txt"))
    .with_source_folder(ROOT / "flows", dst="/root/flows"),
)
run_from_above = flyte.TaskEnvironment(
    name="run_from_above",
    image=flyte.Image.from_debian_base(name="run-from-above").with_requirements("requirements.txt"),
)


@env.task
def a() -> str:
    return "a"
