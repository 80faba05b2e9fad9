"""The links that update-alternatives(1) makes when scripts of packages call it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from onedigest.assembler.configuration.maintainer import Unfollowed, architecture_of, calls
from onedigest.assembler.configuration.paths import find, place
from onedigest.assembler.configuration.system import System
from onedigest.assembler.deb import Package, content_of
from onedigest.assembler.entry import Entry, file_entry
from onedigest.assembler.refusal import Refused

LINKS = "etc/alternatives"
ADMINISTRATION = "var/lib/dpkg/alternatives"

MOST = 500
MOST_ROWS = 50_000
"""How many programs may stand behind one name, and how many lines tell of them."""

_MADE = "alternatives"
_NUMBER = re.compile(r"[+-]?[0-9]{1,9}")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+:@-]{0,199}")
_PATH = re.compile(r"(/(?!\.{1,2}(/|\Z)|\.wh\.)[!-.0-\[\]-~]{1,200}){1,15}")
"""What names and paths of Debian look like: each becomes a path of a layer."""


@dataclass(frozen=True, slots=True)
class Alternative:
    """A program that may stand behind a name: `others` are the link and the file of each name that goes with it."""

    name: str
    link: str
    path: str
    priority: int
    others: Mapping[str, tuple[str, str]]


@dataclass(frozen=True, slots=True)
class _Group:
    """The alternatives of one name, as they were installed one after the other, and the path that is chosen."""

    several: tuple[Alternative, ...] = ()
    chosen: str = ""

    def with_one(self, new: Alternative) -> _Group:
        """Install one: what was chosen stays among those of the highest priority, else the first of them is chosen."""
        ordered = sorted(self.several, key=lambda each: _encoded(each.path))
        if any(each.path == new.path for each in ordered):
            ordered = [new if each.path == new.path else each for each in ordered]
        else:
            ordered.append(new)
        best = max(ordered, key=lambda each: (each.priority, each.path == self.chosen))
        return _Group(tuple(ordered), best.path)


def make_alternatives(system: System) -> Iterable[Entry]:
    """Make the links of each name, and what update-alternatives notes about it; an image below has notes of its own."""
    architecture = architecture_of(system.packages)
    groups: dict[str, _Group] = {}
    links: dict[str, str] = {}
    for package in system.packages:
        for alternative in alternatives_of(package, architecture, system.files):
            by_hand = _lines_before(alternative.name, system.files)[:1] == ["manual"]
            if find(system.files, alternative.path) and not by_hand:
                group = groups.get(alternative.name) or _noted_before(alternative.name, system.files)
                if len(group.several) >= MOST:
                    raise Refused("limit", f"{package.name}: too many alternatives of {alternative.name}")
                groups[alternative.name] = group.with_one(alternative)
                links[alternative.name] = alternative.link
    made: dict[str, Entry] = {}
    for name, group in sorted(groups.items()):
        made |= {entry.path: entry for entry in _made(name, links[name], group, system.files)}
    return made.values()


def _lines_before(name: str, files: Mapping[str, Entry]) -> list[str]:
    """Return the lines that an image below notes of a name."""
    noted = files.get(f"{ADMINISTRATION}/{name}")
    return content_of(noted).decode("utf-8", "replace").split("\n") if noted and noted.kind == "file" else []


def _noted_before(name: str, files: Mapping[str, Entry]) -> _Group:
    """Return the alternatives that an image below notes of a name."""
    link, lines = files.get(f"{LINKS}/{name}"), _lines_before(name, files)
    if link is None or len(lines) < 3 or "" not in lines:
        return _Group()
    end = lines.index("")
    others = list(zip(lines[2:end:2], lines[3:end:2], strict=False))
    group = _Group(chosen=link.target)
    step = 2 + len(others)
    for start in range(end + 1, len(lines) - step + 1, step):
        path, priority, *paths = lines[start : start + step]
        if path and _NUMBER.fullmatch(priority) and find(files, path):
            several = {other: (place, own) for (other, place), own in zip(others, paths, strict=True) if own}
            group = _Group((*group.several, Alternative(name, lines[1], path, int(priority), several)), group.chosen)
    return group


def alternatives_of(package: Package, architecture: str, files: Mapping[str, Entry]) -> list[Alternative]:
    """Return what the script of a package is certain to install; nothing where it cannot be followed."""
    if b"update-alternatives" not in package.scripts.get("postinst", b""):
        return []
    try:
        called = calls(package, "postinst", architecture, files)
    except Unfollowed:
        return []
    found = [alternative_of(call.words) for call in called if call.certain]
    return [each for each in found if each]


def alternative_of(words: Sequence[str | None]) -> Alternative | None:
    """Return the alternative that a call installs; None for another call, or one that is not whole."""
    if not words or words[0] is None or words[0].rpartition("/")[2] != "update-alternatives" or None in words:
        return None
    rest = [word for word in words[1:] if word is not None]
    if "--install" not in rest:
        return None
    del rest[: rest.index("--install") + 1]
    if len(rest) < 4 or not _NUMBER.fullmatch(rest[3]):
        return None
    link, name, path, priority = rest[:4]
    others = {}
    del rest[:4]
    while rest and rest[0] == "--slave" and len(rest) >= 4:
        others[rest[2]] = (rest[1], rest[3])
        del rest[:4]
    named = (name, *others)
    paths = (link, path, *(each for pair in others.values() for each in pair))
    if rest or not all(map(_NAME.fullmatch, named)) or not all(map(_PATH.fullmatch, paths)):
        return None
    return Alternative(name, link, path, int(priority), others)


def _made(name: str, link: str, group: _Group, files: Mapping[str, Entry]) -> Iterator[Entry]:
    chosen = next(each for each in group.several if each.path == group.chosen)
    yield from _links(name, link, chosen.path, files)
    others = {other: place for each in group.several for other, (place, _) in each.others.items()}
    if len(group.several) * len(others) > MOST_ROWS:
        raise Refused("limit", f"{name}: its alternatives have too many names that go with them")
    for other in sorted(others, key=_encoded):
        path = chosen.others.get(other, ("", ""))[1]
        if path and find(files, path):
            yield from _links(other, others[other], path, files)
    yield file_entry(f"{ADMINISTRATION}/{name}", _noted(link, group.several, others), executable=False, origin=_MADE)


def _links(name: str, link: str, path: str, files: Mapping[str, Entry]) -> Iterator[Entry]:
    """Make the two links of a name; a file that is in the place of the first stays."""
    here = place(files, link)
    if here is None:
        return
    held = files.get(here)
    if held is None or held.kind == "link":
        yield Entry(here, "link", 0o777, target=f"/{LINKS}/{name}", origin=_MADE)
    yield Entry(f"{LINKS}/{name}", "link", 0o777, target=path, origin=_MADE)


def _noted(link: str, several: Iterable[Alternative], others: Mapping[str, str]) -> bytes:
    lines = ["auto", link]
    names = sorted(others, key=_encoded)
    for other in names:
        lines += [other, others[other]]
    lines.append("")
    for each in sorted(several, key=lambda each: _encoded(each.path)):
        lines += [each.path, str(each.priority), *(each.others.get(other, ("", ""))[1] for other in names)]
    return _encoded("\n".join([*lines, "", ""]))


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
