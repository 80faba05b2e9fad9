"""Knows the campaign of full disks: a small file system for the store, the project, the output or temporary files."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from random import Random

from chaos.campaign import Campaign
from chaos.world import World
from conftest import Result

PLACES = ("store", "project", "output", "store", "UV_CACHE_DIR", "project", "TMPDIR")
FULL = ("No space left on device", "File too large")
COMMANDS = (("generate", "job.py"), ("fetch", "job"), ("build", "job"))
AMPLE = 400 << 20


class SmallDisk:
    """A file system of few bytes, in a mount namespace of its own: it goes with the process that holds it."""

    kind = "small file system"

    def __init__(self, place: Path, size: int) -> None:
        self._place = place
        mount = f'mount -t tmpfs -o size={size} tmpfs "$1" && echo ready && exec cat'
        self._holder = subprocess.Popen(
            [*_UNSHARE, "sh", "-c", mount, "sh", str(place)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self._holder.stdout
        self.there = self._holder.stdout.readline() == b"ready\n"

    def within(self, folder: Path) -> tuple[str, ...]:
        """Return the command that runs another in a folder, where this file system is."""
        return (*self._enter(), "sh", "-c", 'cd "$1" && shift && exec "$@"', "sh", str(folder))

    def seen(self, path: Path) -> Path:
        """Return where a path of that namespace is seen from outside."""
        return Path(f"/proc/{self._holder.pid}/root{path}")

    def grow(self) -> None:
        """Make room."""
        command = [*self._enter(), "mount", "-o", f"remount,size={AMPLE}", str(self._place)]
        subprocess.run(command, check=True, capture_output=True)

    def close(self) -> None:
        """Give it up."""
        self._holder.communicate(timeout=20)

    def _enter(self) -> tuple[str, ...]:
        user = ("--user", "--preserve-credentials") if os.geteuid() else ()
        return ("nsenter", f"--target={self._holder.pid}", *user, "--mount")


class FileLimit:
    """Stands in where nobody may mount: no file may be larger than what would be left."""

    kind = "limit of file sizes"

    def __init__(self, size: int) -> None:
        self._size = size

    def within(self, folder: Path) -> tuple[str, ...]:
        """Return the command that runs another with the limit."""
        return ("prlimit", f"--fsize={self._size}", "sh", "-c", 'cd "$1" && shift && exec "$@"', "sh", str(folder))

    def seen(self, path: Path) -> Path:
        """Return a path as it is."""
        return path

    def grow(self) -> None:
        """Take the limit away."""
        self._size = AMPLE

    def close(self) -> None:
        """Do nothing: the limit is in the command."""


_UNSHARE = ("unshare", *(("--user", "--map-root-user") if os.geteuid() else ()), "--mount", "--propagation", "private")


@contextmanager
def small_disk(place: Path, size: int) -> Iterator[SmallDisk | FileLimit]:
    """Give a small file system at a place, or what stands in for one."""
    place.mkdir(parents=True)
    disk = SmallDisk(place, size)
    try:
        yield disk if disk.there else FileLimit(size)
    finally:
        disk.close()


def fill_disks(world: World, runs: int, chance: Random) -> Campaign:
    """Work on a disk that fills up, look for lies, make room, and look for losses; so many times."""
    campaign = Campaign("full disks")
    needed = {
        "store": _size(world.store),
        "project": _size(world.project),
        "output": _size(world.project / "dist"),
        "TMPDIR": 100_000,
        "UV_CACHE_DIR": 100_000,
    }
    for number in range(runs):
        place = PLACES[number % len(PLACES)]
        least = sum(map(len, world.sources.values())) + (64 << 10) if place == "project" else 4096
        size = chance.randint(least, needed[place])
        root = world.root / "disks" / f"{number}"
        disk_root = root / "disk"
        with small_disk(disk_root, size) as disk:
            campaign.faults[disk.kind] += 1
            other = _settled(world, root, place, disk)
            where = f"{number} {place} of {size} bytes"
            if place == "output":
                _fill_output(
                    other, str(disk_root / f"out{'.tar' * (number // len(PLACES) % 2)}"), disk, campaign, where
                )
            else:
                _fill(other, disk, campaign, where)
        shutil.rmtree(root)
    return campaign


def _settled(world: World, root: Path, place: str, disk: SmallDisk | FileLimit) -> World:
    """Return a world like another, of which one part is on the small disk."""
    parts = {
        "store": {"XDG_CACHE_HOME": str(root / "disk" / "cache")},
        "TMPDIR": {"TMPDIR": str(root / "disk" / "tmp")},
        "UV_CACHE_DIR": {"UV_CACHE_DIR": str(root / "disk" / "uv")},
    }
    environment = {**world.environment, "TMPDIR": str(root / "tmp"), **parts.get(place, {})}
    where = {"project": root / "disk", "output": world.root}.get(place, root)
    made = replace(world, root=where, environment=environment, within=disk.within, seen=disk.seen)
    made.write()
    return made


def _fill(world: World, disk: SmallDisk | FileLimit, campaign: Campaign, where: str) -> None:
    for command in COMMANDS:
        result = world.run(*command)
        if result.code:
            break
    _judge(result, campaign, where)
    campaign.lose(where, [*world.lies(), *world.leftovers()])
    disk.grow()
    campaign.lose(where, world.recover(*COMMANDS[0]))


def _fill_output(world: World, output: str, disk: SmallDisk | FileLimit, campaign: Campaign, where: str) -> None:
    result = world.run("build", "--output", output, "job")
    _judge(result, campaign, where)
    if result.code:
        left = sorted(path.name for path in disk.seen(Path(output)).parent.iterdir())
        campaign.lose(where, [f"{name} is left beside the output" for name in left])
    disk.grow()
    again = world.run("build", "--output", output, "job")
    if (again.code, again.out.strip()) != (0, world.digest):
        campaign.lose(where, [f"the next run gave {again.code}, {again.out.strip()}: {again.err[-400:]}"])
    campaign.lose(where, [*world.lies(), *world.leftovers()])


def _judge(result: Result, campaign: Campaign, where: str) -> None:
    campaign.count(f"refused with {result.code}" if result.code else "had room", harmed=result.code != 0)
    told = any(word in result.err for word in FULL)
    if result.code not in (0, 1) or "Traceback" in result.err or (result.code and not told):
        campaign.lose(where, [f"ended with {result.code}: {result.err[-600:]}"])


def _size(folder: Path) -> int:
    """Return how many bytes the files of a folder take on a disk of their own."""
    return sum(-(-path.lstat().st_size // 4096) * 4096 for path in folder.rglob("*") if path.is_file())
