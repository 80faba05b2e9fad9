"""The difference between two wheels of one source, and its likely reason."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path

from onedigest.assembler import zip_directory
from onedigest.from_source.canonical_wheel import named, read_files
from onedigest.untrusted import without_secrets

_MOST_SHOWN = 120
_MOST_MASKED = 10_000
_MOST_READ = 4 << 20
_AROUND = 8
_TIME = re.compile(r"\d{4}-\d\d-\d\d|\d\d:\d\d|(?<![\da-f])\d{8,10}(?:\.\d+)?(?![\da-f])|\b\d{1,2} \w{3,9} \d{4}\b")
_OF_TIMES = re.compile(r"\d+|\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun|Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*")

CLOCK = "a clock"
PLACE = "the folder it is built in"
ORDER = "an order that is not fixed"
LISTING = "the order in which a folder lists its files"
USER = "the user or the host"
CHANCE = "random bytes, or an object's address"
COMPILED = "compiled code, which holds a time"
MODE = "the umask"

_HINTS = {
    CLOCK: "take the time from SOURCE_DATE_EPOCH, or leave it out",
    PLACE: "write paths relative to the project",
    ORDER: "sort what is written: sets, and folders, have no order",
    LISTING: "sort what os.listdir, os.scandir, glob or iterdir give",
    USER: "leave out who builds, and on which machine",
    CHANCE: "derive it from the source, or leave it out",
    COMPILED: "leave __pycache__ out of the package",
    MODE: "set the mode of the file where it is made",
}


def explain(first: Path, second: Path, marks: Sequence[tuple[str, str]], hidden: str) -> tuple[str, str]:
    """Return what differs between two wheels in their canonical form, and a hint.

    `marks` are texts that one of the two runs had of its own, with what each stands for: `PLACE` or `USER`.
    `hidden` is a path that is not shown.
    """
    if first.name != second.name:
        cause = _cause_of_names([first.name, second.name], marks)
        return f"the wheel is called `{first.name}` and `{second.name}`; likely from {cause}", _HINTS[cause]
    files, others = read_files(first), read_files(second)
    info = f"{next(name for name in files if name.endswith('.dist-info/WHEEL')).partition('/')[0]}/RECORD"
    lone = sorted(files.keys() ^ others.keys())
    if lone:
        cause = _cause_of_names(lone, marks)
        verb = "is" if len(lone) == 1 else "are"
        return f"{named(lone)} {verb} in one of the two alone; likely from {cause}", _HINTS[cause]
    differing = sorted(name for name, file in files.items() if file != others[name] and name != info)
    path = differing[0]
    more = f", and {len(differing) - 1} more files" if len(differing) > 1 else ""
    if files[path].digest == others[path].digest:
        return f"`{path}`{more} may be run in one of the two alone; likely from {MODE}", _HINTS[MODE]
    shown, cause = _compare(_content(first, path), _content(second, path), path, marks, hidden)
    return f"`{path}`{more}: {shown}; likely from {cause}", _HINTS[cause]


def _cause_of_names(names: list[str], marks: Sequence[tuple[str, str]]) -> str:
    for mark, cause in marks:
        if any(mark in name for name in names):
            return cause
    if all(name.endswith(".pyc") for name in names):
        return COMPILED
    bare = {_OF_TIMES.sub("", name) for name in names}
    return CLOCK if len(names) > 1 and len(bare) < len(names) else CHANCE


def _content(wheel: Path, path: str) -> bytes:
    """Return the first bytes of a file of a wheel."""
    held = bytearray()
    for member in zip_directory.read(wheel):
        if member.name == path:
            for piece in member.pieces():
                held += piece
                if len(held) > _MOST_READ:
                    break
    return bytes(held)


def _compare(one: bytes, two: bytes, path: str, marks: Sequence[tuple[str, str]], hidden: str) -> tuple[str, str]:
    if path.endswith(".pyc"):
        return "it is compiled code", COMPILED
    try:
        lines, others = one.decode("utf-8").split("\n"), two.decode("utf-8").split("\n")
    except UnicodeDecodeError:
        return _compare_bytes(one, two, marks)
    if "\0" in lines[0]:
        return _compare_bytes(one, two, marks)
    number, here, there = next(
        (at, a, b) for at, (a, b) in enumerate(zip_longest(lines, others, fillvalue=""), 1) if a != b
    )
    shown = " and ".join(_shown(each.replace(hidden, "…")) for each in (here, there))
    return f"line {number} is {shown}", _cause(lines, others, here, there, marks)


def _compare_bytes(one: bytes, two: bytes, marks: Sequence[tuple[str, str]]) -> tuple[str, str]:
    at = next((at for at, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), min(len(one), len(two)))
    here, there = (data[at : at + _AROUND].hex(" ") or "the end" for data in (one, two))
    cause = next((cause for mark, cause in marks if mark.encode() in one or mark.encode() in two), CHANCE)
    return f"at byte {at} there is {here} and {there}", cause


def _cause(lines: list[str], others: list[str], here: str, there: str, marks: Sequence[tuple[str, str]]) -> str:
    for mark, cause in marks:
        if mark in here or mark in there:
            return cause
    if lines != others and sorted(lines) == sorted(others):
        return LISTING if _is_turned(lines, others) else ORDER
    words, more = (sorted(re.findall(r"\w+", line)) for line in (here, there))
    if words == more:
        turned = re.findall(r"\w+", here) == re.findall(r"\w+", there)[::-1]
        return LISTING if turned else ORDER
    return CLOCK if _is_time(here, there) else CHANCE


def _is_turned(lines: list[str], others: list[str]) -> bool:
    moved = [(a, b) for a, b in zip(lines, others, strict=True) if a != b]
    return [a for a, _ in moved] == [b for _, b in moved][::-1]


def _is_time(here: str, there: str) -> bool:
    return bool(_TIME.search(here) and _TIME.search(there)) and _OF_TIMES.sub("", here) == _OF_TIMES.sub("", there)


def _shown(line: str) -> str:
    plain = without_secrets(line.strip()[:_MOST_MASKED])
    return repr(plain) if len(plain) <= _MOST_SHOWN else f"{plain[:_MOST_SHOWN]!r}…"
