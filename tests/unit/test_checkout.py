"""Files of a checkout: nothing below the root leads out of it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from onedigest import checkout
from onedigest.errors import InputError


def test_written_file_is_read(tmp_path: Path) -> None:
    checkout.write_bytes(tmp_path, "lockfiles/app/pylock.toml", b"a\r\nb\n")

    assert checkout.read_text(tmp_path, "lockfiles/app/pylock.toml") == "a\nb\n"
    assert checkout.read_bytes(tmp_path, "lockfiles/other/pylock.toml") is None


@pytest.mark.parametrize("link", ["lockfiles", "lockfiles/app", "lockfiles/app/pylock.toml"])
def test_no_link_is_followed(tmp_path: Path, link: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "pylock.toml").write_text("precious")
    root = tmp_path / "project"
    (root / link).parent.mkdir(parents=True)
    (root / link).symlink_to(outside if not link.endswith(".toml") else outside / "pylock.toml")

    path = "lockfiles/app/pylock.toml"
    acts: list[Callable[[], object]] = [
        lambda: checkout.write_bytes(root, path, b"evil"),
        lambda: checkout.read_bytes(root, path),
        lambda: checkout.link_file(root, path, Path(__file__)),
    ]
    for act in acts:
        with pytest.raises(
            InputError, match=f"{link}: a symbolic link is not followed\nhint: replace it by what it names"
        ):
            act()
    assert sorted(path.name for path in outside.iterdir()) == ["pylock.toml"]
    assert (outside / "pylock.toml").read_text() == "precious"


def test_pipe_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(InputError, match="pipe: is not a regular file"):
        checkout.read_bytes(tmp_path, "pipe")


def test_folder_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()

    for read in (
        lambda: checkout.read_bytes(tmp_path, "folder"),
        lambda: checkout.read_inside(tmp_path / "folder", tmp_path, "folder"),
        lambda: checkout.open_inside(tmp_path / "folder", tmp_path, "folder").__enter__(),
    ):
        with pytest.raises(InputError, match="folder: cannot be read: Is a directory"):
            read()


def test_long_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "long").write_bytes(b"x" * 11)

    with pytest.raises(InputError, match="long: has more than 10 bytes"):
        checkout.read_bytes(tmp_path, "long", 10)


def test_file_of_a_user_may_be_a_link_inside(tmp_path: Path) -> None:
    root = tmp_path / "project"
    root.mkdir()
    (root / "real.py").write_text("x")
    (root / "inside.py").symlink_to("real.py")
    (root / "outside.py").symlink_to(Path(__file__))

    assert checkout.read_inside(root / "inside.py", root, "inside.py") == b"x"
    with pytest.raises(InputError, match=r"outside.py: is a link that leaves the project"):
        checkout.read_inside(root / "outside.py", root, "outside.py")


def test_file_has_no_name_before_it_is_complete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[str]] = []
    synchronize = os.fsync

    def look(handle: int) -> None:
        seen.append([path.name for path in tmp_path.iterdir()])
        synchronize(handle)

    monkeypatch.setattr("os.fsync", look)
    checkout.write_bytes(tmp_path, "lock", b"text")

    assert seen[0] == []
    assert (tmp_path / "lock").read_bytes() == b"text"


def test_file_is_written_where_every_file_has_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("os.O_TMPFILE")
    checkout.write_bytes(tmp_path, "lock", b"text")

    assert [path.name for path in tmp_path.iterdir()] == ["lock"]
    assert (tmp_path / "lock").read_bytes() == b"text"
