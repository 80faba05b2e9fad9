from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import pytest

from conftest import Project
from onedigest.errors import InputError, NetworkError
from onedigest.lock.base import Base
from onedigest.lock.model import Lock, LockedPackage
from onedigest.plan.inputs import Inputs
from onedigest.platforms import Platform
from onedigest.store import Store
from onedigest.tools.python_identity import read_version
from onedigest.workspace import interpreters
from onedigest.workspace.context import Context
from onedigest.workspace.events import Events
from onedigest.workspace.fetch_inputs import fetch_inputs_of
from onedigest.workspace.images import find_image
from onedigest.workspace.interpreters import interpreter_finder
from onedigest.workspace.locks import read_lock
from onedigest.workspace.machine import Machine
from onedigest.workspace.script_image import ScriptImage
from own_pythons import HERE, NAME, VERSION, downloads, image_base, small

ABSENT = f"{NAME.removeprefix('python')}.99"
"""A version that nobody has."""


class Told(Events):
    """Keeps what is told."""

    def __init__(self) -> None:
        self.words: list[str] = []

    def said(self, text: str) -> None:
        self.words.append(text)

    detailed = said


@pytest.fixture(autouse=True)
def _new_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interpreters, "_FOUND", {})


def opened(project: Project, *, offline: bool = False, **variables: str) -> tuple[Context, ScriptImage, Lock, Told]:
    told = Told()
    machine = Machine.from_environment({**project.environment, **variables}, offline=offline)
    context = Context(machine, told, folder=project.root)
    image = find_image(context, "a.py")
    return context, image, read_lock(image), told


def test_debians_own_python_compiles_for_a_debian_base(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a user who has no other Python than the running one."""
    project.script("a.py", 'requires-python = ">=3.11"', "[tool.onedigest]", 'base = "debian:bookworm"')
    project.ok("generate", "a.py")
    project.environment["PATH"] = "/nowhere"
    context, image, lock, told = opened(project)
    shutil.rmtree(context.store.root / "python-of", ignore_errors=True)  # another test may have found it
    asked: list[Inputs] = []

    def fetch(context: Context, image: ScriptImage, lock: Lock, inputs: Inputs) -> int:
        asked.append(inputs)
        return fetch_inputs_of(context, image, lock, inputs)

    with monkeypatch.context() as patch:
        patch.setattr(interpreters, "fetch_inputs_of", fetch)
        found = interpreter_finder(context, image, lock)()

    assert read_version(found.command, dict(found.variables)) == lock.base.python
    assert (found.origin, found.stranger) == ("debian:bookworm's own", False)
    assert told.words[-1] == f"bytecode is compiled by debian:bookworm's own Python {lock.base.python}"
    (inputs,) = asked
    names = sorted(each.name for each in inputs.packages)
    assert names == [
        "libc6",
        "libexpat1",
        "libpython3.11-minimal",
        "libpython3.11-stdlib",
        "python3.11-minimal",
        "zlib1g",
    ]
    assert interpreter_finder(context, image, lock)() is found

    with pytest.raises(NetworkError) as raised:
        interpreter_finder(*opened(project, offline=True, XDG_CACHE_HOME=str(tmp_path / "empty"))[:3])()
    assert str(raised.value) == (
        f"bytecode needs CPython {lock.base.python}, and no way leads to one:\n"
        f"  the running Python: it is {VERSION}\n"
        "  uv: it knows none\n"
        "  the base's own: not fetched: `--offline` is set\n"
        "  uv: it is not asked to bring one: `--offline` is set\n"
        "hint: run `onedigest fetch`, or write `bytecode = false` in [tool.onedigest]"
    )


@dataclass(frozen=True)
class Locked:
    """As much of a lock as is asked for."""

    base: Base
    platforms: tuple[Platform, ...]
    packages: tuple[LockedPackage, ...] = ()


def at(project: Project, base: Base, **variables: str) -> tuple[Context, ScriptImage, Lock, Told]:
    """Return what a finder is made of, for an image of a base."""
    project.script("a.py", 'requires-python = ">=3.11"')
    told = Told()
    machine = Machine.from_environment({**project.environment, "PATH": "/nowhere", **variables})
    context = Context(machine, told, folder=project.root)
    return context, find_image(context, "a.py"), cast(Lock, Locked(base, (HERE,))), told


def test_the_running_python_is_taken_where_it_has_the_version(project: Project) -> None:
    store = Store(Path(project.environment["XDG_CACHE_HOME"]) / "onedigest")
    one, two = (image_base(store, [small() | {"a": name}], "usr") for name in (b"1", b"2"))

    found = [interpreter_finder(*at(project, base)[:3])() for base in (one, two, one)]

    assert {each.origin for each in found} == {"the running"}


def test_one_that_uv_brings_is_kept_as_far_as_a_compiler_needs_it(project: Project, tmp_path: Path) -> None:
    store = Store(tmp_path / "cache" / "onedigest")
    base = replace(image_base(store, [small()], "usr"), python=ABSENT, interpreter="/usr/bin/none")
    variables = {**downloads(tmp_path, ABSENT), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    context, image, lock, told = at(project, base, **variables)

    with pytest.raises(InputError) as raised:
        interpreter_finder(context, image, lock)()

    lines = str(raised.value).splitlines()
    assert lines[-3] == "  the base's own: there is no /usr/bin/none that is an interpreter by its name"
    assert lines[-2].startswith("  uv: it ")
    assert told.words == [f"a: uv fetched CPython {ABSENT}, which compiles its bytecode"]
    (folder,) = (path for path in (tmp_path / "cache/onedigest/pythons").iterdir() if path.name != "root")
    assert not list((tmp_path / "cache/onedigest/scratch").iterdir())
    assert sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.py")) == [
        f"lib/{NAME}/_sysconfigdata__linux_{HERE.machine}-linux-gnu.py", f"lib/{NAME}/os.py",
    ]  # fmt: skip
    with pytest.raises(InputError):
        interpreter_finder(context, image, lock)()
    assert len(told.words) == 1  # it is there
