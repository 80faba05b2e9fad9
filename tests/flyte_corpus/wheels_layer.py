from pathlib import Path

import flyte
from flyte._image import PythonWheels

env = flyte.TaskEnvironment(
    "wheels_layer",
    image=flyte.Image.from_debian_base(name="wheels-layer").clone(
        addl_layer=PythonWheels(wheel_dir=Path(__file__).parent / "dist", package_name="orchard", pre=True)
    ),
)


@env.task
def a() -> str:
    return "a"
