"""The packages of an image beside those that a uv.lock pins, chosen by uv so that every pin stands."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from onedigest.definition.spec import Spec
from onedigest.definition.uv_project.closure import close_any
from onedigest.definition.uv_project.pinned_python import other_python
from onedigest.errors import InputError, listed
from onedigest.lock import asked_project
from onedigest.lock.addresses import file_address
from onedigest.lock.asked_project import RequestedPackages
from onedigest.lock.author import Author
from onedigest.lock.base import Base
from onedigest.lock.empty_index import names_of
from onedigest.lock.model import LockedPackage
from onedigest.lock.project_pins import PinnedProject, pinned_rows, read_pinned
from onedigest.lock.source_builder import SourceBuilder
from onedigest.lock.targets import Target, targets_of
from onedigest.lock.wheels import Key, Row, select, walk
from onedigest.platforms import Platform, marker_of
from onedigest.tools.uv_rows import WheelAddress, places_of

Ask = Callable[[RequestedPackages], Mapping[str, Any]]
"""Returns the uv.lock of what is wanted."""


def choose_with_pins(
    spec: Spec,
    base: Base,
    builder: SourceBuilder,
    pinned_wheels: frozenset[str],
    folder: Path,
    author: Author,
    ask: Ask,
) -> tuple[tuple[LockedPackage, ...], tuple[tuple[str, str], ...], dict[str, WheelAddress]]:
    """Return packages and roots of an image with a uv.lock, and address and digest of each wheel by its name.

    `folder` is the script's. A wheel of `pinned_wheels` counts before better ones. uv is asked only for what no uv.lock
    pins.
    """
    several = read_pinned(spec, folder)
    for pinned in several:
        if said := other_python(pinned.project, pinned.workspace, base.python):
            author.warn(said)
    found = pinned_rows(spec, several, base, builder)
    targets = targets_of(base, spec.platforms)
    if spec.uv_projects:
        found = _with_others(spec, found, base, builder, targets, ask)
    packages, roots = select(found, targets, base.reference, pinned_wheels)
    if names := sorted({name for pinned in several for name in _not_installed(pinned)}):
        author.tell(_say_left_out(spec, names))
    return packages, roots, places_of(found)


def _not_installed(pinned: PinnedProject) -> Iterator[str]:
    for row in close_any(pinned.locked, pinned.chosen):
        if row.name in pinned.left_out and row.place is not None and "virtual" not in row.source:
            yield row.name


def _say_left_out(spec: Spec, names: Sequence[str]) -> str:
    named, verb, them = listed([f"`{name}`" for name in names]), *(("is", "it") if len(names) == 1 else ("are", "them"))
    why = f"since Flyte's bundle of code has {them}"
    return f'{spec.name}: {named} {verb} not installed, {why}; `project_install_mode="install_project"` installs {them}'


def _with_others(
    spec: Spec, found: dict[str, Any], base: Base, builder: SourceBuilder, targets: Sequence[Target], ask: Ask
) -> dict[str, Any]:
    """Return rows with those of what is asked for besides, and with it among what the script asks for."""
    users = _users(found, targets)
    answered = {text: _answering(Requirement(text), users, targets) for text in spec.dependencies}
    root, *rows = found["package"]
    if all(answered.values()):
        edges = [edge for several in answered.values() for edge in several or ()]
        return {"package": [{**root, "dependencies": [*root["dependencies"], *edges]}, *rows]}
    requested = requested_beside(spec, builder.prepare(base.python_minor), rows, users)
    try:
        more = ask(requested)
    except InputError as error:
        raise _explained(error, spec, rows) from None
    return _joined(spec, found, more, users)


def _explained(error: InputError, spec: Spec, rows: Sequence[Mapping[str, Any]]) -> InputError:
    """Return an error of uv with what helps where it names what is pinned: all is chosen together in the project."""
    said = str(error)
    pinned = {row["name"]: row["version"] for row in rows if f"{row['name']}=={row['version']}" in said}
    asked = sorted(name for name in names_of(spec.dependencies) if re.search(rf"(?<![\w-]){name}(?![\w-])", said))
    if not (pinned and asked):
        return error
    named = listed([f"`{name}` {version}" for name, version in sorted(pinned.items())])
    added = listed([f"`{name}`" for name in asked])
    hint = (
        f"uv.lock pins {named}: add {added} to the dependencies of the project and run `uv lock`, to choose all at once"
    )
    return InputError(replace(each, hint=each.hint or hint) for each in error.problems)


def _users(found: Mapping[str, Any], targets: Sequence[Target]) -> dict[Key, list[Platform]]:
    """Return the platforms that need each pinned version."""
    rows: dict[Key, Row] = {(row["name"], row["version"]): row for row in found["package"]}
    users: dict[Key, list[Platform]] = {}
    for target in targets:
        for key in walk(rows, target).edges:
            users.setdefault(key, []).append(target.platform)
    return users


def _answering(
    asked: Requirement, users: Mapping[Key, list[Platform]], targets: Sequence[Target]
) -> list[dict[str, Any]] | None:
    """Return edges to the pins that answer a requirement wherever its marker holds, None where they do not."""
    if asked.url or asked.extras:
        return None
    needing = {each.platform for each in targets if asked.marker is None or asked.marker.evaluate(each.marker_values)}
    name, edges = canonicalize_name(asked.name), []
    for key, platforms in users.items():
        if key[0] == name and asked.specifier.contains(key[1], prereleases=True) and needing & set(platforms):
            edges.append({"name": name, "version": key[1], "marker": marker_of(sorted(needing & set(platforms)))})
            needing -= set(platforms)
    return None if needing else edges


def requested_beside(
    spec: Spec, requested: RequestedPackages, rows: Sequence[Mapping[str, Any]], users: Mapping[Key, list[Platform]]
) -> RequestedPackages:
    """Return what uv is asked for with each pinned row as a requirement, so that no other version is chosen of it."""
    settings = dict(requested.settings)
    pinned = {row["name"] for row in rows}
    indexed = {
        name: row
        for name, row in json.loads(spec.uv).get("sources", {}).items()
        if canonicalize_name(name) in pinned and "index" in row
    }
    counts = Counter(row["name"] for row in rows)
    alone = [row for row in rows if counts[row["name"]] == 1]
    pins = [_pin(row, users[row["name"], row["version"]], spec) for row in rows if users.get(_key(row))]
    settings["sources"] = {**settings.get("sources", {}), **indexed}
    settings["constraint-dependencies"] = [*settings.get("constraint-dependencies", []), *map(_plain_pin, alone)]
    local = [row for row in rows if "path" in row["source"]]
    settings["dependency-metadata"] = [*settings.get("dependency-metadata", []), *map(_stated, local)]
    return replace(
        requested,
        dependencies=(*requested.dependencies, *pins),
        settings=settings,
        files=requested.files | {str(Path(row["source"]["path"]).resolve()) for row in local},
        build=requested.build - pinned,
    )


def _key(row: Mapping[str, Any]) -> Key:
    return row["name"], row["version"]


def _pin(row: Mapping[str, Any], users: Sequence[Platform], spec: Spec) -> str:
    text = _plain_pin(row)
    return text if set(users) == set(spec.platforms) else f"{text} ; {marker_of(sorted(users))}"


def _plain_pin(row: Mapping[str, Any]) -> str:
    source = row["source"]
    if "path" in source:
        return f"{row['name']} @ {file_address(Path(source['path']))}"
    return f"{row['name']} @ {source['url']}" if "url" in source else f"{row['name']}=={row['version']}"


def _stated(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a wheel of this machine is said to need: what its uv.lock says, for it may name places."""
    needs = [f"{edge['name']}{'; ' + edge['marker'] if 'marker' in edge else ''}" for edge in row["dependencies"]]
    return {"name": row["name"], "version": row["version"], "requires-dist": needs}


