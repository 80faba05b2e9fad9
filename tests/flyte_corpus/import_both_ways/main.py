import flyte

try:
    from images import image
    from settings import PACKAGES
except ImportError:
    from .images import image
    from .settings import PACKAGES

env = flyte.TaskEnvironment(name="both_ways", image=image)
own = flyte.TaskEnvironment(
    name="both_ways_own", image=flyte.Image.from_debian_base(name="both-ways-own").with_pip_packages(*PACKAGES)
)


@env.task
def a() -> str:
    return "a"
