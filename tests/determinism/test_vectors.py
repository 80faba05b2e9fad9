"""Holds the assembler to the vectors of layer format 1: in this process, and on arm64 as the frozen zipapp."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from conftest import VECTORS
from onedigest import zipapp
from onedigest.assembler import stream
from onedigest.assembler.entry import Entry
from onedigest.assembler.layer import PLACE, application_layer, virtual_environment_layer, wheels_layer
from onedigest.assembler.refusal import Refused
from onedigest.assembler.zip_member import Inflater
from onedigest.oci import libdeflate

DATA = json.loads((VECTORS / "vectors.json").read_text(encoding="utf-8"))
PLACED = json.loads((VECTORS / "placed.json").read_text(encoding="utf-8"))
SHARED = json.loads((VECTORS / "shared.json").read_text(encoding="utf-8"))
RECORDS = json.loads((VECTORS / "records.json").read_text(encoding="utf-8"))
LAYERS: list[dict[str, Any]] = [case for each in (DATA, PLACED, SHARED, RECORDS) for case in each["layers"]]
REFUSED: list[dict[str, Any]] = [case for each in (DATA, PLACED, SHARED, RECORDS) for case in each["refused"]]
INFLATERS = [None, *(libdeflate.Inflater(libdeflate.Budget.of_threads(size)) for size in (1 << 28, 4096))]
OPTIONS = ("root", "owner", "known")
"""Of an application; owners are in no row, and in the digests."""

INFLATER_NAMES = ["zlib", "libdeflate", "libdeflate short of memory"]


def entries_of(case: dict[str, Any], inflater: Inflater | None) -> list[Entry]:
    place = case.get("place", PLACE)
    if case.get("kind", "wheels") == "wheels":
        return wheels_layer([VECTORS / wheel for wheel in case["wheels"]], case["python"], inflater, place)
    if case["kind"] == "runtime":
        wheels = [VECTORS / wheel for wheel in case.get("wheels", ())]
        return virtual_environment_layer(case["interpreter"], case["version"], place, wheels, inflater)
    files = ((file["path"], (VECTORS / file["source"]).read_bytes(), file["executable"]) for file in case["files"])
    return application_layer(files, **{name: case[name] for name in OPTIONS if name in case})


def row(entry: Entry) -> list[object]:
    shown: list[object] = [entry.path, entry.kind, f"{entry.mode:04o}", entry.size]
    if entry.kind == "link":
        return [*shown, entry.target]
    if entry.kind == "file":
        content = entry.content if isinstance(entry.content, bytes) else b"".join(entry.content.pieces())
        return [*shown, hashlib.sha256(content).hexdigest()]
    return shown


@pytest.mark.parametrize("inflater", INFLATERS, ids=INFLATER_NAMES)
@pytest.mark.parametrize("case", LAYERS, ids=lambda case: case["name"])
def test_layer_has_the_bytes_of_the_format(case: dict[str, Any], inflater: Inflater | None) -> None:
    descriptor = stream.write(entries_of(case, inflater))

    assert (descriptor.diff_id, descriptor.digest, descriptor.size) == (case["diff_id"], case["digest"], case["size"])


@pytest.mark.parametrize("case", LAYERS, ids=lambda case: case["name"])
def test_layer_has_the_entries_of_the_format(case: dict[str, Any]) -> None:
    assert [row(entry) for entry in entries_of(case, None)] == case["entries"]


@pytest.mark.parametrize("case", LAYERS, ids=lambda case: case["name"])
def test_tar_alone_is_the_same(case: dict[str, Any]) -> None:
    entries = entries_of(case, None)

    assert stream.write_tar(entries) == (case["diff_id"], case["tar_size"])


@pytest.mark.parametrize("inflater", INFLATERS, ids=INFLATER_NAMES)
@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case["name"])
def test_bad_wheel_is_refused_for_its_reason(case: dict[str, Any], inflater: Inflater | None) -> None:
    when = "reading"
    with pytest.raises(Refused) as caught:
        entries = entries_of(case, inflater)
        when = "inflating"
        stream.write(entries)

    assert (caught.value.code, when) == (case["code"], case["when"])


@pytest.fixture(scope="session")
def assembler(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("assembler") / "assemble.pyz"
    path.write_bytes(zipapp.shipped(zipapp.newest()))
    return path


def arguments(case: dict[str, Any], folder: Path) -> list[str]:
    place = ["--place", case["place"]] if "place" in case else []
    wheels = [word for wheel in case.get("wheels", ()) for word in ("--wheel", str(VECTORS / wheel))]
    if case.get("kind", "wheels") == "wheels":
        return ["wheels", "--python", case["python"], *place, *wheels]
    if case["kind"] == "runtime":
        python = ["--interpreter", case["interpreter"], "--version", case["version"]]
        return ["virtual-environment", *python, *place, *wheels]
    options = [word for name in OPTIONS if name in case for word in (f"--{name}", case[name])]
    return ["application", "--listing", str(listing_of(case, folder)), *options]


def listing_of(case: dict[str, Any], folder: Path) -> Path:
    """Write the list of the files of an application."""
    rows = [
        {
            "target": file["path"],
            "path": str(VECTORS / file["source"]),
            "role": "program" if file["executable"] else "plain",
        }
        for file in case["files"]
    ]
    path = folder / "listing.json"
    path.write_text(json.dumps(rows))
    return path


EACH = """\
import json, runpy, sys
for line in sys.stdin:
    sys.argv = json.loads(line)
    try:
        runpy.run_path(sys.argv[0], run_name="__main__")
    except SystemExit as done:
        if done.code:
            raise
