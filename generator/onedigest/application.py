"""Knows which files an application is made of: the script in its canonical text, and what `files` and `copy` name."""

from __future__ import annotations

import hashlib
import os
import posixpath
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from onedigest import checkout
from onedigest.credential_files import find_rule
from onedigest.digest import Digest, of_bytes
from onedigest.errors import InputError, Problem
from onedigest.file_tree import Budget, is_below, match, walk
from onedigest.ignoring import IgnoreRules
from onedigest.script import Script
from onedigest.spec import Spec
from onedigest.untrusted import MOST_BYTES, quoted

_LEFT_OUT = (".git", "__pycache__")
_MARKS = ("oci-layout", "onedigest.nix")
"""What a folder has that is an image, or holds locks: a copy of it would change with each build."""

_MOST_RULES = 1 << 20
"""How many bytes a .dockerignore may have."""

_BLOCK = 1 << 20

_NAME_IT = "to have such a file in the image, name it itself, without a pattern"

_UNFIT = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\\]")
"""What no path can hold that is written into a Dockerfile, a BUILD file and a file of Nix."""


@dataclass(frozen=True, kw_only=True, slots=True)
class File:
    """A file below the application's folder.

    `content` is its bytes, for the script, whose text is made canonical, or else its path. `source` is its path from
    the script's folder, where that is not `target`; `links` are the further paths from there that lead to it, where it
    is reached by symbolic links.
    """

    target: str
    digest: Digest
    executable: bool
    content: bytes | Path
    source: str = ""
    links: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """The path from the script's folder."""
        return self.source or self.target

    @property
    def role(self) -> str:
        """What generated rules list it under: `scripts`, `programs` where it is executable, or `files`."""
        return "scripts" if isinstance(self.content, bytes) else "programs" if self.executable else "files"


def collect(
    spec: Spec, script: Script, folder: Path, warn: Callable[[Problem], None] = lambda _: None
) -> tuple[File, ...]:
    """List the files of an application, sorted by target.

    `folder` is the script's, without links; `warn` is told what is left out. Raises `InputError` with all that is
    wrong: a pattern that matches nothing, and a file that is not in the project, also through a link.
    """
    collection = _Collection(spec, script, folder)
    try:
        collection.take_patterns()
        collection.take_copies()
    except OSError as error:  # such as a path that is too long, or a folder that may not be read
        raise InputError.of(f"cannot be read: {error.strerror}", where=repr(str(error.filename or folder))) from None
    if collection.problems:
        raise InputError(collection.problems)
    for problem in collection.warnings:
        warn(problem)
    found = collection.found
    if spec.include_script:
        target, content = posixpath.basename(spec.script), script.text.encode()
        found[target] = File(target=target, digest=of_bytes(content), executable=False, content=content)
    return tuple(found[target] for target in sorted(found))


def list_folder(path: Path, ignore: IgnoreRules | None, above: Path, budget: Budget) -> list[Path]:
    """List a file, or the files of a folder that belong into an image.

    `ignore` is a .dockerignore, whose lines are about the folder `above`.
    """
    found = [each for each in walk(path, budget, _belongs) if each.is_file() and each.suffix != ".pyc"]
    if ignore is None or not path.is_dir():
        return found
    return [each for each in found if not ignore.ignores(os.path.relpath(each, above))]


def read_rules(path: Path, root: Path, where: str) -> IgnoreRules:
    """Read a .dockerignore of a project. Raises `InputError`."""
    text = checkout.decoded(checkout.read_inside(path, root, where, _MOST_RULES), where)
    try:
        return IgnoreRules(text)
    except ValueError as error:
        raise InputError.of(str(error), where=where) from None


def digest_file(path: Path, root: Path, where: str) -> tuple[Digest, bool]:
    """Return the digest of a file's content, and whether it is executable. Raises `InputError`.

    It is read as far as it was long when it was opened: what grows has no digest.
    """
    with checkout.open_inside(path, root, where) as file:
        status = os.fstat(file.fileno())
        found, left = hashlib.sha256(), min(status.st_size, MOST_BYTES)
        while left and (data := file.read(min(left, _BLOCK))):
            found.update(data)
            left -= len(data)
        if left or file.read(1):
            raise InputError.of("changes while it is read", where=where)
    return Digest(f"sha256:{found.hexdigest()}"), bool(status.st_mode & 0o111)


