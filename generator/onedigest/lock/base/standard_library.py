"""The standard library of an image's Python: its folder, and which of its sources have no bytecode."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from onedigest import untrusted
from onedigest.assembler.entry import check_path
from onedigest.assembler.refusal import Refused
from onedigest.bytecode_path import CACHE, SUFFIX, bytecode_path
from onedigest.lock.base.choice import python_minor
from onedigest.oci.rootfs import Member, Rootfs

_FOLDERS = ("lib", "lib64")
_LANDMARK = "os.py"
_LEFT_OUT = frozenset({"site-packages", "dist-packages", "test", "tests", "idle_test", CACHE})
"""Folders that are no part of the library, or are for testing it alone, which docker's images of Python remove."""


_MOST_NAMES, _MOST_LINKS, _DEEPEST = 50_000, 2_000, 64
"""Names and links in a library, and folders above one: CPython has 5,000 and none. What is beyond is not looked at."""


def find_uncompiled_library(rootfs: Rootfs, interpreter: str, python: str) -> str:
    """Return the folder of the library of an interpreter, if a source in it has no bytecode; else nothing.

    Nothing is returned, too, where the library is not found, as one in an archive is not.
    """
    folder = find_library(rootfs, interpreter, python)
    return folder if folder and next(uncompiled_sources(rootfs, folder, python), "") else ""


def find_library(rootfs: Rootfs, interpreter: str, python: str) -> str:
    """Return the real path of the folder of an interpreter's standard library; nothing where it is not known.

    It is found by a landmark from the interpreter's own folder upwards, as CPython does (Modules/getpath.py). Which of
    two names it has is compiled into it: where both lead to one, neither is taken.
    """
    name = f"python{python_minor(python)}"
    for above in PurePosixPath(interpreter).parents:
        found = {folder for each in _FOLDERS if (folder := _with_landmark(rootfs, f"{above}/{each}/{name}"))}
        if found:
            return found.pop() if len(found) == 1 else ""
    return ""


def _with_landmark(rootfs: Rootfs, path: str) -> str:
    """Return the real path of a folder that has the landmark, if a lock can state it."""
    folder, landmark = rootfs.find(path), rootfs.find(f"{path}/{_LANDMARK}")
    if not folder or not landmark or folder[1].kind != "dir" or landmark[1].kind != "file":
        return ""
    if folder[0].count("/") > _DEEPEST:
        return ""
    try:
        return untrusted.absolute_path(f"/{folder[0]}")
    except ValueError:
        return ""


def uncompiled_sources(rootfs: Rootfs, library: str, python: str) -> Iterator[str]:
    """Yield the paths of the sources in a library's folder that have no bytecode, without a leading slash.

    Names tell it alone. What lies in a lower layer than its source is of another text: Python would not take it.
    """
    waiting = [library[1:]]
    names = links = 0
    while waiting:
        folder = waiting.pop()
        cache = rootfs.plain(f"{folder}/{CACHE}")
        is_free = cache is None or cache.kind == "dir"
        for name in rootfs.names(folder):
            path = f"{folder}/{name}"
            node = rootfs.plain(path)
            kind = node.kind if node else ""
            names, links = names + 1, links + (kind == "link")
            if names > _MOST_NAMES or links > _MOST_LINKS:
                return
            if kind == "dir":
                waiting += [path] * (name not in _LEFT_OUT and path.count("/") < _DEEPEST)
            elif is_free and name.endswith(SUFFIX) and _is_uncompiled(rootfs, path, library, python):
                yield path


def source_member(rootfs: Rootfs, path: str, library: str) -> Member | None:
    """Return the member that has the text of a source; None for what is no file.

    None is returned, too, for a link out of the library: who changes what it leads to would not find its bytecode.
    """
    node, real = rootfs.plain(path), path
    if node and node.kind == "link":
        real, node = rootfs.find(path) or ("", None)
    is_own = node is not None and node.kind == "file" and real.startswith(f"{library[1:]}/")
    return rootfs.member(real) if is_own else None


def _is_uncompiled(rootfs: Rootfs, path: str, library: str, python: str) -> bool:
    target = bytecode_path(path, python)
    own, node = source_member(rootfs, path, library), rootfs.plain(target)
    if own is None or node is None:
        return own is not None and _is_fit(target)
    lies = rootfs.member(target) if node.kind == "file" else None
    return lies is not None and lies.layer < own.layer


def _is_fit(path: str) -> bool:
    """Tell whether a layer of ours can have a file of that name."""
    try:
        check_path("", path)
    except Refused:
        return False
    return True
