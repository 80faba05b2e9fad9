"""Knows where wheels and Debian packages state their licences."""

from __future__ import annotations

import re
import zipfile
from email.parser import BytesHeaderParser
from pathlib import Path

from onedigest.assembler import deb

_METADATA = re.compile(r"[^/]+\.dist-info/METADATA")
_CLASSIFIER = "License :: "
_OSI = "OSI Approved :: "
_LONGEST = 80
"""Characters of a name; longer ones are the text of a licence."""
_COPYRIGHT = re.compile(r"usr/share/doc/[^/]+/copyright")
_FORMAT = re.compile(r"(?m)^Format:.*copyright-format")
_LICENCE = re.compile(r"(?m)^License:[ \t]*(\S.*?)[ \t]*$")


def of_wheel(path: Path) -> tuple[str, ...]:
    """Return the licence expression of a wheel alone (PEP 639), or else what its older fields name, sorted."""
    with zipfile.ZipFile(path) as archive:
        name = next((each for each in sorted(archive.namelist()) if _METADATA.fullmatch(each)), None)
        if name is None:
            return ()
        fields = BytesHeaderParser().parsebytes(archive.read(name))
    if expression := str(fields.get("License-Expression") or "").strip():
        return (expression,)
    stated = [
        str(each).rpartition(_CLASSIFIER)[2] for each in fields.get_all("Classifier") or () if _CLASSIFIER in each
    ]
    named = sorted({each.removeprefix(_OSI) for each in stated} - {"OSI Approved"})
    if named:
        return tuple(named)
    text = " ".join(str(fields.get("License") or "").split())
    return (text,) if text and len(text) <= _LONGEST and text != "UNKNOWN" else ()


def of_debian(path: Path) -> tuple[str, ...]:
    """Return the short names of the licences of a .deb, sorted, where it states them for machines (DEP 5)."""
    package = deb.read(path)
    found: set[str] = set()
    for entry in package.entries:
        if _COPYRIGHT.fullmatch(entry.path) and isinstance(entry.content, bytes):
            text = entry.content.decode("utf-8", "replace")
            if _FORMAT.search(text):
                found |= {name for name in _LICENCE.findall(text) if len(name) <= _LONGEST}
    return tuple(sorted(found))
