import flyte

from .. import __name__ as package
from . import constants
from .constants import REGISTRY

DRIVER = flyte.Image.from_debian_base(name="package-driver", registry=REGISTRY, python_version=constants.PYTHON)
with_torch = DRIVER.clone(name="package-torch").with_pip_packages("torch")
assert package
