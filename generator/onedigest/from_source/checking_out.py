"""Knows how a commit becomes files in a new folder: bounded, with its submodules, and with the history behind it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit

from onedigest.errors import InputError
from onedigest.from_source.repositories import Repository, bring_commit, opened
from onedigest.inputs import git
from onedigest.untrusted import relative_path

MOST_FILES = 200_000
MOST_BYTES = 4 << 30
"""What a commit may hold, all files together."""

_MOST_SUBMODULES = 100
_DEEPEST = 8
_ROW = re.compile(rb"(?P<mode>\d{6}) (?P<kind>\w+) (?P<object>[0-9a-f]+) +(?P<size>\d+|-)\t(?P<path>.+)", re.DOTALL)


class _Module(NamedTuple):
    path: str
    commit: str


def write_commit(repository: Repository, commit: str, target: Path) -> None:
    """Write a commit that is on this machine into a new folder.

    No hook and no filter runs, and nobody's settings count. Raises `InputError` and `NetworkError`.
    """
    modules = _modules(repository, commit)
    _write(repository, commit, target, with_history=True)
    _write_modules(repository, commit, modules, target, 0)


def _modules(repository: Repository, commit: str) -> list[_Module]:
    """Return the submodules of a commit, after all that is in it was counted. Raises `InputError` for too much."""
    files = size = 0
    found = []
    for record in git.records(repository.here(), "ls-tree", "-r", "-l", "-z", commit):
        row = _ROW.fullmatch(record)
        if row is None:
            continue
        files += 1
        size += int(row["size"]) if row["size"] != b"-" else 0
        if files > MOST_FILES or size > MOST_BYTES:
            message = f"`{repository.name}` has more than {MOST_FILES} files or {MOST_BYTES} bytes in {commit}"
            raise InputError.of(message, where=repository.where)
        if row["kind"] == b"commit":
            found.append(_Module(row["path"].decode("utf-8", "surrogateescape"), row["object"].decode()))
    return found


def _write(repository: Repository, commit: str, target: Path, *, with_history: bool) -> None:
    target.mkdir(exist_ok=True)
    inside = replace(
        repository.here(), variables=git.own_variables(repository.sources.environment), folder=target.resolve()
    )
    tags = _tags(repository, commit) if with_history else b""
    wanted = f"+refs/onedigest/{commit}:refs/onedigest/{commit}\n".encode() + tags
    git.tell(inside, "init", "--quiet", ".")
    options = ("--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--no-auto-gc")
    depth = () if with_history else ("--depth=1",)
    git.tell(inside, "fetch", *options, *depth, "--stdin", "--", f"file://{repository.folder}", given=wanted)
    git.tell(inside, "checkout", "--quiet", "--detach", commit, "--")


def _tags(repository: Repository, commit: str) -> bytes:
    """Return the tags in the history of a commit, as git is told to fetch them."""
    names = git.tell(repository.here(), "for-each-ref", "--merged", commit, "--format=%(refname)", "refs/tags/")
    return b"".join(b"+%b:%b\n" % (name, name) for name in names.splitlines())


def _write_modules(repository: Repository, commit: str, modules: list[_Module], target: Path, depth: int) -> None:
    if not modules:
        return
    if depth == _DEEPEST or len(modules) > _MOST_SUBMODULES:
        message = f"`{repository.name}` has more than {_MOST_SUBMODULES} submodules, or {_DEEPEST} in each other"
        raise InputError.of(message, where=repository.where)
    addresses = dict(_addresses(repository, commit))
    for module in modules:
        address = addresses.get(module.path)
        if address is None:
            continue  # git knows no more of it either
        place = target / relative_path(module.path)
        with opened(_absolute(repository, address), repository.name, repository.where, repository.sources) as inner:
            if not bring_commit(inner, module.commit):
                message = f"the submodule `{module.path}` of `{repository.name}` is {module.commit}"
                raise InputError.of(f"{message}, which {inner.remote.shown} does not have", where=repository.where)
            below = _modules(inner, module.commit)
            _write(inner, module.commit, place, with_history=False)
            shutil.rmtree(place / ".git")
            _write_modules(inner, module.commit, below, place, depth + 1)


def _addresses(repository: Repository, commit: str) -> Iterator[tuple[str, str]]:
    """Yield path and address of each submodule that .gitmodules names."""
    text = git.ask(repository.here(), "config", "--blob", f"{commit}:.gitmodules", "--null", "--list") or b""
    found: dict[str, dict[str, str]] = {}
    for row in text.decode("utf-8", "surrogateescape").split("\0"):
        name, _, value = row.partition("\n")
        section, _, key = name.rpartition(".")
        if section.startswith("submodule.") and key in ("path", "url"):
            found.setdefault(section, {})[key] = value
    return ((each["path"], each["url"]) for each in found.values() if len(each) == 2)


def _absolute(repository: Repository, address: str) -> str:
    """Return the address of a submodule, which may be relative to that of its repository (gitmodules)."""
    if not address.startswith(("./", "../")):
        return address
    parts = urlsplit(repository.remote.address)
    return parts._replace(path=urljoin(f"{parts.path.rstrip('/')}/", address)).geturl()
