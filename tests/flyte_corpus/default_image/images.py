from pathlib import Path

import flyte

REGISTRY_BASE = "europe-docker.example/team/images"
IMAGE_NAME = "flyte"
PROXY_INDEX = "europe-python.example/team/pypi/simple/"


def default_image(python_version: str = "3.14") -> flyte.Image:
    """The image that tasks of this team have."""
    return (
        flyte.Image.from_base(image_uri=f"{REGISTRY_BASE}/{IMAGE_NAME}:{python_version}-base")
        .clone(
            registry=REGISTRY_BASE,
            name=IMAGE_NAME,
            extendable=True,
            python_version=(int(python_version.split(".")[0]), int(python_version.split(".")[1])),
        )
        .with_env_vars(
            {"UV_KEYRING_PROVIDER": "subprocess", "UV_DEFAULT_INDEX": f"https://oauth2accesstoken@{PROXY_INDEX}"}
        )
        .with_pip_packages("pandas", index_url=f"https://oauth2accesstoken@{PROXY_INDEX}")
    )


def r_image(folder: str, packages: str = "packages.R") -> flyte.Image:
    return (
        flyte.Image.from_debian_base(name="r-image", registry=REGISTRY_BASE)
        .with_source_folder(src=Path(__file__).parent / folder)
        .with_workdir(workdir=folder.split("/")[-1])
        .with_apt_packages("r-base-core")
        .with_commands([f"Rscript {packages}"])
    )
