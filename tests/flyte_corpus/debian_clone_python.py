import flyte

base = flyte.Image.from_debian_base(registry="ghcr.io/orchard", name="shared")

old = flyte.TaskEnvironment(name="clone_old", image=base.clone(name="old", python_version=(3, 11)))
middle = flyte.TaskEnvironment(name="clone_middle", image=base.clone(name="middle", python_version=(3, 12)))
new = flyte.TaskEnvironment(
    name="clone_new", image=base.clone(name="new", python_version=(3, 13)).with_pip_packages("attrs")
)


@old.task
def a() -> str:
    return "a"


@middle.task
def b() -> str:
    return "b"


@new.task
def c() -> str:
    return "c"
