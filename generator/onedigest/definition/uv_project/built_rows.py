"""The rows of a uv.lock that are no wheels, and what a wheel of each is to be built from."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from onedigest import untrusted
from onedigest.definition.uv_project.staleness import local_folder
from onedigest.definition.uv_project.uv_lock import Key, Row, UvLock
from onedigest.definition.uv_project.workspace import UvWorkspace, relative
from onedigest.digest import Digest
from onedigest.errors import InputError, Problem
from onedigest.from_source.model import NO_DIGEST, Kind, Source, read_subdirectory
from onedigest.from_source.unlisted_sources import asks, refusals


def find_sources(
    start: Path,
    workspace: UvWorkspace,
    locked: UvLock,
    rows: Iterable[Row],
    *,
    build: Collection[str],
    settings_of: Callable[[str], str],
) -> dict[Key, Source]:
    """Return what wheels are to be built of, by the keys of rows.

    Local projects always are, and the others where `build` names them, also where they have wheels. A folder is stated
    by its path from `start`, the folder of what the image is of. `settings_of` gives what [tool.uv] says of the build
    of a project. Raises `InputError` with all that is no wheel and that nobody wants built.
    """
    found: dict[Key, Source] = {}
    problems: list[Problem] = []
    unnamed: dict[str, Kind] = {}
    for row in rows:
        if row.wheels and (row.name not in build or row.archive is None):
            continue
        try:
            source = _source(start, workspace, locked, row, settings_of(row.name))
        except ValueError as error:
            problems.append(Problem(f"the source of `{row.name}` {error}", locked.shown, "run `uv lock`"))
            continue
        except InputError as error:
            problems += error.problems
            continue
        if row.name in build or not asks(source.kind):
            found[row.key] = source
        else:
            unnamed[row.name] = source.kind
    if unnamed:
        problems += refusals(unnamed, build, locked.shown)
    if problems:
        raise InputError(problems)
    return found


def _source(start: Path, workspace: UvWorkspace, locked: UvLock, row: Row, settings: str) -> Source:
    if row.place is not None:
        folder = local_folder(workspace, locked, row).resolve()
        return Source(
            name=row.name,
            kind=Kind.DIRECTORY,
            place=str(folder),
            stated=relative(folder, start),
            where=locked.shown,
            settings=settings,
        )
    if "git" in row.source:
        return _git(locked, row, settings)
    stated = row.archive or {}
    if "path" in row.source:
        name = untrusted.line(row.source["path"])
        place = str((workspace.root.folder / name).resolve())
    else:
        name = untrusted.without_secrets(untrusted.line(row.source.get("url") or stated.get("url", "")))
        place = str(row.source.get("url") or stated.get("url", ""))
        if not place and "path" in stated:
            place = str((workspace.root.folder / str(row.source["registry"]) / str(stated["path"])).resolve())
    if not place:
        raise ValueError("is neither a wheel nor an archive")
    return Source(
        name=row.name,
        kind=Kind.ARCHIVE,
        place=place,
        stated=name,
        where=locked.shown,
        subdirectory=read_subdirectory(row.source.get("subdirectory", "")),
        settings=settings,
        digest=_digest(stated.get("hash", "")),
    )


def _git(locked: UvLock, row: Row, settings: str) -> Source:
    parts = urlsplit(str(row.source["git"]))
    asked = dict(parse_qsl(parts.query))
    if asked.get("lfs") == "true":
        raise ValueError("has files of git LFS, which are not fetched")
    place = parts._replace(query="", fragment="").geturl()
    named = next((asked[key] for key in ("rev", "tag", "branch") if key in asked), "")
    return Source(
        name=row.name,
        kind=Kind.GIT,
        place=place,
        stated=untrusted.without_secrets(place) + (f"@{named}" if named else ""),
        where=locked.shown,
        reference=untrusted.line(parts.fragment),
        subdirectory=read_subdirectory(asked.get("subdirectory", "")),
        settings=settings,
    )


def _digest(stated: object) -> Digest:
    text = untrusted.line(stated)
    return untrusted.digest(text) if text.startswith("sha256:") else NO_DIGEST
