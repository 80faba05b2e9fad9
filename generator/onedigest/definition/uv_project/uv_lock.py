"""The form of uv.lock: its rows with their edges, and what it says of the whole, each value checked."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

from packaging.utils import canonicalize_name

from onedigest import merge_conflicts, untrusted
from onedigest.assembler.file_tree import is_below
from onedigest.checkout import decoded, read_inside
from onedigest.definition.uv_project.markers import LONGEST_MARKER
from onedigest.definition.uv_project.pyproject import strings, tables
from onedigest.definition.uv_project.workspace import UvWorkspace
from onedigest.digest import canonical_json
from onedigest.errors import InputError

FORMAT = 1
"""The version of uv.lock whose rows are known; its revisions add what may be passed over."""

LOCAL = ("editable", "directory", "virtual")
"""Sources that are folders."""

_AGAIN = "run `uv lock`"

T = TypeVar("T")

Key = tuple[str, str, str]
"""Name, version, which a project may leave open, and source of a row."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Edge:
    """A dependency of a row: version and source are empty where only one row has the name."""

    name: str
    version: str
    source: str
    extras: tuple[str, ...]
    marker: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A package of a uv.lock. `edges` are those of the package, of its extras and of its groups.

    `wheels` and `archive` are files as they are written; `metadata` is what it was locked by. `forks` are the markers
    of the environments that it is for, where its name has several rows.
    """

    key: Key
    source: Mapping[str, Any]
    edges: tuple[Edge, ...]
    extras: Mapping[str, tuple[Edge, ...]]
    groups: Mapping[str, tuple[Edge, ...]]
    wheels: tuple[dict[str, Any], ...]
    archive: Mapping[str, Any] | None
    metadata: Mapping[str, Any]
    forks: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name of the project, normalized."""
        return self.key[0]

    @property
    def place(self) -> str | None:
        """The path of its folder from the lock, None where it is none."""
        return next((str(self.source[kind]) for kind in LOCAL if kind in self.source), None)


@dataclass(frozen=True, kw_only=True, slots=True)
class UvLock:
    """A uv.lock."""

    shown: str
    requires_python: str
    supported: tuple[str, ...]
    rows: Mapping[Key, Row]
    conflicts: tuple[Any, ...]
    manifest: Mapping[str, Any]

    def own_row(self, name: str, place: str) -> Row:
        """Return the row of a project by its name and its place from the lock. Raises `InputError`."""
        for row in self.rows.values():
            if row.name == name and row.place == place:
                return row
        raise InputError.of(f"has no project `{name}` in {place}", where=self.shown, hint=_AGAIN)


def read_locked(workspace: UvWorkspace) -> UvLock | None:
    """Read the uv.lock of a workspace, None where there is none. Raises `InputError`."""
    path, shown = workspace.lock, workspace.shown
    if not path.exists() and not path.is_symlink():
        return None
    if not is_below(path, workspace.repository):
        raise InputError.of("is a link that leaves the repository", where=shown, hint="replace it by a real file")
    text = decoded(read_inside(path, workspace.repository, shown), shown)
    if line := merge_conflicts.first_line(text):
        raise InputError.of(
            merge_conflicts.MARKS, where=f"{shown}:{line}", hint="resolve the conflict, then run `uv lock`"
        )
    return parse_locked(text, shown)


