"""`build --debug`: an image with a shell above the same layers, which nothing is recorded of."""

from __future__ import annotations

import pytest

from conftest import Project
from onedigest.oci.read import read_image


def test_a_debug_image_stands_beside_the_image(project: Project) -> None:
    project.script("hello.py", 'requires-python = ">=3.11"', "[tool.onedigest]", 'platforms = ["linux/amd64"]')
    built = project.ok("build", "hello.py")
    record = project.read("lockfiles/hello/image.toml")
    debug_image = project.ok("build", "--debug", "hello")
    assert debug_image.out != built.out
    assert debug_image.err.endswith(" made, in dist/hello-debug\n")
    assert project.read("lockfiles/hello/image.toml") == record

    (plain,) = read_image(project.root / "dist" / "hello").platforms
    (debug,) = read_image(project.root / "dist" / "hello-debug").platforms
    assert debug.layers[:-1] == plain.layers
    one, other = (each.config["config"] for each in (plain, debug))
    path = next(each for each in one["Env"] if each.startswith("PATH="))
    assert other == {**one, "Env": [f"{path}:/busybox" if each == path else each for each in one["Env"]]}


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (
            ["--locked"],
            2,
            "error: --locked says nothing of a debug image, which no lock and no record is about\n"
            "hint: `onedigest build --locked` without --debug is about the image below it\n",
        ),
        (
            ["--attest", "--push"],
            2,
            "error: --attest says nothing of a debug image, which no lock and no record is about\n"
            "hint: `onedigest build --attest` without --debug is about the image below it\n",
        ),
        (
            ["--engine", "nix"],
            5,
            "error: the nix engine makes no debug image\nhint: leave out --engine: the layers below are the same\n",
        ),
    ],
)
def test_what_cannot_be_had_of_a_debug_image(project: Project, options: list[str], code: int, message: str) -> None:
    result = project.run("build", "--debug", *options, "hello.py")

    assert (result.code, result.err) == (code, message)
