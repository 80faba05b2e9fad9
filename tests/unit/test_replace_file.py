"""How a file takes its place."""

from __future__ import annotations

import fcntl
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from onedigest import checkout


def _die_before_renaming(root: Path, source: Path | None) -> None:
    def die(*_: object, **__: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    os.replace = die  # in a process of its own, which ends here
    if source:
        checkout.link_file(root, "file", source)
    checkout.write_bytes(root, "file", b"first")


@pytest.mark.parametrize("linked", [False, True])
def test_next_run_removes_what_a_killed_one_left(tmp_path: Path, *, linked: bool) -> None:
    source, root = tmp_path / "source", tmp_path / "root"
    source.write_bytes(b"stored")
    root.mkdir()
    process = get_context("fork").Process(target=_die_before_renaming, args=(root, source if linked else None))
    process.start()
    process.join()
    assert [path.name[:11] for path in root.iterdir()] == [".onedigest-"]

    checkout.write_bytes(root, "file", b"second")

    assert {path.name: path.read_bytes() for path in root.iterdir()} == {"file": b"second"}
    assert source.read_bytes() == b"stored"


def test_link_takes_over_what_a_killed_run_left(tmp_path: Path) -> None:
    source, root = tmp_path / "source", tmp_path / "root"
    source.write_bytes(b"stored")
    root.mkdir()
    process = get_context("fork").Process(target=_die_before_renaming, args=(root, source))
    process.start()
    process.join()

    for _ in range(2):
        checkout.link_file(root, "file", source)

        assert [path.name for path in root.iterdir()] == ["file"]
        assert (root / "file").samefile(source)


def test_file_that_another_process_holds_is_left_alone(tmp_path: Path) -> None:
    temporary = ""

    def see(new: str, *_: object, **__: object) -> None:
        nonlocal temporary
        temporary = new
        raise RuntimeError

    with pytest.MonkeyPatch.context() as patch, pytest.raises(RuntimeError):
        patch.setattr("os.replace", see)
        checkout.write_bytes(tmp_path, "file", b"")
    with (tmp_path / temporary).open("wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        checkout.write_bytes(tmp_path, "file", b"new")

        assert sorted(path.name for path in tmp_path.iterdir()) == sorted([temporary, "file"])
    assert (tmp_path / "file").read_bytes() == b"new"


@pytest.mark.parametrize("unnamed", [True, False])
def test_many_write_one_file_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, unnamed: bool) -> None:
    if not unnamed:
        monkeypatch.delattr("os.O_TMPFILE")
    source = tmp_path / "source"
    source.write_bytes(b"x" * 1000)
    root = tmp_path / "root"
    root.mkdir()

    def work(number: int) -> bytes:
        if number % 2:
            checkout.link_file(root, "file", source)
        else:
            checkout.write_bytes(root, "file", b"y" * 1000)
        return (root / "file").read_bytes()

    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(work, range(200)))

    assert found <= {b"x" * 1000, b"y" * 1000}
    assert [path.name for path in root.iterdir()] == ["file"]
    assert source.read_bytes() == b"x" * 1000


def test_missing_source_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        checkout.link_file(tmp_path, "file", tmp_path / "none")

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("unnamed", [True, False])
def test_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, unnamed: bool) -> None:
    checkout.write_bytes(tmp_path, "file", b"old")
    if not unnamed:
        monkeypatch.delattr("os.O_TMPFILE")
    with pytest.raises(TypeError):
        checkout.write_bytes(tmp_path, "file", 3)  # type: ignore[arg-type]  # what is tested

    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"file": b"old"}
