from pathlib import Path

import flyte
from flyte.app import AppEnvironment

here = Path(__file__).parent

notes = AppEnvironment(
    name="notes",
    image=flyte.Image.from_debian_base(name="notes-app", registry="ghcr.io/orchard")
    .with_pip_packages("gradio>=5")
    .with_source_file(here / "data" / "towns.csv"),
    command="python -m http.server 8080",
    include=["data/towns.csv"],
)
files = AppEnvironment("files", image=flyte.Image.from_debian_base().with_apt_packages("tree"), command=["tree", "/"])
