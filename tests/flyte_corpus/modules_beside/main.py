import asyncio

import flyte

import settings
from images import gpu_image, light_image
from settings import EXTRA

light = flyte.TaskEnvironment(name="beside_light", image=light_image)
heavy = flyte.TaskEnvironment(name="beside_heavy", image=gpu_image, resources=flyte.Resources(gpu="A100:1"))
own = flyte.TaskEnvironment(
    name="beside_own",
    image=flyte.Image.from_debian_base(name=settings.OWN_NAME, registry=settings.REGISTRY).with_pip_packages(
        *settings.COMMON, *EXTRA
    ),
    depends_on=[light, heavy],
)


@own.task
async def main() -> None:
    await asyncio.sleep(0)
