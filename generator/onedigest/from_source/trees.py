"""The files of a local project that are its source, their digest, and the copy that is built from.

In a checkout of git that is what git tracks, or would: the same on every clone. Elsewhere it is all that no tool made.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from onedigest.assembler.file_tree import Budget, walk
from onedigest.assembler.left_out import ENVIRONMENT, is_marked
from onedigest.checkout import find_repository, unusable_as_input_error
from onedigest.digest import Digest
from onedigest.errors import InputError
from onedigest.from_source.excluded_files import (
    PROJECT_FILES,
    is_beside,
    is_credential,
    is_made,
    is_output,
    others_below,
)
from onedigest.from_source.symlinks import real_place
from onedigest.store import STAMP
from onedigest.tools import git

MOST_FILES = 100_000
MOST_BYTES = 2 << 30
"""What a local project may have, all files together."""

_DEEPEST = 8
"""How many links to folders, or repositories, may be in each other."""
_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CHUNK = 1 << 20


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class TreeEntry:
    """A file of a source by its path from the project's folder, or a link with where it leads."""

    path: str
    place: Path = field(compare=False)
    is_executable: bool = False
    target: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tree:
    """The files of a source, sorted, and those that were left aside because they hold credentials."""

    entries: tuple[TreeEntry, ...]
    credentials: tuple[str, ...]


def list_tree(project: Path, root: Path, environment: Mapping[str, str], where: str) -> Tree:
    """Return the files that a local project is made of.

    `root` is what it may not leave. Raises `InputError` with all links that do, and for what is no project or too much.
    """
    real = _real(project, where)
    if not real.is_relative_to(root.resolve()):
        message = f"is outside of the repository, which is {root.name}" if project.is_absolute() else "is outside"
        raise InputError.of(f"the local project {project.name} {message}", where=where, hint=_HINT_OUTSIDE)
    if not any((real / name).is_file() for name in PROJECT_FILES):
        message = f"the folder {project.name} is no project: it has neither {' nor '.join(PROJECT_FILES)}"
        raise InputError.of(message, where=where)
    with unusable_as_input_error():
        return _Lister(real, root.resolve(), environment, where).tree()


def digest_tree(tree: Tree) -> Digest:
    """Return the digest of a source: of the sorted paths, what each is, whether it is executable, and its content."""
    return _digest((entry, entry.target or _content(entry.place)) for entry in tree.entries)


def copy_tree(tree: Tree, target: Path) -> Digest:
    """Write the files of a source into a new folder; return the digest of what was written."""
    return _digest((entry, _copied(entry, target / entry.path)) for entry in tree.entries)


_HINT_OUTSIDE = "move it into the repository, or name the wheel or the git repository of it"


