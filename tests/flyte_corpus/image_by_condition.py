import os

import flyte

PLAIN = flyte.Image.from_debian_base(name="condition").with_pip_packages("attrs")

if os.environ.get("IMAGE_SUFFIX"):
    image = flyte.Image.from_debian_base(name="condition-nightly").with_pip_packages("attrs", pre=True)
else:
    image = PLAIN

env = flyte.TaskEnvironment(name="condition", image=image)


@env.task
def a() -> str:
    return "a"
