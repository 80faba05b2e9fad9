import flyte

default = flyte.TaskEnvironment(name="auto_image", image="auto")
named = flyte.TaskEnvironment(name="string_image", image="docker.io/library/python:3.13-slim")
nothing = flyte.TaskEnvironment(name="no_image", resources=flyte.Resources(cpu=1))
plain = flyte.TaskEnvironment(name="base_as_it_is", image=flyte.Image.from_base("r.example/biology/samtools:1.21"))


@default.task
def a() -> str:
    return "a"


@named.task
def b() -> str:
    return "b"


@nothing.task
def c() -> str:
    return "c"


@plain.task
def d() -> str:
    return "d"
