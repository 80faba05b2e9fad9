"""What ldconfig makes of the libraries of a system: links by their sonames, and the cache (ldconfig(8))."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from onedigest.assembler.configuration.file_system import FileSystem
from onedigest.assembler.configuration.library_cache_format import Library, cache_bytes, name_order
from onedigest.assembler.configuration.library_folders import Folder, library_folders
from onedigest.assembler.configuration.library_machine import (
    LDCONFIG,
    Ldconfig,
    flags_of,
    is_for_capability,
    isa_level_of,
    joined_flags,
    ldconfig_in,
    mask_of,
)
from onedigest.assembler.configuration.system import System
from onedigest.assembler.entry import NAME_BYTES, Entry, file_entry

CACHE = "etc/ld.so.cache"

_MADE = "ldconfig"
_LIBRARY = re.compile(r"(lib|ld-).*\.so|ld(64)?\.so\.", re.DOTALL)
_PRELINKED = re.compile(r".*\.#prelink#(\..{6})?", re.DOTALL)
_UNFINISHED = re.compile(r".*(;.*|\.dpkg-new|\.dpkg-tmp)", re.DOTALL)
_PLAIN = re.compile(r"[^\x00-\x1f\x7f/\\\ud800-\udfff]+")
"""Names that a link in a layer may have."""
_LINKERS = frozenset(
    [
        "ld-kfreebsd-x86-64.so.1",
        "ld-linux-aarch64.so.1",
        "ld-linux-aarch64_be.so.1",
        "ld-linux-armhf.so.3",
        "ld-linux-ia64.so.2",
        "ld-linux-mipsn8.so.1",
        "ld-linux-x86-64.so.2",
        "ld-linux.so.2",
        "ld-linux.so.3",
        "ld.so.1",
        "ld64.so.1",
        "ld64.so.2",
    ]
)
"""Dynamic linkers, which Debian's ldconfig leaves where they are."""


@dataclass(frozen=True, slots=True)
class _Named:
    """The file or link of a folder that a soname means."""

    soname: str
    file: str
    link: bool
    flags: int
    isa_level: int


def make_library_cache(system: System) -> Iterator[Entry]:
    """Make the cache and the links that the system's ldconfig would make; nothing where it has none."""
    files = FileSystem.of(system)
    program = ldconfig_of(files)
    if program:
        links, cache = library_cache(files, program)
        for path, target in links.items():
            yield Entry(path, "link", 0o777, target=target, origin=_MADE)
        yield file_entry(CACHE, cache, executable=False, origin=_MADE)


def ldconfig_of(files: FileSystem) -> Ldconfig | None:
    """Return what the ldconfig of a system says of itself; None where there is none that writes such a cache."""
    real = files.real(LDCONFIG)
    elf = files.elf(real) if real is not None else None
    return ldconfig_in(elf, files.text(real)) if real is not None and elf else None


def library_cache(files: FileSystem, program: Ldconfig) -> tuple[Mapping[str, str], bytes]:
    """Return the links that a program ldconfig makes, by path with their targets, and the cache.

    The links are put into `files`. Where ldconfig depends on the order of names in a folder, they come by their bytes.
    Links that lead nowhere stay, which ldconfig removes: no cache names them.
    """
    links: dict[str, str] = {}
    libraries: list[Library] = []
    folders = library_folders(files, program.own_folders, typed=program.old)
    for folder in folders:
        for name in files.names(folder.real) if not folder.capabilities else ():
            if is_for_capability(name, program):
                folders.add_existing(files, f"{folder.path}/{name}")
        for named in _named(files, folder, program):
            if not folder.capabilities and not named.link and _is_to_link(files, folder, named):
                path = _inside(folder, named.soname)
                links[path] = named.file
                files.link(path, named.file)
            libraries.append(_library(folder, named, program))
    names = [_bytes(name) for name in folders.capabilities]
    return links, cache_bytes(libraries, names, program.generator, signed=program.signed)


def _named(files: FileSystem, folder: Folder, program: Ldconfig) -> list[_Named]:
    """Return what each soname means in a folder: a file before a link, and the highest name of several."""
    found: dict[str, _Named] = {}
    for name in files.names(folder.real):
        one = _read(files, folder, name, program)
        old = found.get(one.soname) if one else None
        if one and old is None:
            found[one.soname] = one
        elif one and old and _preference(one, program) > _preference(old, program):
            found[one.soname] = replace(one, flags=joined_flags(old.flags, one.flags))
    # as ldconfig has them, which puts each before those that it found earlier
    return list(found.values())[::-1]


def _read(files: FileSystem, folder: Folder, name: str, program: Ldconfig) -> _Named | None:
    path = _inside(folder, name)
    is_link = files.kind(path) == "link"
    # of folders of capabilities, links of any name count
    if not (_LIBRARY.match(name) or (is_link and folder.capabilities)) or _is_left_behind(name, program):
        return None
    real = files.real(path)
    elf = files.elf(real) if real is not None else None
    flags = flags_of(elf, program) if elf else None
    if elf is None or flags is None:
        return None
    soname = name if elf.soname is None else elf.soname
    # a link counts as one by its soname, or as the name that a compiler asks for; else it is as good as a file
    if is_link and (name == soname or (name.endswith(".so") and soname.startswith(name))):
        return _Named(name, name, link=True, flags=flags, isa_level=isa_level_of(elf, program))
    return _Named(soname, name, link=False, flags=flags, isa_level=isa_level_of(elf, program))


def _preference(named: _Named, program: Ldconfig) -> tuple[bool, tuple[tuple[int, int], ...]]:
    return not named.link, name_order(_bytes(named.file), signed=program.signed)


def _is_left_behind(name: str, program: Ldconfig) -> bool:
    """Tell whether a file looks like one that a program did not finish."""
    return bool(_PRELINKED.fullmatch(name) or (not program.old and _UNFINISHED.fullmatch(name)))


def _is_to_link(files: FileSystem, folder: Folder, named: _Named) -> bool:
    """Tell whether a soname is to be a link to its file: no file is replaced, and links only if they lead elsewhere."""
    soname = named.soname
    if not _PLAIN.fullmatch(soname) or soname in (".", "..") or len(soname.encode()) > NAME_BYTES:
        return False
    path = _inside(folder, soname)
    there, file = files.real(path), files.real(_inside(folder, named.file))
    if there is None or file is None:
        return True
    return soname not in _LINKERS and files.same(there) != files.same(file) and files.kind(path) == "link"


def _library(folder: Folder, named: _Named, program: Ldconfig) -> Library:
    """Return the line of a library, whose path ends with its soname: with its file for some machines alone."""
    if folder.capabilities:
        path = f"{folder.path}/{named.file}"
        capabilities = _bytes(folder.capabilities)
        return Library(_bytes(named.soname), _bytes(path), named.flags, capabilities, named.isa_level)
    path = f"{folder.path}/{named.soname}"
    return Library(_bytes(named.soname), _bytes(path), named.flags, mask=mask_of(folder.path, program))


def _inside(folder: Folder, name: str) -> str:
    return f"{folder.real}/{name}" if folder.real else name


def _bytes(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")
