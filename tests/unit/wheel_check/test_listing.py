"""A wheel is read once on a machine: what files it has is noted, and counts for whoever expects that very project."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from onedigest.assembler.entry import Entry
from onedigest.assembler.refusal import Refused
from onedigest.assembler.wheel import wheel_entries
from onedigest.digest import of_bytes
from onedigest.store import Store
from onedigest.wheel_check.listing import Listing, list_wheel
from wheel_builder import wheel_bytes

NAME = "demo-1.0-py3-none-any.whl"
DEMO = ("demo", "1.0")
VENV = "opt/venv"


class Reader:
    """A wheel in a store, and how often it is read."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME
        self.data = wheel_bytes(
            "demo", "1.0", files={"demo/__init__.py": b"1"}, entry_points="[gui_scripts]\nd = d:d\n"
        )
        self.path.write_bytes(self.data)
        self.store = Store(folder / "store")
        self.times = 0

    def list(self, identity: tuple[str, str] = DEMO, python: str = "3.13") -> Listing:
        def read(tell: Callable[[str], object]) -> list[Entry]:
            self.times += 1
            tell("odd")
            return wheel_entries(self.path, python, None, VENV, identity=identity)

        return list_wheel(self.store, NAME, of_bytes(self.data), (python, VENV), identity, read)


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    return Reader(tmp_path)


def test_wheel_is_read_once_for_each_python(reader: Reader) -> None:
    first = reader.list()

    assert first.files == tuple(replace(each, content=b"", origin="") for each in wheel_entries(reader.path, "3.13"))
    assert first.odd == ("odd",)
    assert reader.list() == first
    assert reader.list(("Demo", "1.0.0+cu12")) == first
    assert reader.times == 1
    assert reader.list(python="3.12") != first
    assert reader.times == 2


def test_what_is_noted_is_not_taken_for_another_project(reader: Reader) -> None:
    reader.list()
    with pytest.raises(Refused, match=r"holds demo 1\.0, demo 2\.0 is expected"):
        reader.list(("demo", "2.0"))


@pytest.mark.parametrize("text", [b"", b"[]", b'{"files": [], "odd": []}', b'{"files": [["x"]], "odd": []}'])
def test_broken_note_counts_for_nothing(text: bytes, reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    first = reader.list()
    monkeypatch.setattr(Store, "read_note", lambda *_: text)

    assert reader.list() == first
    assert reader.times == 2
