"""The files that maintainer scripts of Debian packages would have made, found without running anything."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from onedigest.assembler.configuration.alternatives import make_alternatives
from onedigest.assembler.configuration.certificates import make_certificates
from onedigest.assembler.configuration.desktop_entries import make_desktop_entries
from onedigest.assembler.configuration.ghostscript import make_ghostscript_fonts
from onedigest.assembler.configuration.graphviz import make_graphviz_plugins
from onedigest.assembler.configuration.library_cache import make_library_cache
from onedigest.assembler.configuration.mime import make_mime
from onedigest.assembler.configuration.pixbuf_loaders import make_pixbuf_loaders
from onedigest.assembler.configuration.placing import make_placed
from onedigest.assembler.configuration.schemas import make_schemas
from onedigest.assembler.configuration.system import System
from onedigest.assembler.entry import Entry, check_path

Maker = Callable[[System], Iterable[Entry]]
"""Makes some files of a system, which may replace those that are there."""

MAKERS: tuple[Maker, ...] = (
    make_placed,
    make_alternatives,
    make_certificates,
    make_graphviz_plugins,
    make_pixbuf_loaders,
    make_schemas,
    make_mime,
    make_desktop_entries,
    make_ghostscript_fonts,
    make_library_cache,
)
"""In the order in which each sees what those before it made: the cache of libraries comes after all that is placed."""


def configuration(system: System, makers: Iterable[Maker] = MAKERS) -> dict[str, Entry]:
    """Return the files that are made for a system, by path. Raises `Refused`, also for a path that no layer may have.

    Links of packages lead anywhere, and what is made below one has the path that it leads to.
    """
    made: dict[str, Entry] = {}
    for make in makers:
        for entry in list(make(replace(system, files={**system.files, **made}))):
            check_path(entry.origin, entry.path)
            made[entry.path] = entry
    return made
