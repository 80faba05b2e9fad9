"""Layers of wheels and of the virtual environment above them: what the assembler is told of odd file names."""

from __future__ import annotations

from onedigest.digest import of_bytes
from onedigest.lock.model import LockedPackage, Wheel
from onedigest.plan import kinds
from onedigest.plan.layers import Layer, Options
from onedigest.platforms import AMD64


def locked(name: str, version: str, file: str) -> kinds.LockedWheel:
    wheel = Wheel(name=file, digest=of_bytes(file.encode()), size=1)
    return LockedPackage(name=name, version=version, wheels=((AMD64, wheel),)), wheel


def options(layer: Layer) -> Options:
    assert layer.recipe
    return layer.recipe.options


PLAIN = locked("plain-x", "1.0", "Plain.X-1.0.0-py3-none-any.whl")
OF_AN_INDEX = locked("indexed", "1.0+cu12", "indexed-1.0+cu12-py3-none-any.whl")
RENAMED = locked("renamed", "1.0", "renamed-1.0+cu12-py3-none-any.whl")
ANOTHER = locked("another", "2.0", "another-2.0+cpu-py3-none-any.whl")


def test_assembler_is_told_what_a_wheel_is_of_where_its_file_name_says_something_else() -> None:
    layer = kinds.wheels([RENAMED, PLAIN, ANOTHER, OF_AN_INDEX], "3.13", AMD64)

    assert options(layer) == (
        ("python", "3.13"),
        ("stated", "another-2.0+cpu-py3-none-any.whl=another==2.0,renamed-1.0+cu12-py3-none-any.whl=renamed==1.0"),
    )
    assert options(kinds.wheels([PLAIN, OF_AN_INDEX], "3.13", AMD64)) == (("python", "3.13"),)


def test_virtual_environment_is_told_the_same_where_it_is_made_of_wheels() -> None:
    one, other = kinds.wheels([RENAMED, PLAIN], "3.13", AMD64), kinds.wheels([ANOTHER], "3.13", AMD64)
    plain = (("interpreter", "/usr/bin/python3"), ("version", "3.13.1"))
    found = kinds.virtual_environment("/usr/bin/python3", "3.13.1", below=[one, other], platform=AMD64)

    assert options(found) == (
        plain[0],
        ("stated", "another-2.0+cpu-py3-none-any.whl=another==2.0,renamed-1.0+cu12-py3-none-any.whl=renamed==1.0"),
        plain[1],
    )
    assert options(kinds.virtual_environment("/usr/bin/python3", "3.13.1", below=[one], platform=AMD64)) == plain
