import flyte
from flyte import Image

image = (
    Image.from_debian_base(name="named-debian", registry="ghcr.io/orchard", python_version=(3, 12))
    .with_apt_packages("git", "curl")
    .with_pip_packages("torch", "torchvision", index_url="https://wheels.example/whl/cpu")
    .with_pip_packages("transformers==4.57.1", "datasets", pre=True)
    .with_env_vars({"HF_HOME": "/tmp/hf", "TOKENIZERS_PARALLELISM": "false"})
)

env = flyte.TaskEnvironment(name="train", image=image, resources=flyte.Resources(gpu="T4:1"))


@env.task
async def train(epochs: int = 1) -> float:
    import torch

    return 0.5
