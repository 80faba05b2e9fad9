"""The statements of a lock that are read first: its formats, its release, and the spec that it answers."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from onedigest import __version__, formats, untrusted
from onedigest.errors import Problem

_HEAD = re.compile(
    r"(?m)^\[tool\.onedigest\]\n"
    r"format = (\d{1,9})\n"
    r"layer-format = (\d{1,9})\n"
    r'version = "([0-9][0-9A-Za-z.!+_-]{0,127})"\n'
    r'script = ".*"\n'
    r'spec-digest = "(sha256:[0-9a-f]{64})"$',
    re.ASCII,
)
"""How a lock begins to speak of itself, as this version writes it."""

_IN_A_COMMAND = re.compile(r"[0-9A-Za-z.+-]+", re.ASCII)
"""Versions that a shell takes as they are."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LockMetadata:
    """What a lock says of itself; what it does not say, or not as it should, is None or empty."""

    format: int | None = None
    layer_format: int | None = None
    version: str = ""
    spec: str = ""


def stated(text: str) -> LockMetadata:
    """Return what the text of a lock says of itself; the text of this version is not read whole for that."""
    if match := _HEAD.search(text):
        return LockMetadata(format=int(match[1]), layer_format=int(match[2]), version=match[3], spec=match[4])
    try:
        return stated_in(untrusted.load_toml(text, untrusted.MOST_LOCK))
    except tomllib.TOMLDecodeError:
        return LockMetadata()


def stated_in(document: Mapping[str, Any]) -> LockMetadata:
    """Return what the document of a lock says of itself, whichever version wrote it."""
    table: Any = document
    for name in ("tool", "onedigest"):
        table = table.get(name) if isinstance(table, dict) else None
    if not isinstance(table, dict):
        return LockMetadata()
    return LockMetadata(
        format=_number(table.get("format")),
        layer_format=_number(table.get("layer-format")),
        version=_text(table.get("version")),
        spec=_text(table.get("spec-digest")),
    )


def is_newer(found: LockMetadata) -> bool:
    """Tell whether a newer release made a lock: what it pins is not to be written anew by this one."""
    return (found.format or 0) > formats.LOCK or (found.layer_format or 0) > formats.LAYERS


def format_problem(found: LockMetadata, where: str, command: str = "onedigest generate") -> Problem | None:
    """Return why this version cannot read a lock: another one wrote it. `command` is what writes the lock anew."""
    for key, number, known in (
        ("format", found.format, formats.LOCK),
        ("layer-format", found.layer_format, formats.LAYERS),
    ):
        if number == known:
            continue
        if number is None:
            return Problem(f"`tool.onedigest.{key}` is not the number of a format", where, _again(command))
        if number > known:
            message = f"a newer release made the lock: `{key} = {number}`, and onedigest {__version__} reads {known}"
            return Problem(message, where, f"run `{installing(found.version)}`")
        if number < 1:
            return Problem(f"there never was a lock of `{key} = {number}`", where, _again(command))
        message = f"an older release made the lock: `{key} = {number}`, and onedigest {__version__} reads {known}"
        return Problem(message, where, _again(command))
    return None


def _again(command: str) -> str:
    return f"run `{command}`, which keeps its pins"


def installing(version: str) -> str:
    """Return the command that installs the release that made a lock, or the newest where that is not known."""
    from packaging.version import InvalidVersion, Version

    try:
        newer = _IN_A_COMMAND.fullmatch(version) and Version(version) > Version(__version__)
    except InvalidVersion:
        newer = False
    return f'uv tool install "onedigest>={version}"' if newer else "uv tool install --upgrade onedigest"


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
