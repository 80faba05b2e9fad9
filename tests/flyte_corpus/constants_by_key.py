import flyte

VERSIONS = {"torch": "2.9.1", "python": (3, 12)}
INDEXES = ["https://packages.example/simple", "https://wheels.example/whl/cpu"]

env = flyte.TaskEnvironment(
    name="constants_by_key",
    image=flyte.Image.from_debian_base(name="by-key", python_version=VERSIONS["python"]).with_pip_packages(
        f"torch=={VERSIONS['torch']}", index_url=INDEXES[1]
    ),
)


@env.task
def a() -> str:
    return "a"
