"""Requirements that are a place alone, such as `-e .`, rewritten with the project's name before the place."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from packaging.utils import InvalidSdistFilename, InvalidWheelFilename, parse_sdist_filename, parse_wheel_filename

from onedigest.assembler.file_tree import is_below
from onedigest.definition import unnamed
from onedigest.definition.spec import requirement
from onedigest.definition.uv_project.pyproject import FILE, read_pyproject
from onedigest.errors import InputError
from onedigest.untrusted import quoted

_EDITABLE = re.compile(r"(?:-e|--editable)(?:\s+|=)")
_PARTS = re.compile(r"(?P<place>\S.*?)(?P<extras>\[[^\[\]]*\])?(?P<marker>\s+;.*)?", re.DOTALL)
_NAMED = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*\s*(?:\[[^\[\]]*\])?)\s*@\s*(?P<rest>\S.*)", re.DOTALL)
_PATH = re.compile(r"(?:\.{1,2}(?:\[|$)|file:)|[^:@\s]*/[^:@\s]*$")
"""What is a path, and no name of a package."""
_FILES = (".whl", ".tar.gz", ".zip")
_LONGEST = 8192


@dataclass(frozen=True, kw_only=True, slots=True)
class LocalFolders:
    """What places are read against: `root` is what none may leave, and `folder` what they are stated from."""

    root: Path
    folder: Path

    def named(self, text: str, base: Path, where: str) -> str:
        """Return a requirement whose place has a name before it, and is a path from the folder where it is local.

        `base` is what its path is from. Raises `InputError` for what is no requirement.
        """
        bare = _EDITABLE.sub("", text.strip(), count=1).strip()
        text = bare if bare == text.strip() else bare.strip("\"'")
        hint = unnamed.corrected_form(text)
        try:
            match = _NAMED.fullmatch(text) if len(text) <= _LONGEST and not unnamed.is_place(text) else None
            if match and _is_local(match["rest"]):
                place, marker = _split_marker(match["rest"])
                return str(requirement(f"{match['name']} @ {self._moved(place, base)}{marker}"))
            is_place = bool(hint) or _PATH.match(_split_marker(text)[0]) is not None
            is_plain = len(text) > _LONGEST or not is_place or _is_requirement(text)
            return str(requirement(text)) if is_plain else self._with_name(text, base, where, hint)
        except ValueError as error:
            if not hint or "tool.uv" in hint:  # no step of Flyte has that table
                hint = "name a package as `name==1.2`, or a wheel as `name @ URL`"
            raise InputError.of(f"{quoted(text)} is not a requirement: {error}", where=where, hint=hint) from None

    def _with_name(self, text: str, base: Path, where: str, hint: str) -> str:
        """Return what is at a place with its project's name. Raises `InputError` where none is known."""
        place, marker = _split_marker(text)
        if not _is_local(place):
            if name := _name_in_address(place):
                return str(requirement(f"{name} @ {_without_egg(place)}{marker}"))
            raise InputError.of(f"{quoted(text)} names no project", where=where, hint=hint)
        parts = _PARTS.fullmatch(place)
        path, extras = (parts["place"], parts["extras"] or "") if parts else (place, "")
        name = _name_of_file(path) if path.endswith(_FILES) else self._name_of_folder(_path(path, base), path, where)
        return str(requirement(f"{name}{extras} @ {self._moved(path, base)}{marker}"))

    def _name_of_folder(self, path: Path, shown: str, where: str) -> str:
        """Return the name of the project in a folder. Raises `InputError` where none states it."""
        if not is_below(path, self.root):
            message = f"{quoted(shown)} is not below {self.root.name}, the folder that holds the locks"
            raise InputError.of(message, where=where, hint="move it there")
        if not (path / FILE).is_file():
            kind = "has no pyproject.toml, which names the project" if path.is_dir() else "is no folder"
            hint = f"write the project's name before it, as `NAME @ {shown}`" if path.is_dir() else "correct the path"
            raise InputError.of(f"{quoted(shown)} {kind}", where=where, hint=hint)
        found = read_pyproject(path.resolve(), self.root, os.path.relpath(path.resolve() / FILE, self.root)).name
        if not found:
            message = f"the pyproject.toml of {quoted(shown)} names no project"
            hint = f"write `name` in its [project], or the name before the place, as `NAME @ {shown}`"
            raise InputError.of(message, where=where, hint=hint)
        return found

    def _moved(self, place: str, base: Path) -> str:
        """Return a local place as it is stated: a path from the folder, so that it is the same on every machine."""
        path, mark, fragment = place.partition("#")
        found = _path(path, base)
        inside = os.path.relpath(found.parent.resolve() / found.name if found.name else found, self.folder)
        return quote(inside if inside.startswith("..") else f"./{inside}") + mark + fragment


def _path(place: str, base: Path) -> Path:
    text = re.sub(r"^file:(?://(?:localhost(?=/))?)?", "", place)
    return Path(os.path.normpath(base / (unquote(text) if text != place else text)))


def _is_local(place: str) -> bool:
    is_address = "://" in place or place.startswith("git+") or bool(unnamed.ssh_address(place))
    return place.startswith("file:") or not is_address


def _is_requirement(text: str) -> bool:
    try:
        return bool(requirement(text))
    except ValueError:
        return False


def _split_marker(text: str) -> tuple[str, str]:
    """Return an address, and its marker with the space before it."""
    place, semicolon, marker = text.partition(" ;")
    return place.strip(), f" ;{marker}" if semicolon else ""


def _name_in_address(address: str) -> str:
    """Return the name that an address states: in its mark, as pip takes it, or in the name of a file."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    egg = dict(parse_qsl(parts.fragment)).get("egg", "")
    return egg or _name_of_file(unquote(parts.path))


def _without_egg(address: str) -> str:
    place, _, fragment = address.partition("#")
    left = urlencode([(key, value) for key, value in parse_qsl(fragment) if key != "egg"], safe="/")
    return f"{place}#{left}" if left else place


def _name_of_file(path: str) -> str:
    """Return the name of a project by that of its wheel or its source distribution, or nothing."""
    name = path.rpartition("/")[2]
    try:
        return str(parse_wheel_filename(name)[0] if name.endswith(".whl") else parse_sdist_filename(name)[0])
    except (InvalidWheelFilename, InvalidSdistFilename):
        return ""
