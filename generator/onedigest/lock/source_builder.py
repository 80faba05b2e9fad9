"""The builder that makes wheels of what a script takes from source, each once, before uv is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from packaging.utils import canonicalize_name, parse_wheel_filename
from packaging.version import Version

from onedigest.definition.spec import Spec
from onedigest.digest import Digest, algorithm_of, has_stated
from onedigest.errors import InputError, Problem
from onedigest.from_source import wheel_source
from onedigest.from_source.archives import MOST_ARCHIVE
from onedigest.from_source.model import BuildRequirement, BuiltWheel, Kind, Source
from onedigest.from_source.own_builds import is_own_build
from onedigest.lock import asked_project, repository
from onedigest.lock.asked_project import RequestedPackages
from onedigest.lock.author import Author
from onedigest.lock.built_wheels import built_of, named_path, say_built, with_wheel
from onedigest.lock.environments import ImageEnvironments
from onedigest.lock.git_projects import projects_of
from onedigest.lock.model import Lock, LockedPackage
from onedigest.lock.package_sources import PackageSources
from onedigest.lock.repository import DeclaredPlaces
from onedigest.lock.source_closure import SourceClosure, WheelMaking, requirements_of, stated_row
from onedigest.lock.uv_lock_values import check_sdist
from onedigest.lock.wheel_metadata import Metadata, of_file
from onedigest.sources import Sources
from onedigest.store import Store
from onedigest.tools.uv_rows import sdist_name, stated_digest, wheel_address, wheel_digest

_MADE: WeakKeyDictionary[Store, dict[tuple[Source, tuple[BuildRequirement, ...] | None], BuiltWheel]] = (
    WeakKeyDictionary()
)
"""What this process built into a store, by the source and what it was to be built with."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EarlierBuilds:
    """What was built before, and stays: all of a lock, but for projects that are named, or whose builds need those."""

    lock: Lock | None = None
    everything: bool = False
    names: frozenset[str] = frozenset()

    def built(self, source: Source) -> BuiltWheel | None:
        """Return the wheel of a source, or of one that is like it."""
        packages = self.lock.packages if self.lock else ()
        several = [built for package in packages if package.name == source.name and (built := built_of(package))]
        alike = [built for built in several if built.origin.kind is source.kind]
        exact = [built for built in alike if built.origin.path == source.stated or built.origin.digest == source.digest]
        return next(iter([*exact, *alike]), None)

    def moves(self, source: Source) -> bool:
        """Tell whether a source itself may move."""
        return self.everything or source.name in self.names

    def needs_move(self, built: BuiltWheel) -> bool:
        """Tell whether what a build needs may move."""
        return bool({each.name for each in built.origin.requires} & self.names)


