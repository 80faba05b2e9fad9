import flyte
from flyte import Image, Resources, TaskEnvironment

worker = TaskEnvironment(
    name="sync_worker",
    image=Image.from_debian_base((3, 12), name="sync-worker").with_pip_packages("attrs"),
    resources=Resources(cpu=1),
)
driver = TaskEnvironment(name="sync_driver", image=Image.from_debian_base((3, 12), None, True, "ghcr.io/orchard"))
driver.add_dependency(worker)


@driver.task
def main() -> str:
    return "x"
