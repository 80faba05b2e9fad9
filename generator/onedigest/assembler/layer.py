"""Knows the kinds of layers and which entries each of them holds (layer format, section 6)."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from onedigest.assembler import VENV
from onedigest.assembler.disk_file import disk_entry
from onedigest.assembler.entry import Entry, check_path, file_entry, merge
from onedigest.assembler.refusal import Refused

if TYPE_CHECKING:
    from onedigest.assembler.zip_member import Inflater

APPLICATION = "app"


def wheels_layer(paths: Iterable[Path], python: str, inflater: Inflater | None = None) -> list[Entry]:
    """Return the entries of one or several wheels; two wheels of one project are refused (`conflict`)."""
    from onedigest.assembler.wheel import wheel_entries
    from onedigest.assembler.wheel_metadata import canonical_name, file_name_identity

    wheels: dict[str, Path] = {}
    for path in paths:
        name = canonical_name(file_name_identity(path.name)[0])
        if wheels.setdefault(name, path) is not path:
            raise Refused("conflict", f"{wheels[name].name} and {path.name}: two wheels of one project")
    return merge(entry for _, path in sorted(wheels.items()) for entry in wheel_entries(path, python, inflater))


def runtime_layer(interpreter: str, version: str) -> list[Entry]:
    """Return the virtual environment itself, for the interpreter at that path with that full version, 3.N.P."""
    short = re.match(r"3\.\d+(?=\.\d|$)", version)
    if not short or not interpreter.startswith("/"):
        raise Refused("python", f"{interpreter!r} {version!r}: an absolute path and a version 3.N.P are needed")
    check_path("interpreter", interpreter[1:])
    home = posixpath.dirname(interpreter)
    config = f"home = {home}\ninclude-system-site-packages = false\nversion = {version}\n"
    links = [
        Entry(f"{VENV}/bin/{name}", "link", 0o777, target=interpreter, origin="runtime")
        for name in ("python", "python3", f"python{short[0]}")
    ]
    return merge([file_entry(f"{VENV}/pyvenv.cfg", config.encode(), executable=False, origin="runtime"), *links])


def application_layer(files: Iterable[tuple[str, bytes | Path, bool]]) -> list[Entry]:
    """Return the entries of (path below /app, content or a file on disk, executable)."""
    entries = []
    for path, content, executable in files:
        target = f"{APPLICATION}/{path}"
        check_path("application", target)
        if isinstance(content, Path):
            entries.append(disk_entry(target, content, executable=executable, origin="application"))
        else:
            entries.append(file_entry(target, content, executable=executable, origin="application"))
    return merge(entries)


def folder_layer(path: str) -> list[Entry]:
    """Return the entries of an absolute path's folders, for a base that does not have them."""
    check_path("folder", path[1:])
    return merge([Entry(path[1:], "dir", 0o755, origin="folder")])


def workdir_layer() -> list[Entry]:
    """Return the entries of the layer of a working directory, which is there already: none.

    A Dockerfile cannot set a working directory without a layer, so every engine writes this one.
    """
    return []
