import flyte

from image import image

env = flyte.TaskEnvironment(name="script_in_module", image=image)
more = flyte.TaskEnvironment(name="script_in_module_more", image=image.clone(name="in-module-more").with_apt_packages("jq"))


@env.task
def a() -> str:
    return "a"
