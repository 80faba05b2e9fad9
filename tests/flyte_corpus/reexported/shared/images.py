import flyte

from .constants import REGISTRY

IMAGE = flyte.Image.from_debian_base(name="reexported", registry=REGISTRY).with_apt_packages("git")
