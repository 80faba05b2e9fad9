"""The root of Debian packages, and the layer of the files that the scripts of all packages would have made."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from onedigest.assembler import deb
from onedigest.assembler.configuration import configuration
from onedigest.assembler.configuration.file_list import read_list
from onedigest.assembler.configuration.system import System
from onedigest.assembler.debian_packages import ordered, read_packages, unpacked
from onedigest.assembler.entry import Entry, file_entry, owner_of
from onedigest.assembler.refusal import Refused

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
    packages = read_packages(paths)
    found = unpacked(packages)
    made = [*_accounts(found, user), *_settings(found), *_merged_links(found)]
    for entry in made:
        found[entry.path] = entry
    return ordered({**found, **configuration(System(found, packages))})


def debian_configuration_layer(paths: Iterable[Path], below: Path | None = None) -> list[Entry]:
    """Return what the maintainer scripts of all packages of an image would have made, for a layer above them.

    `below` is the list of the files of an image that the packages are put above.
    """
    packages = read_packages(paths)
    found = unpacked(packages)
    made = configuration(System({**(read_list(below) if below else {}), **found}, packages))
    return ordered({**_folders_above(made, found), **made})


def _folders_above(paths: Iterable[str], found: Mapping[str, Entry]) -> dict[str, Entry]:
    """Return the folders above some paths that packages bring, which stay as these have them."""
    above = {path[:end] for path in paths for end, letter in enumerate(path) if letter == "/"}
    return {path: found[path] for path in above if path in found and found[path].kind == "dir"}


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
