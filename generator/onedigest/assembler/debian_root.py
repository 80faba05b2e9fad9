"""Knows how Debian packages become layers without running anything: their files, and what their scripts would make."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from onedigest.assembler import deb
from onedigest.assembler.configuration import configuration
from onedigest.assembler.configuration.file_list import read_list
from onedigest.assembler.configuration.system import System
from onedigest.assembler.entry import Entry, file_entry, layer_order, owner_of
from onedigest.assembler.refusal import Refused
from onedigest.assembler.spool import Spool

STATUS = "var/lib/dpkg/status.d"
"""Where scanners look for the packages of an image without dpkg."""

_MADE = "base"
_PASSWD = "usr/share/base-passwd/passwd.master"  # noqa: S105  a path
_GROUP = "usr/share/base-passwd/group.master"
_NSSWITCH = ("usr/share/libc-bin/nsswitch.conf", "usr/share/base-files/nsswitch.conf")
"""Where the order of name services is, since Debian 12 and before."""

_NUMBER = re.compile(r"[0-9]{1,10}")
_USER_NAME = "nonroot"


def debian_root_layer(paths: Iterable[Path], user: str) -> list[Entry]:
    """Return the root file system of a base, for a `user` of the form UID:GID.

    What maintainer scripts would have made and Python programs need is made here: users and groups, the CA bundle,
    name service order, /tmp, and the links of a merged /usr.
    """
    packages = _read(paths)
    found = _unpacked(packages)
    made = [*_accounts(found, user), *_settings(found), *_merged_links(found)]
    for entry in made:
        found[entry.path] = entry
    return _ordered({**found, **configuration(System(found, packages))})


def debian_packages_layer(paths: Iterable[Path]) -> list[Entry]:
    """Return the files of further packages, for a layer above the base."""
    return _ordered(_unpacked(_read(paths)))


def debian_configuration_layer(paths: Iterable[Path], below: Path | None = None) -> list[Entry]:
    """Return what the maintainer scripts of all packages of an image would have made, for a layer above them.

    `below` is the list of the files of an image that the packages are put above.
    """
    packages = _read(paths)
    found = _unpacked(packages)
    made = configuration(System({**(read_list(below) if below else {}), **found}, packages))
    return _ordered({**_folders_above(made, found), **made})


def _folders_above(paths: Iterable[str], found: Mapping[str, Entry]) -> dict[str, Entry]:
    """Return the folders above some paths that packages bring, which stay as these have them."""
    above = {path[:end] for path in paths for end, letter in enumerate(path) if letter == "/"}
    return {path: found[path] for path in above if path in found and found[path].kind == "dir"}


def _read(paths: Iterable[Path]) -> tuple[deb.Package, ...]:
    spool = Spool()
    return tuple(sorted((deb.read(path, spool) for path in paths), key=lambda package: package.name))


def _unpacked(packages: Iterable[deb.Package]) -> dict[str, Entry]:
    found: dict[str, Entry] = {}
    for package in packages:
        for entry in (*package.entries, *_status(package)):
            old = found.setdefault(entry.path, entry)
            if old is not entry and not _agree(old, entry):
                raise Refused(
                    "conflict", f"{old.origin} and {entry.origin}: both bring /{entry.path}, with different content"
                )
    return found


def _agree(old: Entry, new: Entry) -> bool:
    """Tell whether the first of two entries may stand for both: directories keep the mode of the first package."""
    if old.kind == new.kind == "dir":
        return True
    one, other = ((each.kind, each.digest, each.target, each.mode, each.uid, each.gid) for each in (old, new))
    return one == other


def _status(package: deb.Package) -> Iterator[Entry]:
    yield _file(f"{STATUS}/{package.name}", package.control.rstrip(b"\n") + b"\n")
    if package.md5sums:
        yield _file(f"{STATUS}/{package.name}.md5sums", package.md5sums)


def _accounts(found: dict[str, Entry], user: str) -> Iterator[Entry]:
    uid, gid = owner_of(user)
    passwd, group = _lines(found, _PASSWD, 7), _lines(found, _GROUP, 4)
    if all(int(fields[2]) != gid for fields in group):
        group.append([_USER_NAME, "*", str(gid), ""])
    home = f"home/{_USER_NAME}"
    if all(int(fields[2]) != uid for fields in passwd):
        passwd.append([_USER_NAME, "*", str(uid), str(gid), _USER_NAME, f"/{home}", "/usr/sbin/nologin"])
    if uid:  # the homes of Debian's own users are not for them to write to, but that of the superuser
        yield Entry(home, "dir", 0o755, origin=_MADE, uid=uid, gid=gid)
    for path, rows in (("etc/passwd", passwd), ("etc/group", group)):
        yield _file(path, "".join(":".join([row[0], "*", *row[2:]]) + "\n" for row in rows).encode())


def _settings(found: dict[str, Entry]) -> Iterator[Entry]:
    yield Entry("tmp", "dir", 0o1777, origin=_MADE)
    if order := next((found[path] for path in _NSSWITCH if path in found), None):
        yield replace(order, path="etc/nsswitch.conf")


def _merged_links(found: dict[str, Entry]) -> Iterator[Entry]:
    for name in deb.MERGED:
        if any(path == f"usr/{name}" or path.startswith(f"usr/{name}/") for path in found):
            yield Entry(name, "link", 0o777, target=f"usr/{name}", origin=_MADE)


def _ordered(found: dict[str, Entry]) -> list[Entry]:
    """Return entries in layer order, with parents, and hard links that point to the first of their paths."""
    rebased = {**found, **{entry.path: entry for entry in _rebased(found)}}
    for path in list(rebased):
        folder = path.rpartition("/")[0]
        while folder and folder not in rebased:
            rebased[folder] = Entry(folder, "dir", 0o755, origin=_MADE)
            folder = folder.rpartition("/")[0]
        if folder and rebased[folder].kind != "dir":
            raise Refused("conflict", f"{rebased[path].origin}: /{path} lies below /{folder}, which is no directory")
    return sorted(rebased.values(), key=layer_order)


def _rebased(found: dict[str, Entry]) -> Iterator[Entry]:
    groups: dict[str, list[Entry]] = {}
    for entry in found.values():
        if entry.kind == "hardlink":
            groups.setdefault(entry.target, []).append(entry)
    for target, links in groups.items():
        original = found.get(target)
        if original is None or original.kind != "file":
            raise Refused("deb", f"{links[0].origin}: /{links[0].path} is a hard link to /{target}, which is no file")
        first, *others = sorted([original, *links], key=layer_order)
        yield replace(original, path=first.path)
        for entry in others:
            yield replace(original, path=entry.path, kind="hardlink", size=0, content=b"", target=first.path)


def _lines(found: dict[str, Entry], path: str, count: int) -> list[list[str]]:
    """Return the lines of a table of accounts, in so many fields; the third is a number."""
    if path not in found or found[path].kind != "file":
        raise Refused("deb", f"/{path} is missing: the base needs the package base-passwd")
    try:
        rows = [line.split(":") for line in deb.content_of(found[path]).decode().split("\n") if line]
    except UnicodeDecodeError:
        raise Refused("deb", f"{found[path].origin}: /{path} is not UTF-8") from None
    if any(len(row) != count or not _NUMBER.fullmatch(row[2]) for row in rows):
        raise Refused("deb", f"{found[path].origin}: /{path} is no table of accounts")
    return rows


def _file(path: str, content: bytes) -> Entry:
    return file_entry(path, content, executable=False, origin=_MADE)