class SourceBuilder:
    """Builds what one script takes from source, whose folder is `folder`.

    `built` has the wheels by their file names.
    """

    def __init__(self, spec: Spec, folder: Path, sources: Sources, earlier: EarlierBuilds, author: Author) -> None:
        self.built: dict[str, BuiltWheel] = {}
        self._spec = spec
        self._surroundings = asked_project.read_surroundings(spec, folder)
        self._sources = sources
        self._earlier = earlier
        self._author = author
        self._wheels: dict[Source, Path] = {}
        self._fetched: dict[str, Digest] = {}

    @property
    def folder(self) -> Path:
        """The folder of the script, which its places are from."""
        return self._surroundings.folder

    def refuse(self) -> None:
        """Raise `InputError` with all that cannot be followed, before anything is fetched."""
        asked_project.read_requested(self._spec, self._surroundings)

    def prepare(self, minor: str) -> RequestedPackages:
        """Build all that a script and its local projects name as a source; return what uv is asked for then.

        `minor` is the Python of the image, as 3.N. Raises `InputError` with all that cannot be built.
        """
        requested = asked_project.read_requested(self._spec, self._surroundings)
        if not requested.sources:
            return requested
        places = PackageSources(self._surroundings)
        parts = WheelMaking(
            make=self._make, path_of=self._wheels.__getitem__, declared=self._declared, copy_of=self._copy_of
        )
        closure = SourceClosure(parts, places, ImageEnvironments(self._spec.platforms, minor))
        closure.follow(requested)
        return closure.with_wheels(
            asked_project.read_requested(self._spec, replace(self._surroundings, wheels=self._wheels))
        )

    def make(self, source: Source) -> tuple[BuiltWheel, Path]:
        """Return the wheel of a source, which is built where it is not there, and its path."""
        self._make(source)
        path = self._wheels[source]
        return self.built[path.name], path

    def settings_of(self, name: str) -> str:
        """Return what [tool.uv] says of the build of one project, as canonical JSON."""
        return self._surroundings.settings_of(name)

    @staticmethod
    def chosen(found: Mapping[str, Any], requested: RequestedPackages) -> dict[str, str]:
        """Return the names of the source distributions that a uv.lock chose, each with its highest version."""
        rows = sorted(_built_rows(found, requested), key=lambda row: Version(row["version"]))
        return {row["name"]: row["version"] for row in rows}

    def make_rows(self, found: Mapping[str, Any], requested: RequestedPackages) -> list[dict[str, Any]]:
        """Build the source distributions that a uv.lock chose; return what those that are new say of themselves."""
        rows: list[dict[str, Any]] = []
        problems: list[Problem] = []
        for row in _built_rows(found, requested):
            try:
                check_sdist(row)
                source = self._archive(row)
                if source not in self._wheels:
                    metadata = self._make(source)
                    self._refuse_other(source, row["version"])
                    rows.append(stated_row(metadata, source.name, row["version"], self._required(source, metadata)))
            except InputError as error:
                problems += error.problems
            except ValueError as error:
                message = f"what the index says of `{row['name']}` cannot be used: {error}"
                problems.append(Problem(message, self._spec.script))
        if problems:
            raise InputError(problems)
        return rows

    def insert_rows(self, found: Mapping[str, Any], requested: RequestedPackages) -> None:
        """Put the wheels that were built in the place of source distributions in a uv.lock."""
        for row in _built_rows(found, requested):
            path = self._wheels[self._archive(row)]
            wheel = self.built[path.name].wheel
            row["source"] = {"path": str(path)}
            row["wheels"] = [{"filename": wheel.name, "hash": wheel.digest, "size": wheel.size}]

    def with_origin(self, package: LockedPackage) -> LockedPackage:
        """Return a package of a lock with the source that its wheel was built of, where it was."""
        known = {built.wheel.digest: built for built in self.built.values()}
        found = [known[wheel.digest] for _, wheel in package.wheels if wheel.digest in known]
        return with_wheel(package, found[0]) if found else package

    def _make(self, source: Source) -> Metadata:
        """Build a source, unless that was done; return what its wheel says of itself."""
        if source not in self._wheels:
            known = self._earlier.built(source)
            previous, asked = known, source
            if known and self._earlier.moves(source):
                previous = None
            elif known and self._earlier.needs_move(known):
                # what its build needs may move, and not what it is built of
                asked = replace(source, reference=known.origin.commit) if source.kind is Kind.GIT else source
                previous = None
            built = self._made(asked, previous, known)
            self.built[built.wheel.name] = built
            self._wheels[source] = named_path(self._sources.store, built.wheel)
        return of_file(self._wheels[source]) or {}

    def _made(self, source: Source, previous: BuiltWheel | None, known: BuiltWheel | None) -> BuiltWheel:
        """Return the wheel of a source. Scripts of one command share what was built of one, with the same tools."""
        store = self._sources.store
        shared = _MADE.setdefault(store, {})
        key = replace(source, where="", stated=""), previous.origin.requires if previous else None
        made = shared.get(key)
        if made:
            previous = replace(made, origin=replace(made.origin, path=source.stated)) if _is_folder(made) else made
        is_there = previous is not None and is_own_build(store, previous)
        built = wheel_source.make_wheel(
            source, previous, self._sources, root=self._surroundings.root, hear=self._author.warn
        )
        if not is_there or built != previous:
            self._author.tell(say_built(source, built, known))
        shared[key] = built
        return built

    def _declared(self, source: Source) -> DeclaredPlaces:
        if copy := self._copy_of(source):
            return repository.declared_by(copy[1] / source.subdirectory, copy[1])
        if source.kind is not Kind.DIRECTORY:
            return DeclaredPlaces()
        return repository.declared_by(Path(source.place) / source.subdirectory, self._surroundings.root)

    def _copy_of(self, source: Source) -> tuple[str, Path] | None:
        """Return the commit of a source of git that was built, and where a copy of its projects is."""
        if source.kind is not Kind.GIT:
            return None
        origin = self.built[self._wheels[source].name].origin
        return origin.commit, projects_of(source, origin, self._sources)

    def _archive(self, row: Mapping[str, Any]) -> Source:
        """Return the source distribution of a row of a uv.lock, whose values were checked.

        One of which no sha256 is stated is fetched, so that its address has no part in a lock.
        """
        address, digest = wheel_address(row["source"], row["sdist"]), wheel_digest(row["sdist"])
        if not digest and "://" in address:
            if address not in self._fetched:
                self._fetched[address] = self._fetch(row, address)
            digest = self._fetched[address]
        return Source(
            name=row["name"],
            kind=Kind.ARCHIVE,
            place=address,
            stated=sdist_name(row["sdist"]),
            where=self._spec.script,
            settings=self._surroundings.settings_of(row["name"]),
            digest=digest,
        )

    def _fetch(self, row: Mapping[str, Any], address: str) -> Digest:
        store, stated = self._sources.store, stated_digest(row["sdist"])
        digest, _ = self._sources.client.fetch_unknown(address, store, most=MOST_ARCHIVE)
        if stated and not has_stated(store.path(digest), stated):
            message = f"the content of `{sdist_name(row['sdist'])}` does not have the {algorithm_of(stated)}"
            raise InputError.of(f"{message} that its index states", where=self._spec.script)
        return digest

    def _required(self, source: Source, metadata: Metadata) -> list[str]:
        """Return what a package of an index requires, which is no address: uv would follow it."""
        found = list(requirements_of(metadata))
        addresses = [f"`{each.name}`" for each in found if each.url]
        if addresses:
            message = f"`{source.stated}` requires {', '.join(addresses)} by an address, and is from an index"
            raise InputError.of(message, where=self._spec.script)
        return list(map(str, found))

    def _refuse_other(self, source: Source, version: str) -> None:
        name = self._wheels[source].name
        if parse_wheel_filename(name)[1] != Version(version):
            message = f"`{source.stated}` gives {name}, and its index says that it is {source.name} {version}"
            raise InputError.of(message, where=self._spec.script)


def _is_folder(built: BuiltWheel) -> bool:
    return built.origin.kind is Kind.DIRECTORY


def _built_rows(found: Mapping[str, Any], requested: RequestedPackages) -> list[dict[str, Any]]:
    return [
        row
        for row in found.get("package", ())
        if canonicalize_name(row["name"]) in requested.build and "sdist" in row and "registry" in row["source"]
    ]
