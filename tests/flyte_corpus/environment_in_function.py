import flyte


def make_environment() -> flyte.TaskEnvironment:
    return flyte.TaskEnvironment(
        name="made_by_function",
        image=flyte.Image.from_debian_base(name="made-by-function").with_pip_packages("attrs"),
    )


env = make_environment()


@env.task
def a() -> str:
    return "a"
