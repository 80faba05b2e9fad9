"""The places of project files in Flyte's images: as a Dockerfile's COPY has them, decided by rule.

A target is a path from the working directory, or an absolute one. What is copied is a file, or the content of a folder.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from onedigest.assembler.places import folders_above, is_folder, why_closed, why_unfit, without_link
from onedigest.definition import expansion
from onedigest.definition.flyte.definition import Copy, Definition, WorkDir
from onedigest.definition.keys import APPLICATION
from onedigest.errors import InputError

IGNORE_FILE = ".dockerignore"

FLYTES_HOME = "/home/flyte"
"""The working directory of Flyte's own images, which is the home of its user."""

ROOTS_HOME = "/root"
"""Where Flyte's own images look for modules, too."""


class Copies:
    """Collects what an image has of the files of a project, in the order of its steps.

    `root` is the folder that holds the locks, `folder` the script's; `shown` names files in messages. `workdir` is the
    working directory up to here: of Flyte's own images the one that they have, where a target names it.
    """

    def __init__(self, definition: Definition, root: Path, folder: Path, shown: Callable[[Path], str]) -> None:
        self._root = root
        self._folder = folder
        self._shown = shown
        self._is_moved = False
        self._is_flytes = not definition.base
        self._taken: list[tuple[str, str, bool]] = []
        self._folders: set[str] = set()
        self.workdir = FLYTES_HOME if self._is_flytes and _names_flytes_home(definition) else APPLICATION

    def move(self, step: WorkDir) -> None:
        """Take a working directory, from here on."""
        self.workdir = posixpath.normpath(posixpath.join(self.workdir, step.path))
        self._is_moved = True

    def take(self, step: Copy, where: str, variables: Mapping[str, str]) -> None:
        """Take a file or folder; `variables` are those that the image has here. Raises `InputError`."""
        source = Path(step.source)
        kind = "folder" if step.is_folder else "file"
        if not source.resolve().is_relative_to(self._root):
            message = f"{source.name} is not below {self._root.name}, the folder that holds the locks"
            raise InputError.of(message, where=where, hint="move it there")
        if not (source.is_dir() if step.is_folder else source.is_file()):
            raise InputError.of(f"{self._shown(source)} is no {kind} here", where=where, hint="correct the path")
        written = _expanded(step.target, where, variables)
        target = self._place(written, where)
        if step.is_folder:
            why, hint = why_closed(target)
        else:
            if self._is_folder(written, target):
                target = posixpath.join(target, source.name)
            why, hint = why_unfit(target)
        if why and not self._is_inside(target):
            message = f"`dst` brings {self._shown(source)} to a wrong place: {why}"
            raise InputError.of(message, where=where, hint=hint)
        self._taken.append((target, self.from_script(source), step.is_folder))
        self._folders |= folders_above([f"{target}/" if step.is_folder else target])

    def place(self, target: str, where: str, variables: Mapping[str, str]) -> str:
        """Return the absolute path that a target stands for. Raises `InputError`."""
        return self._place(_expanded(target, where, variables), where)

    def _place(self, text: str, where: str) -> str:
        if text.partition("/")[0].startswith("~"):
            message = f"{text!r} is a folder of that name for a Dockerfile, and nobody's home"
            raise InputError.of(message, where=where, hint=f"write the path out, such as {ROOTS_HOME}")
        joined = posixpath.join(self.workdir, text)
        found = posixpath.normpath(f"/{joined.lstrip('/')}")
        is_absolute = text.startswith("/")
        if not (is_absolute or self._is_moved or self._is_inside(found)):
            message = f"{text!r} leads out of the working directory, {self.workdir} here and another one in Flyte"
            raise InputError.of(message, where=where, hint="write an absolute path, or put `with_workdir` before it")
        return found if self._is_inside(found) else without_link(found)

    def below(self, path: str) -> str:
        """Return a path of the image as one from the working directory, or as it is where it is not below that."""
        if path == self.workdir:
            return "."
        return path.removeprefix(f"{self.workdir}/") if self._is_inside(path) else path

    def table(self) -> dict[str, list[str]]:
        """Return what is copied as [tool.onedigest] has it."""
        found: dict[str, list[str]] = {}
        for target, source, _ in self._taken:
            found.setdefault(self.below(target), []).append(source)
        return found

    def ignore_file(self) -> str:
        """Return the .dockerignore beside the locks, from the script, where there are folders that it is about."""
        path = self._root / IGNORE_FILE
        return self.from_script(path) if self.has_folders() and path.is_file() else ""

    def has_folders(self) -> bool:
        """Tell whether folders are copied, which an ignore-file is about."""
        return any(is_of_folder for _, _, is_of_folder in self._taken)

    def search_path(self) -> str:
        """Return where Python is to look for modules besides: what is put into /root is imported in Flyte's images."""
        outside = [target for target, _, _ in self._taken if not self._is_inside(target)]
        is_there = any(_is_within(target, ROOTS_HOME) for target in outside)
        return ROOTS_HOME if self._is_flytes and is_there else ""

    def named_in(self, commands: Iterable[str]) -> tuple[str, ...]:
        """Return the places of the image that commands name, which run before anything of a project is there."""
        texts = tuple(commands)
        places = dict.fromkeys(target for target, _, _ in self._taken if target != "/")
        return tuple(each for each in places if any(_names(text, each) for text in texts))

    def from_script(self, path: Path) -> str:
        """Return a path from the folder that the script really is in; the path may be a link itself."""
        return os.path.relpath(path.parent.resolve() / path.name, self._folder)

    def _is_inside(self, path: str) -> bool:
        return _is_within(path, self.workdir)

    def _is_folder(self, written: str, path: str) -> bool:
        """Tell whether a file goes into what its target names: a folder by the way it is written, or by what is there.

        There are folders of every system, the working directory, and what was copied before.
        """
        is_written = written.rpartition("/")[2] in ("", ".", "..")
        return is_written or is_folder(path) or _is_within(self.workdir, path) or path in self._folders


def _names_flytes_home(definition: Definition) -> bool:
    if any(isinstance(step, WorkDir) for step in definition.steps):
        return False
    targets = (step.target for step in definition.steps if isinstance(step, Copy))
    return any(_is_within(posixpath.normpath(target), FLYTES_HOME) for target in targets)


def _names(text: str, path: str) -> bool:
    return re.search(rf"(?<![\w./-]){re.escape(path)}(?![\w-])", text) is not None


def _is_within(path: str, folder: str) -> bool:
    return f"{path}/".startswith(f"{folder.rstrip('/')}/")


def _expanded(target: str, where: str, variables: Mapping[str, str]) -> str:
    """Return a target with variables filled in as a Dockerfile does. Raises `InputError` for those not known."""
    known = {name: (value,) if value else () for name, value in variables.items()}
    try:
        found = expansion.substitute(expansion.parse(target), known)
    except ValueError as error:
        raise InputError.of(f"the target {target!r} {error}", where=where, hint=expansion.ESCAPE) from None
    if name := next(expansion.names_in(found), ""):
        message = f"`${name}` in the target {target!r} would be filled in by a Dockerfile, and is not known here"
        raise InputError.of(message, where=where, hint="write the path out, or put `with_env_vars` before it")
    return expansion.written_value(found)
