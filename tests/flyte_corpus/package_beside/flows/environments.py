import flyte

from .shared.constants import PYTHON
from .shared.images import with_torch

train_env = flyte.TaskEnvironment(
    name="package_train",
    image=flyte.Image.from_debian_base(name="package-train", python_version=PYTHON).with_pip_packages("lightning"),
)
tune_env = train_env.clone_with(name="package_tune", image=with_torch)
