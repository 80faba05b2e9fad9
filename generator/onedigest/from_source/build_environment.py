"""The folder that a backend runs in: a copy of the source, tools, variables, and the variations of all these.

Nothing that is varied may reach a wheel: the folder's name and depth, hash seed, umask, locale, time zone, user, host,
times of files, and the order in which folders list their files.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onedigest.assembler.tar import MTIME
from onedigest.errors import InputError
from onedigest.from_source.sandbox import SandboxFolder
from onedigest.remove_folder import remove
from onedigest.tools import uv
from onedigest.untrusted import quoted

_DEAD = "http://127.0.0.1:9"
"""No proxy is there (RFC 863 has the port): where there are no namespaces, the network fails by it."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ORDER = """\
import os


def _by_name(entry):
    return entry.name


class _Scan:
    def __init__(self, path="."):
        with _scan(path) as entries:
            self._entries = iter(sorted(entries, key=_by_name, reverse={reverse}))

    def __iter__(self):
        return self

    def __next__(self):
        return next(self._entries)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._entries = iter(())


def _listdir(path="."):
    return sorted(_list(path), reverse={reverse})


_list, _scan = os.listdir, os.scandir
os.listdir, os.scandir = _listdir, _Scan
os.supports_fd |= {{_listdir, _Scan}}
"""
"""Gives the files of a folder an order of our own, which depends on no file system."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildVariation:
    """What differs between two runs, and may not matter."""

    folder: str
    tree: str
    user: str
    number: int
    umask: int
    time: int
    reverse: bool
    variables: tuple[tuple[str, str], ...]


# the two zones are 26 hours apart, so that it is never the same day in both
FIRST = BuildVariation(
    folder="one",
    tree="first-tree",
    user="builder",
    number=1000,
    umask=0o022,
    time=1_000_000_000,
    reverse=False,
    variables=(("COLUMNS", "80"), ("LC_ALL", "C.UTF-8"), ("PYTHONHASHSEED", "1"), ("TZ", "AAA+12")),
)
SECOND = BuildVariation(
    folder="another/and/deeper",
    tree="the-second-tree",
    user="somebody",
    number=4321,
    umask=0o077,
    time=1_400_000_000,
    reverse=True,
    variables=(("COLUMNS", "132"), ("LC_ALL", "C"), ("PYTHONHASHSEED", "4242"), ("TZ", "BBB-14")),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildEnvironment:
    """A folder that a backend runs in: `tree` is its copy of the source, `out` where its wheel goes."""

    enclosure: SandboxFolder
    tree: Path
    out: Path
    control: Path
    python: Path
    variables: Mapping[str, str]

    def hidden(self, text: str) -> str:
        """Return a text without the paths of this folder."""
        tree, folder = str(self.tree), str(self.enclosure.folder)
        return text.replace(f"{tree}/", "").replace(tree, ".").replace(f"{folder}/", "").replace(folder, "..")


@contextmanager
def make_environment(
    tree: Path, tools: Sequence[Path], settings: Mapping[str, Any], scratch: Path, variation: BuildVariation
) -> Iterator[BuildEnvironment]:
    """Make a folder in `scratch` with a copy of a tree, and an environment of wheel files; remove it at the end.

    Raises `InputError`.
    """
    folder = scratch.resolve() / variation.folder
    try:
        for name in ("out", "home", "tmp", "control"):
            (folder / name).mkdir(parents=True)
        yield _furnish(folder, tree, tools, settings, variation)
    finally:
        remove(folder)


def _furnish(
    folder: Path, tree: Path, tools: Sequence[Path], settings: Mapping[str, Any], variation: BuildVariation
) -> BuildEnvironment:
    copied = folder / variation.tree
    _copy(tree, copied, variation)
    venv = folder / "tools"
    uv.install(venv, tools)
    _set_order(venv, reverse=variation.reverse)
    enclosure = SandboxFolder(
        folder=folder, kept=(venv,), user=variation.user, number=variation.number, umask=variation.umask
    )
    return BuildEnvironment(
        enclosure=enclosure,
        tree=copied,
        out=folder / "out",
        control=folder / "control",
        python=venv / "bin" / "python",
        variables=_variables(folder, venv, variation, settings.get("variables", {})),
    )


def _variables(folder: Path, venv: Path, variation: BuildVariation, stated: Mapping[str, str]) -> dict[str, str]:
    own = {
        "HOME": str(folder / "home"),
        "PATH": f"{venv}/bin:/usr/local/bin:/usr/bin:/bin",
        "TMPDIR": str(folder / "tmp"),
    }
    return {
        "CARGO_NET_OFFLINE": "true",
        "GIT_CEILING_DIRECTORIES": str(folder),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "LANG": "C.UTF-8",
        "LOGNAME": variation.user,
        "PIP_NO_INDEX": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONNOUSERSITE": "1",
        "PYTHONUTF8": "1",
        "SOURCE_DATE_EPOCH": str(MTIME),
        "USER": variation.user,
        "UV_NO_CONFIG": "1",
        "UV_OFFLINE": "1",
        "VIRTUAL_ENV": str(venv),
        **{f"{scheme}_proxy": _DEAD for scheme in ("http", "https", "all")},
        **{f"{scheme}_PROXY": _DEAD for scheme in ("HTTP", "HTTPS", "ALL")},
        **dict(variation.variables),
        **_checked(stated),
        **own,
    }


def _checked(stated: Mapping[str, str]) -> Mapping[str, str]:
    for name, text in stated.items():
        if not _NAME.fullmatch(name) or "\0" in text:
            raise InputError.of(f"the variable {quoted(name)} of `extra-build-variables` cannot be set")
    return stated


def _copy(tree: Path, target: Path, variation: BuildVariation) -> None:
    """Copy a tree: links as links, files with modes of a checkout, all with one time, made in an order of ours."""
    waiting, folders = [tree], []
    while waiting:
        folder = waiting.pop()
        place = target / folder.relative_to(tree)
        try:
            place.mkdir()
            for source in sorted(folder.iterdir(), reverse=variation.reverse):
                if source.is_dir() and not source.is_symlink():
                    waiting.append(source)
                else:
                    _copy_file(source, place / source.name, variation)
        except OSError as error:
            where = Path(error.filename).name if error.filename else tree.name
            raise InputError.of(f"cannot be copied: {error.strerror}", where=where) from None
        folders.append(place)
    for place in reversed(folders):
        place.chmod(0o777 & ~variation.umask)
        os.utime(place, (variation.time, variation.time))


def _copy_file(source: Path, place: Path, variation: BuildVariation) -> None:
    if source.is_symlink():
        place.symlink_to(source.readlink())
        return
    if not source.is_file():
        raise InputError.of("is neither a file nor a folder, so it is no source of a wheel", where=source.name)
    shutil.copyfile(source, place)
    place.chmod((0o777 if source.stat().st_mode & 0o100 else 0o666) & ~variation.umask)
    os.utime(place, (variation.time, variation.time))


def _set_order(venv: Path, *, reverse: bool) -> None:
    for site in _site_folders(venv):
        (site / "_folder_order.py").write_text(_ORDER.format(reverse=reverse), encoding="utf-8")
        (site / "_folder_order.pth").write_text("import _folder_order\n", encoding="utf-8")


def _site_folders(venv: Path) -> Iterator[Path]:
    yield from sorted(venv.glob("lib/python3*/site-packages"))
