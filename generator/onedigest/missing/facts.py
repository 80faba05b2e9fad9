"""The facts of one wheel or Debian package: the libraries and programs it brings and needs, and what starts them."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onedigest.assembler import VENV, deb
from onedigest.assembler.elf import elf_of
from onedigest.assembler.entry import Content, Entry
from onedigest.assembler.refusal import Refused
from onedigest.assembler.spool import Spool
from onedigest.assembler.wheel import wheel_entries
from onedigest.assembler.zip_member import Member
from onedigest.digest import canonical_json, hex_of
from onedigest.missing import FORMAT
from onedigest.oci.libdeflate import Budget, Inflater
from onedigest.store import Store, link

_PROGRAM_FOLDERS = ("usr/local/sbin", "usr/local/bin", "usr/sbin", "usr/bin")

_HEAD = 256
_MOST_ROWS = 20_000
_WHOLE = 128 << 20
"""Members of this size are inflated at once: an ELF file is read at several places."""
_INFLATER = Inflater(Budget.of_threads(384 << 20))
"""What all threads may hold together."""
_ALTERNATIVE = re.compile(rb"--(?:install|slave)\s+[\"']?(/\S{1,300}?)[\"']?(?:\s|\\\n)")
_SHARED = re.compile(r".+\.so(?:\.[^/]*)?")


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What is known of a file.

    `libraries` are names that a linker would find something by. `programs` are paths of what may be executed, and
    `modules` the top-level modules of a wheel. `needs` are (path, machine, names of libraries), and `started` are
    (path, first line) of scripts in folders of programs.
    """

    libraries: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    needs: tuple[tuple[str, int, tuple[str, ...]], ...] = ()
    started: tuple[tuple[str, str], ...] = ()


def program_folders(venv: str) -> tuple[str, ...]:
    """Return the folders of programs, from the root; `venv` is the virtual environment."""
    return *_PROGRAM_FOLDERS, f"{venv}/bin"


def read_facts(file_name: str, digest: str, store: Store, python: str, venv: str = VENV) -> Facts | None:
    """Return what is known of a wheel or a .deb, None where the store has neither it nor a note of it.

    The files of a wheel are those that it has in the virtual environment `venv`.
    Of a file that no layer can be made of nothing is known here: whoever makes the layer says why.
    """
    place = python if venv == VENV else f"{python}-{venv.rpartition('/')[2]}"
    name = f"missing/{FORMAT}/{place}/{hex_of(digest)}"
    if (note := store.read_note(name)) is not None:
        with suppress(ValueError, KeyError, TypeError):
            return _loaded(json.loads(note))
    if not store.has(digest):
        return None
    try:
        if file_name.endswith(".deb"):
            found = _of_deb(store.path(digest))
        else:
            with store.scratch() as folder:
                link(store.path(digest), folder / file_name)
                found = _of_wheel(folder / file_name, python, venv)
    except Refused:
        return Facts()
    store.write_note(name, canonical_json(_rows(found)))
    return found


def interpreter_of(line: str) -> tuple[str, str]:
    """Return the program that a first line `#!…` starts, and the one that env(1) is to find, or nothing."""
    words = line[2:].split()
    if not words:
        return "", ""
    if words[0].rpartition("/")[2] != "env":
        return words[0], ""
    named = [word for word in words[1:] if not word.startswith("-") and "=" not in word]
    return words[0], named[0] if named else ""


def _of_wheel(path: Path, python: str, venv: str) -> Facts:
    entries = wheel_entries(path, python, _INFLATER, venv)
    site = f"{venv}/lib/python{python}/site-packages/"
    inner = (entry.path.removeprefix(site) for entry in entries if entry.path.startswith(site))
    modules = {_module(each) for each in inner} - {""}
    return _facts(entries, (), modules, program_folders(venv))


def _module(path: str) -> str:
    """Return the top-level module that a file of site-packages belongs to, or nothing."""
    top, slash, _ = path.partition("/")
    if slash:
        return top if top.isidentifier() else ""
    stem, dot, suffix = top.partition(".")
    return stem if dot and (suffix in ("py", "pth") or suffix.endswith("so")) and stem.isidentifier() else ""


