import flyte

from orchard.images import IMAGES, base
from orchard.settings import PACKAGES

worker = flyte.TaskEnvironment(name="src_worker", image=base)
driver = flyte.TaskEnvironment(
    name="src_driver",
    image=flyte.Image.from_debian_base(name="src-driver").with_pip_packages(*PACKAGES),
    depends_on=[worker],
)
gpu = flyte.TaskEnvironment(name="src_gpu", image=IMAGES.gpu)
