import flyte

from settings import COMMON, REGISTRY, TORCH

light_image = flyte.Image.from_debian_base(name="beside-light", registry=REGISTRY).with_pip_packages(*COMMON)
gpu_image = light_image.clone(name="beside-gpu").with_pip_packages(f"torch=={TORCH}")
unused_image = flyte.Image.from_debian_base(name="beside-unused").with_pip_packages("sympy")
