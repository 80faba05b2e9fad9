from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from base_images import Files
from elf_builder import elf_file
from onedigest.bytecode import base_files, python_folders
from onedigest.bytecode import bases_python as module
from onedigest.bytecode.bases_python import bases_python
from onedigest.bytecode.compiler import prove
from onedigest.bytecode.interpreter import Interpreter
from onedigest.errors import InputError
from onedigest.lock.base import Base
from onedigest.plan.inputs import Inputs
from onedigest.store import Store
from onedigest.tools.python_identity import read_version
from own_pythons import HERE, NAME, OTHER, VERSION, files, image_base, running_python, small

LAYOUTS: dict[str, tuple[list[Files], str]] = {
    "docker": ([files("usr/local", libraries="usr/local/lib")], "usr/local"),
    "uv, and lib64": ([files("root/.local/share/uv/python/cpython-3", library="lib64", libraries="usr/lib64")], "root/.local/share/uv/python/cpython-3"),
    "nix": (
        [files("nix/store/abc-python3", libraries="nix/store/def-libs/lib", real_loader="nix/store/ghi-glibc/lib/ld.so")],
        "nix/store/abc-python3",
    ),
    "merged": ([{"lib": "usr/lib", "lib64": "usr/lib64"}, files("usr", real_loader="usr/lib/loader.so", merged="usr/")], "usr"),
}  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture(scope="module")
def shut_in(tmp_path_factory: pytest.TempPathFactory) -> Interpreter:
    """The Python of an image, which is unpacked once for several tests."""
    store = Store(tmp_path_factory.mktemp("shut-in"))
    return own(image_base(store, [files("usr")], "usr"), store)


def nothing(inputs: Inputs) -> None:
    """Fetch nothing: tests have put it there."""


def own(base: Base, store: Store, fetch: Callable[[Inputs], None] = nothing) -> Interpreter:
    return bases_python(base, (HERE,), store, fetch)


def refusal(store: Store, *layers: Files, prefix: str = "usr") -> str:
    with pytest.raises(InputError) as raised:
        own(image_base(store, layers, prefix), store)
    return str(raised.value)


def version(found: Interpreter) -> str:
    return read_version(found.command, dict(found.variables))


def folders(store: Store) -> list[Path]:
    return sorted(path for path in (store.root / "pythons").iterdir() if path.name != "root")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_python_of_an_image_starts_wherever_it_is(store: Store, layout: str) -> None:
    layers, prefix = LAYOUTS[layout]

    found = own(image_base(store, layers, prefix), store)

    assert version(found) == VERSION
    assert (found.version, found.origin) == (VERSION, "registry.example/python:3's own")
    assert found.stranger


def test_the_python_of_an_image_sees_its_own_folder_alone(shut_in: Interpreter, tmp_path: Path) -> None:
    folder = dict(shut_in.variables)["PYTHONHOME"]
    (tmp_path / "secret").write_text("hunter2")
    question = f"""\
import sys, posix
def can(what, *words):
    try: what(*words)
    except OSError: return False
    return True
print("onedigest-python", "cpython", "-".join([
    str(can(posix.stat, {str(tmp_path / "secret")!r})), str(can(posix.stat, "/etc/hostname")), str(can(posix.stat, "/usr")),
    str(can(posix.mkdir, {f"{folder}/new"!r})), str(can(posix.open, "/new", posix.O_CREAT | posix.O_WRONLY)),
    ",".join(sorted(name.decode() for name in posix.environ)), posix.getcwd(),
]), False, False)
"""

    said = read_version((*shut_in.command, "-c", question), {"SECRET": "hunter2"})

    names = "PYTHONDONTWRITEBYTECODE,PYTHONHOME,PYTHONPLATLIBDIR"
    assert said == f"False-False-False-False-False-{names}-{folder}"[:200]


def test_the_python_of_an_image_ends_as_if_it_were_not_shut_in(shut_in: Interpreter) -> None:
    def ended(code: str) -> tuple[int, bytes, bytes]:
        done = subprocess.run([*shut_in.command, "-c", code], input=b"in", capture_output=True, check=False, env={})
        return done.returncode, done.stdout, done.stderr

    assert ended("import sys; sys.stdout.write(sys.stdin.read()); sys.stderr.write('err'); sys.exit(7)") == (
        7,
        b"in",
        b"err",
    )
    assert ended("import posix; posix.kill(posix.getpid(), 6)") == (-6, b"", b"")
    assert ended("import _signal; _signal.setitimer(0, 0.01); _signal.pause()") == (-14, b"", b"")


