import flyte

from orchard import settings

base = flyte.Image.from_debian_base(name="src-base").with_pip_packages(*settings.PACKAGES)


class IMAGES:
    gpu = base.clone(name="src-gpu")
