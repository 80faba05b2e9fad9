"""The files of a project that a build of its application may see, as patterns that name no others.

The language is that of BuildKit's .dockerignore: `*`, `?` and `[…]` in a name, `**` for any number of folders, and a
backslash before a character that stands for itself. A pattern is about a path from the project's root, and all below
it; the last one that matches decides, and what none matches is not sent.
"""

from __future__ import annotations

import itertools
import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from onedigest.assembler.credential_files import FILES, FOLDERS
from onedigest.assembler.file_tree import head
from onedigest.assembler.ignoring import Pattern as Rule
from onedigest.assembler.left_out import COMPILED, COMPILED_SUFFIX, ENVIRONMENT, INPUTS, MARKS
from onedigest.assembler.selection import Selection
from onedigest.rules.path_regex import path_regex

_SPECIAL = re.compile(r"([*?\[\]^\\])")
_WILD = re.compile(r"[*?\[\\]")
_OPERATOR = re.compile(r"(\\.|\[\^)|([+(){}|$^])", re.DOTALL)
"""What stands for itself already, and what has a meaning in a regular expression alone."""

_HEX = "[0-9a-f]" * 64
_MOST_STARS = 2
"""How many stars a pattern may have, besides a first `**/`, that Python's expressions read: they go back for each."""

_NEVER = (f"**/{COMPILED}", f"**/*{COMPILED_SUFFIX}", f"**/{INPUTS}", f"**/blobs/sha256/{_HEX}")


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern, and whether what it matches is sent."""

    included: bool
    text: str

    @property
    def line(self) -> str:
        """The line of a .dockerignore, which is read without spaces around it."""
        bare = self.text.strip()
        before, after = self.text.split(bare, 1) if bare else (self.text, "")
        spaced = f"{_single(before)}{bare}{_single(after)}"
        guarded = _guarded(f"\\{spaced}" if spaced.startswith(("#", "!")) else spaced)
        return f"!{guarded}" if self.included else guarded

    @property
    def regex(self) -> str:
        """An extended regular expression of POSIX for paths from the project's root, which an engine may read as bytes.

        One that includes matches no less than the pattern, one that does not no more: so no file is missing, and the
        assembler leaves out what is too much.
        """
        return path_regex(self.text, bytewise="more" if self.included else "less")


def context_patterns(selection: Selection, locks: str = "") -> tuple[Pattern, ...]:
    """Return the patterns of what a selection reads; `locks` is the folder of locks, from the project's root.

    They depend on the selection's words, and on what of the tree they do not say: its `ignored` rules, links and their
    targets, and files that are named although their name is left out of folders. Where they cannot say which files a
    rule of an ignore-file leaves out, they send more of the folder that is copied, and the assembler leaves it out. No
    file is sent that may hold credentials, unless it is named itself.
    """
    patterns = [each for each in _patterns(selection) if each.path not in selection.reached]
    rows = [row for source in _copied(selection) for row in _copy_rows(source, selection)]
    rows += [row for each in patterns if not each.compiled for row in _pattern_rows(each)]
    if rows or patterns:
        rows += _excluded(_NEVER)
        rows += [row for each in patterns if each.compiled for row in _pattern_rows(each)]
        rows += _excluded((*([literal(locks)] if locks else []), *_credentials()))
    lets_through = _filter(rows)
    named = [posixpath.join(selection.folder, each) for each in (selection.script, selection.ignore_file) if each]
    paths = sorted({*selection.reached, *map(posixpath.normpath, named)})
    rows += [Pattern(True, literal(path)) for path in paths if not lets_through(path)]
    return tuple(rows)


def literal(path: str) -> str:
    """Return the pattern of one path."""
    return _SPECIAL.sub(r"\\\1", path)


def _filter(rows: Sequence[Pattern]) -> Callable[[str], bool]:
    """Return what tells whether patterns let a path through, in time that no pattern makes long."""
    groups = [(included, _any_of(several)) for included, several in itertools.groupby(reversed(rows), _included)]
    return lambda path: next((included for included, matches in groups if matches(path)), False)


def _included(row: Pattern) -> bool:
    return row.included


def _any_of(rows: Iterable[Pattern]) -> Callable[[str], bool]:
    """Return what tells whether one of some patterns matches: an expression for those that are soon read."""
    texts = [row.text for row in rows]
    plain = [each for each in texts if each.removeprefix("**/").count("*") <= _MOST_STARS]
    regex = re.compile("|".join(f"(?:{path_regex(each)})" for each in plain) or r"(?!)", re.DOTALL)
    others = [Rule(each) for each in texts if each not in plain]
    return lambda path: regex.fullmatch(path) is not None or any(each.matches(path) for each in others)


def _single(spaces: str) -> str:
    return "".join(f"[{space}]" for space in spaces)


def _guarded(text: str) -> str:
    """Return a pattern that each release of BuildKit reads alike.

    It makes a regular expression of what is not a plain path, in which older ones let `|` and `{2}` be operators.
    """
    if not _WILD.search(text):
        return text
    return _OPERATOR.sub(lambda found: found[1] or f"\\{found[2]}", text)


def _excluded(texts: Iterable[str]) -> list[Pattern]:
    return [Pattern(False, text) for text in texts]


def _credentials() -> Iterator[str]:
    """Yield patterns of names that programs give to credentials, whatever their case."""
    for name in (*FOLDERS, *FILES):
        yield "**/" + "".join(_any_case(each) for each in name)


def _any_case(character: str) -> str:
    return f"[{character}{character.upper()}]" if character.isalpha() else character


def _copied(selection: Selection) -> list[str]:
    """Return the folders that `copy` names, from the project's root, without what leads out of it."""
    paths = {posixpath.normpath(posixpath.join(selection.folder, source)) for _, source in selection.copies}
    paths -= set(selection.reached) - {named for named, _ in selection.linked}
    return sorted("" if path == "." else path for path in paths if path.split("/")[0] != "..")


