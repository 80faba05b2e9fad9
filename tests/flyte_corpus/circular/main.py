import flyte
import other

NAME = "circular"
env = flyte.TaskEnvironment(
    name="circular", image=flyte.Image.from_debian_base(name=NAME).with_pip_packages(*other.packages())
)
second = flyte.TaskEnvironment(
    name="circular_second", image=flyte.Image.from_debian_base(name="circular-second").with_pip_packages(*other.LIST)
)


@env.task
def a() -> str:
    return "a"
