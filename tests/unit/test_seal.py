"""Notes that only this machine can have written."""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from onedigest.seal import read_key, sealed, unsealed
from onedigest.store import Store

KEY = bytes(range(32))


def test_note_comes_out_as_it_went_in() -> None:
    assert unsealed(KEY, "layers/a", sealed(KEY, "layers/a", b"x\ny")) == b"x\ny"
    assert unsealed(KEY, "layers/a", sealed(KEY, "layers/a", b"")) == b""


@pytest.mark.parametrize(
    "text", [b"", b"{}", b"\n", b"0" * 64 + b"\n{}", sealed(KEY, "layers/b", b"{}"), sealed(b"k", "layers/a", b"{}")]
)
def test_note_of_another_name_or_key_is_none(text: bytes) -> None:
    assert unsealed(KEY, "layers/a", text) is None


def test_name_and_content_cannot_be_cut_in_another_place() -> None:
    note = sealed(KEY, "layers/a", b"bc")

    assert unsealed(KEY, "layers/ab", note.replace(b"bc", b"c")) is None


def test_key_is_made_once_and_is_private(tmp_path: Path) -> None:
    path = tmp_path / "state" / "onedigest" / "key"
    key = read_key(path)

    assert read_key(path) == key
    assert len(key) == 32
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert os.listdir(path.parent) == ["key"]


@pytest.mark.parametrize("mode", [0o644, 0o660])
def test_key_that_others_may_read_is_made_anew(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "key"
    path.write_bytes(KEY)
    path.chmod(mode)

    assert read_key(path) != KEY
    assert path.stat().st_mode & 0o777 == 0o600


def test_key_behind_a_link_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(KEY)
    (tmp_path / "other").chmod(0o600)
    (tmp_path / "key").symlink_to(tmp_path / "other")

    assert read_key(tmp_path / "key") != KEY
    assert (tmp_path / "other").read_bytes() == KEY


def test_where_no_key_can_be_kept_each_process_has_its_own(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    path = tmp_path / "file" / "key"

    assert read_key(path) != read_key(path)


def test_note_that_was_written_to_does_not_count(tmp_path: Path) -> None:
    store = Store(tmp_path / "store", tmp_path / "key")
    store.write_note("layers/a", b"one")
    path = store.root / "layers" / "a"

    assert Store(store.root, tmp_path / "key").read_note("layers/a") == b"one"
    path.write_bytes(path.read_bytes().replace(b"one", b"two"))
    assert store.read_note("layers/a") is None


def test_processes_that_are_first_at_once_have_one_key(tmp_path: Path) -> None:
    path = tmp_path / "state" / "key"
    with ProcessPoolExecutor(4) as pool:
        keys = set(pool.map(read_key, [path] * 40))

    assert keys == {read_key(path)}