def _copy_rows(source: str, selection: Selection) -> Iterator[Pattern]:
    """Yield the patterns of a copy, with the lines of the ignore-file as far as they are about it."""
    place = dict(selection.linked).get(source, source)
    place = "" if place == "." else place
    yield _whole(place, included=True)
    above = posixpath.dirname(posixpath.normpath(posixpath.join(selection.folder, selection.ignore_file)))
    from_above = [part for part in posixpath.relpath(f"/{source}", f"/{above}").split("/") if part != "."]
    if not selection.ignored or (from_above and set(from_above) == {".."}):
        return  # rules of a folder below the copied one: the assembler follows them
    for kept, pattern in selection.ignored:
        parts = pattern.split("/")
        if any(map(_is_odd, parts)):
            if kept:
                yield _whole(place, included=True)
            continue
        for rest in _remaining(parts, from_above):
            yield _below(place, rest, included=kept) if rest else _whole(place, included=kept)
    yield from (_below(place, ("**", mark), included=True) for mark in (*MARKS, ENVIRONMENT))


def _below(folder: str, parts: Iterable[str], *, included: bool) -> Pattern:
    return Pattern(included, "/".join([*([literal(folder)] if folder else []), *parts]))


def _whole(folder: str, *, included: bool) -> Pattern:
    return Pattern(included, literal(folder) or "*")


def _is_odd(part: str) -> bool:
    """Tell whether a part of a rule cannot be read without those beside it, or is none."""
    return (part != "**" and "**" in part) or part in ("", ".") or ("[" in part and "]" not in part) or part[-1] == "\\"


def _remaining(parts: Sequence[str], folder: Sequence[str]) -> list[Sequence[str]]:
    """Return what of a rule is left for paths below a folder; nothing where the rule is about the folder itself."""
    at = {0}
    for name in folder:
        at = _opened(at, parts)
        if len(parts) in at:
            return [()]
        deep = {each for each in at if parts[each] == "**"}
        at = deep | {each + 1 for each in at - deep if Rule(parts[each]).matches(name)}
    if len(parts) in at or (folder and len(parts) in _opened(at, parts)):
        return [()]
    return [parts[each:] for each in sorted(at)]


