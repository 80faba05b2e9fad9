"""The folders, links and copies that scripts of packages make with plain commands, and their owners."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from onedigest.assembler import deb
from onedigest.assembler.configuration.file_list import Listed
from onedigest.assembler.configuration.following import Call
from onedigest.assembler.configuration.maintainer import ARGUMENTS, Unfollowed, architecture_of, calls
from onedigest.assembler.configuration.paths import find, place
from onedigest.assembler.configuration.system import System
from onedigest.assembler.entry import Entry, file_entry
from onedigest.assembler.refusal import Refused

COPIED_BYTES = 1 << 20
"""How large a file may be that is copied, or whose mode or owner is changed, which brings it once more."""

MOST_WORDS = 5_000
MOST_COPIED = 64 << 20
"""Bounds of what the scripts of all packages together make: words of commands, and bytes of copies.

They have some hundreds of words, and some KiB.
"""

_TABLE_BYTES = 64 << 10
"""How large a table of users or groups may be that is looked into."""

_MADE = "scripts"
_ELSEWHERE = frozenset({"etc/passwd", "etc/group", "tmp"})
"""What the root of a base has of its own."""

_PATH = re.compile(r"(/+(?!\.{1,2}(/|\Z)|\.wh\.)[ -.0-\[\]-~]{1,200}){1,20}/*")
_MODE = re.compile(r"[0-7]{3,4}")
_TABLES = (
    ("usr/share/base-passwd/passwd.master", "etc/passwd"),
    ("usr/share/base-passwd/group.master", "etc/group"),
)

_Change = Callable[[Entry], Entry]

Placed = tuple[Entry, ...] | None
"""What a command makes; None where it is not one of those that are followed."""


@dataclass(frozen=True, slots=True)
class _Words:
    """The arguments of a command: its options, those with values, and the others."""

    flags: frozenset[str]
    values: Mapping[str, str]
    others: tuple[str, ...]


def make_placed(system: System) -> Iterable[Entry]:
    """Make what scripts make with `mkdir`, `install`, `ln -s`, `cp`, `ucf`, `touch`, `chmod` and `chown`.

    A folder that a script removes stays, and so nothing is put in its place; so do files of an image below.
    """
    architecture = architecture_of(system.packages)
    files = dict(system.files)
    below = files.keys() - {entry.path for package in system.packages for entry in package.entries}
    made: dict[str, Entry] = {}
    words = copied = 0
    for package in system.packages:
        for script in ARGUMENTS:
            try:
                called = calls(package, script, architecture, files)
            except Unfollowed:
                continue
            replaced = {path for call in called if call.words[:1] == ("rmdir",) for path in call.words[1:]}
            for call in called:
                if call.certain and _is_followed(call) and call.words[-1] not in replaced:
                    words += len(call.words)
                    found = placed(call, files) if words <= MOST_WORDS else ()
                    copied += sum(entry.size for entry in found or ())
                    if words > MOST_WORDS or copied > MOST_COPIED:
                        raise Refused("limit", f"{package.name}: its scripts make too many files, or too large ones")
                    for entry in found or ():
                        if entry.path not in below or entry.path in made:
                            files[entry.path] = made[entry.path] = entry
    return made.values()


def _is_followed(call: Call) -> bool:
    return bool(call.words and call.words[0] and call.words[0].rpartition("/")[2] in _COMMANDS)


def placed(call: Call, files: Mapping[str, Entry]) -> Placed:
    """Return the files that a call makes in a system of some; None for another command, or one that is not followed."""
    known = [word for word in call.words if word is not None]
    if len(known) != len(call.words) or not known or call.writes:
        return None
    command = _COMMANDS.get(known[0].rpartition("/")[2])
    found = command(known[1:], files) if command else None
    return None if found is None else tuple(entry for entry in found if entry.path not in _ELSEWHERE)


def _parsed(words: Sequence[str], flags: str, valued: str, long: Sequence[str] = ()) -> _Words | None:
    """Sort arguments; None where one is no option of some letters, nor one of some long ones."""
    found: set[str] = set()
    values: dict[str, str] = {}
    others: list[str] = []
    waiting = list(words)
    while waiting:
        word = waiting.pop(0)
        name, equals, value = word.partition("=")
        if word == "--":
            others += waiting
            break
        if word.startswith("--"):
            if name not in long:
                return None
            found.add(name)
            values |= {name: value} if equals else {}
        elif word.startswith("-") and word != "-":
            for position, letter in enumerate(word[1:], 2):
                if letter in valued:
                    rest = word[position:] or (waiting.pop(0) if waiting else "")
                    values[letter] = rest
                    break
                if letter not in flags:
                    return None
                found.add(letter)
        else:
            others.append(word)
    return _Words(frozenset(found), values, tuple(others)) if all(map(_PATH.fullmatch, others)) else None


def _mkdir(arguments: Sequence[str], files: Mapping[str, Entry]) -> Placed:
    words = _parsed(arguments, "pvZ", "m", ("--parents", "--mode", "--verbose"))
    return None if words is None else _folders(words, words.values.get("--mode"), files)


def _folders(words: _Words, mode: str | None, files: Mapping[str, Entry]) -> Placed:
    mode = words.values.get("m", mode) or "755"
    ids = _owner(f"{words.values.get('o', 'root')}:{words.values.get('g', 'root')}", files)
    if not _MODE.fullmatch(mode) or ids is None:
        return None
    found = []
    for path in words.others:
        here = place(files, path)
        if here and here not in files:
            found.append(Entry(here, "dir", int(mode, 8), origin=_MADE, uid=ids[0] or 0, gid=ids[1] or 0))
    return tuple(found)


def _install(arguments: Sequence[str], files: Mapping[str, Entry]) -> Placed:
    words = _parsed(arguments, "dpvD", "mog", ("--directory",))
    if words is None:
        return None
    if words.flags & {"d", "--directory"}:
        return _folders(words, None, files)
    mode = words.values.get("m", "755")
    ids = _owner(f"{words.values.get('o', 'root')}:{words.values.get('g', 'root')}", files)
    copied = _copied(words.others, files, again=True)
    if copied is None or ids is None or not _MODE.fullmatch(mode):
        return None
    return tuple(replace(each, mode=int(mode, 8), uid=ids[0] or 0, gid=ids[1] or 0) for each in copied)


def _link(arguments: Sequence[str], files: Mapping[str, Entry]) -> Placed:
    separate = [word for word in arguments if word.startswith("-")]
    paths = [word for word in arguments if not word.startswith("-")]
    words = _parsed(separate, "sfnTvr", "", ("--symbolic", "--force", "--no-dereference"))
    if words is None or len(paths) != 2 or not words.flags & {"s", "--symbolic"} or "r" in words.flags:
        return None
    target, path = paths
    if not _PATH.fullmatch(path) or not target or not target.isprintable() or not target.isascii():
        return None
    inside = find(files, path)
    if inside and inside.kind == "dir" and not words.flags & {"n", "T", "--no-dereference"}:
        path = f"{path.rstrip('/')}/{target.rstrip('/').rpartition('/')[2]}"
    here = place(files, path)
    if here is None:
        return None
    if here in files and (files[here].kind == "dir" or not words.flags & {"f", "--force"}):
        return ()
    return (Entry(here, "link", 0o777, target=target, origin=_MADE),)


def _copy(arguments: Sequence[str], files: Mapping[str, Entry]) -> Placed:
    words = _parsed(arguments, "apfdnPZv", "", ("--preserve", "--archive", "--force", "--no-clobber"))
    again = words is not None and not words.flags & {"n", "--no-clobber"}
    return None if words is None else _copied(words.others, files, again=again)


def _ucf(arguments: Sequence[str], files: Mapping[str, Entry]) -> Placed:
    words = _parsed(
        arguments, "v", "", ("--three-way", "--debconf-ok", "--debconf-template", "--sum-file", "--src-dir")
    )
    return None if words is None else _copied(words.others[-2:], files, again=False)


def _copied(paths: Sequence[str], files: Mapping[str, Entry], *, again: bool) -> Placed:
    """Copy one file; one that is there stays, but where it is made `again`."""
    if len(paths) != 2:
        return None
    source, target = find(files, paths[0]), paths[1]
    if source is None or source.kind != "file" or source.size > COPIED_BYTES or isinstance(source.content, Listed):
        return None
    inside = find(files, target)
    if inside and inside.kind == "dir":
        target = f"{target.rstrip('/')}/{paths[0].rpartition('/')[2]}"
    here = place(files, target)
    if here is None or (here in files and files[here].kind == "dir"):
        return None
    return (replace(source, path=here),) if again or here not in files else ()


def _touch(arguments: Sequence[str], files: Mapping[str, Entry]) -> Placed:
    words = _parsed(arguments, "acm", "")
    if words is None:
        return None
    places = [place(files, path) for path in words.others]
    return tuple(
        file_entry(here, b"", executable=False, origin=_MADE)
        for here in places
        if here and here not in files and "c" not in words.flags
    )


def _chmod(arguments: Sequence[str], files: Mapping[str, Entry]) -> Placed:
    mode, *paths = [word for word in arguments if word not in ("-f", "-v", "--")] or [""]
    if not _MODE.fullmatch(mode):
        return None
    return _changed(paths, files, lambda entry: replace(entry, mode=int(mode, 8)))


def _chown(arguments: Sequence[str], files: Mapping[str, Entry]) -> Placed:
    owner, *paths = [word for word in arguments if word not in ("-f", "-v", "-h", "--")] or [""]
    ids = _owner(owner, files)
    if ids is None:
        return None
    return _owned(paths, files, ids)


def _chgrp(arguments: Sequence[str], files: Mapping[str, Entry]) -> Placed:
    group, *paths = [word for word in arguments if word not in ("-f", "-v", "-h", "--")] or [""]
    ids = _owner(f":{group}", files)
    return None if ids is None else _owned(paths, files, ids)


def _override(arguments: Sequence[str], files: Mapping[str, Entry]) -> Placed:
    words = [word for word in arguments if word not in ("--update", "--add", "--force", "--quiet", "--force-all")]
    if "--list" in arguments:
        return ()
    if len(words) != 4 or not _MODE.fullmatch(words[2]) or (ids := _owner(f"{words[0]}:{words[1]}", files)) is None:
        return None
    uid, gid = ids[0] or 0, ids[1] or 0
    return _changed(words[3:], files, lambda entry: replace(entry, mode=int(words[2], 8), uid=uid, gid=gid))


def _owned(paths: Sequence[str], files: Mapping[str, Entry], ids: tuple[int | None, int | None]) -> Placed:
    def changed(entry: Entry) -> Entry:
        uid, gid = (own if new is None else new for own, new in zip((entry.uid, entry.gid), ids, strict=True))
        return replace(entry, uid=uid, gid=gid)

    return _changed(paths, files, changed)


def _changed(paths: Sequence[str], files: Mapping[str, Entry], change: _Change) -> Placed:
    """Change files that are there, which are brought once more."""
    found = []
    for path in paths:
        entry = find(files, path)
        if entry is None and _PATH.fullmatch(path):
            continue
        if entry is None or entry.size > COPIED_BYTES or isinstance(entry.content, Listed):
            return None
        if change(entry) != entry:
            found.append(change(entry))
    return tuple(found)


def _owner(text: str, files: Mapping[str, Entry]) -> tuple[int | None, int | None] | None:
    """Return the numbers of `USER:GROUP`, where one may be left out; None where one is not known."""
    names = re.split("[:.]", text)
    if len(names) > 2 or not any(names):
        return None
    ids = [None if not name else _number(name, table, files) for name, table in zip(names, _TABLES, strict=False)]
    if any(name and number is None for name, number in zip(names, ids, strict=True)):
        return None
    return (ids[0], ids[1] if len(ids) > 1 else None)


def _number(name: str, tables: Iterable[str], files: Mapping[str, Entry]) -> int | None:
    if name in ("root", "0"):
        return 0
    entries = [files[table] for table in tables if table in files and files[table].kind == "file"]
    entries = [entry for entry in entries if entry.size <= _TABLE_BYTES]
    for line in [line for entry in entries for line in deb.content_of(entry).split(b"\n")]:
        fields = line.split(b":")
        if fields[0] == name.encode("utf-8", "replace") and len(fields) > 2 and re.fullmatch(rb"[0-9]{1,6}", fields[2]):
            return int(fields[2])
    return None


_COMMANDS = {
    "chgrp": _chgrp,
    "chmod": _chmod,
    "chown": _chown,
    "cp": _copy,
    "dpkg-statoverride": _override,
    "install": _install,
    "ln": _link,
    "mkdir": _mkdir,
    "touch": _touch,
    "ucf": _ucf,
}