def _of_deb(path: Path) -> Facts:
    package = deb.read(path, Spool())
    scripts = b"\n".join(package.scripts.get(name, b"") for name in ("postinst", "preinst"))
    made = [each.decode("utf-8", "replace") for each in _ALTERNATIVE.findall(scripts)[:_MOST_ROWS]]
    return _facts(package.entries, made, (), program_folders(VENV))


def _facts(entries: Iterable[Entry], made: Iterable[str], modules: Iterable[str], folders: Collection[str]) -> Facts:
    links = [merged(each) for each in made]
    libraries = {path for path in links if _SHARED.fullmatch(path)}
    programs = {path for path in links if path.rpartition("/")[0] in folders}
    needs: list[tuple[str, int, tuple[str, ...]]] = []
    started: list[tuple[str, str]] = []
    for entry in entries:
        folder, _, name = entry.path.rpartition("/")
        if entry.kind == "dir":
            continue
        if _SHARED.fullmatch(name):
            libraries.add(name)
        runs = folder in folders and (entry.kind != "file" or bool(entry.mode & 0o111))
        if runs:
            programs.add(entry.path)
        if entry.kind != "file" or not (runs or entry.mode & 0o111 or ".so" in name):
            continue
        content = _held(entry) if ".so" in name else entry.content
        head = _head(content)
        if runs and head.startswith(b"#!"):
            started.append((entry.path, head.partition(b"\n")[0].decode("utf-8", "replace")))
        elif head.startswith(b"\x7fELF") and (found := elf_of(content)) and found.dynamic:
            if found.soname:
                libraries.add(found.soname)
            if found.needed and not _is_foreign(found.needed, found.interpreter):
                needs.append((entry.path, found.machine, found.needed))
    return Facts(
        libraries=tuple(sorted({each.rpartition("/")[2] for each in libraries})[:_MOST_ROWS]),
        programs=tuple(sorted(programs)[:_MOST_ROWS]),
        modules=tuple(sorted(modules)[:_MOST_ROWS]),
        needs=tuple(sorted(needs)[:_MOST_ROWS]),
        started=tuple(sorted(started)[:_MOST_ROWS]),
    )


def merged(path: str) -> str:
    """Return a path without its first slash, in a root whose /usr is merged."""
    path = path.strip("/")
    return f"usr/{path}" if path.partition("/")[0] in deb.MERGED else path


def _is_foreign(needed: Iterable[str], interpreter: str) -> bool:
    """Tell whether a file is for another C library than glibc: musl's, or that of Android."""
    return "musl" in interpreter or any(each == "libc.so" or each.startswith("libc.musl-") for each in needed)


def _head(content: bytes | Content) -> bytes:
    if isinstance(content, bytes):
        return content[:_HEAD]
    return next(iter(content.pieces()), b"")[:_HEAD]


def _held(entry: Entry) -> bytes | Content:
    """Return content whole, where that is faster than to read it from the start for each part of it."""
    content = entry.content
    if not isinstance(content, Member) or entry.size > _WHOLE:
        return content
    member = content.recorded_as("")  # it is held against RECORD when it is put into a layer
    with member.room() as has_room:
        found = member.whole(member.packed_bytes()) if has_room else None
    return content if found is None else bytes(found)


def _rows(facts: Facts) -> dict[str, Any]:
    return {
        "libraries": list(facts.libraries),
        "programs": list(facts.programs),
        "modules": list(facts.modules),
        "needs": [[path, machine, list(needed)] for path, machine, needed in facts.needs],
        "started": [list(each) for each in facts.started],
    }


def _loaded(rows: dict[str, Any]) -> Facts:
    return Facts(
        libraries=tuple(rows["libraries"]),
        programs=tuple(rows["programs"]),
        modules=tuple(rows["modules"]),
        needs=tuple((path, machine, tuple(needed)) for path, machine, needed in rows["needs"]),
        started=tuple((path, line) for path, line in rows["started"]),
    )
