"""The lists of fonts that Ghostscript reads, as `update-gsfontmap` puts them together."""

from __future__ import annotations

from collections.abc import Iterable

from onedigest.assembler.configuration.file_list import is_listed
from onedigest.assembler.configuration.system import System
from onedigest.assembler.deb import content_of
from onedigest.assembler.entry import Entry, file_entry

_TOOL = "usr/sbin/update-gsfontmap"
_LISTS = {"cidfmap": "etc/ghostscript/cidfmap.d/", "Fontmap": "etc/ghostscript/fontmap.d/"}


def make_ghostscript_fonts(system: System) -> Iterable[Entry]:
    """Make the lists where their tool is; one that an image below has parts of stays as it is."""
    for name, folder in _LISTS.items() if _TOOL in system.files else ():
        parts = sorted(path for path in system.files if path.startswith(folder) and path.endswith(".conf"))
        if any(is_listed(system.files[path]) for path in parts):
            continue
        text = b"".join(content_of(entry) for path in parts if (entry := system.files[path]).kind == "file")
        yield file_entry(f"var/lib/ghostscript/fonts/{name}", text, executable=False, origin="ghostscript")
