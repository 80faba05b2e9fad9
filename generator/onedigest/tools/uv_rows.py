"""The rows of a uv.lock: the names, digests and places of wheels and source distributions in them."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from onedigest import untrusted
from onedigest.digest import Digest, algorithm_of, is_digest, is_stated

Row = Mapping[str, Any]

WEB = ("http://", "https://")
_ALGORITHMS = ("sha256:", "sha384:", "sha512:", "md5:", "blake2b:")


@dataclass(frozen=True, slots=True)
class WheelAddress:
    """Where a wheel is, and the digest of any algorithm that is stated there.

    An address without a scheme is a path; digest and index are empty where there is none.
    """

    address: str
    stated: str
    index: str = ""


NOWHERE = WheelAddress("", "")


def wheel_name(row: Row) -> str:
    """Return the file name of a wheel of uv.lock, or nothing where it has none that is one."""
    location: str = row.get("url") or row.get("path") or row.get("filename", "")
    if "url" in row:
        location = urlsplit(location).path
    name = unquote(posixpath.basename(location))
    for each in (name, unquote(name)):  # some indexes encode what is encoded
        with suppress(ValueError):
            return untrusted.wheel_name(each)
    return ""


def sdist_name(row: Row) -> str:
    """Return the file name of a source distribution of uv.lock. Raises ValueError."""
    location: str = row.get("url") or row.get("path") or ""
    return untrusted.file_name(unquote(posixpath.basename(urlsplit(location).path if "url" in row else location)))


def wheel_digest(row: Row) -> Digest:
    """Return the sha256 that an index states, or nothing: a lock has no other algorithm."""
    stated = stated_digest(row)
    return Digest(stated if is_digest(stated) else "")


def stated_digest(row: Row) -> str:
    """Return the digest that an index states, of whichever algorithm, or nothing. Raises ValueError."""
    stated: str = row.get("hash", "")
    if stated and not is_stated(stated):
        algorithm = algorithm_of(stated) if stated.startswith(_ALGORITHMS) else "known"
        raise ValueError(f"is {untrusted.quoted(stated)}, which is not a {algorithm} digest")
    return stated


def wheel_address(source: Row, row: Row) -> str:
    """Return where a wheel is: an address by http or https, or a path on this machine."""
    if "url" in row or "url" in source:
        return _path_or_address(str(row.get("url") or source["url"]).partition("#")[0])
    if "path" in source:
        return str(source["path"])
    return str(Path(_path_or_address(source["registry"])) / row["path"])


def wheel_index(source: Row) -> str:
    """Return the address of the index that lists a package, or nothing where none does."""
    stated = str(source.get("registry", ""))
    return stated if stated.startswith(WEB) else ""


def places_of(found: Mapping[str, Any]) -> dict[str, WheelAddress]:
    """Return where each wheel of a uv.lock is, by its file name."""
    return {
        wheel_name(wheel): WheelAddress(
            wheel_address(row["source"], wheel), stated_digest(wheel), wheel_index(row["source"])
        )
        for row in found.get("package", ())
        for wheel in row.get("wheels", ())
    }


def _path_or_address(text: str) -> str:
    return unquote(urlsplit(text).path) if text.startswith("file:") else text
