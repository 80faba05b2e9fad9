"""Wheels from source: what is built, what is not built again, and what a lock and a wheel must agree on."""

from __future__ import annotations

import io
import runpy
import tarfile
import zipfile
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from index_server import IndexServer
from onedigest.digest import canonical_json, of_bytes, of_file
from onedigest.errors import InputError, Problem
from onedigest.from_source import build as building
from onedigest.from_source.canonical_wheel import write_canonical
from onedigest.from_source.model import BuiltWheel, Kind, Source
from onedigest.from_source.reproducibility import build_twice
from onedigest.from_source.wheel_source import identify, make_wheel
from onedigest.sources import Sources
from source_trees import commit, git, project_files, repository, sources_in, write_files


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a backend run once, in this process: how it is isolated and repeated is tested elsewhere."""

    def build(tree: Path, subdirectory: str, _tools: object, _settings: object, scratch: Path, _hear: object) -> Path:
        monkeypatch.chdir(tree / subdirectory)
        backend = runpy.run_path("own.py")
        (scratch / "built").mkdir()
        name = backend["build_wheel"](str(scratch / "built"))
        (scratch / "written").mkdir()
        return write_canonical(scratch / "built" / name, scratch / "written")

    monkeypatch.setattr(building, "ask_requirements", lambda *_: ())
    monkeypatch.setattr(building, "build_twice", build)


def folder(place: Path, name: str = "core", **settings: Any) -> Source:
    return Source(
        name=name,
        kind=Kind.DIRECTORY,
        place=str(place),
        stated=f"libs/{place.name}",
        where="app.py",
        settings=canonical_json(settings).decode(),
    )


def made(
    source: Source, previous: BuiltWheel | None, sources: Sources, root: Path, heard: list[Problem] | None = None
) -> BuiltWheel:
    said = heard if heard is not None else []
    return make_wheel(source, previous, sources, root=root, hear=said.append)


def refused(source: Source, previous: BuiltWheel | None, sources: Sources, root: Path) -> str:
    with pytest.raises(InputError) as error:
        made(source, previous, sources, root)
    return str(error.value)


@pytest.mark.slow
def test_a_folder_becomes_a_wheel_once_and_again_where_the_store_lost_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = write_files(tmp_path / "core", project_files("core"))
    source, sources = folder(place), sources_in(tmp_path, offline=True)
    monkeypatch.setattr(building, "build_twice", partial(build_twice, apart=0))
    first = made(source, None, sources, tmp_path)
    wheel = sources.store.path(first.wheel.digest)

    assert first.wheel.name == "core-1.0-py3-none-any.whl"
    assert (of_file(wheel), wheel.stat().st_size) == (first.wheel.digest, first.wheel.size)
    assert (first.origin.kind, first.origin.path, first.origin.requires) == (Kind.DIRECTORY, "libs/core", ())
    assert identify(source, first, sources, root=tmp_path) == first.origin
    assert made(source, first, sources_in(tmp_path, store="other"), tmp_path) == first

    def never(*_: object) -> Path:
        raise AssertionError("it is there")

    monkeypatch.setattr(building, "build_twice", never)
    assert made(source, first, sources, tmp_path) is first


@pytest.mark.usefixtures("quick")
def test_a_change_of_code_is_another_wheel_and_one_of_settings_builds_again(tmp_path: Path) -> None:
    place = write_files(tmp_path / "core", project_files("core"))
    sources = sources_in(tmp_path, offline=True)
    before = identify(folder(place), None, sources, root=tmp_path)
    built = BuiltWheel(wheel=made(folder(place), None, sources, tmp_path).wheel, origin=before)
    (place / "core/__init__.py").write_text("A = 2\n")
    after = made(folder(place, variables={"A": "secret"}), built, sources, tmp_path)

    assert after.wheel.digest != built.wheel.digest
    assert before.settings == ""
    assert after.origin.settings == of_bytes(b'{"variables":{"A":"secret"}}')
    assert identify(folder(place, index=[{"url": "x"}]), None, sources, root=tmp_path).settings == ""


@pytest.mark.usefixtures("quick")
def test_a_second_image_of_a_source_takes_the_wheel_of_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = write_files(tmp_path / "core", project_files("core"))
    sources = sources_in(tmp_path, offline=True)
    first = made(folder(place), None, sources, tmp_path)
    monkeypatch.delattr(building, "build_twice")

    assert made(replace(folder(place), stated="../core"), None, sources, tmp_path) == replace(
        first, origin=replace(first.origin, path="../core")
    )


@pytest.mark.usefixtures("quick")
def test_a_wheel_that_came_out_otherwise_is_refused_with_both_digests(tmp_path: Path) -> None:
    place = write_files(tmp_path / "core", project_files("core"))
    sources = sources_in(tmp_path, offline=True)
    built = made(folder(place), None, sources, tmp_path)
    claimed = replace(built, wheel=replace(built.wheel, digest=of_bytes(b"another")))

    assert refused(folder(place), claimed, sources, tmp_path) == (
        "app.py: `core` was built again, and is another wheel than the lock has (core-1.0-py3-none-any.whl"
        f" {of_bytes(b'another')[7:19]}, now core-1.0-py3-none-any.whl {built.wheel.digest[7:19]})\n"
        "hint: its backend gives another result with this Python or on this machine; `--upgrade-package core` takes the"
        " new one"
    )


@pytest.mark.usefixtures("quick")
def test_another_project_than_the_one_that_is_asked_for_is_refused(tmp_path: Path) -> None:
    place = write_files(tmp_path / "core", project_files("core"))

    assert refused(folder(place, "kernel"), None, sources_in(tmp_path), tmp_path) == (
        "app.py: libs/core is the project `core`, and `kernel` is asked for"
    )


@pytest.mark.usefixtures("quick")
def test_credentials_of_a_project_are_named_and_in_no_wheel(tmp_path: Path) -> None:
    place = write_files(tmp_path / "core", project_files("core", **{"core/.env": "TOKEN=1", "core/data.txt": "d"}))
    heard: list[Problem] = []
    sources = sources_in(tmp_path)
    built = made(folder(place), None, sources, tmp_path, heard)
    with zipfile.ZipFile(sources.store.path(built.wheel.digest)) as archive:
        names = archive.namelist()

    assert "core/data.txt" in names
    assert "core/.env" not in names
    assert heard[0] == Problem(
        "files that may hold credentials are no part of the wheel of `core`: `core/.env`",
        "app.py",
        "keep what a program needs under another name",
    )


@pytest.mark.usefixtures("quick")
def test_a_pointer_in_the_place_of_a_file_is_refused(tmp_path: Path) -> None:
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
    place = write_files(tmp_path / "core", project_files("core", **{"core/model.bin": pointer, "docs.bin": pointer}))

    assert refused(folder(place), None, sources_in(tmp_path), tmp_path) == (
        "app.py: `core` cannot be built: `core/model.bin` is a pointer of Git LFS, and what it stands for is not here\n"
        "hint: run `git lfs pull`"
    )


@pytest.mark.usefixtures("quick")
def test_a_project_in_a_folder_of_a_commit_is_built(tmp_path: Path) -> None:
    repository(tmp_path / "elsewhere", {"README": ""})
    write_files(tmp_path / "elsewhere" / "python" / "core", project_files("core"))
    newest = commit(tmp_path / "elsewhere", {})
    source = Source(
        name="core",
        kind=Kind.GIT,
        place=f"file://{tmp_path}/elsewhere",
        stated="git+…",
        where="app.py",
        reference="main",
        subdirectory="python/core",
    )
    built = made(source, None, sources_in(tmp_path), tmp_path)
    git(tmp_path / "elsewhere", "commit", "--quiet", "--allow-empty", "--message=.")

    assert (built.origin.commit, built.origin.subdirectory) == (newest, "python/core")
    assert made(source, built, sources_in(tmp_path, offline=True), tmp_path) is built
    assert refused(replace(source, subdirectory="java"), None, sources_in(tmp_path), tmp_path) == (
        "app.py: `core` cannot be built: java: has neither pyproject.toml nor setup.py, so there is nothing that builds"
        " it\nhint: name the folder of the project: `subdirectory` of a git source, `path` of a local one"
    )


def archived(path: Path, files: dict[str, str]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(f"core-1.0/{name}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return path


def archive_of(place: str, **fields: Any) -> Source:
    return Source(name="core", kind=Kind.ARCHIVE, place=place, stated="core.tar.gz", where="app.py", **fields)


@pytest.mark.usefixtures("quick")
def test_an_archive_is_built_from_its_address_and_from_its_path(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    path = archived(tmp_path / "files" / "core-1.0.tar.gz", project_files("core"))
    server = IndexServer(path.parent)
    place = f"{server.address.removesuffix('simple')}files/core-1.0.tar.gz"
    sources = sources_in(tmp_path)
    local = made(archive_of(str(path)), None, sources, tmp_path)
    addressed = identify(archive_of(place), None, sources, root=tmp_path)
    stated = identify(archive_of(place, digest=of_file(path)), None, sources, root=tmp_path)
    again = made(archive_of(place), replace(local, origin=addressed), sources_in(tmp_path, store="other"), tmp_path)
    server.close()

    assert (local.origin.path, local.origin.digest, local.origin.size) == (
        path.name,
        of_file(path),
        path.stat().st_size,
    )
    assert addressed == replace(local.origin, reference=of_bytes(place.encode()))
    assert stated == local.origin
    assert again.wheel == local.wheel
    assert identify(archive_of(place), again, sources_in(tmp_path, offline=True), root=tmp_path) == addressed


@pytest.mark.usefixtures("quick")
def test_an_archive_with_another_digest_than_its_index_states_is_refused(tmp_path: Path) -> None:
    path = archived(tmp_path / "core-1.0.tar.gz", project_files("core"))
    other = of_bytes(b"")

    assert refused(archive_of(str(path), digest=other), None, sources_in(tmp_path), tmp_path) == (
        f"app.py: the archive core-1.0.tar.gz of `core` has the digest {of_file(path)}, and {other} is stated"
    )


@pytest.mark.usefixtures("quick")
def test_an_archive_whose_wheel_has_another_version_is_refused(tmp_path: Path) -> None:
    path = archived(tmp_path / "core-2.0.tar.gz", project_files("core"))

    assert refused(archive_of(str(path)), None, sources_in(tmp_path), tmp_path) == (
        "app.py: `core` cannot be built: core-2.0.tar.gz makes a wheel of the version 1.0, and is one of 2.0"
    )


@pytest.mark.usefixtures("quick")
def test_an_archive_behind_a_link_out_of_the_repository_is_refused(tmp_path: Path) -> None:
    path = archived(tmp_path / "core-1.0.tar.gz", project_files("core"))
    root = tmp_path / "root"
    root.mkdir()
    (root / "core.tar.gz").symlink_to(path)

    assert refused(archive_of(str(root / "core.tar.gz")), None, sources_in(tmp_path), root) == (
        "app.py: core.tar.gz of `core` is a symbolic link that leaves the repository\nhint: replace it by what it names"
    )
