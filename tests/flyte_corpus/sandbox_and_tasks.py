import flyte

BASE = (
    flyte.Image.from_debian_base(name="several-tasks", registry="ghcr.io/orchard")
    .with_pip_packages("attrs")
)

with_commands = BASE.with_commands(["echo one", "echo two"])
with_more = with_commands.with_commands(["echo three"]).clone(name="several-more")

first = flyte.TaskEnvironment(name="several_first", image=with_commands)
second = flyte.TaskEnvironment(name="several_second", image=with_more)
third = flyte.TaskEnvironment(name="several_third", image=BASE)


@first.task
def a() -> str:
    return "a"


@second.task
def b() -> str:
    return "b"


@third.task
def c() -> str:
    return "c"
