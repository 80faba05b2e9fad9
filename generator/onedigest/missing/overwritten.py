"""The application files at places of their own that would be in the way of what Debian packages bring."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import NamedTuple

from onedigest.assembler.configuration import configuration
from onedigest.assembler.configuration.system import System
from onedigest.assembler.debian_packages import read_packages, unpacked
from onedigest.assembler.entry import Entry
from onedigest.assembler.places import folders_above
from onedigest.assembler.refusal import Refused
from onedigest.digest import canonical_json, hex_of
from onedigest.errors import Problem
from onedigest.lock.base.packages import DebianPackage
from onedigest.missing import FORMAT
from onedigest.missing.model import CheckedImage
from onedigest.plan.base_folders import debian_folders
from onedigest.plan.placed_files import absolute_paths
from onedigest.platforms import Platform
from onedigest.store import Store

_HINT = "choose another place, or leave the package out"
_PLAIN = (0o755, 0, 0)
_KINDS = {"dir": "a folder", "link": "a link"}


class _Owned(NamedTuple):
    """A path of a system, and what messages call the packages that have it."""

    entry: Entry
    label: str


def replaced_files(image: CheckedImage, store: Store) -> list[Problem]:
    """Return a problem for each file that Debian packages have at its place, or keep its folder from others.

    Of packages that were never on this machine nothing is known. What was found once is cached under the plan's digest.
    """
    if not absolute_paths(image.files):
        return []
    name, where = f"missing/{FORMAT}/replaced/{hex_of(image.plan)}", image.where("copy")
    if (note := store.read_note(name)) is not None:
        with suppress(ValueError, TypeError):
            return [Problem(str(each), where, _HINT) for each in json.loads(note)]
    messages: list[str] = []
    for platform in image.platforms:
        packages = [each for each in image.lock.base.debian_packages if platform in each.platforms]
        if not all(store.has(each.digest) for each in packages):
            return []
        messages += _messages(image, platform, _entries(packages, store))
    found = list(dict.fromkeys(messages))
    store.write_note(name, canonical_json(found))
    return [Problem(each, where, _HINT) for each in found]


def _entries(packages: Iterable[DebianPackage], store: Store) -> Mapping[str, _Owned]:
    """Return what packages bring and what is made of it; nothing of packages that no layer can be made of."""
    try:
        read = read_packages([store.path(each.digest) for each in packages])
        made = configuration(System(unpacked(read), read))
    except Refused:
        return {}
    found: dict[str, _Owned] = {}
    for each in read:
        for entry in each.entries:
            found.setdefault(entry.path, _Owned(entry, f"Debian's {each.name}"))
    for path, entry in made.items():  # above what packages bring
        found[path] = _Owned(entry, found[path].label if path in found else "Debian's packages")
    return found


def _messages(image: CheckedImage, platform: Platform, there: Mapping[str, _Owned]) -> Iterator[str]:
    files = {file.target: file.place for file in image.files if file.target.startswith("/")}
    for path, place in files.items():
        if (owned := there.get(path[1:])) is not None:
            yield f"`copy` brings {place} to {path}, which is {_kind(owned)} of {owned.label}"
    known = debian_folders(image.lock.base.suite, image.spec.user, platform).odd
    for folder in sorted(folders_above(files) - known.keys()):
        owned = there.get(folder[1:])
        if owned and (wrong := _wrong(owned)):
            place = next(place for path, place in files.items() if path.startswith(f"{folder}/"))
            yield f"`copy` brings {place} below {folder}, which {wrong} {owned.label}"


def _kind(owned: _Owned) -> str:
    return _KINDS.get(owned.entry.kind, "a file")


def _wrong(owned: _Owned) -> str:
    """Return what is wrong with a folder above a file of the application, nothing for one that is plainly root's."""
    entry = owned.entry
    if entry.kind != "dir":
        return f"is {_kind(owned)} of"
    return "" if (entry.mode & 0o7777, entry.uid, entry.gid) == _PLAIN else "has another mode or owner in"