def _opened(at: set[int], parts: Sequence[str]) -> set[int]:
    """Return places in a rule with those behind a `**`, which may stand for no folder."""
    found, waiting = set(at), list(at)
    while waiting:
        each = waiting.pop()
        if each < len(parts) and parts[each] == "**" and each + 1 not in found:
            found.add(each + 1)
            waiting.append(each + 1)
    return found


@dataclass(frozen=True, slots=True)
class _Parts:
    """A pattern of `files`: its parts in the language of patterns, how many of them are the folder that it begins in.

    `path` is from the project's root, for a pattern that is one; `compiled` where it names what Python compiles.
    """

    parts: tuple[str, ...]
    plain: int
    path: str
    compiled: bool


def _patterns(selection: Selection) -> list[_Parts]:
    return [_parts(selection.folder, each) for each in selection.files]


def _parts(folder: str, pattern: str) -> _Parts:
    """Translate a pattern of `files`, which is below the script's folder."""
    names = [part for part in pattern.split("/") if part not in ("", ".")]
    above = [literal(part) for part in folder.split("/") if part]
    written = head(pattern)
    return _Parts(
        (*above, *(each if each == "**" else _translated(each) for each in names)),
        len(above) + (len(written.split("/")) if written else 0),
        posixpath.normpath(posixpath.join(folder, pattern)),
        COMPILED in pattern or pattern.endswith(COMPILED_SUFFIX),
    )


def _pattern_rows(pattern: _Parts) -> Iterator[Pattern]:
    """Yield what a pattern of `files` names, and what tells that a folder on the way is an image or holds locks."""
    if _NOTHING in pattern.parts:
        return
    yield Pattern(True, "/".join(pattern.parts))
    whole = len(pattern.parts) - (pattern.parts[-1] == "**")
    for count in range(pattern.plain + 1, whole):
        yield from (Pattern(True, "/".join((*pattern.parts[:count], mark))) for mark in MARKS)


_NOTHING = "[]"
"""What stands for a set without characters, which matches nothing."""


def _translated(name: str) -> str:
    """Return a part of a pattern as Python reads it in the language of patterns."""
    found, at = "", 0
    while at < len(name):
        end = _end_of_set(name, at) if name[at] == "[" else 0
        if end:
            inner = _set(name[at + 1 : end])
            if inner == _NOTHING:
                return _NOTHING
            found, at = found + inner, end + 1
        else:
            found, at = found + (name[at] if name[at] in "*?" else _SPECIAL.sub(r"\\\1", name[at])), at + 1
    while "**" in found:
        found = found.replace("**", "*")
    return found


def _end_of_set(name: str, start: int) -> int:
    """Return where a set of characters ends as Python reads it, 0 where it does not."""
    at = start + 1 + name.startswith("!", start + 1)
    return max(name.find("]", at + name.startswith("]", at)), 0)


def _set(text: str) -> str:
    """Return a set of characters, of which none is a slash."""
    negative = text.startswith("!")
    ranges = [part for low, high in _ranges(text[negative:]) for part in _without_slash(low, high)]
    if negative:
        return "[^/" + "".join(_range(*each) for each in ranges) + "]" if ranges else "?"
    return "[" + "".join(_range(*each) for each in ranges) + "]"


def _ranges(text: str) -> Iterator[tuple[str, str]]:
    """Yield the ranges of a set as Python reads it; empty ones are left out."""
    at = 0
    while at < len(text):
        if text[at + 1 : at + 2] == "-" and at + 2 < len(text):
            if text[at] <= text[at + 2]:
                yield text[at], text[at + 2]
            at += 3
        else:
            yield text[at], text[at]
            at += 1


def _without_slash(low: str, high: str) -> Iterator[tuple[str, str]]:
    if low <= "/" <= high:
        if low < "/":
            yield low, "."
        if high > "/":
            yield "0", high
    else:
        yield low, high


def _range(low: str, high: str) -> str:
    first, last = (f"\\{each}" if each.isascii() and not each.isalnum() else each for each in (low, high))
    return first if low == high else f"{first}-{last}"


NEVER = tuple(_excluded(_NEVER))
"""What no folder brings. It stands in the patterns of every application that names more than its script."""

CREDENTIALS = tuple(_excluded(_credentials()))
"""What may hold credentials, which is in those patterns too."""
