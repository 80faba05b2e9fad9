"""No module that there is stops the reader of images.

The standard library is read but for its tests, and of each other package a slice that is always the same. `make fuzz`
reads all.
"""

from __future__ import annotations

import sysconfig
from hashlib import sha256
from pathlib import Path

from flyte_modules import list_modules, what_is_wrong

LARGEST = 60_000
SLICES = 48
FEWEST = 1000

STANDARD = Path(sysconfig.get_path("stdlib"))


def is_chosen(file: Path) -> bool:
    inner = file.relative_to(STANDARD).parts if file.is_relative_to(STANDARD) else ("site-packages",)
    if inner[0] != "site-packages":
        return not {"test", "tests", "idle_test"} & set(inner)
    return sha256(file.name.encode()).digest()[0] % SLICES == 0


def test_modules_of_all_packages_are_read_with_one_more_image() -> None:
    chosen = [file for file in list_modules() if file.stat().st_size < LARGEST and is_chosen(file)]

    assert len(chosen) > FEWEST
    assert list(filter(None, map(what_is_wrong, chosen))) == []
