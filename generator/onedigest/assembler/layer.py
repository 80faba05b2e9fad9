"""The kinds of layers and the entries that each of them holds (docs/formats/layers.md, section 6)."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from onedigest.assembler import VENV
from onedigest.assembler.disk_file import disk_entry
from onedigest.assembler.entry import Entry, check_path, file_entry, ignore, merge, owner_of
from onedigest.assembler.places import why_unfit
from onedigest.assembler.refusal import Refused

if TYPE_CHECKING:
    from onedigest.assembler.zip_member import Inflater

APPLICATION = "/app"
"""Where the files of an application are, unless another folder is named."""

PLACE = f"/{VENV}"
"""Where the virtual environment is, unless another folder is named."""

ROOT = "0:0"

_KNOWN = re.compile(r"/(?P<path>[^=,]+)=(?P<mode>[0-7]{4}):(?P<owner>[0-9]+:[0-9]+)")
_IDENTITY = re.compile(r"(?P<file>[^=,]+)=(?P<name>[^=,]+)==(?P<version>[^=,]+)")
_ESCAPE = re.compile(r"%(25|2C|3D)")
"""Of a percent sign, and of what separates the parts of a list of known folders."""
_ENVIRONMENT = re.compile(r"(?:/[A-Za-z0-9][A-Za-z0-9._+-]{0,62}){1,4}")
"""What the first line of a launcher can name: no space, and not longer than any kernel reads (execve(2))."""
_MODE = re.compile(r"[0-7]{4}")
_VERSION = re.compile(r"(3\.[0-9]{1,4})(?:\.[0-9][0-9A-Za-z.+-]{0,20})?")


def wheels_layer(
    paths: Iterable[Path],
    python: str,
    inflater: Inflater | None = None,
    place: str = PLACE,
    tell: Callable[[str], object] = ignore,
    stated: str = "",
) -> list[Entry]:
    """Return the entries of one or several wheels; two wheels of one project are refused (`conflict`).

    They belong to the virtual environment at the absolute path `place`. `tell` takes what is odd about a wheel.
    `stated` is FILE=NAME==VERSION of wheels that are not of what their file names say, with commas between.
    """
    from onedigest.assembler.overlap import settled

    return merge(settled(_wheels(paths, python, inflater, place, tell, stated)))


def _wheels(
    paths: Iterable[Path],
    python: str,
    inflater: Inflater | None,
    place: str,
    tell: Callable[[str], object],
    stated: str,
) -> dict[str, list[Entry]]:
    """Return the files of each wheel by its file name, in the order of normalised names."""
    from onedigest.assembler.wheel import wheel_entries
    from onedigest.assembler.wheel_metadata import canonical_name, file_name_identity

    venv = _environment(place)
    identities = read_stated(stated)
    wheels: dict[str, Path] = {}
    for path in paths:
        identity = identities.setdefault(path.name, file_name_identity(path.name))
        other = wheels.setdefault(canonical_name(identity[0]), path)
        if other is not path:
            raise Refused("conflict", f"{other.name} and {path.name}: two wheels of one project")
    return {
        path.name: wheel_entries(path, python, inflater, venv, tell, identities[path.name])
        for _, path in sorted(wheels.items())
    }


def read_stated(stated: str) -> dict[str, tuple[str, str]]:
    """Return the projects and versions that wheels are of, by the names of their files, where these do not say it."""
    return dict(map(_read_identity, filter(None, stated.split(","))))


def _read_identity(text: str) -> tuple[str, tuple[str, str]]:
    """Return the name of a wheel's file, and the project and version that it is of."""
    match = _IDENTITY.fullmatch(text)
    if not match:
        raise Refused("identity", f"{text!r} is not FILE=NAME==VERSION")
    return match["file"], (match["name"], match["version"])


def virtual_environment_layer(
    interpreter: str,
    version: str,
    place: str = PLACE,
    wheels: Iterable[Path] = (),
    inflater: Inflater | None = None,
    stated: str = "",
) -> list[Entry]:
    """Return the virtual environment itself, for the interpreter at that path with that full version, 3.N.P.

    Where layers below have several `wheels`, it brings what is to be at the paths that they share. `stated` is as for
    a layer of them.
    """
    from onedigest.assembler.overlap import clashing_paths, remedies

    venv = _environment(place)
    short = _VERSION.fullmatch(version)
    if not short or not interpreter.startswith("/"):
        raise Refused("python", f"{interpreter!r} {version!r}: an absolute path and a version 3.N.P are needed")
    check_path("interpreter", interpreter[1:])
    home = posixpath.dirname(interpreter)
    config = f"home = {home}\ninclude-system-site-packages = false\nversion = {version}\n"
    links = [
        Entry(f"{venv}/bin/{name}", "link", 0o777, target=interpreter, origin="virtual environment")
        for name in ("python", "python3", f"python{short[1]}")
    ]
    own = file_entry(f"{venv}/pyvenv.cfg", config.encode(), executable=False, origin="virtual environment")
    found = _wheels(wheels, short[1], inflater, place, ignore, stated)
    for clash in clashing_paths(found):
        raise Refused("conflict", str(clash))
    return merge([own, *links, *remedies(found)])


