"""The programs that an image lacks: what scripts start with, and what a container is to run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from onedigest.assembler import VENV
from onedigest.definition.files import File
from onedigest.definition.spec import Spec
from onedigest.errors import Problem
from onedigest.missing.facts import interpreter_of, merged, program_folders
from onedigest.missing.image_contents import ImageContents
from onedigest.missing.libraries import MissingFile, grouped

_HEAD = 256


def missing_interpreters(images: Iterable[ImageContents], search: Sequence[str]) -> list[MissingFile]:
    """Return the programs that scripts in folders of programs start with, and that are not there.

    Scripts of a base are not looked at: nobody asked for them. `search` are the folders of the search path.
    """
    found = []
    for contents in images:
        for each in contents.inputs:
            for path, line in each.facts.started if each.asked else ():
                found += [(name, each.label, path, contents.platform) for name in _lacking(line, contents, search)]
    return grouped(found)


def _lacking(line: str, contents: ImageContents, search: Sequence[str]) -> Iterator[str]:
    path, named = interpreter_of(line)
    if path.startswith("/") and not contents.has_program(path):
        yield path
    if named and not named.startswith("/") and not contents.finds_program(named, search):
        yield f"/usr/bin/{named}"
    if named.startswith("/") and not contents.has_program(named):
        yield named


def entrypoint_problem(
    spec: Spec, images: Sequence[ImageContents], files: Sequence[File], search: Sequence[str], where: str
) -> Problem | None:
    """Return why a container could not start, or nothing: its program is not there, or is none."""
    command = (*spec.entrypoint, *spec.args)
    if not command:
        return None
    name = command[0]
    own = {file.path_in(spec.root): file for file in files}
    if "/" not in name:
        places = [f"{folder.rstrip('/')}/{name}" for folder in search]
    else:
        places = [name if name.startswith("/") else f"{spec.workdir.rstrip('/')}/{name.removeprefix('./')}"]
    for place in places:
        if place in own:
            return _unfit(own[place], name, where, images, search)
    for contents in images:
        there = next((place for place in places if contents.has_program(place)), "")
        if there and contents.is_barred(there, spec.user):
            message = f"the user {spec.user} may not execute `{there}` of `entrypoint`"
            return Problem(message, where, "set `user`, or the path of another program")
        if not any(contents.has_program(place) for place in places) and _is_known(places, own, contents):
            if "/" not in name:
                message = f"the program `{name}` of `entrypoint` is in no folder of the image's PATH"
                near = next((path for path in own if path.rpartition("/")[2] == name), "")
                hint = (
                    f"write its path, `{near}`"
                    if near
                    else "name the package that has it in `dependencies` or `system-packages`"
                )
            else:
                message = f"the program `{name}` of `entrypoint` is not in the image"
                hint = "a path that is not absolute is one from `workdir`" if not name.startswith("/") else ""
            return Problem(message, where, hint)
    return None


def _is_known(places: Sequence[str], own: Mapping[str, File], contents: ImageContents) -> bool:
    """Tell whether all that is in a folder is known: folders of programs, those of the application."""
    folders = {path.rpartition("/")[0] for path in own}
    above = [place.rpartition("/")[0] for place in places]
    known = {*program_folders(contents.venv), *program_folders(VENV)}
    return any(folder in folders or merged(folder) in known for folder in above)


def _unfit(file: File, name: str, where: str, images: Sequence[ImageContents], search: Sequence[str]) -> Problem | None:
    head = file.content[:_HEAD] if isinstance(file.content, bytes) else _head(file.content)
    if not file.executable:
        hint = f"run `chmod +x {file.place}`"
        if file.place.endswith(".py"):
            hint = f'write `entrypoint = ["python", "{name}"]`'
        return Problem(f"`{name}` of `entrypoint` is not executable", where, hint)
    if head.startswith(b"\x7fELF"):
        return None
    if not head.startswith(b"#!"):
        message = f"`{name}` of `entrypoint` is no program: its first line does not begin with `#!`"
        return Problem(message, where, "begin it with such as `#!/usr/bin/env python3`")
    line = head.partition(b"\n")[0].decode("utf-8", "replace")
    if line.endswith("\r"):
        return Problem(f"the first line of `{name}` of `entrypoint` ends with a carriage return", where, "use LF")
    lacking = [each for contents in images for each in _lacking(line, contents, search)]
    if lacking:
        return Problem(f"`{name}` of `entrypoint` starts with {lacking[0]}, which is not in the image", where)
    return None


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_HEAD)
    except OSError:
        return b""
