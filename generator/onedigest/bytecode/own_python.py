"""The own CPython of a base: what it needs to start, taken out of the base's archives, and how it is started."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from onedigest.assembler.elf import EXECUTABLE, SHARED, Elf, elf_of
from onedigest.bytecode.base_files import BaseFiles
from onedigest.errors import InputError
from onedigest.lock.base.standard_library import find_library
from onedigest.oci.rootfs import Node
from onedigest.platforms import Platform

LOADER, PYTHON, LIBRARIES = "loader", "bin", "libraries"
"""Where parts of it are: the dynamic loader, the folder of the interpreter, that of shared libraries."""

_BITS = 64
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,200}")
_PROGRAM = re.compile(r"python3\.\d{1,3}", re.ASCII)
_EXPECTED = ("libc.so.6", "libm.so.6", "libpthread.so.0", "libdl.so.2", "libutil.so.1", "libz.so.1", "libexpat.so.1")
"""Libraries that most interpreters need. What one needs, it says itself; these are read together with it."""

_EXTENSIONS = "lib-dynload"
_NAMES_OF_CHARACTERS = re.compile(r"unicodedata\.(?:[A-Za-z0-9_-]{1,100}\.)?so")
"""The one module in C that sources need to compile and that some interpreters, such as docker's, have in a file."""

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
    """Return what an interpreter needs to compile: its loader and libraries, and the sources of its standard library.

    All paths are made anew, and links are resolved: what is returned are plain files of one folder. Raises
    `InputError` where something is not there.
    """
    found = base.rootfs.find(interpreter)
    program = found[0] if found else ""
    name = program.rpartition("/")[2]
    if not found or found[1].kind != "file" or not _PROGRAM.fullmatch(name):
        raise InputError.of(f"there is no {interpreter} that is an interpreter by its name")
    library = find_library(base.rootfs, f"/{program}", name.removeprefix("python"))[1:]
    if not library:
        raise InputError.of(f"there is no standard library where /{program} looks for it")
    prefix = posixpath.dirname(posixpath.dirname(program))
    sources, extensions = list(_sources(base, library)), list(_extensions(base, library))
    parts = _Parts(base, platform, (f"{prefix}/lib", *_usual_folders(platform)))
    parts.expect([program, *sources, *extensions], [*_EXPECTED, f"lib{name}.so.1.0"])
    data = parts.read(program)
    elf = elf_of(data)
    if not elf or not _fits(elf, platform) or elf.kind not in (EXECUTABLE, SHARED):
        raise InputError.of(f"{interpreter} is no program of {platform}")
    taken = [*sources, *(path for path in extensions if _fits(elf_of(parts.read(path)), platform))]
    files = {f"{PYTHON}/{name}": data}
    files |= {f"lib/{name}{path.removeprefix(library)}": parts.read(path) for path in taken}
    return {**files, **parts.linked(elf)} if elf.interpreter else files


class _Parts:
    """The files of a base that are taken: each is read once, and many together, for archives are read forwards."""

    def __init__(self, base: BaseFiles, platform: Platform, folders: tuple[str, ...]) -> None:
        self._base = base
        self._platform = platform
        self._folders = folders
        self._contents: dict[str, bytes] = {}

    def expect(self, paths: Iterable[str], libraries: Iterable[str]) -> None:
        """Read files that are needed, and libraries that may be."""
        usual = [place[0] for name in libraries for place in self._usual(name, self._folders)]
        self._read_all([*paths, *usual])

    def read(self, path: str) -> bytes:
        """Return the content of a file. Raises `InputError` where the archives have none."""
        self._read_all([path])
        if path not in self._contents:
            raise InputError.of(f"there is no content of /{path}")
        return self._contents[path]

    def linked(self, elf: Elf) -> dict[str, bytes]:
        """Return the loader of a program, and all libraries that it names, those of libraries too."""
        place = self._base.rootfs.find(elf.interpreter)
        loader = self.read(place[0]) if place else b""
        if not place or not _fits(elf_of(loader), self._platform):
            raise InputError.of(f"there is no loader {_shown(elf.interpreter)}")
        folders = (posixpath.dirname(place[0]), *self._folders)
        found: dict[str, bytes] = {}
        own = {elf.interpreter.rpartition("/")[2], place[0].rpartition("/")[2]}
        waiting = set(elf.needed) - own
        while waiting:
            if len(found) + len(waiting) > _MOST_LIBRARIES:
                raise InputError.of(f"it needs more than {_MOST_LIBRARIES} libraries")
            places = {name: self._places(name, folders) for name in sorted(waiting)}
            self._read_all(path for several in places.values() for path in several)
            waiting = set()
            for name, several in places.items():
                path, library = self._first_fitting(name, several)
                found[name] = self._contents[path]
                waiting |= set(library.needed) - own
            waiting -= found.keys()
        return {LOADER: loader, **{f"{LIBRARIES}/{name}": data for name, data in sorted(found.items())}}

    def _first_fitting(self, name: str, paths: Iterable[str]) -> tuple[str, Elf]:
        for path in paths:
            elf = elf_of(self._contents.get(path, b""))
            if elf and _fits(elf, self._platform) and elf.kind == SHARED:
                return path, elf
        raise InputError.of(f"its library {_shown(name)} is not there")

    def _places(self, name: str, folders: Iterable[str]) -> list[str]:
        """Return the real paths of the files that a name may mean: in usual folders, or else wherever one is."""
        if not _PLAIN.fullmatch(name):
            raise InputError.of(f"its library {_shown(name)} has no plain name")
        usual = [place[0] for place in self._usual(name, folders)]
        if not usual:
            paths = self._base.rootfs.paths()
            others = sorted((path for path, _ in paths if path.rpartition("/")[2] == name), key=_nearest)
            usual = [place[0] for path in others[:_MOST_CANDIDATES] if (place := self._base.rootfs.find(path))]
        return list(dict.fromkeys(usual))[:_MOST_CANDIDATES]

    def _usual(self, name: str, folders: Iterable[str]) -> list[tuple[str, Node]]:
        places = (self._base.rootfs.find(f"{folder}/{name}") for folder in folders)
        return [place for place in places if place and place[1].kind == "file"]

    def _read_all(self, paths: Iterable[str]) -> None:
        if missing := set(paths) - self._contents.keys():
            self._contents |= self._base.read(missing)


def _fits(elf: Elf | None, platform: Platform) -> bool:
    return elf is not None and elf.bits == _BITS and elf.machine == platform.elf_machine


def _usual_folders(platform: Platform) -> Iterator[str]:
    triplet = f"{platform.machine}-linux-gnu"
    yield from (f"usr/local/lib/{triplet}", "usr/local/lib", f"usr/lib/{triplet}", f"lib/{triplet}")
    yield from ("usr/lib64", "lib64", "usr/lib", "lib")


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


def _extensions(base: BaseFiles, library: str) -> Iterator[str]:
    """Yield the files of the modules in C that are needed; their libraries are those of the interpreter."""
    folder = f"{library}/{_EXTENSIONS}"
    for name in base.rootfs.names(folder):
        node = base.rootfs.plain(f"{folder}/{name}")
        if node and node.kind == "file" and _NAMES_OF_CHARACTERS.fullmatch(name):
            yield f"{folder}/{name}"


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
