"""The lines of a .dockerignore as moby's patternmatcher reads them, written after its description and not after ours."""

from __future__ import annotations

import os
import posixpath
import re
import shutil
from collections.abc import Iterable
from pathlib import Path


def sent(lines: Iterable[str], path: str) -> bool:
    """Tell whether a file is sent: the last line that matches it, or a folder above it, decides."""
    above = [path]
    while "/" in above[-1]:
        above.append(posixpath.dirname(above[-1]))
    found = True
    for line in lines:
        if any(matches(pattern_of(line), each) for each in above):
            found = line.startswith("!")
    return found


def reduced(tree: Path, lines: Iterable[str], target: Path) -> set[str]:
    """Copy what is sent of a tree, and return its paths; links stay links."""
    lines, found = list(lines), set()
    for folder, folders, files in os.walk(tree):
        for name in [*files, *(each for each in folders if (Path(folder) / each).is_symlink())]:
            source = Path(folder) / name
            path = source.relative_to(tree).as_posix()
            if sent(lines, path):
                found.add(path)
                (target / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target / path, follow_symlinks=False)
    return found


def matches(pattern: str, path: str) -> bool:
    """Tell whether a pattern names a path; one without wildcards and backslashes is compared as it is."""
    if not re.search(r"[*?\[\\]", pattern):
        return pattern == path
    return re.fullmatch(_expression(pattern), path) is not None  # its dot, as ours, is no line break


def pattern_of(line: str) -> str:
    """Return the pattern of a line."""
    return posixpath.normpath(line.removeprefix("!").strip()).lstrip("/")


def _expression(pattern: str) -> str:
    found, at = "", 0
    while at < len(pattern):
        character = pattern[at]
        at += 1
        if character == "*" and pattern.startswith("*", at):
            at += 1 + pattern.startswith("/", at + 1)
            found += ".*" if at >= len(pattern) else "(.*/)?"
        elif character == "*":
            found += "[^/]*"
        elif character == "?":
            found += "[^/]"
        elif character in ".$":  # all that the oldest releases escape
            found += f"\\{character}"
        elif character == "\\" and at < len(pattern):
            found += f"\\{pattern[at]}"
            at += 1
        else:
            found += character
    return found
