import os

import flyte

IMAGE = flyte.Image.from_debian_base(name="extended-at-times").with_pip_packages("attrs")
if os.getenv("IMAGE_SUFFIX"):
    IMAGE = IMAGE.with_apt_packages("strace")

env = flyte.TaskEnvironment(name="extended_at_times", image=IMAGE)


@env.task
def a() -> str:
    return "a"