class _Collection:
    """Finds the files that a spec names; keeps all problems."""

    def __init__(self, spec: Spec, script: Script, folder: Path) -> None:
        self.found: dict[str, File] = {}
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []
        self._spec = spec
        self._script = script
        self._folder = folder
        self._here = folder.resolve()
        self._root = _root(spec, self._here)
        self._budget = Budget()
        self._digests: dict[Path, tuple[Digest, bool]] = {}
        self._folders: dict[Path, Path] = {}

    def take_patterns(self) -> None:
        """Take what `files` names, which is below the script's folder."""
        where = self._script.where("tool.onedigest.files")
        for pattern in self._spec.files:
            named = f"`files` pattern {quoted(pattern)}"
            several = dict.fromkeys(
                path
                for each in sorted(set(match(self._folder, pattern, self._budget)))
                for path in (walk(each, self._budget) if is_below(each, self._here) else (each,))
                if path.is_file() or path.is_symlink()
            )
            kept = self._without_credentials(list(several), posixpath.normpath(pattern), f"{named} matches", where)
            for path in kept:
                if not self._resolved(path).is_relative_to(self._here):
                    message = f"{named} matches {quoted(path.name)}, a link to a file outside the script's folder"
                    self.problems.append(Problem(message, where, "copy the file into the folder"))
                elif path.is_dir():
                    message = f"{named} matches {quoted(path.name)}, a link to a folder"
                    self.problems.append(Problem(message, where, "name the folder in a pattern of its own"))
                else:
                    target = path.relative_to(self._folder).as_posix()
                    self._take(path, target, target, f"{named} matches", where)
            if not several:
                self.problems.append(Problem(f"{named} matches nothing{_odd(self._folder / pattern)}", where))

    def take_copies(self) -> None:
        """Take what `copy` names: of a folder all files but compiled ones, repositories, images and locks.

        A file has one place only: a label of Bazel can have one.
        """
        ignore, above = self._rules(), (self._folder / self._spec.ignore_file).parent
        places = {file.place for file in self.found.values()}
        copied: dict[str, str] = {}
        where = self._script.where("tool.onedigest.copy")
        for target, source in self._spec.copies:
            path = self._folder / source
            if not is_below(path, self._root):
                message = f"`copy` names {quoted(source)}, which is outside the project"
                self.problems.append(Problem(message, where, f"move it below {self._root.name}, the project's folder"))
                continue
            real = path.resolve()
            files = list_folder(path, ignore, above, self._budget)
            if not files:
                self.problems.append(
                    Problem(f"`copy` names {quoted(source)}, where there is no file{_odd(path)}", where)
                )
            for each in self._without_credentials(files, source, f"`copy` of {quoted(source)} has", where):
                place = os.path.relpath(each, self._folder)
                at = posixpath.normpath(posixpath.join(target, os.path.relpath(each, path)))
                if place in places:
                    message = f"`copy` names {quoted(place)}, which has a place in the image already"
                    self.problems.append(Problem(message, where))
                elif not self._resolved(each).is_relative_to(real):
                    message = f"`copy` names {quoted(place)}, a link that leads out of {quoted(source)}"
                    self.problems.append(Problem(message, where))
                else:
                    places.add(place)
                    if at in copied:
                        message = f"`copy` brings {quoted(copied[at])} and {quoted(place)} to one place, {at}"
                        self.problems.append(Problem(message, where))
                    copied[at] = place
                    self._take(each, at, place, "`copy` brings", where)

    def _rules(self) -> IgnoreRules | None:
        name = self._spec.ignore_file
        if not name:
            return None
        where = self._script.where("tool.onedigest.ignore-file")
        path = self._folder / name
        if not is_below(path, self._root):
            self.problems.append(Problem(f"`ignore-file` names {quoted(name)}, which is outside the project", where))
        elif not path.is_file():
            self.problems.append(Problem(f"`ignore-file` names {quoted(name)}, where there is no file", where))
        else:
            return read_rules(path, self._root, posixpath.normpath(posixpath.join(self._base(), name)))
        return None

    def _base(self) -> str:
        """Return the script's folder from the project's root."""
        return self._here.relative_to(self._root).as_posix()

    def _without_credentials(self, paths: list[Path], literal: str, named: str, where: str) -> list[Path]:
        """Return files without those that hold credentials by their name, which are warned about.

        `literal` is a path that was written out: who names such a file itself means it.
        """
        kept: list[Path] = []
        left: list[Path] = []
        for path in paths:
            shown = os.path.relpath(path, self._folder)
            rule, behind = find_rule(shown), find_rule(self._real(path))
            is_named = shown == literal and rule and behind in ("", rule)
            (left if (rule or behind) and not is_named else kept).append(path)
        if not left:
            return kept
        first = os.path.relpath(left[0], self._folder)
        if kept:
            further = f" and {len(left) - 1} more" if len(left) > 1 else ""
            message = f"{named} {quoted(first)}{further}, which may hold credentials: left out"
            self.warnings.append(Problem(message, where, _NAME_IT))
        else:
            message = f"{named} only what may hold credentials, such as {quoted(first)}"
            self.problems.append(Problem(message, where, _NAME_IT))
        return kept

    def _real(self, path: Path) -> str:
        """Return where a file is once all links are followed, from the project's root where it is below it."""
        real = self._resolved(path)
        return real.relative_to(self._root).as_posix() if real.is_relative_to(self._root) else real.as_posix()

    def _resolved(self, path: Path) -> Path:
        """Return a file with all links followed, or the root of the disk for a loop; a folder is looked up once."""
        try:
            if path.is_symlink():
                return path.resolve()
            if path.parent not in self._folders:
                self._folders[path.parent] = path.parent.resolve()
        except (OSError, RuntimeError):
            return Path("/")
        return self._folders[path.parent] / path.name

    def _take(self, path: Path, target: str, place: str, named: str, where: str) -> None:
        links = tuple(sorted(set(_links(self._here, place))))
        if wrong := next((each for each in (target, place, *links) if _UNFIT.search(each)), None):
            message = f"{named} {quoted(wrong)}, whose name holds a backslash, a control character or what is not UTF-8"
            self.problems.append(Problem(message, where, "rename the file, or leave it out"))
            return
        try:
            if path not in self._digests:
                shown = posixpath.normpath(posixpath.join(self._base(), place))
                self._digests[path] = digest_file(path, self._root, shown)
        except InputError as error:
            self.problems += error.problems
            return
        digest, executable = self._digests[path]
        self.found[target] = File(
            target=target,
            digest=digest,
            executable=executable,
            content=path,
            source=place if place != target else "",
            links=links,
        )


def _root(spec: Spec, folder: Path) -> Path:
    """Return the project's root: the folder that the script's path is from, or its own folder outside of a project."""
    parts = Path(posixpath.dirname(spec.script)).parts
    if spec.script.startswith("/") or folder.parts[len(folder.parts) - len(parts) :] != parts:
        return folder
    return folder.parents[len(parts) - 1] if parts else folder


def _belongs(path: Path) -> bool:
    return path.name not in _LEFT_OUT and not any((path / mark).exists() for mark in _MARKS)


def _odd(path: Path) -> str:
    """Say of a path that is there what it is instead of a file."""
    try:
        there = path.exists() and not path.is_dir() and not path.is_file()
    except (OSError, ValueError):
        return ""
    return ": it is a device, a pipe or a socket" if there else ""


def _links(root: Path, target: str) -> Iterator[str]:
    """Yield links on the way to a file, and where they lead, as paths from a folder without links."""
    done, parts = "", target.split("/")
    while parts:
        done = posixpath.join(done, parts.pop(0))
        path = root / done
        if path.is_symlink():
            yield done
            parts = [*os.path.relpath(path.parent / path.readlink(), root).split("/"), *parts]
            done = ""
        elif not parts and done != target:
            yield done
