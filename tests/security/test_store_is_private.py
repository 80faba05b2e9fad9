"""The store against other users of a machine, disks that are full, and file systems without locks."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import Project
from forged_locks import check_in, document, written
from onedigest.errors import InputError
from onedigest.rules import files as rule_files
from onedigest.store import STAMP, Store, exclusive, link

DIGEST = "sha256:" + "a" * 64


@pytest.fixture
def umask() -> Iterator[None]:
    old = os.umask(0o022)
    yield
    os.umask(old)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def use(store: Store) -> None:
    """Use everything that a store has."""
    store.add(b"content")
    store.write_note("layers/note", b"{}")
    with store.partial(DIGEST) as part:
        part.write(b"half")
    with store.scratch() as folder:
        assert mode(folder) == 0o700


@pytest.mark.usefixtures("umask")
def test_folders_are_the_user_s_alone(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    use(store)
    folders = [store.root, *(path for path in store.root.rglob("*") if path.is_dir())]

    assert len(folders) == 6
    assert {mode(folder) for folder in folders} == {0o700}


@pytest.mark.usefixtures("umask")
def test_folders_that_others_could_read_are_closed(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    for folder in (store.root, store.root / "sha256", store.root / "scratch", store.root / "partial"):
        folder.mkdir()
        folder.chmod(0o777)
    use(store)

    assert {mode(path) for path in (store.root, *store.root.iterdir()) if path.is_dir()} == {0o700}


def test_folder_of_another_user_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    root = tmp_path / "store"
    root.mkdir()
    root.chmod(0o777)
    monkeypatch.setattr(Path, "chmod", refuse)
    with pytest.raises(InputError) as caught:
        Store(root).add(b"x")

    assert str(caught.value) == (
        f"{root}: the folder is another user's, and open to others\nhint: set XDG_CACHE_HOME to a folder of your own"
    )


@pytest.mark.usefixtures("umask")
@pytest.mark.parametrize(
    ("mask", "kept", "written_as"), [(0o022, 0o444, 0o644), (0o077, 0o400, 0o600), (0o027, 0o440, 0o640)]
)
def test_files_honour_the_umask(mask: int, kept: int, written_as: int, tmp_path: Path) -> None:
    os.umask(mask)
    store = Store(tmp_path / "store")
    digest = store.add(b"content")
    link(store.path(digest), tmp_path / "linked")
    rule_files.write(tmp_path / "lockfiles", {"job/Dockerfile": "text"})

    assert mode(store.path(digest)) == mode(tmp_path / "linked") == kept
    assert mode(tmp_path / "lockfiles" / "job" / "Dockerfile") == written_as
    assert mode(tmp_path / "lockfiles" / "job") == 0o777 & ~mask


def test_part_of_a_download_has_a_name_of_our_own(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    with store.partial(DIGEST) as part:
        part.write(b"half")
    with store.partial(DIGEST) as part:
        part.seek(0)
        assert part.read() == b"half"

    names = [path.name for path in (store.root / "partial").iterdir()]
    assert len(names) == 1
    assert names[0] not in DIGEST


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.EBADF])
def test_file_system_without_locks_is_told(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    store, folder = Store(tmp_path / "store"), tmp_path / "lockfiles"
    acts: list[Callable[[], object]] = [
        lambda: store.add(b"x"),
        lambda: store.partial(DIGEST).__enter__(),
        lambda: exclusive(folder).__enter__(),
    ]
    for act, place in zip(acts, (store.root / "scratch", store.root, folder), strict=True):
        with pytest.raises(InputError) as caught:
            act()
        assert str(caught.value) == (
            f"{place}: the file system has no locks for files: {os.strerror(number)}\n"
            "hint: use a folder on a disk of this machine; that of the cache is set by XDG_CACHE_HOME"
        )


def test_full_disk_is_told_by_the_store_or_the_note(tmp_path: Path) -> None:
    """A limit on the size of files fails a write in the middle, as a full disk does."""
    script = (
        "import resource, sys; from pathlib import Path; from onedigest.store import Store\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "store = Store(Path(sys.argv[1]))\n"
        "for act in (lambda: store.add(bytes(9999)), lambda: store.write_note('n', bytes(9999))):\n"
        "    try: act()\n"
        "    except OSError as error: print(error.strerror, error.filename)\n"
        "print(sorted(path.name for path in store.root.rglob('*')))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "store")], capture_output=True, text=True, check=True
    )

    store = tmp_path / "store"
    assert done.stdout == f"File too large {store}\nFile too large {store / 'n'}\n['key', 'scratch']\n"


def test_full_disk_is_told_by_the_file_that_was_to_be(tmp_path: Path) -> None:
    script = (
        "import resource, sys; from pathlib import Path\n"
        "from onedigest.assembler.image import assemble_index, assemble_platform\n"
        "from onedigest.oci.layout import write\n"
        "from onedigest.rules import files\n"
        "image = assemble_index([assemble_platform('linux/amd64', {}, [])])\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))\n"
        "root = Path(sys.argv[1])\n"
        "for act in (lambda: files.write(root, {'job/Dockerfile': 'x' * 99}),\n"
        "            lambda: write(image, {}, root / 'dist'),\n"
        "            lambda: write(image, {}, root / 'dist.tar')):\n"
        "    try: act()\n"
        "    except OSError as error: print(error.strerror, error.filename)\n"
        "print(sorted(path.name for path in root.rglob('*')))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "p")], capture_output=True, text=True, check=True
    )

    places = (tmp_path / "p" / each for each in ("job/Dockerfile", "dist", "dist.tar"))
    assert done.stdout == "".join(f"File too large {place}\n" for place in places) + "['job']\n"


@pytest.mark.parametrize("place", ["file", "/proc/self/nothing"])
def test_store_that_cannot_be_is_told_by_its_path(place: str, project: Project, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    check_in(project, "minimal", written(document("minimal"), "minimal"))
    result = project.run("fetch", "minimal", "--offline", XDG_CACHE_HOME=str(tmp_path / place))

    assert result.code == 1
    assert result.err.startswith("error: ")
    assert result.err.count("\n") == 1
    assert str(tmp_path / place) in result.err


def test_no_home_is_told(project: Project) -> None:
    check_in(project, "minimal", written(document("minimal"), "minimal"))
    code = "import pathlib, sys\nfrom onedigest.cli import run\npathlib.Path.home = classmethod(lambda _: pathlib.Path('~nobody-here').expanduser())\nsys.exit(run(['fetch', 'minimal']))"
    for name in ("XDG_CACHE_HOME", "HOME"):
        project.environment.pop(name, None)

    assert project.python("-c", code).err == (
        "error: no home folder is known to keep files in\nhint: set HOME or XDG_CACHE_HOME\n"
    )


def test_content_that_was_changed_is_found_and_removed(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    digest = store.add(b"content")
    path = store.path(digest)

    assert store.prove(digest, 7)
    path.chmod(0o644)
    path.write_bytes(b"CONTENT")
    os.utime(path, (STAMP, STAMP))
    store = Store(tmp_path / "store")
    assert store.has(digest, 7)
    assert not store.prove(digest, 7)
    assert not path.exists()
    assert not store.prove(digest)


def test_content_is_on_the_disk_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    sync, move, link = os.fsync, Path.replace, os.link

    def note_sync(handle: int) -> None:
        done.append("sync")
        sync(handle)

    def note_move(path: Path, target: Path) -> Path:
        done.append("name")
        return move(path, target)

    def note_link(source: str, target: str, **options: Any) -> None:
        done.append("name")
        link(source, target, **options)

    monkeypatch.setattr(os, "fsync", note_sync)
    monkeypatch.setattr(os, "link", note_link)
    monkeypatch.setattr(Path, "replace", note_move)
    store = Store(tmp_path / "store")
    assert store.read_note("layers/other") is None
    store.write_note("layers/first", b"{}")
    done.clear()
    store.add(b"content")
    store.write_note("layers/note", b"{}")

    assert done == ["sync", "name", "sync", "name"]
