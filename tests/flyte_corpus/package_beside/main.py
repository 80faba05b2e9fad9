from pathlib import Path

import flyte

from flows.environments import train_env
from flows.shared import images as shared_images
from flows.shared.constants import NAMES as names

driver = flyte.TaskEnvironment(
    name="package_driver",
    image=shared_images.DRIVER.with_source_folder(Path(__file__).parent / "flows", copy_contents_only=True),
    depends_on=[train_env],
)
report = flyte.TaskEnvironment(
    name="package_report", image=flyte.Image.from_debian_base(name=names["report"]).with_pip_packages("matplotlib")
)


@driver.task
async def main() -> str:
    return "x"
