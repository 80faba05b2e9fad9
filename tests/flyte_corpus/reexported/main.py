import flyte

from shared import IMAGE, REGISTRY as registry

env = flyte.TaskEnvironment(name="reexported", image=IMAGE)
own = flyte.TaskEnvironment(
    name="reexported_own", image=flyte.Image.from_debian_base(name="reexported-own", registry=registry)
)


@env.task
def a() -> str:
    return "a"
