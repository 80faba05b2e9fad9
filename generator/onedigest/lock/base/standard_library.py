"""The standard library of an image's Python: its folder, and which of its sources have no bytecode."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from onedigest import untrusted
from onedigest.assembler.entry import check_path
from onedigest.assembler.refusal import Refused
from onedigest.bytecode_path import CACHE, SUFFIX, bytecode_path
from onedigest.lock.base.choice import python_minor
from onedigest.oci.rootfs import Rootfs

_FOLDERS = ("lib", "lib64")
_LANDMARK = "os.py"
_LEFT_OUT = frozenset({"site-packages", "dist-packages", "test", "tests", "idle_test", CACHE})
"""Folders that are no part of the library, or are for testing it alone, which docker's images of Python remove."""


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
    try:
        return untrusted.absolute_path(f"/{folder[0]}")
    except ValueError:
        return ""


def uncompiled_sources(rootfs: Rootfs, library: str, python: str) -> Iterator[str]:
    """Yield the paths of the sources in a library's folder that have no bytecode, without a leading slash.

    Names tell it alone. What lies in a lower layer than its source is of another text: Python would not take it.
    """
    waiting = [library[1:]]
    while waiting:
        folder = waiting.pop()
        cache = rootfs.plain(f"{folder}/{CACHE}")
        is_free = cache is None or cache.kind == "dir"
        for name in rootfs.names(folder):
            path = f"{folder}/{name}"
            node = rootfs.plain(path)
            if node and node.kind == "dir":
                waiting += [path] * (name not in _LEFT_OUT)
            elif is_free and name.endswith(SUFFIX) and _is_uncompiled(rootfs, path, library, python):
                yield path


def _is_uncompiled(rootfs: Rootfs, path: str, library: str, python: str) -> bool:
    """Tell whether a source has no bytecode, and may have some.

    One that is a link out of the library does not count: who changes what it leads to would not find it.
    """
    target = bytecode_path(path, python)
    source, compiled = rootfs.find(path), rootfs.find(target)
    if not source or not source[0].startswith(f"{library[1:]}/") or not _is_fit(target):
        return False
    own = rootfs.member(source[0]) if source[1].kind == "file" else None
    if own is None or compiled is None:
        return own is not None
    lies = rootfs.member(compiled[0])
    return compiled[1].kind == "file" and lies is not None and lies.layer < own.layer


def _is_fit(path: str) -> bool:
    """Tell whether a layer of ours can have a file of that name."""
    try:
        check_path("", path)
    except Refused:
        return False
    return True
