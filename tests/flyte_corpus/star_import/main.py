import flyte
from constants import *

env = flyte.TaskEnvironment(
    name="star_import", image=flyte.Image.from_debian_base(name=NAME).with_pip_packages(*PACKAGES)
)


@env.task
def a() -> str:
    return "a"
