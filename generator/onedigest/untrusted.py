"""Text that anybody may have written, as values: each kind of value is checked in this one place.

Each check returns the value, or raises ValueError with what is wrong about it, in words that follow the name of a key.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from onedigest import platforms
from onedigest.digest import Digest
from onedigest.platforms import Platform

MOST_BYTES = 1 << 40
"""The largest file that a size may state."""

MOST_TEXT = 64 << 20
"""The longest document that is read whole, in bytes."""

MOST_LOCK = 8 << 20
"""The longest lock or record: one of ten thousand packages is shorter, and is read in seconds."""

DEEPEST = 64
"""How deep tables, arrays and objects may be nested."""

_MOST_QUOTED = 200
_LONGEST_NAME = 255  # of a file on Linux (NAME_MAX)
_HEX = re.compile(r"[0-9a-f]{64}", re.ASCII)
_WHEEL = re.compile(r"[A-Za-z0-9_.+!]+(?:-[A-Za-z0-9_.+!]+){4,5}\.whl", re.ASCII)
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_.+~!%-]+", re.ASCII)
_PLACE = re.compile(r"[A-Za-z0-9_.+~!%@-]+", re.ASCII)
_VERSION = re.compile(r"[0-9][0-9A-Za-z.!+_-]{0,127}", re.ASCII)
_PROJECT = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?", re.ASCII)
_PYTHON = re.compile(r"3\.\d{1,3}\.\d{1,3}(?:(?:a|b|rc)\d{1,3})?\+?", re.ASCII)
_NUMBERS = re.compile(r"\d{1,4}\.\d{1,4}", re.ASCII)
_DEBIAN_NAME = re.compile(r"[a-z0-9][a-z0-9+.-]{1,127}", re.ASCII)
_DEBIAN_VERSION = re.compile(r"(?:\d{1,9}:)?[0-9A-Za-z][0-9A-Za-z.+~:-]{0,127}", re.ASCII)
_WORD = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,127})", re.ASCII)
_NORMALIZED = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_YEARS = range(1970, 3000)
_PORT = re.compile(r":\d*$", re.ASCII)
_DEEP_KEY = re.compile(r"""(?<![\w.-])(?:(?:[\w-]+|"[^"\n]*"|'[^'\n]*')[ \t]*\.[ \t]*){64}""", re.ASCII)
"""A key of so many parts that tomllib takes minutes for it."""
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,127}/[A-Za-z0-9!#$&^_.+-]{1,127}", re.ASCII)


def text(value: Any) -> str:
    """Return a string."""
    if not isinstance(value, str):
        raise ValueError("is missing" if value is None else "is not a string")
    return value


def line(value: Any) -> str:
    """Return a string without line breaks and other control characters."""
    found = text(value)
    if any(character < " " or "\x7f" <= character <= "\x9f" or character in "\u2028\u2029" for character in found):
        raise ValueError(f"is {found!r}, which holds a control character")
    return found


def prose(value: Any) -> str:
    """Return a string of one or more lines without other control characters than tabs."""
    found = text(value)
    if _CONTROL.search(found):
        raise ValueError(f"is {_short(found)}, which holds a control character")
    return found


def array(value: Any) -> list[Any]:
    """Return a list."""
    if not isinstance(value, list):
        raise ValueError("is missing" if value is None else "is not a list")
    return value


def table(value: Any) -> dict[str, Any]:
    """Return a table."""
    if not isinstance(value, dict):
        raise ValueError("is missing" if value is None else "is not a table")
    return value


def flag(value: Any) -> bool:
    """Return true or false."""
    if not isinstance(value, bool):
        raise ValueError("is missing" if value is None else "is not true or false")
    return value


def plain(value: Any) -> Any:
    """Return a value of strings, integers, true and false, lists and tables: what TOML and JSON both have."""
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    if not isinstance(value, str | int):
        raise ValueError(f"has a {type(value).__name__} in it, which is no string, integer, true or false")
    return value


def digest(value: Any) -> Digest:
    """Return a digest: `sha256:` and 64 lower-case hexadecimal digits."""
    found = text(value)
    algorithm, colon, hexadecimal = found.partition(":")
    if algorithm != "sha256" or not colon or not _HEX.fullmatch(hexadecimal):
        raise ValueError(f"is {_short(found)}, which is not a sha256 digest")
    return Digest(found)


def sha256(value: Any) -> Digest:
    """Return the digest whose 64 hexadecimal digits are given without the name of the algorithm."""
    found = text(value)
    if not _HEX.fullmatch(found):
        raise ValueError(f"is {_short(found)}, which is not a sha256")
    return Digest(f"sha256:{found}")


def size(value: Any, most: int = MOST_BYTES) -> int:
    """Return a number of bytes."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError("is missing" if value is None else "is not a number of bytes")
    if not 0 <= value <= most:
        raise ValueError(f"is not a number of bytes from 0 to {most}")
    return value


def file_name(value: Any) -> str:
    """Return the name of a file: one plain component of a path, which neither hides nor leaves a folder."""
    found = text(value)
    if not _PLAIN_NAME.fullmatch(found) or found.startswith(".") or len(found) > _LONGEST_NAME:
        raise ValueError(f"is {_short(found)}, which is not a plain file name")
    return found


def wheel_name(value: Any) -> str:
    """Return the file name of a wheel (binary distribution format, "File name convention")."""
    found = text(value)
    if not _WHEEL.fullmatch(found) or found.startswith(".") or len(found) > _LONGEST_NAME:
        raise ValueError(f"is {_short(found)}, which is not the file name of a wheel")
    return found


def inner_path(value: Any) -> str:
    """Return a path of plain components below some folder, with slashes."""
    found = text(value)
    try:
        parts = [file_name(part) for part in found.split("/")]
    except ValueError:
        raise ValueError(f"is {_short(found)}, which is not a plain path below the archive's root") from None
    return "/".join(parts)


def absolute_path(value: Any) -> str:
    """Return an absolute path of plain components, such as that of an interpreter; a component may be hidden."""
    found = text(value)
    root, *parts = found.split("/")
    if root or not parts or not all(_PLACE.fullmatch(part) and part not in (".", "..") for part in parts):
        raise ValueError(f"is {_short(found)}, which is not a plain absolute path")
    return found


def relative_path(value: Any) -> str:
    """Return a path below some folder, in any letters: the name of a file of the user's, with slashes."""
    found = line(value)
    if "\\" in found or any(part in ("", ".", "..") or len(part.encode()) > _LONGEST_NAME for part in found.split("/")):
        raise ValueError(f"is {_short(found)}, which is not a plain path below the project")
    return found


def debian_path(value: Any) -> str:
    """Return the path of a .deb from an archive's root."""
    found = inner_path(value)
    if not found.endswith(".deb"):
        raise ValueError(f"is {_short(found)}, which is not the path of a .deb")
    return found


def version(value: Any) -> str:
    """Return the version of a project: the characters that PEP 440 has."""
    return _matching(_VERSION, value, "a version")


def project_name(value: Any) -> str:
    """Return the name of a project (PEP 508)."""
    return _matching(_PROJECT, value, "the name of a project")


def normalized_name(value: Any) -> str:
    """Return the name of a project in its normalized form (PEP 503)."""
    return _matching(_NORMALIZED, value, "the normalized name of a project")


def python_version(value: Any) -> str:
    """Return the full version of a Python, such as 3.13.5."""
    return _matching(_PYTHON, value, "the version of a Python")


def libc_version(value: Any) -> str:
    """Return the version of a C library, such as 2.41."""
    return _matching(_NUMBERS, value, "the version of a C library")


def debian_name(value: Any) -> str:
    """Return the name of a Debian package (Debian Policy 5.6.1)."""
    return _matching(_DEBIAN_NAME, value, "the name of a Debian package")


def debian_version(value: Any) -> str:
    """Return the version of a Debian package (Debian Policy 5.6.12)."""
    return _matching(_DEBIAN_VERSION, value, "the version of a Debian package")


def word(value: Any) -> str:
    """Return a name of letters, digits, `.`, `_` and `-`, such as that of a suite or an architecture."""
    return _matching(_WORD, value, "a plain name")


def media_type(value: Any) -> str:
    """Return a media type (RFC 6838, section 4.2)."""
    return _matching(_MEDIA_TYPE, value, "a media type")


def moment(value: Any) -> datetime:
    """Return a time with its offset from UTC, of the years that everything can hold."""
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise ValueError("is missing" if value is None else "is not a time with its offset from UTC")
    if value.year not in _YEARS:
        raise ValueError(f"is not of the years {_YEARS[0]} to {_YEARS[-1]}")
    return value


def platform(value: Any) -> Platform:
    """Return one of the platforms that images are built for, by its OCI name."""
    found = platforms.BY_NAME.get(text(value))
    if found is None:
        raise ValueError(f"is {_short(value)}, which is not a platform; known are {', '.join(platforms.BY_NAME)}")
    return found


def distinct(names: Iterable[str]) -> None:
    """Refuse names that are there twice, also where a file system does not tell capitals from small letters."""
    seen: set[str] = set()
    for name in names:
        if name.casefold() in seen:
            raise ValueError(f"has `{name}` twice")
        seen.add(name.casefold())


def without_secrets(words: str) -> str:
    """Return a text in which no address has its user and password, for messages that quote what somebody wrote."""
    return re.sub(r"\S+", lambda word: "//".join(_without_user(word[0])), words)


def quoted(words: str) -> str:
    """Return a text as messages quote it: without passwords, and not all of it where it is long."""
    plain = without_secrets(words)
    return repr(plain) if len(plain) <= _MOST_QUOTED else f"{plain[:_MOST_QUOTED]!r}…"


def _without_user(word: str) -> Iterator[str]:
    first, *addresses = word.split("//")
    yield first
    for each in addresses:
        authority, slash, path = each.partition("/")
        if "@" in authority:
            yield f"****@{authority.rpartition('@')[2]}{slash}{path}"
        elif "@" in path and ":" in authority and not _PORT.search(authority):
            yield f"****@{path.rpartition('@')[2]}"  # a slash in a password, which tools refuse, and say
        else:
            yield each


def load_toml(document: str, most: int = MOST_TEXT) -> dict[str, Any]:
    """Read TOML. Raises `tomllib.TOMLDecodeError`, also for what is too long, nested too deeply, or of long numbers."""
    if len(document) > most:
        raise tomllib.TOMLDecodeError(f"it has more than {most} characters")
    if _DEEP_KEY.search(document):
        raise tomllib.TOMLDecodeError(f"nested more than {DEEPEST} deep")
    try:
        found = tomllib.loads(document)
    except tomllib.TOMLDecodeError:
        raise
    except RecursionError:
        raise tomllib.TOMLDecodeError(f"nested more than {DEEPEST} deep") from None
    except (ValueError, OverflowError):
        raise tomllib.TOMLDecodeError("a number has too many digits") from None
    refused = _unfit(found)
    if refused:
        raise tomllib.TOMLDecodeError(refused)
    return found


def load_json(document: bytes | str) -> Any:
    """Read JSON of which each reader makes the same: no key twice, no NaN. Raises ValueError."""
    try:
        found = json.loads(document, object_pairs_hook=_object, parse_constant=_refuse)
    except RecursionError:
        raise ValueError(f"nested more than {DEEPEST} deep") from None
    refused = _unfit(found)
    if refused:
        raise ValueError(refused)
    return found


def _unfit(value: Any) -> str:
    """Return why a document is not taken, or nothing: its depth, or a number that no format of ours has."""
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > DEEPEST:
            return f"nested more than {DEEPEST} deep"
        below: list[Any] = []
        for each in level:
            if isinstance(each, dict):
                below += each.values()
            elif isinstance(each, list):
                below += each
            elif isinstance(each, int) and abs(each) >= 1 << 64:
                return "a number has too many digits"
        level = below
    return ""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object has a key twice")
    return found


def _refuse(name: str) -> Any:
    raise ValueError(f"`{name}` is no value")


def _matching(pattern: re.Pattern[str], value: Any, what: str) -> str:
    found = text(value)
    if not pattern.fullmatch(found):
        raise ValueError(f"is {_short(found)}, which is not {what}")
    return found


def _short(value: str) -> str:
    return repr(value) if len(value) <= 80 else f"{value[:77]!r}…"
