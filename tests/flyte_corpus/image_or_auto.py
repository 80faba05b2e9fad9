import os

import flyte

LOCAL = "CI_COMMIT" not in os.environ

env = flyte.TaskEnvironment(
    name="image_or_auto",
    image="auto" if LOCAL else flyte.Image.from_debian_base(name="image-or-auto").with_pip_packages("attrs"),
)


@env.task
def a() -> str:
    return "a"
