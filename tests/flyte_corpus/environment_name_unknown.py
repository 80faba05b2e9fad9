import os

import flyte
import flyte.app

_cluster = os.environ.get("IMAGE_SUFFIX", "dev")

env = flyte.app.AppEnvironment(
    name=f"suffixed-{_cluster}",
    image=flyte.Image.from_debian_base(name="suffixed").with_pip_packages("fastapi", "uvicorn"),
    command=["true"],
)
