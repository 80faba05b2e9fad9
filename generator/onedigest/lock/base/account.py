"""The account of an image's user in a base of a registry: its home, and the tables of accounts that lack it."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from onedigest import untrusted
from onedigest.lock.table import Table
from onedigest.lock.toml import lines, string
from onedigest.oci.rootfs import Node, Rootfs

PASSWD, GROUP = "etc/passwd", "etc/group"
NAME = "nonroot"
"""Of the user and the group that are added, where nobody else has it."""

_SUPERUSER = 0
_PLAIN = (0o755, _SUPERUSER)
_WRITABLE_BY_OWNER, _WRITABLE_BY_ALL = 0o300, 0o003
_HOME_FIELD = 5
_SHADOWED, _LOCKED = "x", "*"
_NO_SHELL = "/usr/sbin/nologin"

_MOST_BYTES = 64 << 10
"""Of a table, which is one argument of the assembler (MAX_ARG_STRLEN is twice that)."""
_LONGEST_LINE = 1024
_OWN_HOME = re.compile(rf"(?:/home)?/{NAME}(?:-[0-9]{{1,10}}){{0,2}}|/{NAME}(?:-[0-9]{{1,10}})?-home")
"""Homes that are made: what a layer makes there is the user's, and so no folder of anybody else."""
_OWN_USER = re.compile(
    rf"({NAME}(?:-[0-9]{{1,10}})?):{re.escape(_LOCKED)}:[0-9]{{1,10}}:[0-9]{{1,10}}:\1:(/[^:]*):{_NO_SHELL}"
)
_OWN_GROUP = re.compile(rf"{NAME}(?:-[0-9]{{1,10}})?:{re.escape(_LOCKED)}:[0-9]{{1,10}}:")
_ROW = re.compile(r"[^:]*:[^:]*:([0-9]{1,10}):.*")
_UNWRITABLE = re.compile(r"[\x00-\x1f\x7f\u0080-\u009f\u2028\u2029]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """The account of a user. `has_home` tells whether the base has that folder, for the user to write to.

    `passwd` and `group` are the lines of those files with the user in them (passwd(5), group(5)), where the base has no
    such user; without lines a file stays as it is.
    """

    home: str
    has_home: bool
    passwd: tuple[str, ...] = ()
    group: tuple[str, ...] = ()

    def is_of(self, user: str) -> bool:
        """Tell whether what is added is about a user, UID:GID."""
        uid, gid = map(int, user.split(":"))
        pairs = ((self.passwd, uid), (self.group, gid))
        return all(not rows or _number(rows[-1]) == number for rows, number in pairs)


def find_account(rootfs: Rootfs, user: str) -> Account:
    """Return the account of a user, UID:GID, in a base; what cannot be read or written plainly stays as it is."""
    uid, gid = map(int, user.split(":"))
    passwd, group = _table(rootfs, PASSWD), _table(rootfs, GROUP)
    own = next((row.split(":") for row in passwd or () if _number(row) == uid), None)
    names = {row.partition(":")[0] for row in (*(passwd or ()), *(group or ()))}
    name = f"{NAME}-{uid}" if NAME in names else NAME
    stated = own[_HOME_FIELD] if own and len(own) > _HOME_FIELD else ""
    home = stated if _is_home(rootfs, stated, uid) else _free_home(rootfs, name, uid)
    user_row = f"{name}:{_LOCKED}:{uid}:{gid}:{name}:{home}:{_NO_SHELL}"
    return Account(
        home=home,
        has_home=_is_home(rootfs, home, uid),
        passwd=() if own or passwd is None else (*passwd, user_row),
        group=_with_group(group, name, gid),
    )


def _with_group(group: tuple[str, ...] | None, name: str, gid: int) -> tuple[str, ...]:
    if group is None or any(_number(row) == gid for row in group):
        return ()
    return (*group, f"{name}:{_LOCKED}:{gid}:")


def _table(rootfs: Rootfs, path: str) -> tuple[str, ...] | None:
    """Return the lines of a table without hashes of passwords, None for one that cannot be replaced by another."""
    folder, node = rootfs.plain("etc"), rootfs.plain(path)
    if folder and (folder.kind, folder.mode, folder.owner) != ("dir", *_PLAIN):
        return None  # a layer above would make another folder of it
    if node is None:
        return ()
    place = rootfs.find(path)
    text = (place[1].facts or {}).get("text") if place else None
    if text is None:
        return None
    rows = tuple(_without_hash(row.rstrip("\r")) for row in text.split("\n") if row.strip())
    return rows if all(map(_is_plain, rows)) and _fits(rows) else None


def _fits(rows: tuple[str, ...]) -> bool:
    return sum(len(row.encode()) + 1 for row in rows) <= _MOST_BYTES


def _is_plain(row: str) -> bool:
    """Tell whether a line can be an argument; one that begins as an option does is of NIS."""
    return 0 < len(row) <= _LONGEST_LINE and not row.startswith("-") and not _UNWRITABLE.search(row)


def _without_hash(row: str) -> str:
    name, colon, rest = row.partition(":")
    password, second, others = rest.partition(":")
    return f"{name}:{password if password == _SHADOWED else _LOCKED}{second}{others}" if colon else row


def _number(row: str) -> int:
    match = _ROW.fullmatch(row)
    return int(match[1]) if match else -1


def _is_home(rootfs: Rootfs, path: str, uid: int) -> bool:
    """Tell whether a user may write to a folder, which no link leads to."""
    try:
        place = rootfs.find(untrusted.absolute_path(path))
    except ValueError:
        return False
    if not place or f"/{place[0]}" != path or place[1].kind != "dir":
        return False
    return uid == _SUPERUSER or _may_write(place[1], uid)


def _may_write(node: Node, uid: int) -> bool:
    wanted = _WRITABLE_BY_OWNER if node.owner == uid else _WRITABLE_BY_ALL
    return node.mode & wanted == wanted


def _free_home(rootfs: Rootfs, name: str, uid: int) -> str:
    """Return a folder for a user: below /home where that is plainly root's, else at the top."""
    above = rootfs.plain("home")
    folder = "/home" if above is None or (above.kind, above.mode, above.owner) == ("dir", *_PLAIN) else "/"
    paths = (posixpath.join(folder, each) for each in (name, f"{name}-{uid}", *(f"{name}-{n}" for n in range(100))))
    return next((path for path in paths if not rootfs.plain(path) or _is_home(rootfs, path, uid)), f"/{name}-home")


def account_text(account: Account) -> str:
    """Return the lines of a lock."""
    return (
        f"home = {string(account.home)}\n"
        f"has-home = {'true' if account.has_home else 'false'}\n"
        + _rows_text("passwd", account.passwd)
        + _rows_text("group", account.group)
    )


def _rows_text(key: str, rows: Iterable[str]) -> str:
    return f"{key} = {lines(list(map(string, rows)))}\n" if rows else ""


def read_account(row: Table) -> Account:
    """Read what a lock says of an account. Raises `Wrong`."""
    found = Account(
        home=row.take("home", untrusted.absolute_path),
        has_home=row.take("has-home", untrusted.flag),
        passwd=_rows(row, "passwd"),
        group=_rows(row, "group"),
    )
    if not (found.has_home or _OWN_HOME.fullmatch(found.home)):
        raise row.wrong("home", "is no home that is made for a user")
    user = _OWN_USER.fullmatch(found.passwd[-1]) if found.passwd else None
    if found.passwd and not (user and user[2] == found.home):
        raise row.wrong("passwd", "does not end with the line that is added for the image's user")
    if found.group and not _OWN_GROUP.fullmatch(found.group[-1]):
        raise row.wrong("group", "does not end with the line that is added for the image's user")
    return found


def _rows(table: Table, key: str) -> tuple[str, ...]:
    if key not in table:
        return ()
    found: tuple[str, ...] = table.every(key, _row)
    if not found or not _fits(found[:-1]):
        raise table.wrong(key, f"is no table of accounts of at most {_MOST_BYTES} bytes")
    return found


def _row(value: Any) -> str:
    """Return a line of a table of accounts, which states no password. Raises ValueError."""
    found = untrusted.text(value)
    if not _is_plain(found):
        raise ValueError("is no line of a table of accounts")
    if _without_hash(found) != found:
        raise ValueError("has a password")
    return found