def test_a_stranger_ends_with_the_program_that_started_it(shut_in: Interpreter) -> None:
    with subprocess.Popen(
        [*shut_in.command, "-c", "print(1, flush=True); input()"], stdin=-1, stdout=-1, env={}
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == b"1\n"
        process.kill()
        assert process.stdout.read() == b""  # nobody has it open any more


def test_what_upper_layers_replace_is_taken_from_them(store: Store) -> None:
    lower = {**files("usr"), f"usr/lib/{NAME}/os.py": b"raise SystemExit('lower')"}
    lower[f"usr/bin/{NAME}"] = b"no program"
    upper: Files = {
        f"usr/bin/{NAME}": running_python().program,
        f"usr/lib/{NAME}/os.py": running_python().sources["os.py"],
    }

    found = own(image_base(store, [lower, {"etc/other": b""}, upper], "usr"), store)

    assert version(found) == VERSION
    assert (folders(store)[0] / f"lib/{NAME}/os.py").read_bytes() == running_python().sources["os.py"]


def test_the_python_of_an_image_compiles_as_others_do(store: Store) -> None:
    """Also where its names of characters are a file, as in docker's images of Python; one of another machine is not."""
    library = f"usr/lib/{NAME}"
    folder = Path(sysconfig.get_path("stdlib"))
    needed = ("encodings/cp1252.py", "warnings.py", "__future__.py")
    layer = {**files("usr"), **{f"{library}/{name}": (folder / name).read_bytes() for name in needed}}
    layer |= {
        f"{library}/lib-dynload/{each.name}": each.read_bytes() for each in (folder / "lib-dynload").glob("[tu]*")
    }
    layer[f"{library}/lib-dynload/unicodedata.other.so"] = elf_file(machine=OTHER.elf_machine)

    prove(own(image_base(store, [layer], "usr"), store))

    taken = {path.name for path in folders(store)[0].glob("lib/*/lib-dynload/*")}
    assert taken == {each.name for each in (folder / "lib-dynload").glob("unicodedata.*")}


def test_only_plain_files_are_written_that_nobody_may_write_to(store: Store) -> None:
    layer = {
        **files("usr"),
        f"usr/lib/{NAME}/link.py": "/etc/passwd",
        f"usr/lib/{NAME}/test/big.py": b"",
        "usr/lib/other": b"",
    }
    layer |= {f"usr/lib/{NAME}/inner": "/etc", f"usr/lib/{NAME}/inner2/\x07.py": b"", f"usr/lib/{NAME}/x.so": b""}

    own(image_base(store, [layer], "usr"), store)

    (folder,) = folders(store)
    paths = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if not path.is_dir()}
    assert not any(path.is_symlink() or path.stat().st_mode & 0o7022 for path in paths.values())
    assert set(paths) == {
        "loader", f"bin/{NAME}", *(f"libraries/{name}" for name in running_python().libraries),
        *(f"lib/{NAME}/{name}" for name in running_python().sources),
    }  # fmt: skip


