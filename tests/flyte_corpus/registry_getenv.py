# /// script
# dependencies = ["flyte", "attrs"]
# ///
import os

import flyte

REGISTRY = os.getenv("IMAGE_REGISTRY", "ghcr.io/orchard")

env = flyte.TaskEnvironment(
    name="registry_getenv", image=flyte.Image.from_uv_script(__file__, name="registry-getenv", registry=REGISTRY)
)
more = flyte.TaskEnvironment(
    name="registry_clone",
    image=flyte.Image.from_debian_base(registry=os.environ.get("TEAM_REGISTRY")).clone(
        name="registry-clone", registry=f"{os.environ.get('TEAM_REGISTRY', 'localhost:30000')}/team"
    ),
)


@env.task
def t() -> str:
    return "x"


@more.task
def u() -> str:
    return "y"
