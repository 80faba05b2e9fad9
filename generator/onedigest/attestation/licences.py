"""The places where wheels and Debian packages state their licences."""

from __future__ import annotations

import lzma
import re
import zipfile
import zlib
from email.parser import BytesHeaderParser
from pathlib import Path

from onedigest.assembler import deb

_METADATA = re.compile(r"[^/]+\.dist-info/METADATA")
_CLASSIFIER = "License :: "
_OSI = "OSI Approved :: "
_LONGEST = 80
"""Characters of a name; longer ones are the text of a licence."""
_LONGEST_EXPRESSION, _DEEPEST, _LONGEST_CLASSIFIER = 1000, 20, 200
_MOST = 500
"""Licences of one package."""
_MOST_BYTES = 1 << 20
_COPYRIGHT = re.compile(r"usr/share/doc/[^/]+/copyright")
_FORMAT = re.compile(r"(?m)^Format:.*copyright-format")
_LICENCE = re.compile(r"(?m)^License:(.*)$")


def of_wheel(path: Path) -> tuple[str, ...]:
    """Return the licence expression of a wheel alone (PEP 639), or else what its older fields name, sorted."""
    fields = BytesHeaderParser().parsebytes(_metadata(path))
    expression = str(fields.get("License-Expression") or "").strip()
    if expression and _is_name(expression, _LONGEST_EXPRESSION) and expression.count("(") <= _DEEPEST:
        return (expression,)
    classifiers = map(str, fields.get_all("Classifier") or ())
    stated = [each.rpartition(_CLASSIFIER)[2] for each in classifiers if _CLASSIFIER in each]
    names = {each.removeprefix(_OSI) for each in stated if _is_name(each, _LONGEST_CLASSIFIER)}
    named = sorted(names - {"OSI Approved"})
    if named:
        return tuple(named[:_MOST])
    text = " ".join(str(fields.get("License") or "").split())
    return (text,) if text and _is_name(text, _LONGEST) and text != "UNKNOWN" else ()


def _metadata(path: Path) -> bytes:
    """Return the beginning of a wheel's METADATA, in which its fields are; nothing where it cannot be read."""
    try:
        with zipfile.ZipFile(path) as archive:
            name = next((each for each in sorted(archive.namelist()) if _METADATA.fullmatch(each)), None)
            if name is None:
                return b""
            with archive.open(name) as file:
                return file.read(_MOST_BYTES)
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, OSError, EOFError, ValueError, RuntimeError):
        return b""


def of_debian(path: Path) -> tuple[str, ...]:
    """Return the short names of the licences of a .deb, sorted, where it states them for machines (DEP 5)."""
    package = deb.read(path)
    found: set[str] = set()
    for entry in package.entries:
        if _COPYRIGHT.fullmatch(entry.path) and entry.kind == "file" and entry.size <= _MOST_BYTES:
            text = deb.content_of(entry).decode("utf-8", "replace")
            if _FORMAT.search(text):
                names = map(str.strip, _LICENCE.findall(text))
                found |= {name for name in names if name and _is_name(name, _LONGEST)}
    return tuple(sorted(found)[:_MOST])


def _is_name(text: str, longest: int) -> bool:
    """Tell whether a text can be what a licence is called: one line, not long."""
    return len(text) <= longest and text.isprintable()
