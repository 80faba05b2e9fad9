import flyte

spark = (
    flyte.Image.from_base("docker.io/library/python:3.11-bookworm")
    .clone(name="sparkly", python_version=(3, 11), extendable=True, platform="linux/arm64")
    .with_pip_packages("pyspark==3.5.3", pre=True)
)
task_env = flyte.TaskEnvironment(name="sparkly", image=spark, resources=flyte.Resources(cpu=(1, 2)))


@task_env.task
async def pi(n: int = 3) -> float:
    return 3.1
