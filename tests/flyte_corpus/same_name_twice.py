import flyte

small = flyte.TaskEnvironment(
    name="same_small", image=flyte.Image.from_debian_base(name="pipeline").with_pip_packages("attrs")
)
large = flyte.TaskEnvironment(
    name="same_large",
    image=flyte.Image.from_debian_base(name="pipeline").with_pip_packages("attrs", "polars"),
    depends_on=[small],
)


@small.task
def a() -> str:
    return "a"


@large.task
def b() -> str:
    return "b"
