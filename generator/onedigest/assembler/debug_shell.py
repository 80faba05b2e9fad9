"""The layer of a shell for looking inside an image: BusyBox, and a link for each of its commands."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from onedigest.assembler import deb
from onedigest.assembler.entry import Entry, merge
from onedigest.assembler.refusal import Refused

FOLDER = "busybox"
"""Where it is, as in the debug images of distroless: no file of the image is in its way."""

_PROGRAM = "usr/bin/busybox"
_COMMANDS = re.compile(rb"\[\0\[\[\0((?:[a-z0-9_.+-]{1,40}\0){20,999})\0")
"""The names as the program itself has them, each ended by a null, in a row that an empty one ends."""


def debug_shell_layer(paths: Iterable[Path]) -> list[Entry]:
    """Return the layer. Raises `Refused` (`deb`) for a package that has no static BusyBox with its commands."""
    found: list[Entry] = []
    for path in paths:
        package = deb.read(path)
        program = next((each for each in package.entries if each.path == _PROGRAM and each.kind == "file"), None)
        names = commands(deb.content_of(program)) if program else []
        if program is None or "sh" not in names:
            raise Refused("deb", f"{path.name}: it has no BusyBox, or one that names no commands")
        shell = replace(program, path=f"{FOLDER}/busybox", mode=0o755, uid=0, gid=0)
        links = (f"{FOLDER}/{name}" for name in names if name != "busybox")
        found += [shell, *(Entry(link, "link", 0o777, target="busybox", origin=path.name) for link in links)]
    return merge(found)


def commands(program: bytes) -> list[str]:
    """Return the commands that a BusyBox has, as `busybox --list` prints them; none of another program."""
    match = _COMMANDS.search(program)
    return ["[", "[[", *match[1].rstrip(b"\0").decode().split("\0")] if match else []
