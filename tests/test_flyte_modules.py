"""No module that there is stops the reader of images; `make fuzz` reads all of them, this a slice that is always the same."""

from __future__ import annotations

from hashlib import sha256

from flyte_modules import list_modules, what_is_wrong

LARGEST = 60_000
SLICES = 180
FEWEST = 40


def test_modules_of_all_packages_are_read_with_one_more_image() -> None:
    chosen = [file for file in list_modules() if sha256(file.name.encode()).digest()[0] % SLICES == 0]
    chosen = [file for file in chosen if file.stat().st_size < LARGEST]

    assert len(chosen) > FEWEST
    assert list(filter(None, map(what_is_wrong, chosen))) == []
