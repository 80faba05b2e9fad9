"""The way by which built wheels of a lock come into the store again, each with the digest that it had."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from onedigest.definition.spec import Spec
from onedigest.digest import hex_of
from onedigest.errors import InputError, Problem, generating
from onedigest.from_source.model import BuiltWheel, Kind
from onedigest.lock.author import Author
from onedigest.lock.built_wheels import built_of, is_same_source, moved_problems, moved_projects
from onedigest.lock.model import Lock
from onedigest.lock.project_pins import pinned_rows, read_pinned
from onedigest.lock.resolver import ask_pinned
from onedigest.lock.source_builder import EarlierBuilds, SourceBuilder
from onedigest.sources import Sources


def rebuild(spec: Spec, lock: Lock, sources: Sources, names: Collection[str], *, folder: Path, author: Author) -> None:
    """Put wheels of a lock that were built, by their file names, into the store. `folder` is the script's.

    Raises `InputError` where what they are built of is not what the lock pins, or another wheel comes of it.
    """
    hint = f"run `{generating(spec.script)}`"
    if moved := moved_projects(spec, lock, sources, folder=folder):
        raise InputError(moved_problems(lock, moved, spec.script, hint))
    builder = SourceBuilder(spec, folder, sources, EarlierBuilds(lock=lock), author)
    if spec.is_pinned:
        pinned_rows(spec, read_pinned(spec, folder), lock.base, builder)
    if not spec.uv_lock:
        builder.prepare(lock.base.python_minor)
    if not spec.uv_lock and not set(names) <= builder.built.keys():
        builder.make_rows(*ask_pinned(spec, lock, sources, folder=folder))
    wanted = [built for package in lock.packages if (built := built_of(package)) and built.wheel.name in names]
    if problems := [problem for each in wanted for problem in _others(each, builder.built.get(each.wheel.name))]:
        raise InputError(problems)


def _others(locked: BuiltWheel, found: BuiltWheel | None) -> Iterator[Problem]:
    name, origin = locked.wheel.name, locked.origin
    if found is None:
        yield Problem(
            f"`{name}` was built of {origin.path}, which is not there any more",
            hint="run `onedigest generate --upgrade`",
        )
    elif not is_same_source(found.origin, origin):
        what = f"{origin.path}: sha256 {hex_of(found.origin.digest)}, locked {hex_of(origin.digest)}"
        what = f"source of `{name}`" if origin.kind is Kind.GIT else what
        yield Problem(f"there is another {what}", hint="find out why it changed before you run `onedigest generate`")
    elif found.wheel != locked.wheel:
        message = f"`{name}` is built as sha256 {hex_of(found.wheel.digest)}, locked {hex_of(locked.wheel.digest)}"
        yield Problem(message, hint="find out why it changed before you run `onedigest generate`")
