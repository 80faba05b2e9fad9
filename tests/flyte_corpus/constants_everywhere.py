import flyte

REGISTRY = "ghcr.io/orchard"
NAME = "constants"
PYTHON = (3, 12)
PLATFORMS: tuple[str, ...] = ("linux/amd64",)
APT = ("ffmpeg", "libsm6")
SPEC = (
    "numpy",
    "opencv-python-headless",
)
ENVIRONMENT = {
    "OMP_NUM_THREADS": "4",
    "MPLBACKEND": "Agg",
}

image = (
    flyte.Image.from_debian_base(name=NAME, registry=REGISTRY, python_version=PYTHON, platform=PLATFORMS)
    .with_apt_packages(*APT)
    .with_pip_packages(*SPEC, "imageio")
    .with_env_vars(ENVIRONMENT)
)
env = flyte.TaskEnvironment(name="frames", image=image)


@env.task
async def frames(path: str) -> int:
    return 0
