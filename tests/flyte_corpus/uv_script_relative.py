# /// script
# dependencies = ["flyte"]
# ///
import flyte

env = flyte.TaskEnvironment(
    name="relative-script",
    image=flyte.Image.from_uv_script("uv_script_relative.py", name="relative-script", registry="docker.io/orchard"),
)


@env.task
def t() -> str:
    return "x"