def parse_locked(text: str, shown: str) -> UvLock:
    """Read the text of a uv.lock. Raises `InputError`."""
    try:
        table = untrusted.load_toml(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError.of(
            f"not valid TOML: {untrusted.without_secrets(str(error))}", where=shown, hint=_AGAIN
        ) from None
    version = table.get("version")
    if version != FORMAT or isinstance(version, bool):
        newer = isinstance(version, int) and version > FORMAT
        stated = untrusted.quoted(str(version))
        message = f"`version` is {stated}, and {FORMAT} is what this onedigest reads"
        hint = "install a newer onedigest, or lock with a uv that writes `version = 1`" if newer else _AGAIN
        raise InputError.of(message, where=shown, hint=hint)
    try:
        return UvLock(
            shown=shown,
            requires_python=_get(table, "requires-python", untrusted.line, ""),
            supported=_get(table, "supported-markers", _markers, ()),
            rows=_read_rows(_get(table, "package", tables, [])),
            conflicts=tuple(_get(table, "conflicts", untrusted.array, [])),
            manifest=_get(table, "manifest", untrusted.table, {}),
        )
    except ValueError as error:
        raise InputError.of(f"cannot be used: {error}", where=shown, hint=_AGAIN) from None


def _get(table: Mapping[str, Any], key: str, check: Callable[[Any], T], default: Any) -> T:
    """Return a checked value. Raises ValueError, which names the key."""
    if key not in table:
        found: T = default
        return found
    try:
        return check(table[key])
    except ValueError as error:
        raise ValueError(f"`{key}` {error}") from None


def _read_rows(several: Iterable[Mapping[str, Any]]) -> dict[Key, Row]:
    rows: dict[Key, Row] = {}
    for each in several:
        row = _read_row(each)
        if row.key in rows:
            raise ValueError(f"has `{row.name}` {row.key[1]} of one source twice")
        rows[row.key] = row
    return rows


def _read_row(table: Mapping[str, Any]) -> Row:
    name = _get({"name": "", **table}, "name", _name, "")
    try:
        source = _get({"source": "", **table}, "source", _source, {})
        return Row(
            key=(name, _get(table, "version", untrusted.version, ""), _text_of(source)),
            source=source,
            edges=_get(table, "dependencies", _edges, ()),
            extras=_get(table, "optional-dependencies", _by_name, {}),
            groups=_get(table, "dev-dependencies", _by_name, {}),
            wheels=_get(table, "wheels", _wheels, ()),
            archive=_get(table, "sdist", untrusted.table, None),
            metadata=_get(table, "metadata", untrusted.table, {}),
            forks=_get(table, "resolution-markers", _markers, ()),
        )
    except ValueError as error:
        raise ValueError(f"`{name}`: {error}") from None


def _source(value: Any) -> dict[str, Any]:
    found: dict[str, Any] = untrusted.plain(untrusted.table(value))
    kinds = [kind for kind in (*LOCAL, "path", "git", "url", "registry") if kind in found]
    if not kinds:
        raise ValueError("is a source without a place")
    for kind in kinds:
        _check_address(found[kind])
    return found


def _wheels(value: Any) -> tuple[dict[str, Any], ...]:
    several = tuple(tables(value))
    for wheel in several:
        _check_address(wheel.get("url", ""))
    return several


def _check_address(value: Any) -> None:
    """Raise ValueError for an address that cannot be read."""
    address = untrusted.line(value)
    try:
        urlsplit(address)
    except ValueError:
        raise ValueError("is an address that cannot be read") from None


def _by_name(value: Any) -> dict[str, tuple[Edge, ...]]:
    return {str(canonicalize_name(name)): _edges(several) for name, several in untrusted.table(value).items()}


def _edges(value: Any) -> tuple[Edge, ...]:
    return tuple(map(_edge, tables(value)))


def _edge(table: Mapping[str, Any]) -> Edge:
    return Edge(
        name=str(canonicalize_name(untrusted.project_name(table.get("name")))),
        version=untrusted.version(table["version"]) if "version" in table else "",
        source=_text_of(untrusted.plain(untrusted.table(table["source"]))) if "source" in table else "",
        extras=tuple(str(canonicalize_name(each)) for each in strings(table.get("extra", []))),
        marker=_marker(table.get("marker", "")),
    )


def _name(value: Any) -> str:
    return str(canonicalize_name(untrusted.project_name(value)))


def _markers(value: Any) -> tuple[str, ...]:
    return tuple(map(_marker, strings(value)))


def _marker(value: Any) -> str:
    if len(untrusted.line(value)) > LONGEST_MARKER:
        raise ValueError(f"is a marker of more than {LONGEST_MARKER} characters")
    return str(value)


def _text_of(source: Mapping[str, Any]) -> str:
    return canonical_json(source).decode()
