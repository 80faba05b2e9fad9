import os

import flyte

IS_CI = "CI_COMMIT" in os.environ

env = flyte.TaskEnvironment(
    name="registry_by_condition",
    image=flyte.Image.from_debian_base(
        name="registry-by-condition", registry="ghcr.io/orchard" if IS_CI else None, registry_secret=os.getenv("NONE")
    ).with_pip_packages("attrs"),
)


@env.task
def a() -> str:
    return "a"
