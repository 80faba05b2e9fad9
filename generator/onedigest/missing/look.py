"""Knows what is to be said of an image before anybody runs it: everything in this package, grouped and worded."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from onedigest.application import File
from onedigest.digest import canonical_json, hex_of, of_bytes
from onedigest.errors import Problem
from onedigest.inputs.store import Store
from onedigest.lock.model import Lock
from onedigest.missing.facts import FORMAT, merged
from onedigest.missing.imports import missing_siblings, sibling_problem
from onedigest.missing.libraries import Lack, missing_libraries
from onedigest.missing.programs import entrypoint_problem, missing_interpreters
from onedigest.missing.world import World, facts_of, world_of
from onedigest.plan.configuration import environment
from onedigest.platforms import Platform
from onedigest.spec import Spec


@dataclass(frozen=True, kw_only=True, slots=True)
class Owned:
    """The Debian packages that have libraries, or programs by their paths; `complete` where nobody has the others."""

    packages: Mapping[str, str]
    complete: bool


Owners = Callable[[Sequence[str]], Owned | None]
"""Returns what has libraries and programs; None where that cannot be known now."""

_MOST_SAID = 100
_MOST_NAMED = 6


@dataclass(frozen=True, kw_only=True, slots=True)
class Looked:
    """An image that is looked at. `where` gives the place of a key, and `plan` is the digest of its plan.

    With `again`, what could not be known the last time is asked for again.
    """

    spec: Spec
    lock: Lock
    files: Sequence[File]
    platforms: Sequence[Platform]
    plan: str
    folder: Path
    place: str
    where: Callable[[str], str] = field(repr=False)
    again: bool


def look(image: Looked, store: Store, owners: Owners) -> list[Problem]:
    """Return what an image lacks. Where its inputs, or the files of its base, are not known here, nothing is said.

    What was found once is noted under the digest of the plan.
    """
    return [*_lacking_modules(image, store), *_lacking_files(image, store, owners)]


def _lacking_modules(image: Looked, store: Store) -> list[Problem]:
    """Return what is to be said of modules beside the script."""
    spec = image.spec
    if not spec.include_script or image.lock.platforms == ():
        return []
    script = next((each for each in image.files if each.role == "scripts"), None)
    if script is None or not isinstance(script.content, bytes):
        return []
    provided: set[str] = {package.name.replace("-", "_") for package in image.lock.packages}

    def beside(known: set[str]) -> list[Problem]:
        found = missing_siblings(image.folder, script.place, _bytes(script), image.files, known)
        return [sibling_problem(found, spec.files, image.place)] if found else []

    if not beside(provided):
        return []
    facts = facts_of(image.lock, image.platforms, store)
    return beside(provided | {module for each in (facts or {}).values() for module in each.modules})


def _bytes(file: File) -> bytes:
    return file.content if isinstance(file.content, bytes) else b""


def _lacking_files(image: Looked, store: Store, owners: Owners) -> list[Problem]:
    """Return what is to be said of libraries and programs."""
    if image.spec.run:
        return []  # what commands bring is known once they were executed
    stated = [FORMAT, image.plan, list(image.spec.system_packages), image.where("entrypoint")]
    name = f"missing/{FORMAT}/looked/{hex_of(of_bytes(canonical_json(stated)))}"
    if (note := store.read_note(name)) is not None:
        with suppress(ValueError, TypeError, KeyError):
            noted = json.loads(note)
            if noted["complete"] or not image.again:
                return [Problem(*row) for row in noted["problems"]]
    facts = facts_of(image.lock, image.platforms, store)
    if facts is None:
        return []
    worlds = []
    for platform in image.platforms:
        world = world_of(image.lock, platform, facts, image.files, store)
        if world is None:
            return []
        worlds.append(world)
    search = environment(image.spec, image.lock.base, image.platforms[0]).get("PATH", "").split(":")
    problems, is_complete = _said(image, worlds, search, owners)
    entrypoint = entrypoint_problem(image.spec, worlds, image.files, search, image.where("entrypoint"))
    problems += [entrypoint] if entrypoint else []
    rows = [[each.message, each.where, each.hint] for each in problems]
    store.write_note(name, canonical_json({"complete": is_complete, "problems": rows}))
    return problems


def _said(image: Looked, worlds: Sequence[World], search: Sequence[str], owners: Owners) -> tuple[list[Problem], bool]:
    """Return a problem for each library and program, the last with the line that brings them; and if all was known."""
    everything = [*missing_libraries(worlds), *missing_interpreters(worlds, search)]
    lacking = [each for each in everything if not each.optional]
    where, platforms = image.where("system-packages"), tuple(image.platforms)
    problems = [
        Problem(f"`{each.name}` is missing in the image{_on(each, platforms)}: {_needing(each)}", where)
        for each in lacking[:_MOST_SAID]
    ]
    if len(lacking) > _MOST_SAID:
        problems.append(Problem(f"{len(lacking) - _MOST_SAID} more libraries and programs are missing", where))
    wanted = [each.name if "/" not in each.name else merged(each.name) for each in lacking]
    found = owners(wanted) if wanted else Owned(packages={}, complete=True)
    if problems and found is not None:
        problems[-1] = replace(problems[-1], hint=_hint(image, wanted, found))
    optional = [each for each in everything if each.optional]
    if optional:
        users = sorted({label for each in optional for label in each.users})
        named = _listed([f"`{each.name}`" for each in optional])
        problems.insert(
            0, Problem(f"plugins of {_listed(users)} need libraries that the image has not: {named}", where)
        )
    return problems, found is not None and found.complete


def _hint(image: Looked, wanted: Sequence[str], found: Owned) -> str:
    """Return the one line that brings all that Debian has."""
    left = sorted(set(wanted) - found.packages.keys())
    if not found.packages:
        return "no package of Debian has it, so it may be of no use here" if found.complete else ""
    line = ", ".join(f'"{each}"' for each in sorted({*image.spec.system_packages, *found.packages.values()}))
    unknown = "no package of Debian has" if found.complete else "it is not known here which package has"
    rest = f"; {unknown} {_listed(left)}" if left else ""
    return f"write `system-packages = [{line}]` in [tool.onedigest]{rest}"


def _listed(words: Sequence[str]) -> str:
    more = f" and {len(words) - _MOST_NAMED} more" if len(words) > _MOST_NAMED else ""
    return ", ".join(words[:_MOST_NAMED]) + more


def _on(lack: Lack, platforms: Iterable[Platform]) -> str:
    return "" if lack.platforms == tuple(sorted(platforms)) else f" on {' and '.join(map(str, lack.platforms))}"


def _needing(lack: Lack) -> str:
    users = [f"{label} ({path.rpartition('/')[2]})" for label, path in lack.users.items()]
    return f"{_listed(users)} {'needs' if len(users) == 1 else 'need'} it"
