"""Knows which file of a system a path leads to, through links and a merged /usr."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Mapping

from onedigest.assembler.deb import MERGED
from onedigest.assembler.entry import Entry

LINKS = 40
"""How many links a path may lead through (path_resolution(7))."""


def place(files: Mapping[str, Entry], path: str) -> str | None:
    """Return the path below the root that an absolute path stands for, whose last part may be a link or missing.

    None for one that leads through too many links, or is relative.
    """
    if not path.startswith("/"):
        return None
    waiting = [part for part in reversed(path.split("/")) if part]
    found: list[str] = []
    links = 0
    while waiting:
        part = waiting.pop()
        if part == "..":
            found = found[:-1]
        if part in (".", ".."):
            continue
        if not found and part in MERGED:
            found = ["usr"]
        found.append(part)
        entry = files.get("/".join(found))
        if waiting and entry and entry.kind == "link":
            links += 1
            if links > LINKS or len(waiting) > 1000:
                return None
            waiting += [piece for piece in reversed(entry.target.split("/")) if piece]
            found = [] if entry.target.startswith("/") else found[:-1]
    return "/".join(found)


def find(files: Mapping[str, Entry], path: str) -> Entry | None:
    """Return the file or the folder that an absolute path leads to; None where there is none."""
    for _ in range(LINKS):
        here = place(files, path)
        entry = files.get(here) if here else None
        if entry is None or entry.kind not in ("link", "hardlink"):
            return entry
        folder = entry.path.rpartition("/")[0]
        absolute = entry.kind == "hardlink" or entry.target.startswith("/")
        path = f"/{entry.target}" if entry.kind == "hardlink" else entry.target
        path = path if absolute else f"/{folder}/{path}"
    return None


def glob(files: Mapping[str, Entry], pattern: str) -> list[str]:
    """Return the absolute paths that a pattern fits, sorted; its parts before the first wildcard may be links."""
    if not pattern.startswith("/"):
        return []
    plain = re.split(r"[*?\[]", pattern, maxsplit=1)[0]
    folder = plain.rpartition("/")[0]
    real = place(files, f"{folder}/x")
    if real is None:
        return []
    inside, parts = real[:-1], pattern[len(folder) + 1 :].split("/")
    names = (path[len(inside) :] for path in files if path.startswith(inside))
    return sorted(f"{folder}/{name}" for name in names if _fits(name.split("/"), parts))


def _fits(names: list[str], parts: list[str]) -> bool:
    return len(names) == len(parts) and all(
        fnmatch.fnmatchcase(name, part) and not (name.startswith(".") and not part.startswith("."))
        for name, part in zip(names, parts, strict=True)
    )
