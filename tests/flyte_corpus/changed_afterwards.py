import flyte

base = flyte.Image.from_base("docker.io/library/python:3.13-slim")
object.__setattr__(base, "platform", ("linux/arm64",))

env = flyte.TaskEnvironment(
    name="changed_afterwards",
    image=base.clone(name="changed-afterwards", extendable=True).with_pip_packages("attrs"),
)


@env.task
def a() -> str:
    return "a"
