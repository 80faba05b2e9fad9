from __future__ import annotations

import typing

import flyte

if typing.TYPE_CHECKING:
    import pandas as pd

NAME: typing.Final[str] = "annotated"
PACKAGES: list[str] = ["pandas"]
image: flyte.Image = flyte.Image.from_debian_base(name=NAME).with_pip_packages(*PACKAGES)
env: flyte.TaskEnvironment = flyte.TaskEnvironment(name="annotated", image=image)


@env.task
def rows(frame: str) -> int:
    frame: pd.DataFrame | str = frame
    return len(frame)
