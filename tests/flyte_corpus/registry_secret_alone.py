import flyte

image = flyte.Image.from_debian_base(registry_secret="pull-me").with_pip_packages("attrs")
env = flyte.TaskEnvironment(name="secret_alone", image=image)


@env.task
def t() -> str:
    return "x"
