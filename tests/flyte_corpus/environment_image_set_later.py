import flyte

env = flyte.TaskEnvironment(name="set_later")
env.image = flyte.Image.from_debian_base(name="set-later").with_pip_packages("attrs")


@env.task
def a() -> str:
    return "a"
