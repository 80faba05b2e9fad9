import flyte as fl
from flyte import Image as Img
from flyte import TaskEnvironment as Env

env = Env("aliased", image=Img.from_debian_base(name="aliased").with_pip_packages("attrs", "cattrs"))
other = fl.TaskEnvironment("aliased_too", image=fl.Image.from_debian_base(name="aliased-too").with_apt_packages("jq"))


@env.task
def t() -> str:
    return "x"


@other.task
def u() -> str:
    return "y"
