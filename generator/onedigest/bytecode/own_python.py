"""The own CPython of a base: what it needs to start, taken out of the base's archives, and how it is started."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from onedigest.assembler.elf import EXECUTABLE, SHARED, Elf, elf_of
from onedigest.bytecode.base_files import BaseFiles
from onedigest.errors import InputError
from onedigest.platforms import Platform

LOADER, PYTHON, LIBRARIES = "loader", "bin", "libraries"
"""Where parts of it are: the dynamic loader, the folder of the interpreter, that of shared libraries."""

_BITS = 64
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,200}")
_PROGRAM = re.compile(r"python3\.\d{1,3}", re.ASCII)
_LIBRARY_FOLDERS = ("lib", "lib64")
"""How the folder above the standard library is called (`sys.platlibdir`)."""

_MOST_LIBRARIES = 64
_MOST_CANDIDATES = 8
_MOST_SOURCES = 5000
_DEEPEST = 8
_LEFT_OUT = frozenset(
    [
        "__pycache__",
        "dist-packages",
        "ensurepip",
        "idlelib",
        "lib2to3",
        "site-packages",
        "test",
        "tests",
        "tkinter",
        "turtledemo",
    ]
)
"""Folders of the standard library that no compiler imports."""


def take_python(base: BaseFiles, interpreter: str, platform: Platform) -> dict[str, bytes]:
    """Return what an interpreter needs to start: its loader, its libraries, and the sources of its standard library.

    All paths are made anew, and links are resolved: what is returned are plain files of one folder. Raises
    `InputError` where something is not there.
    """
    found = base.rootfs.find(interpreter)
    name = found[0].rpartition("/")[2] if found else ""
    if not found or found[1].kind != "file" or not _PROGRAM.fullmatch(name):
        raise InputError.of(f"there is no {interpreter} that is an interpreter by its name")
    program = found[0]
    data = base.read([program]).get(program, b"")
    elf = _program_of(data, platform)
    if elf is None:
        raise InputError.of(f"{interpreter} is no program of {platform}")
    prefix, library = _library(base, program, name)
    files = {f"{PYTHON}/{name}": data}
    if elf.interpreter:
        files |= _linked(base, elf, platform, prefix)
    sources = list(_sources(base, library))
    place = "/".join(library.split("/")[-2:])
    contents = base.read(sources)
    files |= {f"{place}{path.removeprefix(library)}": contents[path] for path in sources if path in contents}
    return files


def _program_of(data: bytes, platform: Platform) -> Elf | None:
    elf = elf_of(data)
    return elf if elf and _fits(elf, platform) and elf.kind in (EXECUTABLE, SHARED) else None


def _fits(elf: Elf | None, platform: Platform) -> bool:
    return elf is not None and elf.bits == _BITS and elf.machine == platform.elf_machine


def _library(base: BaseFiles, program: str, name: str) -> tuple[str, str]:
    """Return the prefix of an interpreter and its standard library, as it looks for them (CPython's getpath.py)."""
    prefix = posixpath.dirname(program)
    while prefix:
        prefix = posixpath.dirname(prefix)
        for each in _LIBRARY_FOLDERS:
            place = base.rootfs.find(f"{prefix}/{each}/{name}")
            if place and base.rootfs.plain(f"{place[0]}/os.py"):
                real = place[0].split("/")
                if real[-1] == name and real[-2:-1] and real[-2] in _LIBRARY_FOLDERS:
                    return prefix, place[0]
    raise InputError.of(f"there is no standard library where /{program} looks for it")


def _linked(base: BaseFiles, elf: Elf, platform: Platform, prefix: str) -> dict[str, bytes]:
    """Return the loader of a program, and all libraries that it names, those of libraries too."""
    place = base.rootfs.find(elf.interpreter)
    loader = base.read([place[0]]).get(place[0], b"") if place else b""
    if not place or not _fits(elf_of(loader), platform):
        raise InputError.of(f"there is no loader {_shown(elf.interpreter)}")
    folders = (posixpath.dirname(place[0]), f"{prefix}/lib", *_usual_folders(platform))
    found: dict[str, bytes] = {}
    waiting = list(elf.needed)
    skipped = {elf.interpreter.rpartition("/")[2], place[0].rpartition("/")[2]}
    while waiting := sorted(set(waiting) - found.keys() - skipped):
        if len(found) + len(waiting) > _MOST_LIBRARIES:
            raise InputError.of(f"it needs more than {_MOST_LIBRARIES} libraries")
        further: list[str] = []
        for name, data, library in _read_libraries(base, waiting, folders, platform):
            found[name] = data
            further += library.needed
        waiting = further
    return {LOADER: loader, **{f"{LIBRARIES}/{name}": data for name, data in found.items()}}


def _usual_folders(platform: Platform) -> Iterator[str]:
    triplet = f"{platform.machine}-linux-gnu"
    yield from (f"usr/local/lib/{triplet}", "usr/local/lib", f"usr/lib/{triplet}", f"lib/{triplet}")
    yield from ("usr/lib64", "lib64", "usr/lib", "lib")


def _read_libraries(
    base: BaseFiles, names: Iterable[str], folders: Iterable[str], platform: Platform
) -> Iterator[tuple[str, bytes, Elf]]:
    """Yield libraries by their names: each is the first file of that name that is one of the platform's."""
    places = {name: _places(base, name, folders) for name in names}
    contents = base.read({path for several in places.values() for path in several})
    for name, several in places.items():
        for path in several:
            data = contents.get(path, b"")
            elf = elf_of(data)
            if elf and _fits(elf, platform) and elf.kind == SHARED:
                yield name, data, elf
                break
        else:
            raise InputError.of(f"its library {_shown(name)} is not there")


def _places(base: BaseFiles, name: str, folders: Iterable[str]) -> list[str]:
    """Return the real paths of the files that a name may mean: in usual folders, or else wherever one is."""
    if not _PLAIN.fullmatch(name):
        raise InputError.of(f"its library {_shown(name)} has no plain name")
    usual = [place[0] for folder in folders if (place := base.rootfs.find(f"{folder}/{name}"))]
    if not usual:
        others = sorted((path for path, _ in base.rootfs.paths() if path.rpartition("/")[2] == name), key=_nearest)
        usual = [place[0] for path in others[:_MOST_CANDIDATES] if (place := base.rootfs.find(path))]
    return list(dict.fromkeys(usual))[:_MOST_CANDIDATES]


def _nearest(path: str) -> tuple[int, str]:
    return path.count("/"), path


def _sources(base: BaseFiles, folder: str, depth: int = 0) -> Iterator[str]:
    """Yield the sources below a folder that a compiler may import; no link is followed."""
    count = 0
    for name in base.rootfs.names(folder):
        path = f"{folder}/{name}"
        node = base.rootfs.plain(path)
        if node and node.kind == "dir" and _PLAIN.fullmatch(name) and name not in _LEFT_OUT and depth < _DEEPEST:
            yield from _sources(base, path, depth + 1)
        elif node and node.kind == "file" and name.endswith(".py") and _PLAIN.fullmatch(name):
            count += 1
            if count > _MOST_SOURCES:
                raise InputError.of(f"its standard library has more than {_MOST_SOURCES} sources in a folder")
            yield path


def _shown(name: str) -> str:
    return repr(name[:200])


def take_installed(program: Path) -> dict[str, bytes]:
    """Return what an interpreter needs to start that is installed in a folder of its own (python-build-standalone).

    `program` is its real path. What is left out is what no compiler imports. Raises `InputError` where something is
    not there.
    """
    prefix, name = program.parent.parent, program.name
    library = prefix / "lib" / name
    shared = sorted((prefix / "lib").glob("libpython3*"))
    sources = sorted(
        path for path in library.rglob("*.py") if not _LEFT_OUT.intersection(path.relative_to(library).parts)
    )
    if not program.is_file() or not (library / "os.py").is_file():
        raise InputError.of(f"there is no whole Python in {prefix.name}")
    files = [path for path in (program, *shared, *sources) if path.is_file() and not path.is_symlink()]
    return {path.relative_to(prefix).as_posix(): path.read_bytes() for path in files}
