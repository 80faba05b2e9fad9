import flyte

one = flyte.TaskEnvironment(
    name="platform_one", image=flyte.Image.from_debian_base(name="platform-one", platform=("linux/arm64",))
)
word = flyte.TaskEnvironment(
    name="platform_word",
    image=flyte.Image.from_debian_base(name="platform-word", platform="linux/amd64").with_pip_packages("attrs"),
)
cloned = flyte.TaskEnvironment(
    name="platform_cloned",
    image=flyte.Image.from_base("docker.io/library/python:3.13-slim").clone(
        name="platform-cloned", platform=("linux/amd64", "linux/arm64")
    ),
)


@one.task
def a() -> str:
    return "a"


@word.task
def b() -> str:
    return "b"


@cloned.task
def c() -> str:
    return "c"
