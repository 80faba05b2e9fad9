from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from base_images import Files, python_files
from onedigest.bytecode import bases_python as module
from onedigest.bytecode.bases_python import bases_python
from onedigest.bytecode.interpreter import Interpreter
from onedigest.errors import InputError
from onedigest.lock.base import Base
from onedigest.plan.inputs import Inputs
from onedigest.store import Store
from onedigest.tools.python_identity import read_version
from own_pythons import HERE, NAME, OTHER, VERSION, files, image_base, running_python

LAYOUTS: dict[str, tuple[list[Files], str]] = {
    "docker": ([files("usr/local", libraries="usr/local/lib")], "usr/local"),
    "of the system": ([files("usr", libraries=f"usr/lib/{HERE.machine}-linux-gnu")], "usr"),
    "conda": ([files("opt/conda", libraries="opt/conda/lib")], "opt/conda"),
    "uv": ([files("root/.local/share/uv/python/cpython-3/", libraries="usr/lib64")], "root/.local/share/uv/python/cpython-3"),
    "lib64": ([files("usr", library="lib64", libraries="usr/lib64")], "usr"),
    "nix": (
        [files("nix/store/abc-python3", libraries="nix/store/def-libs/lib", real_loader="nix/store/ghi-glibc/lib/ld.so")],
        "nix/store/abc-python3",
    ),
    "merged": ([{"lib": "usr/lib", "lib64": "usr/lib64"}, files("usr", real_loader="usr/lib/loader.so")], "usr"),
}  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def nothing(inputs: Inputs) -> None:
    """Fetch nothing: tests have put it there."""


def own(base: Base, store: Store, fetch: Callable[[Inputs], None] = nothing) -> Interpreter:
    return bases_python(base, (HERE,), store, fetch)


def refusal(store: Store, *layers: Files, prefix: str = "usr") -> str:
    with pytest.raises(InputError) as raised:
        own(image_base(store, layers, prefix), store)
    return str(raised.value)


def version(found: Interpreter) -> str:
    return read_version(found.command, dict(found.variables))


def folders(store: Store) -> list[Path]:
    return sorted(path for path in (store.root / "pythons").iterdir() if path.name != "root")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_python_of_an_image_starts_wherever_it_is(store: Store, layout: str) -> None:
    layers, prefix = LAYOUTS[layout]

    found = own(image_base(store, layers, prefix), store)

    assert version(found) == VERSION
    assert (found.version, found.origin) == (VERSION, "registry.example/python:3's own")


def test_the_python_of_an_image_sees_its_own_folder_alone(store: Store, tmp_path: Path) -> None:
    found = own(image_base(store, [files("usr")], "usr"), store)
    (tmp_path / "secret").write_text("hunter2")
    question = f"""\
import sys, posix
def can(what, *words):
    try: what(*words)
    except OSError: return False
    return True
print("onedigest-python", "cpython", "-".join([
    str(can(posix.stat, {str(tmp_path / "secret")!r})), str(can(posix.stat, "/etc/hostname")), str(can(posix.stat, "/usr")),
    str(can(posix.mkdir, {str(folders(store)[0] / "new")!r})), str(can(posix.open, "/new", posix.O_CREAT | posix.O_WRONLY)),
    ",".join(sorted(name.decode() for name in posix.environ)), posix.getcwd(),
]), False, False)
"""

    said = read_version((*found.command, "-c", question), {"SECRET": "hunter2"})

    names = "PYTHONDONTWRITEBYTECODE,PYTHONHOME,PYTHONPLATLIBDIR"
    assert said == f"False-False-False-False-False-{names},{folders(store)[0]}"[:200]


def test_what_upper_layers_replace_is_taken_from_them(store: Store) -> None:
    lower = {**files("usr"), f"usr/lib/{NAME}/os.py": b"raise SystemExit('lower')"}
    lower[f"usr/bin/{NAME}"] = b"no program"
    upper: Files = {f"usr/bin/{NAME}": running_python().program, f"usr/lib/{NAME}/os.py": running_python().sources["os.py"]}

    found = own(image_base(store, [lower, {"etc/other": b""}, upper], "usr"), store)

    assert version(found) == VERSION
    assert (folders(store)[0] / f"lib/{NAME}/os.py").read_bytes() == running_python().sources["os.py"]


def test_only_plain_files_are_written_that_nobody_may_write_to(store: Store) -> None:
    layer = {**files("usr"), f"usr/lib/{NAME}/link.py": "/etc/passwd", f"usr/lib/{NAME}/test/big.py": b"", "usr/lib/other": b""}
    layer |= {f"usr/lib/{NAME}/inner": "/etc", f"usr/lib/{NAME}/inner2/\x07.py": b"", f"usr/lib/{NAME}/x.so": b""}

    own(image_base(store, [layer], "usr"), store)

    (folder,) = folders(store)
    paths = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if not path.is_dir()}
    assert not any(path.is_symlink() or path.stat().st_mode & 0o7022 for path in paths.values())
    assert set(paths) == {
        "loader", f"bin/{NAME}", *(f"libraries/{name}" for name in running_python().libraries),
        *(f"lib/{NAME}/{name}" for name in running_python().sources),
    }  # fmt: skip


