import flyte

PINS = {"attrs": "25.4.0", "idna": "3.11"}

env = flyte.TaskEnvironment(
    name="comprehension",
    image=flyte.Image.from_debian_base(name="comprehension").with_pip_packages(
        *[f"{name}=={version}" for name, version in PINS.items()]
    ),
)


@env.task
def a() -> str:
    return "a"
