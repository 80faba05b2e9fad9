"""The files of an application as values: what the assembler selects, their digests, and what is wrong with them."""

from __future__ import annotations

import hashlib
import os
import posixpath
import stat
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from onedigest.assembler import listing
from onedigest.assembler import selection as selecting
from onedigest.assembler.credential_files import find_rule
from onedigest.assembler.file_tree import Budget
from onedigest.assembler.finding import Finding
from onedigest.assembler.ignoring import IgnoreRules
from onedigest.assembler.selection import Selected, Selection
from onedigest.checkout import open_inside, unusable_as_input_error
from onedigest.definition.script import Script
from onedigest.definition.spec import Spec
from onedigest.digest import Digest, of_bytes
from onedigest.errors import InputError, Problem
from onedigest.untrusted import MOST_BYTES, quoted

_BLOCK = 1 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class File:
    """A file below the application's folder, or at an absolute path.

    `content` is its bytes, for the script, whose text is made canonical, or else its path. `path` is its path from
    the script's folder, where that is not `target`; `links` are the further paths from there that lead to it, where it
    is reached by symbolic links.
    """

    target: str
    digest: Digest
    executable: bool
    content: bytes | Path
    path: str = ""
    links: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """The path from the script's folder."""
        return self.path or self.target

    def path_in(self, root: str) -> str:
        """Return the absolute path in an image whose application has the folder `root`."""
        return posixpath.join(root, self.target)

    @property
    def role(self) -> str:
        """What generated rules list it under: `scripts`, `programs` where it is executable, or `files`."""
        return "scripts" if isinstance(self.content, bytes) else "programs" if self.executable else "files"


class Files(tuple[File, ...]):  # noqa: SLOT001  a tuple cannot have slots with names
    """The files of an application, sorted by target, with the `selection` that they were found by."""

    selection: Selection

    def __new__(cls, files: Iterable[File], selection: Selection) -> Self:
        """Make a tuple of files with a selection."""
        made = super().__new__(cls, files)
        made.selection = selection
        return made


def selection_of(spec: Spec) -> Selection:
    """Return what the assembler is told of the files of an application."""
    folder = "" if posixpath.isabs(spec.script) else posixpath.dirname(spec.script)
    return Selection(
        folder=folder,
        script=posixpath.basename(spec.script) if spec.include_script else "",
        files=spec.files,
        copies=spec.copies,
        ignore_file=spec.ignore_file,
        ignore_in_copies=spec.ignore_in_copies,
    )


def collect(spec: Spec, script: Script, folder: Path, warn: Callable[[Problem], None] = lambda _: None) -> Files:
    """List the files of an application, sorted by target.

    `folder` is the script's, without links; `warn` is told what is left out. Raises `InputError` with all that is
    wrong: a pattern that matches nothing, and a file that is not in the project, also through a link.
    """
    here = folder.resolve()
    root, selection = _root(spec, here), selection_of(spec)
    if root == here:
        selection = replace(selection, folder="")
    _refuse_credentials(selection.ignore_file, here, root, script)
    try:
        with unusable_as_input_error():
            found = selecting.select(root, selection, quoted)
    except OSError as error:  # such as a path that is too long, or a folder that may not be read
        raise InputError.of(f"cannot be read: {error.strerror}", where=repr(str(error.filename or folder))) from None
    problems = [_problem(each, script) for each in found.problems]
    files = []
    for each in found.files:
        try:
            files.append(_file(each, script, root, posixpath.normpath(posixpath.join(selection.folder, each.place))))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    for warning in found.warnings:
        warn(_problem(warning, script))
    return Files(files, found.selection)


def _refuse_credentials(ignore_file: str, here: Path, root: Path, script: Script) -> None:
    """Raise `InputError` for an ignore-file that may hold credentials: its lines get into generated files."""
    path = here / ignore_file
    try:
        real = path.resolve()
    except (OSError, RuntimeError):
        return  # it cannot be read, which is said then
    places = (ignore_file, real.relative_to(root).as_posix() if real.is_relative_to(root) else real.as_posix())
    if ignore_file and any(map(find_rule, places)):
        message = f"`ignore-file` names {quoted(ignore_file)}, which may hold credentials"
        raise InputError.of(message, where=script.where("tool.onedigest.ignore-file"), hint="name a .dockerignore")


def list_folder(path: Path, ignore: IgnoreRules | None, above: Path, left: Callable[[Path], None]) -> list[Path]:
    """List the files of a folder that belong into an image, but for what a .dockerignore about `above` leaves out.

    `left` is told of folders that programs made for this machine. Raises `InputError` for a folder without end.
    """
    with unusable_as_input_error():
        return listing.list_folder(path, ignore, (above,), Budget(quote=quoted), left)


def read_rules(path: Path, root: Path, where: str) -> IgnoreRules:
    """Read a .dockerignore of a project. Raises `InputError`."""
    with unusable_as_input_error():
        return listing.read_rules(path, root, where)


def digest_file(path: Path, root: Path, where: str) -> tuple[Digest, bool]:
    """Return the digest of a file's content, and whether its owner may execute it. Raises `InputError`.

    It is read as far as it was long when it was opened: what grows has no digest.
    """
    with open_inside(path, root, where) as file:
        status = os.fstat(file.fileno())
        found, left = hashlib.sha256(), min(status.st_size, MOST_BYTES)
        while left and (data := file.read(min(left, _BLOCK))):
            found.update(data)
            left -= len(data)
        if left or file.read(1):
            raise InputError.of("changes while it is read", where=where)
    return Digest(f"sha256:{found.hexdigest()}"), bool(status.st_mode & stat.S_IXUSR)


def _problem(finding: Finding, script: Script) -> Problem:
    where = finding.where or script.where(f"tool.onedigest.{finding.key}")
    return Problem(finding.message, where, finding.hint)


def _file(selected: Selected, script: Script, root: Path, where: str) -> File:
    if selected.role == "script":
        content = script.text.encode()
        return File(target=selected.target, digest=of_bytes(content), executable=False, content=content)
    digest, executable = digest_file(selected.path, root, where)
    return File(
        target=selected.target,
        digest=digest,
        executable=executable,
        content=selected.path,
        path=selected.place if selected.place != selected.target else "",
        links=selected.links,
    )


def _root(spec: Spec, folder: Path) -> Path:
    """Return the project's root: the folder that the script's path is from, or its own folder outside of a project."""
    parts = Path(posixpath.dirname(spec.script)).parts
    if spec.script.startswith("/") or folder.parts[len(folder.parts) - len(parts) :] != parts:
        return folder
    return folder.parents[len(parts) - 1] if parts else folder
