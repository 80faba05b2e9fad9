"""The JSON documents that other steps of a build wrote for the assembler."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from onedigest.assembler.descriptor import LAYER_TYPE, Descriptor
from onedigest.assembler.disk_file import read_file
from onedigest.assembler.refusal import Refused
from onedigest.assembler.tar import FILE_BYTES

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,127}/[A-Za-z0-9!#$&^_.+-]{1,127}")


def read_document(path: Path) -> dict[str, Any]:
    """Return a JSON object. Raises `Refused` (`document`)."""
    try:
        found = json.loads(read_file(path))
    except RecursionError:
        raise Refused("document", f"{path.name}: not JSON (nested too deeply)") from None
    except ValueError as error:
        if isinstance(error, Refused):
            raise
        raise Refused("document", f"{path.name}: not JSON ({error})") from None
    if not isinstance(found, dict):
        raise Refused("document", f"{path.name}: not a JSON object")
    return found


def read_descriptor(path: Path) -> Descriptor:
    """Return what a layer is known by, as a command of a layer printed it. Raises `Refused` (`document`)."""
    found = read_document(path)
    media_type = found.pop("media_type", LAYER_TYPE)
    diff_id, digest, size = (found.pop(key, None) for key in ("diff_id", "digest", "size"))
    if (
        found
        or not is_digest(diff_id)
        or not is_digest(digest)
        or type(size) is not int
        or not 0 <= size <= FILE_BYTES * 16
        or not isinstance(media_type, str)
        or not _MEDIA_TYPE.fullmatch(media_type)
    ):
        raise Refused("document", f"{path.name}: not what a layer is known by")
    return Descriptor(diff_id, digest, size, media_type)


def read_config(path: Path) -> dict[str, Any]:
    """Return an image's configuration, with its lines of history. Raises `Refused` (`document`)."""
    found = read_document(path)
    if not isinstance(found.get("history", []), list):
        raise Refused("document", f"{path.name}: not the configuration of an image")
    return found


def read_annotations(path: Path) -> dict[str, str]:
    """Return the annotations of an image: strings by name. Raises `Refused` (`document`)."""
    found = read_document(path)
    if not all(isinstance(value, str) for value in found.values()):
        raise Refused("document", f"{path.name}: not annotations")
    return found


def is_digest(value: object) -> bool:
    """Tell whether a value is a digest of ours."""
    return isinstance(value, str) and bool(_DIGEST.fullmatch(value))