"""
"""Runs a zipapp once for each list of arguments: under emulation the start of Python takes longest."""


def check_all(python: list[str], assembler: Path, folder: Path) -> None:
    """Have the assembler make every layer of the vectors."""
    lines = []
    for number, case in enumerate(LAYERS):
        (folder / f"{number}").mkdir()
        words = [*arguments(case, folder / f"{number}"), "--output", str(folder / f"{number}.tar.gz")]
        lines.append(json.dumps([str(assembler), *words]))
    done = subprocess.run(
        [*python, "-I", "-c", EACH], input="\n".join(lines), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    said = list(map(json.loads, done.stdout.splitlines()))
    for number, (case, descriptor) in enumerate(zip(LAYERS, said, strict=True)):
        assert descriptor == {"diff_id": case["diff_id"], "digest": case["digest"], "size": case["size"]}, case["name"]
        layer = (folder / f"{number}.tar.gz").read_bytes()
        assert f"sha256:{hashlib.sha256(layer).hexdigest()}" == case["digest"]


def make_executable() -> None:
    """Give the files of the application the modes that git may not have kept."""
    for case in LAYERS:
        for file in case.get("files", ()):
            (VECTORS / file["source"]).chmod(0o755 if file["executable"] else 0o644)


@pytest.mark.emulation
def test_zipapp_makes_the_vectors_on_arm64(assembler: Path, arm64_python: list[str], tmp_path: Path) -> None:
    make_executable()
    check_all(arm64_python, assembler, tmp_path)


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case["name"])
def test_refused_wheel_leaves_no_file_behind(case: dict[str, Any], tmp_path: Path) -> None:
    output = tmp_path / "layer.tar.gz"
    command = [sys.executable, "-m", "onedigest.assembler", *arguments(case, tmp_path), "--output", str(output)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert done.stdout == ""
    last = done.stderr.splitlines()[-1]  # what is odd about RECORD is said before
    assert last.startswith("refused: ")
    assert last.endswith(f"[{case['code']}]")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="session")
def arm64_python(arm64_root: Path) -> list[str]:
    """Return the command that runs Debian's arm64 Python, out of an image of ours, under emulation."""
    return ["qemu-aarch64-static", "-L", str(arm64_root), str(arm64_root / "usr/bin/python3.11")]
