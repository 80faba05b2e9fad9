from __future__ import annotations

import os
from pathlib import Path

from onedigest.remove_folder import remove


def test_folders_that_nobody_may_enter_are_removed(tmp_path: Path) -> None:
    inner = tmp_path / "a" / "b" / "c"
    inner.mkdir(parents=True)
    (inner / "file").touch()
    for place in (inner, inner.parent):
        place.chmod(0)

    remove(tmp_path / "a")

    assert os.listdir(tmp_path) == []


def test_folders_deeper_than_a_stack_are_removed(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "link").symlink_to(tmp_path)
    place = os.open(tmp_path / "a", os.O_RDONLY)
    for _ in range(3000):
        os.mkdir("d", dir_fd=place)
        inner = os.open("d", os.O_RDONLY, dir_fd=place)
        os.close(place)
        place = inner
    os.close(place)

    remove(tmp_path / "a")

    assert os.listdir(tmp_path) == []
