"""The comparison of an image's digests with those that its record states."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from onedigest.assembler.disk_file import read_file
from onedigest.assembler.document import read_document
from onedigest.assembler.refusal import Refused


def check_record(digests: Path, record: Path) -> str:
    """Hold a file of digests, as `image` writes it, against an image.toml; return the digest of the image.

    Raises `Refused` (`record`) with everything that differs.
    """
    import tomllib

    built = read_document(digests)
    try:
        recorded = tomllib.loads(read_file(record).decode())
        expected = _digests(recorded["index"], {each["platform"]: each for each in recorded["platforms"]})
        found = _digests(built["index"], built["platforms"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        if isinstance(error, Refused):
            raise
        raise Refused("record", f"{record.name}: not a record of a build ({error})") from None
    lines = list(_differences(found, expected))
    if lines:
        raise Refused("record", "\n".join(["the image is not the one that image.toml records", *lines]))
    return found["", "index"]


def _digests(index: Any, platforms: dict[str, dict[str, Any]]) -> dict[tuple[str, str], str]:
    """Return the digests of an image by platform and what they are of, as text that can be shown."""
    found = {("", "index"): _shown(index)}
    for platform, each in platforms.items():
        name = _shown(platform)
        found |= {(name, what): _shown(each[what]) for what in ("manifest", "config") if what in each}
    return found


def _shown(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("a digest is no text")
    return value if value.isprintable() and len(value) <= 200 else repr(value[:200])


def _differences(built: dict[tuple[str, str], str], recorded: dict[tuple[str, str], str]) -> Iterator[str]:
    order = {"index": 0, "manifest": 1, "config": 2}
    for key in sorted(built.keys() | recorded.keys(), key=lambda key: (key[0], order[key[1]])):
        new, old = built.get(key, "none"), recorded.get(key, "none")
        if new != old:
            yield f"  {' '.join(filter(None, key))}: {new} built, {old} recorded"
