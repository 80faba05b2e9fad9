import flyte

LIST = "attrs idna cattrs".split()
NAME = "string-{}".format("methods")

env = flyte.TaskEnvironment(
    name="string_methods", image=flyte.Image.from_debian_base(name=NAME.lower()).with_pip_packages(*LIST)
)


@env.task
def a() -> str:
    return "a"
