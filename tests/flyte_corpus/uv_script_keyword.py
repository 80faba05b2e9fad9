# /// script
# dependencies = ["flyte", "numpy"]
# ///
import flyte

img = flyte.Image.from_uv_script(script=__file__, name="keyworded", registry="ghcr.io/orchard")
env = flyte.TaskEnvironment("keyworded", image=img)


@env.task
def t() -> int:
    return 1
