"""The place of an image's virtual environment, above a base that may have one of its own there."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Any

from onedigest import untrusted
from onedigest.errors import InputError
from onedigest.formats import VENV
from onedigest.lock.table import Table
from onedigest.lock.toml import string
from onedigest.oci.rootfs import Rootfs

_KEY = "virtual-environment"
_OTHER = "opt/onedigest"
_MOST = 99
_PATH = re.compile(rf"/{_OTHER}(?:[2-9]|[1-9][0-9])?")


def free_place(roots: Collection[Rootfs]) -> str:
    """Return the first place that no image of a base has, from the root. Raises `InputError` where there is none.

    An image that is a base of the next one has one more of them, and each keeps its own.
    """
    free = next((path for path in _places() if not any(root.plain(path) for root in roots)), "")
    if not free:
        message = f"it has /{VENV} and all of /{_OTHER} to /{_OTHER}{_MOST}, and none is left for a script"
        raise InputError.of(message, hint="choose the base that it was made from")
    return free


def _places() -> Iterator[str]:
    yield VENV
    yield _OTHER
    yield from (f"{_OTHER}{number}" for number in range(2, _MOST + 1))


def place_text(place: str) -> str:
    """Return the line of a lock, which is there for another place than the usual one."""
    return f"{_KEY} = {string(f'/{place}')}\n" if place != VENV else ""


def read_place(table: Table) -> str:
    """Return what a lock says of the place, from the root. Raises `Wrong`."""
    return table.take_or(VENV, _KEY, _read)


def _read(value: Any) -> str:
    found = untrusted.text(value)
    if not _PATH.fullmatch(found):
        raise ValueError(f"is {found[:40]!r}, and no place of a second virtual environment, such as /{_OTHER}")
    return found[1:]
