import flyte
import flows.shared.images
import flows.shared.constants as constants
from flows import shared

env = flyte.TaskEnvironment(name="dotted", image=flows.shared.images.IMAGE)
other = flyte.TaskEnvironment(
    name="dotted_other", image=shared.images.IMAGE.clone(name=constants.OTHER).with_env_vars(constants.Variables.all)
)


@env.task
def a() -> str:
    return "a"
