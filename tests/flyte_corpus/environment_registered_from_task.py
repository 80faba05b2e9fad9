import flyte
from flyte.extras import ContainerTask

counting = ContainerTask(
    name="counting",
    image=flyte.Image.from_debian_base(name="counting").with_apt_packages("gawk"),
    input_data_dir="/var/inputs",
    output_data_dir="/var/outputs",
    inputs={"text": str},
    outputs={"count": int},
    command=["/bin/sh", "-c", "wc -w < /var/inputs/text > /var/outputs/count"],
)
container_env = flyte.TaskEnvironment.from_task("counting_env", counting)
env = flyte.TaskEnvironment(name="counting_driver", image=flyte.Image.from_debian_base(), depends_on=[container_env])


@env.task
async def main(text: str) -> int:
    return await counting(text=text)
