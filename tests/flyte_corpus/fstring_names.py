import flyte

PROJECT = "harvest"
VERSION = "1.4"
TORCH = "2.9.1"

image = flyte.Image.from_debian_base(
    name=f"{PROJECT}-train-{VERSION}",
    registry=f"ghcr.io/{PROJECT}",
).with_pip_packages(f"torch=={TORCH}", "torch" + "vision", f"torchaudio=={TORCH}")

env = flyte.TaskEnvironment(name=f"{PROJECT}_train", image=image)


@env.task
def t() -> str:
    return VERSION
