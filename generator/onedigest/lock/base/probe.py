"""The facts that files tell about an operating system, its C library and its Python, without running anything."""

from __future__ import annotations

import re
from dataclasses import dataclass

from onedigest.assembler.elf import elf_of
from onedigest.errors import InputError
from onedigest.oci.rootfs import Examiner, Facts, Node, Readable, Rootfs

_PYTHON = re.compile(r"(?:.*/)?(?:python3\.(\d{1,3})t?|libpython3\.(\d{1,3})t?\.so(?:\.1\.0)?)", re.ASCII)
_GLIBC = re.compile(r"(?:.*/)?(?:libc\.so\.6|libc-2\.\d{1,4}\.so)", re.ASCII)
_ACCOUNTS = re.compile(r"(?:.*/)?etc/(?:passwd|group)")
_STATUS = re.compile(r"var/lib/dpkg/status(?:\.d/(?!.*\.md5sums)[^/]+)?")
_TEXT = re.compile(rf"(?:etc|usr/lib)/os-release|{_STATUS.pattern}")
_INTERPRETER = re.compile(r"(?:.*/)?python3\.(\d{1,3})(t?)", re.ASCII)
_NUMBERED = re.compile(r"python3\.(\d{1,3})(t?)", re.ASCII)
_MUSL = re.compile(r"ld-musl-[a-z0-9_]{1,32}\.so\.1", re.ASCII)
_RELEASE = re.compile(r"""(?m)^([A-Z_]+)=["']?([^"'\n]*)["']?$""")
_ENVIRONMENT = re.compile(r"(?:.*/)?pyvenv\.cfg")
_HEADER = re.compile(r"(?:.*/)?include/python3\.\d{1,3}t?/patchlevel\.h", re.ASCII)
_WANTED = re.compile(
    f"(?:{_PYTHON.pattern}|{_GLIBC.pattern}|{_TEXT.pattern}|{_ACCOUNTS.pattern}|{_HEADER.pattern}|{_ENVIRONMENT.pattern})",
    re.ASCII,
)

_BITS = 64
_PIECE = 1 << 20
_OVERLAP = 128
_FREE_THREADED = re.compile(rb" free-threading build \(%")
"""In the format of its version (CPython's Python/getversion.c); a program may be called as one with a lock is."""
_FREE_LIBRARY = re.compile(r"libpython3\.\d{1,3}t\.so.*", re.ASCII)
_GLIBC_VERSION = re.compile(rb"stable release version (\d{1,4}\.\d{1,4})(?!\d)")
_PY_VERSION = re.compile(rb'(?m)^#define[ \t]+PY_VERSION[ \t]+"(3\.\d{1,3}\.\d{1,3}(?:(?:a|b|rc)\d{1,3})?\+?)"')
_MOST_STATUS = 16 << 20
_MOST_RELEASE = 64 << 10
_MOST_ACCOUNTS = 64 << 10
_MOST_CONFIG = 4 << 10
_MOST_VERSIONS = 16
"""Versions that a file may hold; one that holds more tells none."""
_MOST_FOLDERS = 256
"""Folders of a search path that are looked at."""
_MOST_ENVIRONMENTS = 4
"""How many virtual environments are followed from one to the other, of which Python itself follows one."""


def _examine(path: str, file: Readable) -> Facts:
    if _TEXT.fullmatch(path):
        most = _MOST_STATUS if _STATUS.fullmatch(path) else _MOST_RELEASE
        data = file.read(most + 1)
        if len(data) > most:
            raise InputError.of(f"no layer of ours: its /{path} has more than {most} bytes")
        return {"text": data.decode("utf-8", "replace")}
    if _ACCOUNTS.fullmatch(path):
        return _plain_text(file, _MOST_ACCOUNTS)
    if _ENVIRONMENT.fullmatch(path):
        return _plain_text(file, _MOST_CONFIG)
    if python := _PYTHON.fullmatch(path):
        minor = python[1] or python[2]
        # PY_VERSION (patchlevel.h) ends a string of what holds the interpreter; linkers let strings share their ends
        version = re.compile(rb"(?<![\d.])(3\.%s\.\d{1,3}(?:(?:a|b|rc)\d{1,2})?\+?)\0" % minor.encode())
        return _elf(file, version)
    if _HEADER.fullmatch(path):
        found = _PY_VERSION.search(file.read(_PIECE))
        return {"versions": found[1].decode("ascii")} if found else {}
    return _elf(file, _GLIBC_VERSION)


EXAMINER = Examiner(name="base-5", wants=_WANTED, examine=_examine)


def _plain_text(file: Readable, most: int) -> Facts:
    """Return a short text as it is; nothing for others."""
    data = file.read(most + 1)
    try:
        return {"text": data.decode()} if len(data) <= most else {}
    except UnicodeDecodeError:
        return {}


def _elf(file: Readable, version: re.Pattern[bytes]) -> Facts:
    """Return machine and loader of an ELF file of 64 bits, and the versions that it holds; nothing for others.

    The loader tells the C library.
    """
    head = file.read(_PIECE)
    elf = elf_of(head)
    if elf is None or elf.bits != _BITS:
        return {}
    facts = {"machine": str(elf.machine)}
    if elf.interpreter:
        facts["loader"] = elf.interpreter.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    found: set[bytes] = set()
    free = any(map(_FREE_LIBRARY.fullmatch, elf.needed))
    piece = head
    while piece and len(found) <= _MOST_VERSIONS:
        found |= {match[1] for match in version.finditer(piece)}
        free = free or bool(_FREE_THREADED.search(piece))
        more = file.read(_PIECE)
        piece = piece[-_OVERLAP:] + more if more else b""
    if 0 < len(found) <= _MOST_VERSIONS:
        facts["versions"] = " ".join(sorted(each.decode() for each in found))
    return {**facts, "free-threaded": "yes"} if free else facts


