from pathlib import Path

import flyte

TORCH_INDEX = "https://wheels.example/whl/cu130"
DIFFUSERS = [
    "diffusers>=0.35",
    "accelerate",
    "safetensors",
]
PLATFORM = ("linux/amd64",)

image = (
    flyte.Image.from_debian_base(name="many-layers", registry="localhost:30000", platform=PLATFORM)
    .with_apt_packages("git", "ffmpeg", *("libgl1", "libegl1"))
    .with_pip_packages("torch", "torchvision", index_url=TORCH_INDEX)
    .with_pip_packages(*DIFFUSERS, *["ftfy"])
    .with_pip_packages("vllm", extra_args="--only-binary vllm")
    .with_env_vars({"HF_HUB_ENABLE_HF_TRANSFER": "1"})
    .with_workdir("/srv")
    .with_source_file(Path(__file__).parent / "data" / "towns.csv", "/opt/towns.csv")
    .with_commands(["chmod a+r /opt/towns.csv"])
)
env = flyte.TaskEnvironment(name="many_layers", image=image)


@env.task
def a() -> str:
    return "a"
