import sys

import flyte

env = flyte.TaskEnvironment(
    name="python_of_this_machine",
    image=flyte.Image.from_debian_base(name="this-python", python_version=sys.version_info[:2]),
)


@env.task
def a() -> str:
    return "a"
