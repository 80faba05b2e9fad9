import os

import flyte

env = flyte.TaskEnvironment(
    name="environment_name",
    image=flyte.Image.from_debian_base(name=f"job-{os.environ['CI_COMMIT']}").with_pip_packages("attrs"),
)


@env.task
def a() -> str:
    return "a"