@dataclass(frozen=True, kw_only=True, slots=True)
class Interpreter:
    """An interpreter: its real path in the image, its full version, and the path of the loader it is linked for.

    Of a `free_threaded` one (PEP 703), which no wheel of ours is for, the version may be 3.N alone.
    """

    path: str
    version: str
    loader: str
    machine: int
    free_threaded: bool

    @property
    def minor(self) -> tuple[int, int]:
        """The version as (3, N)."""
        major, minor = self.version.split(".")[:2]
        return int(major), int(minor)


def list_pythons(rootfs: Rootfs, search_path: str) -> list[Interpreter]:
    """Return the interpreters that commands on a search path lead to, in the order in which a shell finds them.

    That of a virtual environment is the one that it was made for, also where it has a copy of it.
    """
    found: dict[str, Interpreter] = {}
    for folder in list(dict.fromkeys(search_path.split(":")))[:_MOST_FOLDERS]:
        for name in ("python3", "python", *_numbered(rootfs, folder)):
            place = rootfs.find(f"{folder}/{name}")
            if place and place[0] not in found and (python := _own_python(rootfs, *place)):
                found[place[0]] = python
    return list({each.path: each for each in found.values()}.values())


def _own_python(rootfs: Rootfs, path: str, node: Node) -> Interpreter | None:
    """Return an interpreter, or that of the virtual environment that it belongs to."""
    for _ in range(_MOST_ENVIRONMENTS):
        home = home_of(rootfs, path)
        if home is None:
            return _python(rootfs, path, node)
        names = (path.rpartition("/")[2], *_numbered(rootfs, home), "python3", "python")
        place = next((found for name in names if (found := rootfs.find(f"{home}/{name}"))), None)
        if place is None:
            return None
        path, node = place
    return None


def home_of(rootfs: Rootfs, path: str) -> str | None:
    """Return the folder of the interpreter that the virtual environment of a program was made for.

    None for a program of no such environment (PEP 405).
    """
    folder = path.rpartition("/")[0]
    for each in (folder, folder.rpartition("/")[0]):
        place = rootfs.find(f"{each}/pyvenv.cfg")
        for line in ((place[1].facts or {}).get("text", "") if place else "").splitlines():
            key, equals, value = line.partition("=")
            if equals and key.strip().lower() == "home":
                return value.strip()
    return None


def glibc_version(rootfs: Rootfs, machine: int) -> str:
    """Return the version of the C library, as 2.N, or nothing; of several the oldest."""
    versions = {
        version
        for _, node in rootfs.examined(_GLIBC)
        if node.facts and node.facts.get("machine") == str(machine)
        for version in node.facts.get("versions", "").split()
    }
    return min(versions, key=lambda version: tuple(map(int, version.split("."))), default="")


def release_fields(rootfs: Rootfs) -> dict[str, str]:
    """Return what os-release(5) says."""
    place = rootfs.find("etc/os-release") or rootfs.find("usr/lib/os-release")
    text = (place[1].facts or {}).get("text", "") if place else ""
    return dict(_RELEASE.findall(text))


def dpkg_status(rootfs: Rootfs) -> str:
    """Return the stanzas of all Debian packages that are installed."""
    texts = [(node.facts or {}).get("text", "") for _, node in rootfs.examined(_STATUS)]
    if sum(map(len, texts)) > _MOST_STATUS:  # also where they are links to one file
        raise InputError.of(f"its lists of Debian packages have more than {_MOST_STATUS} bytes")
    return "\n\n".join(text.strip("\n") for text in texts) + "\n"


def has_musl(rootfs: Rootfs) -> bool:
    """Tell whether musl is the C library of a system, or one of several."""
    return any(map(_MUSL.fullmatch, rootfs.names("lib")))


def _numbered(rootfs: Rootfs, folder: str) -> list[str]:
    """Return the interpreters that say their version, the newest first, free-threaded ones last."""
    place = rootfs.find(folder)
    matches = map(_NUMBERED.fullmatch, rootfs.names(place[0]) if place else ())
    return [match[0] for match in sorted(filter(None, matches), key=lambda match: (match[2], -int(match[1])))]


def _python(rootfs: Rootfs, path: str, node: Node) -> Interpreter | None:
    match = _INTERPRETER.fullmatch(path)
    facts = node.facts or {}
    if not match or "machine" not in facts:
        return None
    own = facts.get("versions", "").split()
    free = bool(match[2]) or "free-threaded" in facts
    version = own[0] if len(own) == 1 else _stated_version(rootfs, path, f"{match[1]}t" if free else match[1])
    if not version and not free:
        return None
    return Interpreter(
        path=f"/{path}",
        version=version.rstrip("+") or f"3.{match[1]}",
        loader=facts.get("loader", ""),
        machine=int(facts["machine"]),
        free_threaded=free,
    )


def _stated_version(rootfs: Rootfs, path: str, minor: str) -> str:
    """Return the version by the shared library or the header of an interpreter, those of its own prefix first."""
    prefix = path.rpartition("/")[0].rpartition("/")[0]
    pattern = re.compile(rf"(?:.*/)?(?:libpython3\.{minor}\.so(?:\.1\.0)?|include/python3\.{minor}/patchlevel\.h)")
    found = [
        (not place.startswith(f"{prefix}/"), place, versions[0])
        for place, node in rootfs.examined(pattern)
        if len(versions := (node.facts or {}).get("versions", "").split()) == 1
    ]
    return min(found)[2] if found else ""
