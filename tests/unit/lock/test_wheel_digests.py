"""Wheels are measured where an index does not state all of it, and held against every digest that is stated."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, cast

import pytest

from onedigest.digest import Digest
from onedigest.errors import InputError
from onedigest.lock.model import LockedPackage, Wheel
from onedigest.lock.script_lock import ScriptPins
from onedigest.lock.wheel_digests import complete_digests
from onedigest.platforms import AMD64
from onedigest.sources import Sources
from onedigest.store import Store
from onedigest.tools.uv_rows import WheelAddress
from wheel_builder import wheel_bytes

NAME = "alpha-1.0-py3-none-any.whl"
DATA = wheel_bytes("alpha", "1.0")
DIGESTS = {each: f"{each}:{hashlib.new(each, DATA).hexdigest()}" for each in ("sha256", "sha384", "sha512", "md5")}
DIGESTS["blake2b"] = f"blake2b:{hashlib.blake2b(DATA, digest_size=32).hexdigest()}"
OTHER = {name: f"{name}:{'0' * len(text.partition(':')[2])}" for name, text in DIGESTS.items()}


class World:
    """A store, and a wheel that is a file of this machine."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / NAME
        self.file.write_bytes(DATA)
        self.store = Store(folder / "store")

    def complete(self, index: str = "", size: int = 0, **pins: Any) -> tuple[str, int]:
        wheel = Wheel(name=NAME, digest=Digest(index if index.startswith("sha256:") else ""), size=size)
        package = LockedPackage(name="alpha", version="1.0", wheels=((AMD64, wheel),))
        nothing = cast(Any, None)
        sources = Sources(
            store=self.store, client=nothing, access=nothing, archive=nothing, offline=True, environment={}
        )
        (found,) = complete_digests(
            (package,), {NAME: WheelAddress(str(self.file), index, "")}, sources, ScriptPins(**pins)
        )
        return found.wheels[0][1].digest, found.wheels[0][1].size

    def refused(self, index: str = "", size: int = 0, **pins: Any) -> str:
        with pytest.raises(InputError) as caught:
            self.complete(index, size, **pins)
        return str(caught.value)

    @property
    def is_read(self) -> bool:
        return self.store.has(DIGESTS["sha256"])


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.mark.parametrize("name", ["", *DIGESTS])
@pytest.mark.parametrize("size", [0, len(DATA)])
def test_sha256_is_that_of_the_file(name: str, size: int, world: World) -> None:
    assert world.complete(DIGESTS.get(name, ""), size) == (DIGESTS["sha256"], len(DATA))
    assert world.is_read == (name != "sha256" or not size)


@pytest.mark.parametrize("name", list(DIGESTS))
def test_other_file_than_an_index_states(name: str, world: World) -> None:
    assert world.refused(OTHER[name]) == f"the content of `{NAME}` does not have the {name} that its index states"


@pytest.mark.parametrize("name", list(DIGESTS))
@pytest.mark.parametrize("index", ["", "sha256", "sha512"])
def test_other_file_than_a_lock_of_uv_states(name: str, index: str, world: World) -> None:
    stated = DIGESTS.get(index, "")
    pins = {"place": "app.py.lock"}

    assert world.complete(stated, len(DATA), digests={NAME: DIGESTS[name]}, **pins)[0] == DIGESTS["sha256"]
    assert world.refused(stated, len(DATA), digests={NAME: OTHER[name]}, **pins) == (
        f"app.py.lock: `{NAME}` does not have the {name} that is stated here\n"
        "hint: find out why it changed, before you run `uv lock --script`"
    )


@pytest.mark.parametrize("allowed", [("sha512",), ("sha256", "md5"), ("blake2b",)])
def test_file_that_a_project_allows(allowed: tuple[str, ...], world: World) -> None:
    """`uv export` and requirements files state any algorithm; those of sha256 alone are held against the lock."""
    right = [OTHER[allowed[0]], *(DIGESTS[name] for name in allowed)]

    assert world.complete(DIGESTS["sha256"], len(DATA), allowed={"alpha": right})[0] == DIGESTS["sha256"]
    assert world.complete(DIGESTS["sha512"], 0, allowed={"alpha": right})[0] == DIGESTS["sha256"]
    assert world.refused(DIGESTS["sha256"], len(DATA), allowed={"alpha": [OTHER[name] for name in allowed]}) == (
        f"`{NAME}` is not among the files that the project's lock states\n"
        "hint: lock the project anew, such as with `uv lock`"
    )
    assert world.complete(DIGESTS["sha256"], len(DATA), allowed={"beta": [OTHER["md5"]]})[0] == DIGESTS["sha256"]
