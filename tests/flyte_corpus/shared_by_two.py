import flyte

image = flyte.Image.from_debian_base(name="shared-by-two").with_pip_packages("numpy", "pandas")

workers = flyte.TaskEnvironment(name="shared_workers", image=image, reusable=flyte.ReusePolicy(replicas=2))
driver = flyte.TaskEnvironment(name="shared_driver", image=image, depends_on=[workers])


@workers.task
async def work(n: int) -> int:
    return n * n


@driver.task
async def drive(n: int) -> int:
    return sum([await work(i) for i in range(n)])
