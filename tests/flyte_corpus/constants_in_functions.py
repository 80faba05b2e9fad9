import flyte

NAME = "shadow"
PACKAGES = ["attrs"]


def unrelated(NAME: str = "other", PACKAGES: tuple = ()) -> str:
    NAME = NAME.upper()
    return NAME + "".join(PACKAGES)


class Settings:
    NAME = "class"
    PACKAGES = ["never"]


env = flyte.TaskEnvironment(
    name="constants_in_functions", image=flyte.Image.from_debian_base(name=NAME).with_pip_packages(*PACKAGES)
)


@env.task
def a() -> str:
    PACKAGES = [unrelated()]
    return PACKAGES[0]