def _joined(
    spec: Spec, found: Mapping[str, Any], more: Mapping[str, Any], users: Mapping[Key, list[Platform]]
) -> dict[str, Any]:
    """Return pinned rows as they are, with the rows that uv found besides, and edges of extras and other platforms."""
    root, *pinned = found["package"]
    rows: dict[Key, dict[str, Any]] = {_key(row): dict(row) for row in pinned}
    asked, edges = names_of(spec.dependencies), list(root["dependencies"])
    for row in more["package"]:
        own = rows.get((row["name"], row.get("version", "")))
        if row["name"] == asked_project.NAME:
            edges += [edge for edge in row.get("dependencies", ()) if canonicalize_name(edge["name"]) in asked]
        elif own is None:
            rows[row["name"], row.get("version", "")] = dict(row)
        else:
            others = [platform for platform in spec.platforms if platform not in users.get(_key(own), ())]
            further = [_only_on(edge, others) for edge in row.get("dependencies", ())] if others else []
            own["dependencies"] = [*own["dependencies"], *further]
            own["optional-dependencies"] = row.get("optional-dependencies", {})
    return {"package": [{**root, "dependencies": edges}, *rows.values()]}


def _only_on(edge: Mapping[str, Any], platforms: Sequence[Platform]) -> dict[str, Any]:
    marker = marker_of(platforms)
    return {**edge, "marker": f"({edge['marker']}) and ({marker})" if "marker" in edge else marker}
