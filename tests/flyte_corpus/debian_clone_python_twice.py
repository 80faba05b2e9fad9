import flyte

start = flyte.Image.from_debian_base(python_version=(3, 12)).with_apt_packages("git")

eleven = flyte.TaskEnvironment(name="from_twelve_to_eleven", image=start.clone(name="to-eleven", python_version=(3, 11)))
thirteen = flyte.TaskEnvironment(
    name="from_twelve_to_thirteen", image=start.clone(name="to-thirteen", python_version=(3, 13))
)


@eleven.task
def a() -> str:
    return "a"


@thirteen.task
def b() -> str:
    return "b"
