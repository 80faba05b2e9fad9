"""The build of one wheel: its source laid out, with what the backend needs, and the result checked against it."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from packaging.tags import sys_tags
from packaging.utils import InvalidSdistFilename, canonicalize_name, parse_sdist_filename, parse_wheel_filename

from onedigest.digest import canonical_json, hex_of, of_bytes, of_file
from onedigest.errors import InputError, Problem
from onedigest.from_source import archives, commits, trees
from onedigest.from_source.backend import ask_requirements, read_build_system
from onedigest.from_source.compatible_wheels import BuildNeed
from onedigest.from_source.declared_sources import DeclaredSources, read_declared
from onedigest.from_source.model import BuildRequirement, BuiltFrom, BuiltWheel, Kind, PinnedFile, Source
from onedigest.from_source.reproducibility import build_twice
from onedigest.from_source.requirements import BuildPins, fetch_requirements, resolve
from onedigest.sources import Sources
from onedigest.untrusted import load_json

_POINTER = b"version https://git-lfs.github.com/spec/"

CANONICAL = 1
"""Which form built wheels are written in: a note of another one is not taken."""

Hear = Callable[[Problem], None]


def build(
    source: Source,
    origin: BuiltFrom,
    pinned: Sequence[BuildRequirement],
    sources: Sources,
    root: Path,
    hear: Hear,
    *,
    is_same: bool,
) -> BuiltWheel:
    """Build a source that is known to be `origin`, and keep the wheel in the store.

    `pinned` are requirements that stay as long as they satisfy; where `is_same`, they are all that there are.
    Raises `InputError` and `NetworkError`.
    """
    settings = source.build_settings()
    tags = list(sys_tags())
    with sources.store.scratch() as scratch:
        tree = _lay_out(source, origin, sources, root, scratch / source.name, hear)
        system = read_build_system(tree / source.subdirectory)
        declared = _declared(source, tree, root)
        need = BuildNeed(name=source.name, where=source.where, settings=settings, declared=declared)
        note = ""
        if is_same:
            pins = BuildPins(requires=tuple(pinned))
            tools = fetch_requirements(need, pins, tags, sources, scratch / "tools")
        else:
            pins = resolve(need, system.requires, pinned, sources)
            note = f"built/{hex_of(of_bytes(_dumped(source.name, replace(origin, requires=pins.requires))))}"
            if known := _cached(note, origin, sources):
                return known
            tools = fetch_requirements(need, pins, tags, sources, scratch / "stated-tools")
            asking = scratch / "asking"
            asking.mkdir()
            more = ask_requirements(tree, source.subdirectory, tools, settings, asking)
            if more:
                pins = resolve(need, (*system.requires, *more), (*pins.requires, *pinned), sources)
                tools = fetch_requirements(need, pins, tags, sources, scratch / "tools")
        building = scratch / "building"
        building.mkdir()
        wheel = build_twice(tree, source.subdirectory, tools, settings, building, hear)
        _check(source, origin, wheel)
        digest, size = of_file(wheel), wheel.stat().st_size
        made = PinnedFile(name=wheel.name, digest=digest, size=size)
        sources.store.add_file(wheel, digest)
    built = BuiltWheel(wheel=made, origin=replace(origin, requires=pins.requires))
    if note:
        sources.store.write_note(note, canonical_json({"wheel": asdict(made), "requires": _rows(built.origin)}))
    return built


def _declared(source: Source, tree: Path, root: Path) -> DeclaredSources:
    """Return where a project says that what builds it is; one that was published says that of its author's machine."""
    if source.kind is Kind.ARCHIVE:
        return DeclaredSources()
    if source.kind is Kind.GIT:
        return read_declared(tree / source.subdirectory, tree)
    return read_declared(Path(source.place) / source.subdirectory, root)


def _dumped(name: str, origin: BuiltFrom) -> bytes:
    """Return what is known of a source before its backend was asked, as what a note is named by."""
    fields = {name: item for name, item in asdict(replace(origin, path="", reference="")).items() if item}
    return canonical_json({**fields, "name": name, "form": CANONICAL, "requires": _rows(origin)})


def _rows(origin: BuiltFrom) -> list[dict[str, Any]]:
    rows = [asdict(each) for each in origin.requires]
    return [{**row, "wheels": list(row["wheels"])} for row in rows]


def _cached(note: str, origin: BuiltFrom, sources: Sources) -> BuiltWheel | None:
    """Return what this machine built of the same source with the same requirements, for another image."""
    data = sources.store.read_note(note)
    if data is None:
        return None
    found = load_json(data)
    wheel = PinnedFile(**found["wheel"])
    if not sources.store.has(wheel.digest, wheel.size):
        return None
    requires = tuple(
        BuildRequirement(**{**row, "wheels": tuple(PinnedFile(**each) for each in row["wheels"])})
        for row in found["requires"]
    )
    return BuiltWheel(wheel=wheel, origin=replace(origin, requires=requires))


def _lay_out(source: Source, origin: BuiltFrom, sources: Sources, root: Path, target: Path, hear: Hear) -> Path:
    """Write a source into a new folder; return the folder that `subdirectory` is in."""
    if source.kind is Kind.GIT:
        commits.check_out(source, origin, sources, target, hear)
        return target
    if source.kind is Kind.ARCHIVE:
        return archives.unpack(source, origin, sources, root, target)
    tree = trees.list_tree(Path(source.place), root, sources.environment, source.where)
    if trees.copy_tree(tree, target) != origin.digest:
        raise InputError.of(f"the files of `{source.name}` changed while they were read", where=source.where)
    if tree.credentials:
        names = ", ".join(f"`{each}`" for each in tree.credentials[:5])
        message = f"files that may hold credentials are no part of the wheel of `{source.name}`: {names}"
        hear(Problem(message, source.where, "keep what a program needs under another name"))
    return target


def _check(source: Source, origin: BuiltFrom, wheel: Path) -> None:
    """Raise `InputError` for a wheel of another project or version than was asked for, or with a part missing."""
    name, version = parse_wheel_filename(wheel.name)[:2]
    if name != canonicalize_name(source.name):
        raise InputError.of(f"{source.stated} is the project `{name}`, and `{source.name}` is asked for")
    try:
        stated, asked = parse_sdist_filename(origin.path) if origin.kind is Kind.ARCHIVE else (name, version)
    except InvalidSdistFilename:
        stated, asked = name, version
    if stated == name and asked != version:
        raise InputError.of(f"{origin.path} makes a wheel of the version {version}, and is one of {asked}")
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.infolist():
            with archive.open(member) as file:
                if file.read(len(_POINTER)) == _POINTER:
                    message = f"`{member.filename}` is a pointer of Git LFS, and what it stands for is not here"
                    hint = "run `git lfs pull`" if origin.kind is Kind.DIRECTORY else "name a wheel of it"
                    raise InputError.of(message, hint=hint)
