"""The way of a source into the store as a wheel: what it is, what its backend needs, and a build done once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from onedigest.digest import Digest, canonical_json, hex_of, of_bytes
from onedigest.errors import InputError, NetworkError, Problem
from onedigest.from_source.model import NO_DIGEST, BuiltFrom, BuiltWheel, Kind, Source
from onedigest.from_source.own_builds import is_own_build, note_own_build

if TYPE_CHECKING:
    from onedigest.sources import Sources

_BUILDING = ("config-settings", "variables", "dependencies", "constraints")
"""What of [tool.uv] may change a wheel; the rest says where build requirements are."""

Hear = Callable[[Problem], None]


def make_wheel(source: Source, previous: BuiltWheel | None, sources: Sources, *, root: Path, hear: Hear) -> BuiltWheel:
    """Return the wheel of a source, which is in the store then.

    Nothing is built where `previous` is of the same source, and this machine built its wheel. What `previous` was built
    with stays as long as it satisfies. `root` is the folder of the repository, which no local source may leave.
    Raises `InputError` where the wheel is another one than `previous` was of the same source, and for what cannot be
    built, and `NetworkError`.
    """
    origin = identify(source, previous, sources, root=root)
    is_same = previous is not None and replace(previous.origin, requires=()) == origin
    if previous and is_same and is_own_build(sources.store, previous):
        return previous
    pinned = previous.origin.requires if previous else ()
    from onedigest.from_source.build import build  # takes a moment, and most often nothing is built

    try:
        built = build(source, origin, pinned, sources, root, hear, is_same=is_same)
    except (InputError, NetworkError) as error:
        raise type(error)(_placed(source, problem) for problem in error.problems) from None
    if previous and is_same and built.wheel != previous.wheel:
        raise _differs(source, previous, built)
    note_own_build(sources.store, built)
    return built


def identify(source: Source, previous: BuiltWheel | None, sources: Sources, *, root: Path) -> BuiltFrom:
    """Return what a source is now, without `requires`: of git the commit of `previous`, while the same is asked for.

    Raises `InputError` and `NetworkError`.
    """
    known = previous.origin if previous else None
    if source.kind is Kind.GIT:
        from onedigest.from_source.commits import find_commit

        found = find_commit(source, known, sources)
    elif source.kind is Kind.ARCHIVE:
        from onedigest.from_source.archives import find_archive

        found = find_archive(source, known, sources, root)
    else:
        from onedigest.from_source.trees import digest_tree, list_tree

        tree = list_tree(Path(source.place), root, sources.environment, source.where)
        found = BuiltFrom(
            kind=Kind.DIRECTORY,
            path=source.stated,
            digest=digest_tree(tree),
            subdirectory=source.subdirectory,
        )
    return replace(found, settings=_digest_of(source.build_settings()))


def _digest_of(settings: Mapping[str, Any]) -> Digest:
    kept = {name: settings[name] for name in _BUILDING if settings.get(name)}
    return of_bytes(canonical_json(kept)) if kept else NO_DIGEST


def _placed(source: Source, problem: Problem) -> Problem:
    """Return a problem with the name of the project that was to be built, and where it is asked for."""
    message = problem.message
    if f"`{source.name}`" not in message:
        place = f"{problem.where}: " if problem.where and problem.where != source.where else ""
        message = f"`{source.name}` cannot be built: {place}{message}"
    return Problem(message, source.where, problem.hint.replace("{ NAME =", f"{{ {source.name} ="))


def _differs(source: Source, previous: BuiltWheel, built: BuiltWheel) -> InputError:
    was, now = previous.wheel, built.wheel
    message = f"`{source.name}` was built again, and is another wheel than the lock has"
    message += f" ({was.name} {hex_of(was.digest)[:12]}, now {now.name} {hex_of(now.digest)[:12]})"
    why = "its backend gives another result with this Python or on this machine"
    if source.kind is Kind.GIT:
        why += ", or the repository has other tags by now"
    hint = f"{why}; `--upgrade-package {source.name}` takes the new one"
    return InputError.of(message, where=source.where, hint=hint)