class _Lister:
    """Collects the files of one project."""

    def __init__(self, project: Path, root: Path, environment: Mapping[str, str], where: str) -> None:
        self._project = project
        self._root = root
        self._environment = environment
        self._where = where
        self._entries: dict[str, TreeEntry] = {}
        self._credentials: list[str] = []
        self._leaving: list[str] = []
        self._marked: dict[Path, bool] = {}
        self._budget = Budget()
        self._bytes = 0

    def tree(self) -> Tree:
        """Return what was found."""
        self._collect(self._project, "", others_below(self._project, self._budget), 0)
        if self._leaving:
            raise InputError.of(
                f"{', '.join(f'`{each}`' for each in sorted(self._leaving))} of {self._project.name}: a symbolic link"
                " that leaves the repository is not followed",
                where=self._where,
                hint="replace it by what it names",
            )
        entries = tuple(self._entries[path] for path in sorted(self._entries, key=os.fsencode))
        return Tree(entries=entries, credentials=tuple(sorted(self._credentials)))

    def _collect(self, folder: Path, prefix: str, others: frozenset[str], depth: int) -> None:
        """Take what a folder has; `prefix` is what its paths begin with in the source."""
        if depth > _DEEPEST:
            message = f"`{prefix}` of {self._project.name}: more than {_DEEPEST} folders in each other by links"
            raise InputError.of(message, where=self._where)
        for mark, path in self._paths(folder):
            if self._counts(folder, path, others, is_tracked=mark != git.UNTRACKED):
                self._add(folder / path, f"{prefix}{path}", depth, is_there=mark != git.LEFT_OUT)

    def _paths(self, folder: Path) -> Iterable[tuple[str, str]]:
        """Return the paths below a folder, each with its mark."""
        if find_repository(folder):
            rows = git.list_files(folder, self._environment, self._where)
            # git knows nothing of a project in a folder that it ignores
            if rows and (folder != self._project or any(os.fsdecode(path) in PROJECT_FILES for _, path in rows)):
                return [(mark, os.fsdecode(path)) for mark, path in rows]
        found = walk(folder, self._budget, lambda path: not is_made(path.relative_to(folder).as_posix()))
        return [(git.UNTRACKED, path.relative_to(folder).as_posix()) for path in found]

    def _counts(self, folder: Path, path: str, others: frozenset[str], *, is_tracked: bool) -> bool:
        if is_beside(path) or path.endswith("/"):
            return False
        if not is_tracked and (is_made(path) or (is_output(path) and (folder / path).is_symlink())):
            return False
        above = path
        while above:
            if above in others:
                return False
            above = above.rpartition("/")[0]
            if above and self._is_left_out(folder / above, is_tracked=is_tracked):
                return False
        return True

    def _is_left_out(self, folder: Path, *, is_tracked: bool) -> bool:
        if folder not in self._marked:
            self._marked[folder] = is_marked(folder) or (not is_tracked and (folder / ENVIRONMENT).is_file())
        return self._marked[folder]

    def _add(self, place: Path, path: str, depth: int, *, is_there: bool) -> None:
        self._budget.take(place)
        try:
            found = place.lstat()
        except OSError:
            if is_there:
                return  # it was removed, and git was not told
            message = f"`{path}` of {self._project.name} is not in this sparse checkout"
            raise InputError.of(message, where=self._where, hint="run `git sparse-checkout disable`") from None
        if stat.S_ISLNK(found.st_mode):
            self._add_link(place, path, depth)
        elif stat.S_ISDIR(found.st_mode):
            if not (place / ".git").exists():
                message = f"the submodule `{path}` of {self._project.name} is not checked out"
                raise InputError.of(message, where=self._where, hint="run `git submodule update --init --recursive`")
            self._collect(place, f"{path}/", frozenset(), depth + 1)
        elif stat.S_ISREG(found.st_mode):
            self._add_file(place, path, found)

    def _add_file(self, place: Path, path: str, found: os.stat_result) -> None:
        if is_credential(path, place):
            self._credentials.append(path)
            return
        self._bytes += found.st_size
        if self._bytes > MOST_BYTES or len(self._entries) >= MOST_FILES:
            message = f"the project {self._project.name} has more than {MOST_FILES} files or {MOST_BYTES} bytes"
            hint = "add what is no source of it to .gitignore"
            raise InputError.of(message, where=self._where, hint=hint)
        self._entries[path] = TreeEntry(path=path, place=place, is_executable=bool(found.st_mode & stat.S_IXUSR))

    def _add_link(self, place: Path, path: str, depth: int) -> None:
        """Take a link as one where it leads to a place in the project, else what it leads to."""
        real = real_place(place)
        if real is None:
            return  # it leads nowhere
        if not real.is_relative_to(self._root):
            self._leaving.append(path)
        elif real.is_relative_to(self._project):
            target = os.path.relpath(real, place.parent)
            if place.is_relative_to(self._project) and not path.startswith("../"):
                self._entries[path] = TreeEntry(path=path, place=place, target=target)
        elif real.is_dir():
            if self._project.is_relative_to(real):
                return  # it has the project in it
            self._collect(real, f"{path}/", frozenset(), depth + 1)
        elif real.is_file():
            self._add_file(real, path, real.stat())


def _real(project: Path, where: str) -> Path:
    try:
        real = project.resolve(strict=True)
    except FileNotFoundError:
        raise InputError.of(f"the local project {project.name} is not there", where=where) from None
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError.of(f"the local project {project.name} cannot be read: {reason}", where=where) from None
    if not real.is_dir():
        raise InputError.of(f"the local project {project.name} is no folder", where=where)
    return real


def _digest(rows: Iterator[tuple[TreeEntry, str]]) -> Digest:
    digest = hashlib.sha256(b"onedigest-tree-1\n")
    for entry, content in rows:
        kind = "link" if entry.target else "executable" if entry.is_executable else "file"
        digest.update(b"%b\0%b\0%b\n" % (kind.encode(), os.fsencode(entry.path), os.fsencode(content)))
    return Digest(f"sha256:{digest.hexdigest()}")


def _content(place: Path) -> str:
    with os.fdopen(os.open(place, _OPEN), "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _copied(entry: TreeEntry, target: Path) -> str:
    """Copy a file or link; return what its digest has for its content."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if entry.target:
        target.symlink_to(entry.target)
        return entry.target
    digest = hashlib.sha256()
    with os.fdopen(os.open(entry.place, _OPEN), "rb") as file, target.open("xb") as copy:
        while chunk := file.read(_CHUNK):
            copy.write(chunk)
            digest.update(chunk)
    target.chmod(0o755 if entry.is_executable else 0o644)
    os.utime(target, (STAMP, STAMP))
    return digest.hexdigest()
