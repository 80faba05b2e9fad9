"""A stand-in for the making of wheels: no backend runs, and a wheel has the code of its project and what that says."""

from __future__ import annotations

import hashlib
import io
import tarfile
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from onedigest.digest import of_bytes
from onedigest.errors import InputError, Problem
from onedigest.from_source import wheel_source
from onedigest.from_source.git_address import shown
from onedigest.from_source.model import BuildRequirement, BuiltFrom, BuiltWheel, Kind, PinnedFile, Source
from onedigest.from_source.own_builds import is_own_build, note_own_build
from onedigest.lock import source_builder
from onedigest.sources import Sources
from wheel_builder import wheel_bytes

BACKEND = BuildRequirement(
    name="backend",
    version="1.0",
    wheels=(PinnedFile(name="backend-1.0-py3-none-any.whl", digest=of_bytes(b"backend"), size=7),),
)


class StandIn:
    """Makes wheels; `made` has the names of the projects, each as often as it was built.

    `repositories` are folders that stand for the commits of git repositories, by their addresses.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.made: list[Source] = []
        self.repositories: dict[str, Path] = {}
        self.requires: tuple[BuildRequirement, ...] = (BACKEND,)
        monkeypatch.setattr(wheel_source, "make_wheel", self.make_wheel)
        monkeypatch.setattr(wheel_source, "identify", self.identify)
        monkeypatch.setattr(source_builder, "projects_of", lambda source, *_: self.repositories[source.place])

    def names(self) -> list[str]:
        """Return the names of what was built since the last time."""
        found = [source.name for source in self.made]
        self.made.clear()
        return found

    def make_wheel(
        self,
        source: Source,
        previous: BuiltWheel | None,
        sources: Sources,
        *,
        root: Path,
        hear: Callable[[Problem], None],
    ) -> BuiltWheel:
        files = self._files(source, sources)
        origin = self._identified(source, files)
        known = previous and origin == replace(previous.origin, requires=())
        if previous and known and is_own_build(sources.store, previous):
            return previous
        project = tomllib.loads(files["pyproject.toml"].decode())["project"]
        extras = project.get("optional-dependencies", {})
        requires = [*project.get("dependencies", [])]
        requires += [f"{each} ; extra == '{extra}'" for extra, several in extras.items() for each in several]
        name, version = project["name"].lower(), project["version"]
        code = {f"{name.replace('-', '_')}/{path}": data for path, data in files.items() if path.endswith(".py")}
        data = wheel_bytes(name, version, files=code, requires=requires, extras=tuple(extras))
        digest = sources.store.add(data)
        self.made.append(source)
        wheel = PinnedFile(name=f"{name.replace('-', '_')}-{version}-py3-none-any.whl", digest=digest, size=len(data))
        if previous and known and previous.wheel != wheel:
            raise InputError.of("the same source gives another wheel")
        built = BuiltWheel(wheel=wheel, origin=replace(origin, requires=self.requires))
        note_own_build(sources.store, built)
        return built

    def identify(self, source: Source, previous: BuiltWheel | None, sources: Sources, *, root: Path) -> BuiltFrom:
        return self._identified(source, self._files(source, sources))

    def _identified(self, source: Source, files: dict[str, bytes]) -> BuiltFrom:
        text = b"".join(name.encode() + b"\0" + data for name, data in sorted(files.items()))
        if source.kind is Kind.GIT:
            commit = hashlib.sha1(text).hexdigest()
            return BuiltFrom(
                kind=source.kind,
                path=shown(source.place),
                commit=commit,
                tree=commit,
                reference=source.reference,
                subdirectory=source.subdirectory,
            )
        path = source.stated.rpartition("/")[2] if source.kind is Kind.ARCHIVE else source.stated
        size = len(text) if source.kind is Kind.ARCHIVE else 0
        return BuiltFrom(
            kind=source.kind, path=path, digest=of_bytes(text), size=size, subdirectory=source.subdirectory
        )

    def _files(self, source: Source, sources: Sources) -> dict[str, bytes]:
        if source.kind is Kind.ARCHIVE:
            remote = "://" in source.place
            data = sources.client.get(source.place) if remote else Path(source.place).read_bytes()
            with tarfile.open(fileobj=io.BytesIO(data)) as archive:
                return {
                    member.name.partition("/")[2]: _read(archive, member)
                    for member in archive.getmembers()
                    if member.isfile()
                }
        folder = self.repositories[source.place] if source.kind is Kind.GIT else Path(source.place)
        folder /= source.subdirectory
        return {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file() and "lockfiles" not in path.parts
        }


def write_project(
    folder: Path,
    name: str,
    *,
    version: str = "1.0",
    requires: Iterable[str] = (),
    more: str = "",
    code: str = "x = 1\n",
) -> Path:
    """Write a project with one module."""
    folder.mkdir(parents=True, exist_ok=True)
    listed = ", ".join(f'"{each}"' for each in requires)
    text = f'[project]\nname = "{name}"\nversion = "{version}"\ndependencies = [{listed}]\n{more}'
    (folder / "pyproject.toml").write_text(text)
    (folder / "__init__.py").write_text(code)
    return folder


def write_sdist(folder: Path, name: str, version: str, requires: Iterable[str] = ()) -> Path:
    """Write a source distribution."""
    listed = ", ".join(f'"{each}"' for each in requires)
    text = f'[project]\nname = "{name}"\nversion = "{version}"\ndependencies = [{listed}]\n'
    path = folder / f"{name.replace('-', '_')}-{version}.tar.gz"
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        for inner, data in (
            ("pyproject.toml", text.encode()),
            ("PKG-INFO", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode()),
            ("__init__.py", b"x = 1\n"),
        ):
            info = tarfile.TarInfo(f"{name}-{version}/{inner}")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def _read(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    opened = archive.extractfile(member)
    return opened.read() if opened else b""
