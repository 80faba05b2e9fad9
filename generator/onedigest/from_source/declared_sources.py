"""The places where a project says its build tools are: its own [tool.uv.sources], and those of its workspace."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from onedigest.checkout import read_bytes
from onedigest.errors import InputError
from onedigest.untrusted import load_toml


@dataclass(frozen=True, kw_only=True, slots=True)
class DeclaredSources:
    """Sources by the names of their projects, and the indexes that some of them name."""

    sources: Mapping[str, Any] = field(default_factory=dict)
    indexes: tuple[Mapping[str, Any], ...] = ()

    def is_elsewhere(self, name: str) -> bool:
        """Tell whether a project is said to come from anywhere but an index."""
        return any("index" not in each for each in self._of(name))

    def chosen(self, names: Iterable[str]) -> dict[str, list[Mapping[str, Any]]]:
        """Return from which indexes projects are said to come, as [tool.uv.sources] has it."""
        known = [row.get("name") for row in self.indexes]
        rows = {name: [each for each in self._of(name) if each.get("index") in known] for name in names}
        return {name: each for name, each in rows.items() if each}

    def _of(self, name: str) -> list[Mapping[str, Any]]:
        value = self.sources.get(name, [])
        return [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, dict)]


NOTHING = DeclaredSources()


def read_declared(project: Path, top: Path) -> DeclaredSources:
    """Return what a project declares, and the workspace around it up to `top`; what cannot be read is nothing."""
    sources: dict[str, Any] = {}
    indexes: list[Mapping[str, Any]] = []
    for table in _tables(project.resolve(), top.resolve()):
        stated = table.get("sources")
        for name, value in (stated if isinstance(stated, dict) else {}).items():
            sources.setdefault(canonicalize_name(name), value)
        rows = table.get("index")
        for row in rows if isinstance(rows, list) else []:
            if isinstance(row, dict) and _is_index(row):
                known = [each["name"] for each in indexes]
                indexes += [row] if row["name"] not in known else []
    return DeclaredSources(sources=sources, indexes=tuple(indexes))


def _is_index(row: Mapping[str, Any]) -> bool:
    name, url = row.get("name"), row.get("url")
    return isinstance(name, str) and isinstance(url, str) and "://" in url


def _tables(project: Path, top: Path) -> Iterator[Mapping[str, Any]]:
    """Yield the table [tool.uv] of a project, and of the nearest workspace above it."""
    yield _table(project)
    for folder in project.parents:
        if not folder.is_relative_to(top):
            return
        if "workspace" in (found := _table(folder)):
            yield found
            return


def _table(folder: Path) -> Mapping[str, Any]:
    try:
        tool = load_toml((read_bytes(folder, "pyproject.toml") or b"").decode()).get("tool")
    except (InputError, OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return {}
    found = tool.get("uv") if isinstance(tool, dict) else None
    return found if isinstance(found, dict) else {}
