"""The commands in files of a system that scripts read as their own."""

from __future__ import annotations

from collections.abc import Mapping

from onedigest.assembler.configuration.file_list import Listed
from onedigest.assembler.configuration.paths import find
from onedigest.assembler.configuration.shell import SCRIPT_BYTES, read_script
from onedigest.assembler.configuration.shell_tree import Command
from onedigest.assembler.configuration.shell_words import Unreadable
from onedigest.assembler.deb import content_of
from onedigest.assembler.entry import Entry

_QUESTIONS = "/usr/share/debconf/confmodule"
"""It asks questions by its commands, such as `db_get`."""


def commands_of(path: str, files: Mapping[str, Entry]) -> tuple[Command, ...] | None:
    """Return the commands of a file, None where they cannot be known."""
    if path == _QUESTIONS:
        return ()
    entry = find(files, path)
    if entry is None or entry.kind != "file" or entry.size > SCRIPT_BYTES or isinstance(entry.content, Listed):
        return None
    try:
        return read_script(content_of(entry))
    except Unreadable:
        return None
