"""Findings: what is wrong with the files of an application, and which of them are left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_NAME_FILE = "to have such a file in the image, name it itself, without a pattern"
_NAME_FOLDER = "to have such a folder in the image, name it itself"


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong or left out, by the key of the selection that it is about, or by the path in `where`."""

    message: str
    key: str = ""
    hint: str = ""
    where: str = ""

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        return f"{place}{self.message}" + (f"\nhint: {self.hint}" if self.hint else "")


def credentials_left(named: str, left: Sequence[str], key: str) -> Finding:
    """Say that files are left out, of which the first is quoted and others are there."""
    return Finding(f"{named} {left[0]}{_further(left)}, which may hold credentials: left out", key, _NAME_FILE)


def credentials_alone(named: str, first: str, key: str) -> Finding:
    """Say that there is nothing else."""
    return Finding(f"{named} only what may hold credentials, such as {first}", key, _NAME_FILE)


def caches_left(named: str, left: Sequence[str], key: str) -> Finding:
    """Say that folders are left out which programs made for this machine alone."""
    message = f"{named} {left[0]}{_further(left)}, which programs made for this machine alone: left out"
    return Finding(message, key, _NAME_FOLDER)


def _further(left: Sequence[str]) -> str:
    return f" and {len(left) - 1} more" if len(left) > 1 else ""
