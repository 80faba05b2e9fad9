"""Wheels that bring the same path."""

from __future__ import annotations

import base64
import csv
import hashlib
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onedigest.assembler.entry import Entry
from onedigest.assembler.layer import virtual_environment_layer, wheels_layer
from onedigest.assembler.overlap import Shared, clashing_paths, shared_paths
from onedigest.assembler.refusal import Refused
from onedigest.assembler.wheel import wheel_entries
from wheel_builder import build_wheel

SITE = "opt/venv/lib/python3.13/site-packages"
NAMES = ("alpha", "Beta", "gamma_x", "delta")
CONTENTS = (b"one = 1\n" * 9, b"two = 2\n" * 9)
PATHS = ("shared/__init__.py", "LICENSE", "tests/test_it.py")


def build(folder: Path, held: Mapping[str, Mapping[str, bytes]]) -> list[Path]:
    own = {name: {f"{name.lower()}.py": name.encode()} for name in held}
    return [
        build_wheel(
            folder, name, "1.0", files=own[name] | dict(files), entry_points=f"[console_scripts]\nrun = {name}:x\n"
        )
        for name, files in held.items()
    ]


def environment(wheels: Iterable[Path]) -> list[Entry]:
    return virtual_environment_layer("/usr/bin/python3", "3.13.1", wheels=wheels)


def stacked(layers: Iterable[Sequence[Entry]]) -> dict[str, tuple[int, str, bytes]]:
    """Return what an image of these layers has, without folders."""
    found = {}
    for entry in (entry for layer in layers for entry in layer if entry.kind != "dir"):
        content = entry.content if isinstance(entry.content, bytes) else b"".join(entry.content.pieces())
        found[entry.path] = (entry.mode, entry.target, content)
    return found


def false_rows(tree: Mapping[str, tuple[int, str, bytes]]) -> list[str]:
    """Return the rows of RECORDs that say another thing than what is there."""
    wrong = []
    for path in (path for path in tree if path.endswith(".dist-info/RECORD")):
        for name, digest, size in csv.reader(tree[path][2].decode().splitlines()):
            content = tree[f"{SITE}/{name}".replace(f"{SITE}/../../../", "opt/venv/")][2]
            there = "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
            if digest and (digest, size) != (there, str(len(content))):
                wrong.append(f"{path}: {name}")
    return wrong


@settings(max_examples=40, deadline=None)
@given(
    held=st.dictionaries(
        st.sampled_from(NAMES), st.dictionaries(st.sampled_from(PATHS), st.sampled_from(CONTENTS)), min_size=2
    ),
    data=st.data(),
)
def test_image_is_the_same_however_layers_are_packed(held: dict[str, dict[str, bytes]], data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        wheels = build(Path(folder), held)
        together = stacked([wheels_layer(wheels, "3.13"), environment([])])
        place = {wheel: data.draw(st.integers(0, 2)) for wheel in data.draw(st.permutations(wheels))}
        groups = [[wheel for wheel in place if place[wheel] == number] for number in range(3)]
        apart = stacked([*(wheels_layer(group, "3.13") for group in groups if group), environment(wheels)])

    assert apart == together
    assert false_rows(together) == []


def test_last_name_wins(tmp_path: Path) -> None:
    held = {"Beta": {"LICENSE": CONTENTS[0]}, "alpha": {"LICENSE": CONTENTS[1]}, "gamma_x": {}}
    wheels = build(tmp_path, held)
    entries = {wheel.name: wheel_entries(wheel, "3.13") for wheel in wheels}
    alpha, beta, gamma = "alpha-1.0-py3-none-any.whl", "Beta-1.0-py3-none-any.whl", "gamma_x-1.0-py3-none-any.whl"

    assert shared_paths(entries) == [
        Shared("opt/venv/bin/run", (alpha, beta, gamma), gamma),
        Shared(f"{SITE}/LICENSE", (alpha, beta), beta),
    ]
    assert stacked([wheels_layer(wheels, "3.13")])[f"{SITE}/LICENSE"][2] == CONTENTS[0]


def test_layer_of_a_wheel_is_its_own_whoever_else_is_there(tmp_path: Path) -> None:
    first, second = build(tmp_path, {"alpha": {"LICENSE": CONTENTS[0]}, "Beta": {"LICENSE": CONTENTS[1]}})
    alone = stacked([wheels_layer([first], "3.13")])

    assert alone[f"{SITE}/LICENSE"][2] == CONTENTS[0]
    assert false_rows(alone) == []
    assert stacked([wheels_layer([second], "3.13")])[f"{SITE}/LICENSE"][2] == CONTENTS[1]


def test_environment_brings_what_is_shared_and_nothing_else(tmp_path: Path) -> None:
    wheels = build(tmp_path, {"alpha": {"LICENSE": CONTENTS[0]}, "Beta": {"LICENSE": CONTENTS[1]}})
    brought = {entry.path for entry in environment(wheels)} - {entry.path for entry in environment([])}

    assert {path for path in brought if path.count("/") > 4} == {
        f"{SITE}/LICENSE",
        f"{SITE}/alpha-1.0.dist-info",
        f"{SITE}/alpha-1.0.dist-info/RECORD",
    }
    assert "opt/venv/bin/run" in brought


def test_environment_above_wheels_that_share_nothing_is_plain(tmp_path: Path) -> None:
    wheels = [build_wheel(tmp_path, name, "1.0") for name in ("alpha", "beta")]

    assert stacked([environment(wheels)]) == stacked([environment([])])


def test_equal_files_are_no_conflict_and_keep_every_mode(tmp_path: Path) -> None:
    wheels = build(tmp_path, {"alpha": {"LICENSE": CONTENTS[0]}, "Beta": {"LICENSE": CONTENTS[0]}})
    entries = {wheel.name: wheel_entries(wheel, "3.13") for wheel in wheels}

    assert [each.path for each in shared_paths(entries)] == ["opt/venv/bin/run"]


def test_file_against_a_folder_is_refused_in_one_layer_and_in_several(tmp_path: Path) -> None:
    wheels = build(tmp_path, {"alpha": {"shared": b"file"}, "Beta": {"shared/__init__.py": b""}})
    said = f"alpha-1.0-py3-none-any.whl and Beta-1.0-py3-none-any.whl: /{SITE}/shared is a file and a directory"

    assert list(map(str, clashing_paths({wheel.name: wheel_entries(wheel, "3.13") for wheel in wheels}))) == [said]
    for layer in (wheels_layer, _above):
        with pytest.raises(Refused, match="is a file and a directory") as caught:
            layer(wheels, "3.13")
        assert caught.value.code == "conflict"


def _above(wheels: Iterable[Path], _: str) -> list[Entry]:
    return environment(wheels)
