#!/usr/bin/env python3
# A script with words between its calls.
import flyte  # the SDK

image = (
    flyte.Image.from_debian_base(  # start small
        name="comments",  # not "image"
        # registry="ghcr.io/old",
        registry="ghcr.io/orchard",
    )
    # compilers are not needed
    .with_apt_packages(
        "git",  # for checkouts
    )
    .with_pip_packages(
        "attrs",
        # "cattrs",
        "idna",
    )
)
# image = image.with_pip_packages("never")
env = flyte.TaskEnvironment(name="comments", image=image)  # .with_apt_packages("never")

TEXT = """
image = flyte.Image.from_debian_base(name="in-a-string").with_pip_packages("never")
"""


@env.task
def a() -> str:
    """Use `flyte.Image.from_debian_base()` here."""
    return TEXT
