"""The files of a commit in a new folder: bounded, with its submodules, and with the history behind it."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit

from onedigest.errors import InputError
from onedigest.from_source.git_address import read_remote
from onedigest.from_source.repositories import GitRepository, fetch_commit, opened
from onedigest.from_source.symlinks import real_place
from onedigest.tools import git
from onedigest.untrusted import relative_path

MOST_FILES = 200_000
MOST_BYTES = 4 << 30
"""What a commit may hold, all files together."""

_LINK = b"120000"
_MOST_SUBMODULES = 100
_DEEPEST = 8
_ROW = re.compile(rb"(?P<mode>\d{6}) (?P<kind>\w+) (?P<object>[0-9a-f]+) +(?P<size>\d+|-)\t(?P<path>.+)", re.DOTALL)


class _Module(NamedTuple):
    """A submodule: where it is in its repository, its commit, and the address of the repository that it is of."""

    path: str
    commit: str
    address: str


class _Content(NamedTuple):
    """What has to be looked at of a commit: its links, and its submodules."""

    links: tuple[str, ...]
    modules: tuple[_Module, ...]


def write_commit(repository: GitRepository, commit: str, target: Path) -> Callable[[], None]:
    """Write a commit that is on this machine into a new folder; return what writes its submodules.

    That one is called when nobody holds the repository any more: a submodule may be of the same one.
    No hook and no filter runs, and nobody's settings count. Both raise `InputError` and `NetworkError`.
    """
    content = _write(repository, commit, target, with_history=True)

    def write_rest() -> None:
        _write_modules(repository, content.modules, target, 0)
        _check_links(repository, target, content.links)

    return write_rest


def _write(repository: GitRepository, commit: str, target: Path, *, with_history: bool) -> _Content:
    content = _content(repository, commit)
    target.mkdir(exist_ok=True)
    variables = git.own_variables(repository.sources.environment)
    inside = replace(repository.local_run(), variables=variables, folder=target.resolve())
    tags = _tags(repository, commit) if with_history else b""
    wanted = f"+refs/onedigest/{commit}:refs/onedigest/{commit}\n".encode() + tags
    git.tell(inside, "init", "--quiet", ".")
    options = (
        "--quiet",
        "--no-tags",
        "--update-shallow",
        "--no-write-fetch-head",
        "--no-recurse-submodules",
        "--no-auto-gc",
    )
    depth = () if with_history else ("--depth=1",)
    git.tell(inside, "fetch", *options, *depth, "--stdin", "--", f"file://{repository.folder}", given=wanted)
    git.tell(inside, "checkout", "--quiet", "--detach", commit, "--")
    return content


def _content(repository: GitRepository, commit: str) -> _Content:
    """Return links and submodules of a commit, after all that is in it was counted. Raises `InputError`."""
    files = size = 0
    links: list[str] = []
    modules: list[tuple[str, str]] = []
    for record in git.records(repository.local_run(), "ls-tree", "-r", "-l", "-z", commit):
        row = _ROW.fullmatch(record)
        if row is None:
            continue
        path = os.fsdecode(row["path"])
        files += 1
        size += int(row["size"]) if row["size"] != b"-" else 0
        if files > MOST_FILES or size > MOST_BYTES:
            message = f"`{repository.name}` has more than {MOST_FILES} files or {MOST_BYTES} bytes in {commit}"
            raise InputError.of(message, where=repository.where)
        if row["mode"] == _LINK:
            links.append(path)
        elif row["kind"] == b"commit":
            modules.append((path, row["object"].decode()))
    addresses = dict(_addresses(repository, commit)) if modules else {}
    known = [_Module(path, found, addresses[path]) for path, found in modules if path in addresses]
    if len(known) > _MOST_SUBMODULES:
        message = f"`{repository.name}` has more than {_MOST_SUBMODULES} submodules"
        raise InputError.of(message, where=repository.where)
    return _Content(tuple(links), tuple(known))


def _tags(repository: GitRepository, commit: str) -> bytes:
    """Return the tags in the history of a commit, as git is told to fetch them."""
    names = git.tell(repository.local_run(), "for-each-ref", "--merged", commit, "--format=%(refname)", "refs/tags/")
    return b"".join(b"+%b:%b\n" % (name, name) for name in names.splitlines())


def _write_modules(repository: GitRepository, modules: Iterable[_Module], target: Path, depth: int) -> None:
    for module in modules:
        if depth == _DEEPEST:
            message = f"`{repository.name}` has more than {_DEEPEST} submodules in each other"
            raise InputError.of(message, where=repository.where)
        try:
            place = target / relative_path(module.path)
        except ValueError as error:
            message = f"the path of a submodule of `{repository.name}` {error}"
            raise InputError.of(message, where=repository.where) from None
        if place.is_symlink() or not place.resolve().is_relative_to(target.resolve()):
            # a tree of git may have one name twice, as a link and as a folder
            message = f"the submodule `{module.path}` of `{repository.name}` is behind a symbolic link"
            raise InputError.of(message, where=repository.where)
        scheme = read_remote(module.address, repository.where, repository.name).scheme
        if scheme not in ("https", "ssh", repository.remote.scheme):
            # whoever writes .gitmodules elsewhere names no file of this machine
            message = f"the submodule `{module.path}` of `{repository.name}` is asked by {scheme}, and that by"
            raise InputError.of(f"{message} {repository.remote.scheme}", where=repository.where)
        with opened(module.address, repository.name, repository.where, repository.sources) as inner:
            if not fetch_commit(inner, module.commit):
                message = f"the submodule `{module.path}` of `{repository.name}` is {module.commit}"
                raise InputError.of(f"{message}, which {inner.remote.shown} does not have", where=repository.where)
            content = _write(inner, module.commit, place, with_history=False)
            shutil.rmtree(place / ".git")
        _write_modules(inner, content.modules, place, depth + 1)
        _check_links(inner, target, tuple(f"{module.path}/{link}" for link in content.links))


def _check_links(repository: GitRepository, target: Path, links: Iterable[str]) -> None:
    """Raise `InputError` where a link leads to something outside of a checkout; one that leads nowhere is harmless."""
    root = target.resolve()
    leaving = []
    for link in links:
        real = real_place(target / link)
        if real is not None and not real.is_relative_to(root) and real.exists():
            leaving.append(f"`{link}`")
    if leaving:
        message = f"{', '.join(leaving[:5])} of `{repository.name}`: a symbolic link that leaves the repository"
        raise InputError.of(message, where=repository.where)


def _addresses(repository: GitRepository, commit: str) -> Iterator[tuple[str, str]]:
    """Yield path and address of each submodule that .gitmodules names."""
    text = git.ask(repository.local_run(), "config", "--blob", f"{commit}:.gitmodules", "--null", "--list") or b""
    found: dict[str, dict[str, str]] = {}
    for row in os.fsdecode(text).split("\0"):
        name, _, value = row.partition("\n")
        section, _, key = name.rpartition(".")
        if section.startswith("submodule.") and key in ("path", "url"):
            found.setdefault(section, {})[key] = value
    return ((each["path"], _absolute(repository, each["url"])) for each in found.values() if len(each) == 2)


def _absolute(repository: GitRepository, address: str) -> str:
    """Return the address of a submodule, which may be relative to that of its repository (gitmodules)."""
    if not address.startswith(("./", "../")):
        return address
    parts = urlsplit(repository.remote.asked)
    return parts._replace(path=urljoin(f"{parts.path.rstrip('/')}/", address)).geturl()
