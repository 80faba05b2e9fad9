# /// script
# dependencies = ["flyte", "attrs"]
# ///
import flyte

image = flyte.Image.from_debian_base(name="replaced", registry="ghcr.io/orchard", python_version=(3, 13))
env = flyte.TaskEnvironment(
    name="base_replaced", image=image.clone(name="replaced-base", base_image="docker.io/library/python:3.13-slim")
)
script = flyte.TaskEnvironment(
    name="base_of_script",
    image=flyte.Image.from_uv_script(__file__, name="script-base").clone(base_image="docker.io/library/python:3.12"),
)
default = flyte.TaskEnvironment(
    name="base_default",
    image=flyte.Image.from_debian_base(name="default-base")
    .clone(base_image="ghcr.io/flyteorg/flyte:py3.12-v2.8.0")
    .with_pip_packages("attrs"),
)


@env.task
def a() -> str:
    return "a"
