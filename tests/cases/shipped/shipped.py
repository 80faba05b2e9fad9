# /// script
# requires-python = "==3.11"
# dependencies = ["alpha"]
# ///
"""A task of Flyte, whose code travels in Flyte's bundle: its image is read from this text."""

from pathlib import Path

import flyte

env = flyte.TaskEnvironment(
    name="shipped",
    image=(
        flyte.Image.from_uv_script(__file__, name="shipped", registry="ghcr.io/acme")
        .with_pip_packages("native>=1", pre=False)
        .with_env_vars({"GREETING": "hello world"})
        .with_source_folder(Path(__file__).parent / "data", dst="tables", copy_contents_only=True)
        .with_apt_packages("libgomp1")
    ),
)


@env.task
def main() -> int:
    return len(Path("tables/one.csv").read_text().splitlines())
