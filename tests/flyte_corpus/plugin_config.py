from flyteplugins.spark import Spark

import flyte

image = (
    flyte.Image.from_base("docker.io/library/python:3.12-slim")
    .clone(name="plugin", python_version=(3, 12), registry="ghcr.io/orchard", extendable=True)
    .with_pip_packages("flyteplugins-spark")
    .with_env_vars({"PYTHONPATH": "./spark/src:${PYTHONPATH}"})
)
task_env = flyte.TaskEnvironment(name="plugin_tasks", image=image)
spark_env = flyte.TaskEnvironment(
    name="plugin_spark",
    plugin_config=Spark(spark_conf={"spark.driver.memory": "1g"}),
    image=image,
    depends_on=[task_env],
)


@task_env.task
async def a() -> str:
    return "a"
