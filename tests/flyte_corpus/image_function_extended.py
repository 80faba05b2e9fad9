import flyte

PACKAGES = ("pandas", "pyarrow")


def base():
    return flyte.Image.from_debian_base(name="extended").with_pip_packages(*PACKAGES)


env = flyte.TaskEnvironment(name="extended", image=base().with_env_vars({"A": "1"}))


@env.task
def a() -> str:
    return "a"
