"""The commit that a git source means, and the proof that the build uses that commit."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from onedigest.errors import InputError, Problem
from onedigest.from_source.commit_files import write_commit
from onedigest.from_source.git_address import OBJECT_NAME, check_reference, read_remote, short_name
from onedigest.from_source.model import BuiltFrom, Kind, Source
from onedigest.from_source.repositories import (
    GitRepository,
    fetch_commit,
    fetch_everything,
    has_commit,
    list_references,
    opened,
)
from onedigest.tools import git

if TYPE_CHECKING:
    from onedigest.sources import Sources

_KINDS = {"refs/heads/": "no branch", "refs/tags/": "no tag"}
_SHORT = re.compile(r"[0-9a-f]{4,64}")


def find_commit(source: Source, previous: BuiltFrom | None, sources: Sources) -> BuiltFrom:
    """Return which commit a source is: that of `previous` as long as the same is asked for, else the newest.

    Raises `InputError` for a reference that is not there, and `NetworkError`.
    """
    check_reference(source.reference, source.name, source.where)
    found = BuiltFrom(
        kind=Kind.GIT,
        path=read_remote(source.place, source.where, source.name).shown,
        reference=source.reference,
        subdirectory=source.subdirectory,
    )
    if previous and (previous.kind, previous.path, previous.reference) == (found.kind, found.path, found.reference):
        return replace(found, commit=previous.commit, tree=previous.tree)
    with opened(source.place, source.name, source.where, sources) as repository:
        commit = _resolved(repository, source.reference)
        tree = git.tell(repository.local_run(), "rev-parse", "--verify", f"{commit}^{{tree}}").decode().strip()
    return replace(found, commit=commit, tree=tree)


def check_out(
    source: Source, origin: BuiltFrom, sources: Sources, target: Path, hear: Callable[[Problem], None]
) -> None:
    """Write a commit into a new folder, with its submodules, and with its history up to there in `.git`.

    Raises `InputError` for a commit that is gone, has another tree than is stated, or holds too much; `NetworkError`.
    """
    with opened(source.place, source.name, source.where, sources) as repository:
        if not has_commit(repository, origin.commit):
            _fetch_everything(repository, origin, hear)
        fetch_commit(repository, origin.commit)
        tree = git.tell(repository.local_run(), "rev-parse", "--verify", f"{origin.commit}^{{tree}}").decode().strip()
        if tree != origin.tree:
            message = f"the commit {origin.commit} of `{source.name}` has the tree {tree}, and the lock states"
            raise InputError.of(f"{message} {origin.tree}", where=source.where, hint=_upgrading(source.name))
        write_rest = write_commit(repository, origin.commit, target)
    write_rest()


def _fetch_everything(repository: GitRepository, origin: BuiltFrom, hear: Callable[[Problem], None]) -> None:
    """Fetch the commit that a lock states, and say where a tag is another one by now."""
    name, reference = repository.name, origin.reference
    is_there = fetch_commit(repository, origin.commit)
    known = {}
    if reference and not OBJECT_NAME.fullmatch(reference):
        known = list_references(repository, _patterns(reference))
    now = _commit_of(known, _names(reference))
    is_moved = now not in ("", origin.commit)
    if not is_there:
        why = f", and `{short_name(reference)}` is {now} now" if is_moved else ""
        message = f"the commit {origin.commit} of `{name}` is no longer in {repository.remote.shown}{why}"
        raise InputError.of(message, where=repository.where, hint=_upgrading(name))
    tag = _names(reference)[-1]
    if is_moved and tag in known and not any(each.startswith("refs/heads/") for each in known):
        was = f"was the commit {origin.commit}, which stays, and is {now} now"
        message = f"the tag `{short_name(reference)}` of `{name}` {was}"
        hear(Problem(message, repository.where, _upgrading(name)))
        # backends that ask git for a version get the answer of then
        git.tell(repository.local_run(), "update-ref", tag, origin.commit)


def _resolved(repository: GitRepository, reference: str) -> str:
    """Return the commit that a reference is now: a branch, else a tag, else a commit, as uv has it; it is fetched."""
    commit = reference if OBJECT_NAME.fullmatch(reference) else ""
    if not commit:
        commit = _commit_of(list_references(repository, _patterns(reference)), _names(reference))
    if not commit and not reference:
        raise InputError.of(f"the repository of `{repository.name}` has no commit", where=repository.where)
    if not commit and _SHORT.fullmatch(reference):
        fetch_everything(repository)
        found = git.ask(repository.local_run(), "rev-parse", "--verify", "--quiet", f"{reference}^{{commit}}")
        commit = (found or b"").decode().strip()
    if not commit or not fetch_commit(repository, commit):
        raise _unknown(repository, reference)
    return commit


def _names(reference: str) -> Sequence[str]:
    if reference in ("", "HEAD"):
        return ("HEAD",)
    if reference.startswith("refs/"):
        return (reference,)
    return f"refs/heads/{reference}", f"refs/tags/{reference}"


def _patterns(reference: str) -> list[str]:
    """Return what git is asked for: each name, and what an annotated tag of that name is of."""
    return [pattern for name in _names(reference) for pattern in (name, f"{name}^{{}}")]


def _commit_of(known: dict[str, str], names: Sequence[str]) -> str:
    found = (known.get(f"{name}^{{}}") or known.get(name, "") for name in names)
    return next(filter(None, found), "")


def _unknown(repository: GitRepository, reference: str) -> InputError:
    known = {name.removesuffix("^{}") for name in list_references(repository)}
    kinds = tuple(start for start in _KINDS if reference.startswith(start)) or tuple(_KINDS)
    names = sorted(short_name(name) for name in known if name.startswith(kinds))
    near = difflib.get_close_matches(short_name(reference), names, 3)
    hint = f"did you mean {' or '.join(f'`{each}`' for each in near)}?" if near else ""
    kind = _KINDS[kinds[0]] if len(kinds) == 1 else "neither branch, tag nor commit"
    message = f"the repository of `{repository.name}` has {kind} `{short_name(reference)}`"
    return InputError.of(message, where=repository.where, hint=hint)


def _upgrading(name: str) -> str:
    return f"`--upgrade-package {name}` takes what is there now"
