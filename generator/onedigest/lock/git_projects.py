"""The pyproject.toml files of a git commit, which say where packages are: a copy of them is kept."""

from __future__ import annotations

from pathlib import Path

from onedigest import untrusted
from onedigest.definition.uv_project.pyproject import FILE
from onedigest.errors import InputError
from onedigest.from_source.model import BuiltFrom, Source
from onedigest.from_source.repositories import fetch_commit, opened
from onedigest.sources import Sources
from onedigest.tools import git

_FOLDER = "git-projects"
_MOST_PROJECTS = 1000
_MOST_BYTES = 1 << 20
_MOST_LISTED = 64 << 20


def projects_of(source: Source, origin: BuiltFrom, sources: Sources) -> Path:
    """Return a folder with every pyproject.toml of a commit, at its place.

    Raises `InputError` for a commit that is gone, or has too many, and `NetworkError`.
    """
    cached = sources.store.root / _FOLDER / origin.commit
    if cached.is_dir():
        return cached
    with sources.store.scratch() as scratch:
        written = scratch / origin.commit
        written.mkdir()
        with opened(source.place, source.name, source.where, sources) as repository:
            if not fetch_commit(repository, origin.commit):
                raise InputError.of(f"the commit {origin.commit} of `{source.name}` is gone", where=source.where)
            here = repository.local_run()
            for path in _listed(here, origin.commit, source):
                data = git.tell(here, "cat-file", "blob", f"{origin.commit}:{path}", most=_MOST_BYTES)
                (written / path).parent.mkdir(parents=True, exist_ok=True)
                (written / path).write_bytes(data)
        cached.parent.mkdir(exist_ok=True, mode=0o700)
        written.rename(cached)
    return cached


def _listed(run: git.GitRun, commit: str, source: Source) -> list[str]:
    """Return the paths of the projects of a commit; a link is none."""
    found = []
    for row in git.tell(run, "ls-tree", "-r", "-z", commit, most=_MOST_LISTED).split(b"\0"):
        kind, _, path = row.decode("utf-8", "replace").partition("\t")
        if not kind.startswith("100") or path.rpartition("/")[2] != FILE:
            continue
        try:
            found.append(untrusted.inner_path(path))
        except ValueError:
            continue
    if len(found) > _MOST_PROJECTS:
        raise InputError.of(f"`{source.name}` is one of more than {_MOST_PROJECTS} projects", where=source.where)
    return found
