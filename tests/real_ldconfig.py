"""Knows how to bring ldconfig of both suites, for both platforms, and to run it on the files of a test."""

from __future__ import annotations

import os
import shutil
import subprocess
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from conftest import ROOT
from onedigest.assembler import deb
from onedigest.assembler.entry import Entry
from onedigest.debian.mirror import Mirrors, addresses, find_mirrors
from onedigest.net.download import Client, Download, download
from onedigest.store import Store
from onedigest.workspace.machine import Machine

LOCKS = {"trixie": "hello", "bookworm": "penguins"}
"""A lock of this repository that pins packages of a suite."""
CACHE = "etc/ld.so.cache"
PROGRAM = "usr/sbin/ldconfig"


@dataclass(frozen=True)
class Suite:
    """Packages of a suite for an architecture, by name: those of its libc."""

    name: str
    architecture: str
    debs: dict[str, Path]

    @property
    def command(self) -> list[str]:
        """What runs a program of it here: as root, for it changes its root."""
        if os.geteuid() != 0:
            pytest.skip("ldconfig needs root to use another root")
        if self.architecture == "amd64":
            return []
        found = shutil.which("qemu-aarch64-static")
        if not found:
            pytest.skip("qemu-aarch64-static is not installed (Debian package qemu-user-static)")
        return [found]

    def program(self, folder: Path) -> Entry:
        """Return the suite's own ldconfig, which is written into a folder."""
        found = next(each for each in deb.read(self.debs["libc-bin"]).entries if each.path == PROGRAM)
        write_files([found], folder / "suite")
        return found


def bring_suite(name: str, architecture: str, store: Store, wanted: Iterable[str] = ("libc-bin", "libc6")) -> Suite:
    """Bring packages that a lock of this repository pins."""
    lock = tomllib.loads((ROOT / "lockfiles" / LOCKS[name] / "pylock.toml").read_text(encoding="utf-8"))
    base = lock["tool"]["onedigest"]["base"]
    pinned = {each["name"]: each for each in _packages(base) if each["architecture"] in (architecture, "all")}
    mirrors = find_mirrors(os.environ.get("ONEDIGEST_DEBIAN_MIRROR", ""), "", Path("/etc/apt"))
    dates = {each["suite"]: each["date"] for each in base["releases"]}
    files = {
        each: Download(
            name=Path(pinned[each]["path"]).name,
            digest=f"sha256:{pinned[each]['sha256']}",
            size=pinned[each]["size"],
            urls=_addresses(mirrors, pinned[each].get("suite", name), pinned[each]["path"], dates),
        )
        for each in wanted
    }
    download(Client(Machine.from_environment(said=print).connection), store, files.values())
    return Suite(name, architecture, {each: store.path(file.digest) for each, file in files.items()})


def _addresses(mirrors: Mirrors, suite: str, path: str, dates: Mapping[str, str]) -> tuple[str, ...]:
    return addresses(mirrors, suite, [path], dates[suite])


def _packages(value: Any) -> Iterator[dict[str, Any]]:
    """Yield all tables of packages, wherever they are in a lock."""
    if isinstance(value, dict) and "architecture" in value:
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _packages(each)


def write_files(files: Iterable[Entry], root: Path) -> None:
    """Write entries to a folder; links in place of folders come first, as a merged /usr has them."""
    root.mkdir()
    for entry in sorted(files, key=lambda each: (each.kind == "hardlink", each.path.split("/"))):
        path = root / entry.path
        path.parent.mkdir(parents=True, exist_ok=True)
        if entry.kind == "dir":
            path.mkdir(exist_ok=True)
        elif entry.kind == "link":
            path.symlink_to(entry.target)
        elif entry.kind == "hardlink":
            path.hardlink_to(root / entry.target)
        else:
            path.write_bytes(entry.content if isinstance(entry.content, bytes) else b"".join(entry.content.pieces()))
            path.chmod(entry.mode)


def run_ldconfig(suite: Suite, folder: Path, root: Path) -> tuple[bytes | None, dict[str, str]]:
    """Run the ldconfig that a suite wrote into a folder; return the cache, and the links that it made with targets.

    There is no cache where it died of what it found.
    """
    before = _links(root)
    command = [*suite.command, str(folder / "suite" / PROGRAM), "-r", str(root)]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        return None, {}
    after = _links(root)
    return (root / CACHE).read_bytes(), {path: after[path] for path in after if before.get(path) != after[path]}


def _links(root: Path) -> dict[str, str]:
    """Return all links by path with their targets."""
    found = {}
    for folder, names, files in os.walk(root):
        for name in (*names, *files):
            path = Path(folder, name)
            if path.is_symlink():
                found[path.relative_to(root).as_posix()] = str(path.readlink())
    return found
