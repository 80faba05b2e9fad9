"""The files of a local project that are not its source: tools' output, credentials, and its workspace's projects."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from onedigest.assembler.credential_files import find_rule
from onedigest.assembler.file_tree import Budget, check_pattern, match
from onedigest.assembler.left_out import CACHES, COMPILED, REPOSITORY, is_compiled
from onedigest.checkout import read_bytes
from onedigest.errors import InputError
from onedigest.untrusted import load_toml

PROJECT_FILES = ("pyproject.toml", "setup.py")
"""One of these makes a folder a project that a backend can build (PEP 517)."""

_MADE = CACHES | {COMPILED, ".DS_Store"}
"""Names of what tools make, wherever it is: a package may be called `venv`."""

_MADE_AT_TOP = frozenset(("build", "dist", "htmlcov", ".coverage"))
_NO_SOURCE = frozenset((REPOSITORY, ".github", "onedigest.toml", "uv.lock"))
"""What is never a part of a wheel, although it is checked in: at the top of a project."""

_OUTPUT = re.compile(r"result(?:-[\w.-]+)?|bazel-[\w.-]+")
_SECRET = b"PRIVATE KEY"
_MOST_CERTIFICATES = 4 << 20


def is_made(path: str) -> bool:
    """Tell whether a path from a project's folder is one that tools make, by the names of its parts."""
    parts = path.split("/")
    if parts[0] in _MADE_AT_TOP or is_compiled(Path(parts[-1])):
        return True
    return any(part in _MADE or part.endswith(".egg-info") for part in parts)


def is_output(path: str) -> bool:
    """Tell whether a link of that name is one that Nix and Bazel make at the top of a project, to what they built."""
    return _OUTPUT.fullmatch(path) is not None


def is_beside(path: str) -> bool:
    """Tell whether a path from a project's folder is no source even where it is checked in."""
    first, *_ = parts = path.split("/")
    return first in _NO_SOURCE or REPOSITORY in parts or is_compiled(Path(parts[-1])) or COMPILED in parts


def is_credential(path: str, place: Path) -> bool:
    """Tell whether a file holds credentials by its name; certificates, which packages have, only with a private key."""
    rule = find_rule(path)
    if rule != "*.pem":
        return bool(rule)
    with place.open("rb") as file:
        data = file.read(_MOST_CERTIFICATES + 1)
    return len(data) > _MOST_CERTIFICATES or _SECRET in data


def others_below(project: Path, budget: Budget) -> frozenset[str]:
    """Return the folders below a project that are projects of their own: members of its workspace, and path sources.

    One that the project's backend is told of, as by `force-include`, is a part of it.
    """
    table = _read(project)
    own = _table(_table(table, "tool"), "uv")
    found = {*_members(project, _table(own, "workspace"), budget), *_paths(project, own)}
    if not found:
        return frozenset()
    told = {text.removeprefix("./").rstrip("/") for text in _strings(_without_uv(table))}
    return frozenset(each for each in found if not any(text == each or text.startswith(f"{each}/") for text in told))


def _read(project: Path) -> Mapping[str, Any]:
    try:
        return load_toml((read_bytes(project, PROJECT_FILES[0]) or b"").decode())
    except (InputError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return {}  # its backend says what is wrong with it


def _members(project: Path, workspace: Mapping[str, Any], budget: Budget) -> Iterator[str]:
    left = set(_matching(project, workspace.get("exclude"), budget))
    yield from (each for each in _matching(project, workspace.get("members"), budget) if each not in left)


def _matching(project: Path, patterns: Any, budget: Budget) -> Iterator[str]:
    for pattern in patterns if isinstance(patterns, list) else ():
        try:
            check_pattern(str(pattern).rstrip("/"))
        except ValueError:
            continue  # uv says what is wrong with it, or it is about a folder elsewhere
        for path in match(project, str(pattern).rstrip("/"), budget):
            if path.is_dir() and path != project:
                yield path.relative_to(project).as_posix()


def _paths(project: Path, own: Mapping[str, Any]) -> Iterator[str]:
    for source in _table(own, "sources").values():
        for each in source if isinstance(source, list) else [source]:
            path = each.get("path") if isinstance(each, dict) else None
            with suppress(OSError, ValueError):  # a path that is none: uv says what is wrong with it
                if isinstance(path, str) and (place := project / path).is_dir():
                    real = place.resolve()
                    if real != project and real.is_relative_to(project):
                        yield real.relative_to(project).as_posix()


def _without_uv(table: Mapping[str, Any]) -> dict[str, Any]:
    tools = {name: each for name, each in _table(table, "tool").items() if name not in ("uv", "onedigest")}
    return {**table, "tool": tools}


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for each in value:
            yield from _strings(each)
    elif isinstance(value, dict):
        for key, each in value.items():
            yield key
            yield from _strings(each)


def _table(table: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = table.get(key)
    return found if isinstance(found, dict) else {}
