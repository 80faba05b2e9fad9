import flyte

from images import default_image, r_image

python = flyte.TaskEnvironment(name="default_python", image=default_image())
older = flyte.TaskEnvironment(name="default_older", image=default_image("3.12"))
named = flyte.TaskEnvironment(name="default_named", image=default_image(python_version="3.11").with_apt_packages("jq"))
r = flyte.TaskEnvironment(name="default_r", image=r_image(folder="scripts"))


@python.task
def a() -> str:
    return "a"
