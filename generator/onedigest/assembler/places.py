"""The folders that every system has, and the places of an image that no file of an application may take."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable

from onedigest.assembler import VENV

_TOP = ("bin", "boot", "dev", "etc", "home", "lib", "lib64", "media", "mnt", "opt", "proc", "root", "run", "sbin")
_HIERARCHY = ("bin", "games", "include", "lib", "sbin", "share", "src")

FOLDERS = frozenset(
    (
        "/",
        *(f"/{name}" for name in (*_TOP, "srv", "sys", "tmp", "usr", "var")),
        *(f"/usr/{name}" for name in (*_HIERARCHY, "lib64", "local")),
        *(f"/usr/local/{name}" for name in (*_HIERARCHY, "etc", "share/ca-certificates")),
        *(f"/var/{name}" for name in ("backups", "cache", "lib", "local", "log", "mail", "opt", "spool", "tmp")),
        *("/etc/ssl", "/etc/ssl/certs", "/usr/share/ca-certificates"),
    )
)
"""Folders of the Filesystem Hierarchy Standard (3.0, sections 3 to 5), and those of certificates, by their paths."""

LINKS = {"/bin": "/usr/bin", "/lib": "/usr/lib", "/lib64": "/usr/lib64", "/sbin": "/usr/sbin"}
"""Folders that are links where /usr is merged, as it is in Debian since bookworm."""

_LINKED = {**LINKS, "/var/lock": "/run/lock", "/var/run": "/run", "/usr/local/man": "/usr/local/share/man"}
"""Those with the others that are links in most systems."""

_SYSTEM = re.compile(r"/(?:boot|etc|run|usr|var)(?:/.*)?", re.DOTALL)

_WRONG = (
    (r"/(?:dev|proc|sys)(?:/.*)?", "is in a file system of the kernel, which hides it in a container"),
    (
        rf"/(?:{re.escape(VENV)}|opt/onedigest[0-9]*)(?:/.*)?",
        "is in the virtual environment, which is of packages alone",
    ),
    (r"/etc/(?:hostname|hosts|mtab|resolv\.conf)", "is a file that each container gets of its own"),
    (r"/etc/(?:group|passwd)", "is a table of accounts, which has the image's user"),
)
"""Places where no file may be, and why."""
_NOWHERE = tuple((re.compile(pattern, re.DOTALL), why) for pattern, why in _WRONG)


def is_system(path: str) -> bool:
    """Tell whether a folder is one of the system's, which belong to the superuser."""
    return path in FOLDERS or _SYSTEM.fullmatch(path) is not None


def folders_above(paths: Iterable[str]) -> set[str]:
    """Return the folders above absolute paths, but for the top."""
    found = {"/"}
    for path in paths:
        folder = posixpath.dirname(path)
        while folder not in found:
            found.add(folder)
            folder = posixpath.dirname(folder)
    return found - {"/"}


def without_link(path: str) -> str:
    """Return a path with the link of a merged /usr that it begins with followed."""
    top = f"/{path[1:].partition('/')[0]}"
    return f"{LINKS[top]}{path.removeprefix(top)}" if top in LINKS else path


def is_folder(path: str) -> bool:
    """Tell whether an absolute path is a folder of every system."""
    return path in FOLDERS or path in _LINKED


def why_closed(path: str) -> tuple[str, str]:
    """Return why nothing can be at or below an absolute path, and the way out; two empty texts where it can."""
    for pattern, why in _NOWHERE:
        if pattern.fullmatch(path):
            return f"{path} {why}", "choose another place"
    if link := next((each for each in _LINKED if path.startswith(f"{each}/")), ""):
        return f"{path} is below a link", f"write {_LINKED[link]}{path.removeprefix(link)}"
    return "", ""


def why_unfit(path: str) -> tuple[str, str]:
    """Return why no file can be at an absolute path, and the way out; two empty texts where it can."""
    if is_folder(path):
        return f"{path} is a folder of every system", "name the file that it becomes there"
    return why_closed(path)
