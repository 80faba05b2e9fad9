"""The places that a script or its projects name for packages: wheels and indexes, and what is to be built."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from packaging.utils import canonicalize_name

from onedigest.errors import InputError, Problem
from onedigest.from_source.git_address import check_reference, read_remote, short_name
from onedigest.from_source.model import NO_DIGEST, Kind, Source
from onedigest.from_source.unlisted_sources import asks, refusals
from onedigest.lock import repository, uv_values
from onedigest.lock.addresses import Address, file_address, is_archive, read_address, read_git
from onedigest.lock.build_settings import build_settings, indexes_of
from onedigest.lock.empty_index import empty_place


@dataclass(frozen=True, kw_only=True, slots=True)
class PackageSource:
    """One place of a package: a source that a wheel is built of, the address of a wheel, or the name of an index."""

    source: Source | None = None
    address: str = ""
    index: str = ""
    marker: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class ScriptSurroundings:
    """What places are read against: a script with its folder, and the folder that local projects may not leave.

    `build` may be built, by `settings` of [tool.uv]; `wheels` are what was built.
    """

    script: str
    folder: Path
    root: Path
    build: frozenset[str] = frozenset()
    settings: Mapping[str, Any] = field(default_factory=dict)
    wheels: Mapping[Source, Path] = field(default_factory=dict)

    def wheel_of(self, source: Source) -> Path:
        """Return the wheel that was built of a source, or a place where there is none."""
        found = self.wheels.get(source)
        return found if found is not None else empty_place(source.name)

    def settings_of(self, name: str) -> str:
        """Return what [tool.uv] says of the build of one project, as canonical JSON."""
        return build_settings({**self.settings, **indexes_of(self.settings, self.folder)}, name)


class PackageSources:
    """Resolves the places that one script names; keeps all problems, and the wheels that are files of this machine.

    `sources` are what wheels are built of, each with the markers that it has.
    """

    def __init__(self, surroundings: ScriptSurroundings) -> None:
        self.problems: list[Problem] = []
        self.files: set[str] = set()
        self.sources: dict[Source, list[str]] = {}
        self._surroundings = surroundings
        self._unasked: dict[str, Kind] = {}

    def refuse(self) -> None:
        """Raise `InputError` with all that cannot be followed, where anything cannot."""
        if self._unasked:
            self.problems += refusals(self._unasked, self._surroundings.build, self._surroundings.script)
        if self.problems:
            raise InputError(dict.fromkeys(self.problems))

    def requirement(self, text: str) -> str:
        """Return a requirement, the place in it absolute, or that of the wheel which is built of it."""
        name, at, rest = text.partition(" @ ")
        if not at:
            return text
        address, space, marker = rest.partition(" ")
        try:
            uv_values.refuse_variables(address)
        except ValueError as error:
            self.problems.append(Problem(f"`{name}` {error}", self._surroundings.script))
        need = self.at_address(name.partition("[")[0].strip(), address, self._surroundings.folder)
        if need.source:
            self.sources.setdefault(need.source, []).append("")
        return f"{name} @ {self._address(need)}{space}{marker}"

    def of_settings(self, taken: Mapping[str, Any], names: frozenset[str]) -> dict[str, Any]:
        """Return settings that were checked, with requirements and sources that name nothing but wheels.

        `names` are the packages that are asked for: uv heeds the sources of no other.
        """
        changed = dict(taken)
        if "constraint-dependencies" in taken:
            changed["constraint-dependencies"] = list(map(self.requirement, taken["constraint-dependencies"]))
        if "override-dependencies" in taken:
            changed["override-dependencies"] = [
                {**each, "dependencies": list(map(self.requirement, each["dependencies"]))}
                if isinstance(each, dict)
                else self.requirement(each)
                for each in taken["override-dependencies"]
            ]
        if "dependency-metadata" in taken:
            changed["dependency-metadata"] = [
                {**each, "requires-dist": list(map(self.requirement, each.get("requires-dist", ())))}
                for each in taken["dependency-metadata"]
            ]
        if "sources" in taken:
            ignored = set(map(canonicalize_name, taken.get("no-sources-package", ())))
            heeded = {} if taken.get("no-sources") else taken["sources"]
            changed["sources"] = {
                name: self._lowered(name, each)
                for name, each in sorted(heeded.items())
                if canonicalize_name(name) in names - ignored
            }
        return {**changed, **indexes_of(taken, self._surroundings.folder)}

    def needs(self, name: str, value: Any, base: Path, root: Path | None = None) -> Iterator[PackageSource]:
        """Yield the places that a row of [tool.uv.sources] names; a path in it is from the folder `base`.

        `root` is what no folder may leave, where it is not the repository.
        """
        for source in value if isinstance(value, list) else [value]:
            marker = str(source.get("marker", ""))
            found = self._place(name, source, base, root or self._surroundings.root)
            if found.source:
                self.sources.setdefault(found.source, []).append(marker)
            yield PackageSource(source=found.source, address=found.address, index=found.index, marker=marker)

    def at_address(self, name: str, text: str, base: Path) -> PackageSource:
        """Return the place that an address names, as uv reads it behind the `@` of a requirement."""
        address = read_address(text)
        if address.wrong:
            return self._refused(name, address.wrong, f"write `{name} @ {address.form}`" if address.form else "")
        if address.is_git:
            return self._git(name, address)
        if address.is_web:
            if address.is_wheel:
                return PackageSource(address=text)
            return self._built(
                name, Kind.ARCHIVE, address.place, address.stated, address.subdirectory, digest=address.digest
            )
        return self._local(name, base / address.place, address.mark, subdirectory=address.subdirectory)

    def _lowered(self, name: str, value: Any) -> Any:
        rows = [
            self._row(each, need)
            for each, need in zip(
                value if isinstance(value, list) else [value],
                self.needs(name, value, self._surroundings.folder),
                strict=True,
            )
        ]
        return rows if isinstance(value, list) else rows[0]

    def _row(self, source: Mapping[str, Any], need: PackageSource) -> dict[str, Any]:
        kept = {field: source[field] for field in ("extra", "group", "marker") if field in source}
        if need.index:
            return {**kept, "index": need.index}
        address = self._address(need)
        if address.startswith("file://"):
            return {**kept, "path": unquote(address.removeprefix("file://").partition("#")[0])}
        return {**kept, "url": address}

    def _address(self, need: PackageSource) -> str:
        """Return the address of a wheel that uv gets."""
        if need.source is None:
            return need.address
        path = self._surroundings.wheel_of(need.source)
        if need.source in self._surroundings.wheels:
            self.files.add(str(path.resolve()))
        return file_address(path)

    def _place(self, name: str, source: Mapping[str, Any], base: Path, root: Path) -> PackageSource:
        if "index" in source:
            return PackageSource(index=str(source["index"]))
        if "git" in source:
            return self._git(name, read_git(source))
        place = self._member(name, base, root) if source.get("workspace") else base / source.get("path", "")
        if place is None:
            return _nowhere(name)
        if "url" not in source and _is_virtual(place, root, source.get("package")):
            hint = "leave it out, or write what the project needs into `dependencies`"
            return self._refused(name, "a local project with `package = false`, which is not to be installed", hint)
        inner = str(source.get("subdirectory", ""))
        if "url" in source:
            mark = f"#subdirectory={quote(inner)}" if inner and "#" not in source["url"] else ""
            return self.at_address(name, f"{source['url']}{mark}", base)
        return self._local(name, place, subdirectory=inner, root=root)

    def _member(self, name: str, base: Path, root: Path) -> Path | None:
        """Return the folder of a member of the workspace around a folder; where there is none, that is a problem."""
        workspace = repository.find_workspace(base, root)
        if workspace is None:
            self._refused(name, "a workspace, and no pyproject.toml around it has [tool.uv.workspace]")
            return None
        place = repository.members(workspace, root).get(canonicalize_name(name))
        if place is None:
            self._refused(name, f"the workspace in {os.path.relpath(workspace, root)}, which has no such member")
        return place

    def in_git(self, found: Source, around: Source, commit: str, subdirectory: str) -> PackageSource:
        """Return a project of the same commit as another one, which was found in a copy of it."""
        stated = f"{around.stated.partition('@')[0]}@{commit}#{subdirectory}"
        need = self._built(found.name, Kind.GIT, around.place, stated, subdirectory, commit)
        if need.source:
            self.sources.setdefault(need.source, []).append("")
        return need

    def _git(self, name: str, address: Address) -> PackageSource:
        if address.wrong:
            return self._refused(name, address.wrong)
        try:
            shown = read_remote(address.place, self._surroundings.script, name).shown
            check_reference(address.reference, name, self._surroundings.script)
        except InputError as error:
            self.problems += error.problems
            return _nowhere(name)
        stated = f"{shown}@{short_name(address.reference)}" if address.reference else shown
        return self._built(name, Kind.GIT, address.place, stated, address.subdirectory, address.reference)

    def _local(
        self, name: str, path: Path, mark: str = "", subdirectory: str = "", root: Path | None = None
    ) -> PackageSource:
        """Return what is at a path of this machine: a wheel, which need not be there, a project or an archive."""
        path = Path(os.path.abspath(path))  # noqa: PTH100  links stay as they are
        shown = os.path.relpath(path, self._surroundings.folder)
        kind = _kind(path)
        if kind == "wheel":
            self.files.add(str(path.resolve()))
            return PackageSource(address=f"{file_address(path)}{mark}")
        if kind not in ("folder", "archive"):
            return self._refused(name, f"{shown}, which is {kind}")
        if not path.resolve().is_relative_to((root or self._surroundings.root).resolve()):
            message = f"`{name}` comes from {shown}, which is outside of the repository"
            self.problems.append(
                Problem(message, self._surroundings.script, repository.inside_hint(self._surroundings.root))
            )
            return _nowhere(name)
        if kind == "folder":
            return self._built(name, Kind.DIRECTORY, str(path), shown, subdirectory)
        return self._built(name, Kind.ARCHIVE, str(path), shown, subdirectory)

    def _built(
        self,
        name: str,
        kind: Kind,
        place: str,
        stated: str,
        subdirectory: str = "",
        reference: str = "",
        digest: Any = NO_DIGEST,
    ) -> PackageSource:
        """Return a source; one that is not local must be named in `build`."""
        known = canonicalize_name(name)
        source = Source(
            name=known,
            kind=kind,
            place=place,
            stated=stated,
            where=self._surroundings.script,
            reference=reference,
            subdirectory=subdirectory,
            settings=self._surroundings.settings_of(known),
            digest=digest,
        )
        if asks(kind) and known not in self._surroundings.build:
            self._unasked[known] = kind
            return _nowhere(name)
        if self._surroundings.settings.get("no-build") is True:
            return self._refused(name, f"{stated}, and [tool.uv] has `no-build = true`", "leave `no-build` out")
        return PackageSource(source=source)

    def _refused(self, name: str, kind: str, hint: str = "") -> PackageSource:
        self.problems.append(Problem(f"`{name}` comes from {kind}", self._surroundings.script, hint))
        return _nowhere(name)


def _kind(path: Path) -> str:
    """Return what is at a path: a wheel, which need not be there, a folder or an archive, or what else."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return "wheel" if path.suffix == ".whl" else "not there"
    except (OSError, ValueError):
        return "not to be read"
    if stat.S_ISDIR(mode):
        return "folder"
    if not stat.S_ISREG(mode):
        return "no regular file"
    if path.suffix == ".whl":
        return "wheel"
    return "archive" if is_archive(path.name) else "neither a project, a wheel nor an archive"


def _is_virtual(place: Path, root: Path, package: Any) -> bool:
    """Tell whether uv installs what a local project needs, and not itself, by its source or else its own file."""
    return package is False or (package is None and repository.is_no_package(place, root))


def _nowhere(name: str) -> PackageSource:
    return PackageSource(address=f"file://{empty_place(canonicalize_name(name))}")
