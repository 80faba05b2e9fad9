"""The applications that open each media type, as `update-desktop-database` lists them (mimeinfo.cache)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from onedigest.assembler.configuration.file_list import is_listed
from onedigest.assembler.configuration.system import System
from onedigest.assembler.deb import content_of
from onedigest.assembler.entry import Entry, file_entry

FOLDER = "usr/share/applications"

_TOOL = "usr/bin/update-desktop-database"
_TYPES = re.compile(r"(?m)^MimeType[ \t]*=[ \t]*(.*)$")
_HIDDEN = re.compile(r"(?m)^Hidden[ \t]*=[ \t]*true[ \t]*$")
_GROUP = re.compile(r"(?ms)^\[Desktop Entry\][ \t]*$(.*?)(?=^\[|\Z)")
_TYPE = re.compile(r"[A-Za-z0-9][!#$&^_.+A-Za-z0-9-]{0,126}/[A-Za-z0-9][!#$&^_.+A-Za-z0-9-]{0,126}")


def make_desktop_entries(system: System) -> Iterable[Entry]:
    """Make the list where its tool is; an entry in a folder is known by the folder's name, a dash, and its own."""
    openers: dict[str, set[str]] = {}
    brought = False
    for path, entry in system.files.items() if _TOOL in system.files else ():
        if entry.kind != "file" or not (path.startswith(f"{FOLDER}/") and path.endswith(".desktop")):
            continue
        brought |= not is_listed(entry)
        group = _GROUP.search(content_of(entry).decode("utf-8", "replace"))
        types = _TYPES.search(group[1]) if group and not _HIDDEN.search(group[1]) else None
        for kind in types[1].split(";") if types else ():
            if _TYPE.fullmatch(kind):
                openers.setdefault(kind, set()).add(path.removeprefix(f"{FOLDER}/").replace("/", "-"))
    if openers and brought:
        lines = "".join(f"{kind}={';'.join(sorted(openers[kind]))};\n" for kind in sorted(openers))
        content = f"[MIME Cache]\n{lines}".encode()
        yield file_entry(f"{FOLDER}/mimeinfo.cache", content, executable=False, origin="desktop-file-utils")
