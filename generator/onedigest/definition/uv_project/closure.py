"""The rows of a uv.lock that a project's image needs, on each platform, and what identifies their pins."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar
from urllib.parse import unquote, urlsplit

from onedigest.definition.uv_project.markers import conflict_extra, conflict_group, conflict_project, holds
from onedigest.definition.uv_project.uv_lock import Edge, Key, Row, UvLock
from onedigest.digest import Digest, canonical_json, of_bytes
from onedigest.errors import InputError, Problem

_MOST_ROUNDS = 100

Holds = Callable[[str, frozenset[str]], bool]
"""Tells whether a marker holds where some extras and groups are asked for."""

Node = tuple[Key, str]
"""A row, or one with an extra."""

P = TypeVar("P")


@dataclass(frozen=True, kw_only=True, slots=True)
class ChosenProject:
    """The project that an image is of, as its row of a uv.lock, with the extras and groups that it has.

    With `only_groups` neither the project counts nor what it depends on.
    """

    row: Row
    extras: tuple[str, ...]
    groups: tuple[str, ...]
    only_groups: bool = False

    @property
    def is_built(self) -> bool:
        """Whether the project is a package, which is installed itself."""
        return "virtual" not in self.row.source

    def names(self) -> frozenset[str]:
        """Return what is asked for by the names that uv has in markers."""
        name = self.row.name
        return frozenset(
            {
                conflict_project(name),
                *(conflict_extra(name, each) for each in self.extras),
                *(conflict_group(name, each) for each in self.groups),
            }
        )


@dataclass(frozen=True, slots=True)
class Closure(Generic[P]):
    """The rows that platforms need, each with the rows that it needs there; `roots` are what is asked for."""

    edges: Mapping[Key, Mapping[Key, frozenset[P]]]
    roots: Mapping[Key, frozenset[P]]

    def users(self, key: Key) -> frozenset[P]:
        """Return the platforms that need a row."""
        several = [each[key] for each in (self.roots, *self.edges.values()) if key in each]
        return frozenset[P]().union(*several)

    def without(self, names: Collection[str]) -> Closure[P]:
        """Return it without rows of some names: whatever needs one needs what that one needs."""
        return Closure(
            {key: self._past(row, names) for key, row in self.edges.items() if key[0] not in names},
            self._past(self.roots, names),
        )

    def _past(self, targets: Mapping[Key, frozenset[P]], names: Collection[str]) -> dict[Key, frozenset[P]]:
        found: dict[Key, frozenset[P]] = {}
        waiting, seen = list(targets.items()), set()
        while waiting:
            key, platforms = waiting.pop()
            if not platforms or (key, platforms) in seen:
                continue
            seen.add((key, platforms))
            if key[0] in names:
                waiting += [(inner, each & platforms) for inner, each in self.edges[key].items()]
            else:
                found[key] = found.get(key, frozenset()) | platforms
        return dict(sorted(found.items()))


def close(locked: UvLock, chosen: ChosenProject, marker_values: Mapping[P, Mapping[str, str]]) -> Closure[P]:
    """Follow the edges that hold on each platform, by its values for markers.

    Raises `InputError` for platforms that a uv.lock has no answer for.
    """
    _refuse_unsupported(locked, marker_values)
    edges: dict[Key, dict[Key, set[P]]] = {}
    roots: dict[Key, set[P]] = {}
    for platform, values in marker_values.items():

        def is_true(marker: str, active: frozenset[str], values: Mapping[str, str] = values) -> bool:
            return holds(marker, values, active, locked.shown)

        found = _walk(locked, chosen, is_true)
        for key, targets in found.edges.items():
            row = edges.setdefault(key, {})
            for target in targets:
                row.setdefault(target, set()).add(platform)
        for key in found.roots:
            roots.setdefault(key, set()).add(platform)
    return Closure(
        {key: {target: frozenset(each) for target, each in row.items()} for key, row in sorted(edges.items())},
        {key: frozenset(each) for key, each in sorted(roots.items())},
    )


def _refuse_unsupported(locked: UvLock, marker_values: Mapping[P, Mapping[str, str]]) -> None:
    served = {
        platform: not locked.supported or any(holds(each, values, (), locked.shown) for each in locked.supported)
        for platform, values in marker_values.items()
    }
    left = ", ".join(f'"{platform}"' for platform, is_served in served.items() if is_served)
    line = f"write `platforms = [{left}]` in [tool.onedigest], or " if left else ""
    hint = f"{line}add the platform to `environments` in [tool.uv] and run `uv lock`"
    problems = [
        Problem(f"is not for {platform}: none of its `supported-markers` holds there", locked.shown, hint)
        for platform, is_served in served.items()
        if not is_served
    ]
    if problems:
        raise InputError(problems)


def close_any(locked: UvLock, chosen: ChosenProject) -> list[Row]:
    """Return the rows that an image may need, whatever its platforms are; a project that is no package is one."""
    keys = {key for key, _ in _walk(locked, chosen, lambda _, __: True).nodes} | {chosen.row.key}
    return [locked.rows[key] for key in sorted(keys)]


def close_everywhere(locked: UvLock, chosen: ChosenProject) -> Closure[str]:
    """Follow all edges, whatever the platforms are, as if there was one where every marker holds."""
    found, everywhere = _walk(locked, chosen, lambda _, __: True), frozenset({""})
    return Closure(
        {key: dict.fromkeys(several, everywhere) for key, several in found.edges.items()},
        dict.fromkeys(found.roots, everywhere),
    )


def digest_pins(locked: UvLock, chosen: ChosenProject, left_out: Collection[str] = ()) -> Digest:
    """Return what identifies the pins of an image in a uv.lock, whatever its platforms are: no address is in it.

    Of what is left out counts what it needs, and not its version; of a project that has groups alone count those.
    """
    own = chosen.row.key
    is_idle = chosen.only_groups and own not in close_everywhere(locked, chosen).edges

    def pinned(row: Row, groups: Iterable[str] = ()) -> dict[str, Any]:
        found = _pinned(row, groups)
        if is_idle and row.key == own:
            found |= {"dependencies": [], "extras": {}}
        return {**found, "version": ""} if row.name in left_out else found

    pins = {
        "requires-python": locked.requires_python,
        "supported": list(locked.supported),
        "project": pinned(chosen.row, chosen.groups),
        "packages": [pinned(row) for row in close_any(locked, chosen)],
    }
    return of_bytes(canonical_json(pins))


def _pinned(row: Row, groups: Iterable[str] = ()) -> dict[str, Any]:
    return {
        "name": row.name,
        "version": row.key[1],
        "source": _without_address(row.source),
        "dependencies": [_edge(each) for each in row.edges],
        "extras": {name: [_edge(each) for each in several] for name, several in row.extras.items()},
        "groups": {name: [_edge(each) for each in row.groups.get(name, ())] for name in groups},
        "wheels": sorted([_file_name(each), str(each.get("hash", ""))] for each in row.wheels),
        # an archive counts where there is nothing else: it is what a wheel is built of
        "archive": str((row.archive or {}).get("hash", "")) if not row.wheels else "",
    }


def _edge(edge: Edge) -> list[Any]:
    return [edge.name, edge.version, list(edge.extras), edge.marker]


def _without_address(source: Mapping[str, Any]) -> dict[str, Any]:
    """Return a source without the place of an index, a repository or a file, which a project may move."""
    if "git" in source:
        parts = urlsplit(str(source["git"]))
        return {"git": parts.fragment, "query": parts.query}
    return {
        kind: "" if kind in ("registry", "url") else posixpath.basename(str(value)) if kind == "path" else value
        for kind, value in source.items()
    }


def _file_name(wheel: Mapping[str, Any]) -> str:
    place = str(wheel.get("filename") or wheel.get("path") or urlsplit(str(wheel.get("url", ""))).path)
    return posixpath.basename(unquote(place))


@dataclass(frozen=True, slots=True)
class _ReachedRows:
    nodes: frozenset[Node]
    edges: Mapping[Key, frozenset[Key]]
    roots: frozenset[Key]


def _walk(locked: UvLock, chosen: ChosenProject, is_true: Holds) -> _ReachedRows:
    """Follow edges until no more extras are asked for: which ones are decides which markers hold."""
    by_name: dict[str, list[Row]] = {}
    for row in locked.rows.values():
        by_name.setdefault(row.name, []).append(row)
    active = chosen.names()
    for _ in range(_MOST_ROUNDS):
        found = _MarkedWalk(locked, by_name, partial(_asked, is_true, active)).walk(chosen)
        asked = active | {conflict_extra(key[0], extra) for key, extra in found.nodes if extra}
        asked |= {conflict_project(key[0]) for key, _ in found.nodes}
        if asked == active:
            return found
        active = asked
    raise InputError.of("its extras ask for each other without end", where=locked.shown, hint="run `uv lock`")


def _asked(is_true: Holds, active: frozenset[str], marker: str) -> bool:
    return is_true(marker, active)


class _MarkedWalk:
    """Walks a uv.lock with markers that are decided."""

    def __init__(self, locked: UvLock, by_name: Mapping[str, list[Row]], is_true: Callable[[str], bool]) -> None:
        self._locked = locked
        self._by_name = by_name
        self._is_true = is_true

    def walk(self, chosen: ChosenProject) -> _ReachedRows:
        """Follow all edges from what is chosen."""
        first = list(self._first(chosen))
        edges: dict[Node, list[Node]] = {}
        waiting = list(first)
        while waiting:
            node = waiting.pop()
            if node not in edges:
                edges[node] = list(self._below(node))
                waiting += edges[node]
        joined: dict[Key, set[Key]] = {}
        for (key, _), several in edges.items():
            joined.setdefault(key, set()).update(target for target, _ in several if target != key)
        return _ReachedRows(
            frozenset(edges),
            {key: frozenset(several) for key, several in joined.items()},
            frozenset(key for key, _ in first),
        )

    def _first(self, chosen: ChosenProject) -> Iterator[Node]:
        own = chosen.row
        if chosen.only_groups:
            pass
        elif chosen.is_built:
            yield own.key, ""
            yield from ((own.key, extra) for extra in chosen.extras)
        else:
            yield from self._targets(own.edges)
            for extra in chosen.extras:
                yield from self._targets(own.extras.get(extra, ()))
        for group in chosen.groups:
            yield from self._targets(own.groups.get(group, ()))

    def _below(self, node: Node) -> Iterator[Node]:
        row, extra = self._locked.rows[node[0]], node[1]
        if extra:
            yield row.key, ""
        yield from self._targets(row.extras.get(extra, ()) if extra else row.edges)

    def _targets(self, edges: Iterable[Edge]) -> Iterator[Node]:
        for edge in edges:
            if not self._is_true(edge.marker):
                continue
            rows = [row for row in self._by_name.get(edge.name, ()) if _is_meant(edge, row)]
            if not rows:
                named = f"{edge.name} {edge.version}".strip()
                message = f"names `{named}`, and has no such package"
                raise InputError.of(message, where=self._locked.shown, hint="run `uv lock`")
            for row in rows:
                yield row.key, ""
                yield from ((row.key, extra) for extra in edge.extras)


def _is_meant(edge: Edge, row: Row) -> bool:
    return edge.version in ("", row.key[1]) and edge.source in ("", row.key[2])
