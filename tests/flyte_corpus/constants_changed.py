import flyte

NAME = "first"
before = flyte.TaskEnvironment(
    name="constant_before", image=flyte.Image.from_debian_base(name=NAME).with_pip_packages("attrs")
)
NAME = "second"
after = flyte.TaskEnvironment(
    name="constant_after", image=flyte.Image.from_debian_base(name=NAME).with_pip_packages("idna")
)


@before.task
def a() -> str:
    return "a"
