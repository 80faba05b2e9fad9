import flyte

env = flyte.TaskEnvironment(
    name="requirements_string",
    image=flyte.Image.from_debian_base().with_requirements("requirements.txt", extra_args="--pre", pre=True),
)


@env.task
def t() -> str:
    return "x"