def test_it_is_unpacked_once_and_proven_each_time(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    base = image_base(store, [small()], "usr")
    first = own(base, store)
    with monkeypatch.context() as patch:
        patch.setattr(module, "take_python", None)
        assert own(base, store) == first
    source = folders(store)[0] / f"lib/{NAME}/os.py"

    def write() -> None:
        source.chmod(0o600)
        source.write_bytes(b"raise SystemExit")

    def link() -> None:
        source.unlink()
        source.symlink_to("/etc/passwd")

    def pipe() -> None:
        source.unlink()
        os.mkfifo(source)

    for spoil in (write, link, pipe, (source.parent / "new.py").touch, lambda: source.chmod(0o644)):
        spoil()
        assert own(base, store) == first
        assert source.read_bytes() == b""
    assert len(folders(store)) == 1


def test_a_note_of_another_machine_counts_for_nothing(store: Store, tmp_path: Path) -> None:
    base = image_base(store, [small()], "usr")
    own(base, store)
    (note,) = (store.root / "python-of").iterdir()
    note.write_bytes(b"sha256:" + b"0" * 64)

    assert own(base, Store(store.root)).version == VERSION
    assert note.read_bytes() != b"sha256:" + b"0" * 64


def test_several_processes_at_once_make_one_folder(store: Store) -> None:
    base = image_base(store, [small()], "usr")
    found: list[Interpreter] = []
    threads = [threading.Thread(target=lambda: found.append(own(base, Store(store.root)))) for _ in range(4)]

    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert len(set(found)) == 1
    assert len(folders(store)) == 1
    assert not list((store.root / "scratch").iterdir())


def test_what_another_process_mends_meanwhile_stays(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be compiling by it already."""
    base = image_base(store, [small()], "usr")
    own(base, store)
    source = folders(store)[0] / f"lib/{NAME}/os.py"
    source.unlink()
    is_whole = python_folders._is_whole
    mended: list[int] = []

    def mended_behind(folder: Path, digest: str) -> bool:
        monkeypatch.setattr(python_folders, "_is_whole", is_whole)
        found = is_whole(folder, digest)
        own(base, Store(store.root))
        mended.append(os.open(source, os.O_RDONLY))
        return found

    monkeypatch.setattr(python_folders, "_is_whole", mended_behind)
    own(base, store)

    assert os.fstat(mended[0]).st_nlink == 1
    os.close(mended[0])


def test_a_run_that_ends_in_between_leaves_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    base = image_base(store, [small()], "usr")

    def interrupted(_: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(python_folders, "_digest", interrupted)
        with pytest.raises(KeyboardInterrupt):
            own(base, store)

    assert not (store.root / "pythons").exists()
    assert not list((store.root / "scratch").iterdir())
    assert own(base, store).version == VERSION


def test_inputs_that_are_spoiled_are_fetched_again(store: Store) -> None:
    base = image_base(store, [small()], "usr")
    (layer,) = base.layers(HERE)
    blob = store.path(layer.digest)
    data = blob.read_bytes()
    blob.chmod(0o600)
    blob.write_bytes(bytes(len(data)))
    os.utime(blob, (315619200, 315619200))
    asked: list[Inputs] = []

    def fetch(inputs: Inputs) -> None:
        asked.append(inputs)
        assert not blob.exists()
        store.add(data)

    assert own(base, Store(store.root), fetch).version == VERSION
    assert asked == [Inputs(layers=(layer,))]


def test_why_an_image_has_none_that_starts(store: Store) -> None:
    program = f"usr/bin/{NAME}"
    other = elf_file("libc.so.6", machine=OTHER.elf_machine)

    assert refusal(store, small() | {program: b"#!/bin/sh"}) == f"/{program} is no program of {HERE}"
    assert refusal(store, small(OTHER.elf_machine)) == f"/{program} is no program of {HERE}"
    others: tuple[Files, ...] = (
        {program: "/gone"},
        {program: None},
        {program: "python3-config", "usr/bin/python3-config": b""},
    )
    for changed in others:
        assert refusal(store, {**small(), **changed}) == f"there is no /{program} that is an interpreter by its name"
    assert refusal(store, small(), {f"usr/lib/{NAME}/.wh.os.py": b""}) == (
        f"there is no standard library where /{program} looks for it"
    )
    assert refusal(store, small() | {"lib/ld.so": "/nowhere"}) == "there is no loader '/lib/ld.so'"
    assert refusal(store, small() | {"lib/ld.so": b""}) == "there is no loader '/lib/ld.so'"
    assert refusal(store, small(needed=["libx.so"])) == "its library 'libx.so' is not there"
    assert refusal(store, small() | {"lib/libc.so.6": other}) == "its library 'libc.so.6' is not there"
    assert refusal(store, small() | {"lib/libc.so.6": None}) == "its library 'libc.so.6' is not there"


def test_an_image_that_asks_for_too_much_is_refused(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("../libc.so.6", "/etc/passwd", "a\nb.so", "x" * 300):
        assert refusal(store, small(needed=[name])) == f"its library {name[:200]!r} has no plain name"
    assert (
        refusal(store, small(needed=[f"lib{number}.so" for number in range(99)])) == "it needs more than 64 libraries"
    )
    monkeypatch.setattr(base_files, "MOST", 99)
    assert refusal(store, small()) == "the files that are needed of it are too large"


def test_libraries_are_those_of_the_machine_wherever_they_are(store: Store) -> None:
    """An image may have those of several machines, and several of one name."""
    libc = elf_file("libc.so.6", needed=["libm.so.6", "libc.so.6"])
    far = {"opt/a/libm.so.6": elf_file("libm.so.6", machine=OTHER.elf_machine), "opt/b/deep/libm.so.6": elf_file("far")}
    layer = (
        small() | {"usr/lib64/libc.so.6": libc, "lib/libc.so.6": "../opt/c/libc-2.so", "opt/c/libc-2.so": libc} | far
    )

    own(image_base(store, [layer], "usr"), store)

    (folder,) = folders(store)
    assert (folder / "libraries" / "libc.so.6").read_bytes() == libc
    assert (folder / "libraries" / "libm.so.6").read_bytes() == elf_file("far")


def test_a_python_that_does_not_start_says_why(store: Store) -> None:
    layer = {**files("usr"), f"usr/lib/{NAME}/encodings/__init__.py": b"raise ImportError('broken')"}
    found = own(image_base(store, [layer], "usr"), store)

    with pytest.raises(ValueError, match=r"^it does not start: .*broken"):
        version(found)


def test_where_nobody_can_be_shut_in_no_image_is_run(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "isolation_obstacle", lambda: "unshare: Operation not permitted")

    assert refusal(store, files("usr")) == "it is not run where it cannot be shut in: unshare: Operation not permitted"
    assert not (store.root / "pythons").exists()


def test_other_machines_run_none(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    base = image_base(store, [files("usr")], "usr")
    with pytest.raises(InputError) as raised:
        bases_python(base, (OTHER,), store, nothing)
    assert str(raised.value) == f"it is a program of {OTHER}, and this machine is {HERE}"
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    assert refusal(store, files("usr")) == f"it is a program of {HERE}, and this machine is riscv64"
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    monkeypatch.setattr(sys, "platform", "darwin")
    assert refusal(store, files("usr")) == "it is a program of Linux, and this is Darwin"


def test_another_interpreter_or_image_is_unpacked_by_itself(store: Store) -> None:
    base = image_base(store, [small()], "usr")
    own(base, store)
    own(image_base(store, [{**small(), f"usr/lib/{NAME}/io.py": b"# other"}], "usr"), store)
    assert len(folders(store)) == 2
    with pytest.raises(InputError):
        own(replace(base, interpreter="/usr/bin/python3.99"), store)
    assert json.loads(own(base, store).command[5])["kept"] != []
