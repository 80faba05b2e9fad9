"""Knows how the digests of an image are held against those that its record states."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from onedigest.assembler.refusal import Refused


def check_record(digests: Path, record: Path) -> str:
    """Hold a file of digests, as `image` writes it, against an image.toml; return the digest of the image.

    Raises `Refused` (`record`) with everything that differs.
    """
    import tomllib

    built = json.loads(digests.read_bytes())
    try:
        recorded = tomllib.loads(record.read_text(encoding="utf-8"))
        expected = {"index": recorded["index"], "platforms": {each["platform"]: each for each in recorded["platforms"]}}
    except (ValueError, KeyError, TypeError) as error:
        raise Refused("record", f"{record.name}: not a record of a build ({error})") from None
    lines = list(_differences(built, expected))
    if lines:
        raise Refused("record", "\n".join(["the image is not the one that image.toml records", *lines]))
    return str(built["index"])


def _differences(built: dict[str, Any], recorded: dict[str, Any]) -> Iterator[str]:
    if built["index"] != recorded["index"]:
        yield f"  index: {built['index']} built, {recorded['index']} recorded"
    for platform in sorted(built["platforms"].keys() | recorded["platforms"].keys()):
        new, old = built["platforms"].get(platform, {}), recorded["platforms"].get(platform, {})
        for what in ("manifest", "config"):
            if new.get(what) != old.get(what):
                yield f"  {platform} {what}: {new.get(what, 'none')} built, {old.get(what, 'none')} recorded"