def application_layer(
    files: Iterable[tuple[str, bytes | Path, bool]], root: str = APPLICATION, owner: str = ROOT, known: str = ""
) -> list[Entry]:
    """Return the entries of (path below the folder `root` or absolute one, content or a file on disk, executable).

    That folder and all below it belong to `owner`, UID:GID, and so do files elsewhere with the folders that are made
    for them: those that are `known` stay as they are. The folders above `root` are those of the superuser.
    """
    _check_absolute("application", root)
    entries = []
    for path, content, executable in files:
        target = path[1:] if path.startswith("/") else f"{root[1:]}/{path}"
        check_path("application", target)
        _check_place(path)
        if isinstance(content, Path):
            entries.append(disk_entry(target, content, executable=executable, origin="application"))
        else:
            entries.append(file_entry(target, content, executable=executable, origin="application"))
    return _owned(merge(entries), root[1:], owner, known)


def folder_layer(path: str, owner: str = ROOT, known: str = "", mode: str = "0755") -> list[Entry]:
    """Return the entries of an absolute path's folders; the last of them has `mode`, and is of `owner`, UID:GID.

    `known` is PATH=MODE:UID:GID of folders that the base has otherwise than plainly root's, with commas between. A
    layer has an entry for each folder above its files, which must not make another one of a folder that is there.
    """
    _check_absolute("folder", path)
    if not _MODE.fullmatch(mode):
        raise Refused("mode", f"{mode!r} is not four octal digits")
    return _owned(merge([Entry(path[1:], "dir", int(mode, 8), origin="folder")]), path[1:], owner, known)


def account_layer(user: str, home: str = "", passwd: str = "", group: str = "") -> list[Entry]:
    """Return the entries of the account of a user, UID:GID: a home folder, and the tables of accounts, whole.

    What is empty is as the base has it.
    """
    tables = (("etc/passwd", passwd), ("etc/group", group))
    entries = [file_entry(path, text.encode(), executable=False, origin="account") for path, text in tables if text]
    return merge([*entries, *(folder_layer(home, user)[-1:] if home else ())])


def _check_place(path: str) -> None:
    """Refuse an absolute path that no file of an application may have (`place`)."""
    if path.startswith("/") and (why := why_unfit(path)[0]):
        raise Refused("place", f"application: {why}")


def _check_absolute(origin: str, path: str) -> None:
    if not path.startswith("/"):
        raise Refused("name", f"{origin}: path {path!r} is not absolute")
    check_path(origin, path[1:])


def _environment(place: str) -> str:
    """Return the path in a layer of a virtual environment."""
    if not _ENVIRONMENT.fullmatch(place):
        raise Refused("name", f"virtual environment: {place!r} is no plain absolute path")
    return place[1:]


def _owned(entries: list[Entry], folder: str, owner: str, known: str) -> list[Entry]:
    uid, gid = owner_of(owner)
    there = {each.path: each for each in map(_read_known, filter(None, known.split(",")))}

    def placed(entry: Entry) -> Entry:
        is_known = entry.kind == "dir" and entry.path in there
        found = there[entry.path] if is_known else entry
        is_inside = f"{entry.path}/".startswith(f"{folder}/")
        is_made = not is_known and not f"{folder}/".startswith(f"{entry.path}/")
        # a volume of the user's may be among files of the superuser
        keeps_owner = is_known and owner == ROOT and entry.path != folder
        return replace(found, uid=uid, gid=gid) if is_made or (is_inside and not keeps_owner) else found

    return [placed(entry) for entry in entries]


def _read_known(text: str) -> Entry:
    """Return a folder of the base as it is there."""
    match = _KNOWN.fullmatch(text)
    if not match:
        raise Refused("known", f"{text!r} is not PATH=MODE:UID:GID")
    uid, gid = owner_of(match["owner"])
    path = _ESCAPE.sub(lambda escape: chr(int(escape[1], 16)), match["path"])
    return Entry(path, "dir", int(match["mode"], 8), origin="base", uid=uid, gid=gid)


def working_directory_layer() -> list[Entry]:
    """Return the entries of the layer of a working directory, which is there already: none.

    A Dockerfile cannot set a working directory without a layer, so every engine writes this one.
    """
    return []