def test_it_is_unpacked_once_and_proven_each_time(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    base = image_base(store, [files("usr")], "usr")
    first = own(base, store)
    with monkeypatch.context() as patch:
        patch.setattr(module, "take_python", None)
        assert own(base, store) == first
    source = folders(store)[0] / f"lib/{NAME}/os.py"
    for spoil in (
        lambda: source.chmod(0o600) or source.write_bytes(b"raise SystemExit"),
        lambda: (source.parent / "new.py").write_bytes(b""),
        lambda: source.unlink() or source.symlink_to("/etc/passwd"),
        lambda: source.unlink() or os.mkfifo(source),
    ):
        spoil()
        assert own(base, store) == first
        assert (source.read_bytes(), version(first)) == (running_python().sources["os.py"], VERSION)
    assert len(folders(store)) == 1


def test_a_note_of_another_machine_counts_for_nothing(store: Store, tmp_path: Path) -> None:
    base = image_base(store, [files("usr")], "usr")
    own(base, store)
    (note,) = (store.root / "python-of").iterdir()
    note.write_bytes(b"sha256:" + b"0" * 64)

    assert version(own(base, Store(store.root))) == VERSION


def test_several_processes_at_once_make_one_folder(store: Store) -> None:
    base = image_base(store, [files("usr")], "usr")
    found: list[Interpreter] = []
    threads = [threading.Thread(target=lambda: found.append(own(base, Store(store.root)))) for _ in range(4)]

    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert len(set(found)) == 1
    assert version(found[0]) == VERSION
    assert len(folders(store)) == 1
    assert not list((store.root / "scratch").iterdir())


def test_a_run_that_ends_in_between_leaves_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    base = image_base(store, [files("usr")], "usr")

    def fails(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", fails)
        with pytest.raises(KeyboardInterrupt):
            own(base, store)

    assert not folders(store)
    assert not list((store.root / "scratch").iterdir())
    assert version(own(base, store)) == VERSION


def test_inputs_that_are_spoiled_are_fetched_again(store: Store) -> None:
    base = image_base(store, [files("usr")], "usr")
    (layer,) = base.layers(HERE)
    blob = store.path(layer.digest)
    data = blob.read_bytes()
    blob.chmod(0o600)
    blob.write_bytes(bytes(len(data)))
    os.utime(blob, (315619200, 315619200))
    asked: list[Inputs] = []

    def fetch(inputs: Inputs) -> None:
        asked.append(inputs)
        assert not blob.exists()
        store.add(data)

    assert version(own(base, Store(store.root), fetch)) == VERSION
    assert asked == [Inputs(layers=(layer,))]


def test_why_an_image_has_none_that_starts(store: Store) -> None:
    python = files("usr")
    library = sorted(running_python().libraries)[0]
    without = {path: data for path, data in python.items() if path != f"usr/lib/{library}"}
    other = {**without, f"usr/lib/{library}": b"no library"}
    bare = {path: data for path, data in python.items() if "os.py" not in path}
    loaderless = {**python, running_python().loader_path.lstrip("/"): "/nowhere"}

    assert refusal(store, {**python, f"usr/bin/{NAME}": b"#!/bin/sh"}) == f"/usr/bin/{NAME} is no program of {HERE}"
    assert refusal(store, {**python, f"usr/bin/{NAME}": python_files(str(OTHER))["usr/local/bin/python3.12"]}) == (
        f"/usr/bin/{NAME} is no program of {HERE}"
    )
    assert refusal(store, {**python, f"usr/bin/{NAME}": "/gone"}) == f"there is no /usr/bin/{NAME} that is an interpreter by its name"
    assert refusal(store, {**python, f"usr/bin/{NAME}": "python3-config", "usr/bin/python3-config": b""}) == (
        f"there is no /usr/bin/{NAME} that is an interpreter by its name"
    )
    assert refusal(store, bare) == f"there is no standard library where /usr/bin/{NAME} looks for it"
    assert refusal(store, loaderless) == f"there is no loader '{running_python().loader_path}'"
    assert refusal(store, without) == f"its library '{library}' is not there"
    assert refusal(store, other) == f"its library '{library}' is not there"


def test_a_python_that_does_not_start_says_why(store: Store) -> None:
    layer = {**files("usr"), f"usr/lib/{NAME}/encodings/__init__.py": b"raise ImportError('broken')"}
    found = own(image_base(store, [layer], "usr"), store)

    with pytest.raises(ValueError, match=r"^it does not start: .*broken"):
        version(found)


def test_where_nobody_can_be_shut_in_no_image_is_run(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "isolation_obstacle", lambda: "unshare: Operation not permitted")

    assert refusal(store, files("usr")) == "it is not run where it cannot be shut in: unshare: Operation not permitted"
    assert not (store.root / "pythons").exists()


def test_other_machines_run_none(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    base = image_base(store, [files("usr")], "usr")
    with pytest.raises(InputError) as raised:
        bases_python(base, (OTHER,), store, nothing)
    assert str(raised.value) == f"it is a program of {OTHER}, and this machine is {HERE}"
    monkeypatch.setattr(module.running_machine, "machine", lambda: "riscv64")
    assert refusal(store, files("usr")) == f"it is a program of {HERE}, and this machine is riscv64"
    monkeypatch.setattr(module.running_machine, "system", lambda: "Darwin")
    monkeypatch.setattr(sys, "platform", "darwin")
    assert refusal(store, files("usr")) == "it is a program of Linux, and this is Darwin"


def test_another_interpreter_or_image_is_unpacked_by_itself(store: Store) -> None:
    base = image_base(store, [files("usr")], "usr")
    own(base, store)
    own(image_base(store, [{**files("usr"), f"usr/lib/{NAME}/io.py": b"# other"}], "usr"), store)
    assert len(folders(store)) == 2
    with pytest.raises(InputError):
        own(replace(base, interpreter="/usr/bin/python3.99"), store)
    assert json.loads(own(base, store).command[5])["kept"] != []
