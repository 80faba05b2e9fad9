import os

import flyte

env = flyte.TaskEnvironment(
    name="registry_environment",
    image=flyte.Image.from_debian_base(
        name="registry-environment",
        registry=os.environ["TEAM_REGISTRY"],
    ).with_pip_packages("scanpy>=1.11"),
)


@env.task
def t() -> str:
    return "x"
