"""Knows how an image of Flyte becomes what onedigest locks: a script with a [tool.onedigest] that says all of it."""

from __future__ import annotations

import os
import posixpath
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onedigest import script as scripts
from onedigest.errors import InputError, Problem
from onedigest.flyte import definition as steps
from onedigest.flyte.definition import Definition, Secret, Step
from onedigest.flyte.indexes import Credential
from onedigest.flyte.naming import plain_name
from onedigest.flyte.own_block import read_own_block, with_build
from onedigest.flyte.packages import Packages
from onedigest.flyte.reading import read_source
from onedigest.script import Script
from onedigest.spec import APPLICATION
from onedigest.taken import Taken

PROGRAMS = ("gzip", "tar")
"""What Flyte unpacks a code bundle with."""

SHELL = ("coreutils", "dash")
"""What commands need that are written for a shell; a Debian base has none."""

_EXPANDED = re.compile(r"\$\{?(\w+)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """What onedigest locks of an image.

    `hashes` are the only ones that wheels of a project may have. `baked` are files that Flyte adds for one run, as
    (path below the working directory, path on this machine); they have no part in the lock. `read` are the files that
    all this stands in, besides the one that defines the image. `taken` is what uv.locks pin of it.
    """

    script: Script
    secrets: tuple[Secret, ...]
    credentials: tuple[Credential, ...]
    hashes: Mapping[str, frozenset[str]]
    baked: tuple[tuple[str, str], ...]
    read: tuple[Path, ...]
    taken: tuple[Taken, ...]


def make_recipe(
    definition: Definition,
    *,
    root: Path,
    shown: Callable[[Path], str],
    script: Path | None = None,
    name: str = "",
) -> Recipe:
    """Map an image of Flyte. `root` is the folder that the locks are in, `shown` names files in messages.

    `script` is what the lock is of, if not the file that defines the image, and `name` what it is called. Raises
    `InputError` with all that cannot be mapped.
    """
    return _Mapper(definition, root, shown, script, name).make()


class _Mapper:
    """Maps one image; keeps all problems."""

    def __init__(
        self,
        definition: Definition,
        root: Path,
        shown: Callable[[Path], str],
        script: Path | None,
        name: str,
    ) -> None:
        self._definition = definition
        self._root = root.resolve()
        self._shown = shown
        self._file = Path(definition.file)
        self._folder = self._file.resolve().parent
        self._script = script or self._file
        self._name = name
        self._problems: list[Problem] = []
        self._packages = Packages(self._root, self._script.resolve().parent)
        self._table: dict[str, Any] = {}
        self._lines: dict[str, int] = {"": definition.line or 1}
        self._workdir = APPLICATION
        self._env: dict[str, str] = {}
        self._system: list[str] = []
        self._run: list[str] = []
        self._copies: list[tuple[str, str, Step]] = []
        self._baked: list[tuple[str, str]] = []

    def make(self) -> Recipe:
        self._table, lines = read_own_block(self._read(self._file, self._folder), self._shown(self._file))
        self._lines = {**lines, **self._lines}
        for step in self._definition.steps:
            try:
                self._take(step)
            except InputError as error:
                self._problems += error.problems
        self._packages.take_flyte(self._definition.flyte, self._definition.name, self._where())
        for message in (*self._packages.other_pins(), *self._packages.other_pythons(self._definition.python)):
            self._refuse(message, hint="change one of the two")
        self._finish_table()
        baked = tuple((self._below(target), file) for target, file in self._baked)
        uv, credentials = self._settings()
        if self._problems:
            raise InputError(self._problems)
        script = Script(
            path=self._shown(self._file),
            text=scripts.canonical_text(self._read(self._file, self._folder), self._shown(self._file)),
            requires_python=self._packages.requires_python(self._definition.python),
            dependencies=self._packages.dependencies(),
            onedigest=self._table,
            uv=uv,
            lines=self._lines,
            warnings=(*self._packages.warnings, *self._warnings()),
        )
        return Recipe(
            script=script,
            secrets=tuple(self._packages.secrets),
            credentials=credentials,
            hashes=self._packages.hashes(),
            baked=baked,
            read=tuple(path for path in self._packages.read() if path != self._file),
            taken=tuple(self._packages.taken),
        )

    def _read(self, path: Path, root: Path) -> bytes:
        return read_source(path, root, self._shown(path), scripts.MOST_BYTES)

    def _settings(self) -> tuple[dict[str, Any], tuple[Credential, ...]]:
        try:
            return self._packages.settings(self._where())
        except InputError as error:
            self._problems += error.problems
            return {}, ()

    def _warnings(self) -> Iterator[Problem]:
        if self._definition.has_registry_secret:
            message = "`registry_secret` is for the cluster's builder, and not read here"
            yield Problem(message, self._where(), "images are pushed with the credentials of `docker login`")

    def _where(self, line: int = 0) -> str:
        return f"{self._shown(self._file)}:{line or self._definition.line or 1}"

    def _refuse(self, message: str, step: Step | None = None, hint: str = "") -> None:
        self._problems.append(Problem(message, self._where(step.line if step else 0), hint))

    def _take(self, step: Step) -> None:
        where = self._where(step.line)
        match step:
            case steps.UvScript():
                self._take_script(step)
            case steps.PipPackages():
                self._packages.take_named(step, self._folder, where)
            case steps.RequirementsFile():
                self._packages.take_file(Path(step.file), self._shown(Path(step.file)))
            case steps.UvProject():
                self._packages.take_project(step, where)
            case steps.Copy():
                self._take_copy(step)
            case steps.Refused():
                self._refuse(step.what, step, step.hint)
            case _:
                self._take_setting(step)
        if isinstance(step, steps.UvScript | steps.PipPackages | steps.RequirementsFile):
            self._packages.take_options(step.options, where)

    def _take_setting(self, step: Step) -> None:
        match step:
            case steps.AptPackages():
                self._note("system-packages", step)
                self._system += step.packages
                if step.secrets:
                    self._refuse("`secret_mounts` of apt packages: Debian's own archive needs none", step)
            case steps.Commands():
                self._take_commands(step)
            case steps.WorkDir():
                self._note("workdir", step)
                self._workdir = posixpath.normpath(posixpath.join(self._workdir, step.path))
            case steps.Variables():
                self._take_variables(step)
            case steps.CodeBundle():
                target = posixpath.normpath(posixpath.join(self._workdir, step.target))
                self._baked += [(posixpath.join(target, path), file) for path, file in step.files]
            case steps.IgnoreFile():
                self._note("ignore-file", step)
                self._table["ignore-file"] = self._from_script(Path(step.path))

    def _take_commands(self, step: steps.Commands) -> None:
        self._note("run", step)
        self._run += [shlex.join(("/bin/sh", "-c", command)) for command in step.commands]
        if step.secrets:
            hint = "fetch what they need before, and add it with `with_source_file`"
            self._refuse("`secret_mounts` of commands, which run without a network", step, hint)

    def _note(self, key: str, step: Step) -> None:
        self._lines.setdefault(f"tool.onedigest.{key}", step.line or self._lines[""])

    def _take_script(self, step: steps.UvScript) -> None:
        path = Path(step.script)
        shown = self._shown(path)
        root = self._folder if path == self._file else self._root
        script = scripts.parse(self._read(path, root), shown)
        self._packages.take_script(script, path)
        self._table |= script.onedigest
        if path == self._file:
            self._lines = {**script.lines, **self._lines}
        elif _has_paths(script.uv):
            self._refuse(f"[tool.uv] of {shown} names files, and it is not the script that defines the image", step)

    def _take_variables(self, step: steps.Variables) -> None:
        self._note("env", step)
        for name, value in step.pairs:
            if match := _EXPANDED.search(str(value)):
                message = f"`{match[0]}` in the value of {name!r} would be filled in by a Dockerfile, and there is none"
                self._refuse(message, step, "write the value out; /opt/venv/bin is on PATH already")
            self._env[name] = str(value)

    def _take_copy(self, step: steps.Copy) -> None:
        source = Path(step.source)
        self._note("copy", step)
        kind = "folder" if step.is_folder else "file"
        if not source.resolve().is_relative_to(self._root):
            self._refuse(
                f"{source.name} is not below {self._root.name}, the folder that holds the locks", step, "move it there"
            )
            return
        if not (source.is_dir() if step.is_folder else source.is_file()):
            self._refuse(f"{self._shown(source)} is no {kind} here", step)
            return
        target = posixpath.normpath(posixpath.join(self._workdir, step.target))
        if not step.is_folder and (step.target in (".", "./") or step.target.endswith("/") or target == self._workdir):
            target = posixpath.join(target, source.name)
        self._copies.append((target, self._from_script(source), step))

    def _from_script(self, path: Path) -> str:
        """Return a path from the folder that the script really is in; the path may be a link itself."""
        return os.path.relpath(path.parent.resolve() / path.name, self._script.resolve().parent)

    def _finish_table(self) -> None:
        definition, table = self._definition, self._table
        if isinstance(table.get("name", ""), str):  # another value is refused with its line
            table["name"] = self._name or table.get("name", plain_name(definition, self._script))
        if definition.registry:
            table["repository"] = f"{definition.registry}/{definition.name}"
        if definition.base:
            table["base"] = definition.base
        if self._run and not definition.base:
            self._system += SHELL
        if self._workdir == "/":
            message = "the working directory is /, which cannot belong to the user, as Flyte needs it"
            self._refuse(message, hint="name another in `with_workdir`")
        table |= with_build(table, self._packages.build)
        table |= {
            "platforms": list(definition.platforms),
            "system-packages": _joined(table.get("system-packages"), sorted({*self._system, *PROGRAMS})),
            "workdir": self._workdir,
            "own-workdir": True,
            "include-script": False,
            "entrypoint": [],
            "args": [],
            "env": _joined(table.get("env"), self._env),
            "run": _joined(table.get("run"), self._run),
            "copy": _joined(table.get("copy"), self._copied()),
        }

    def _copied(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for target, source, step in self._copies:
            found.setdefault(self._below(target, step), []).append(source)
        return found

    def _below(self, target: str, step: Step | None = None) -> str:
        """Return a path of the image from the working directory."""
        if target == self._workdir:
            return "."
        inner = target.removeprefix(f"{self._workdir}/")
        if inner == target:
            message = (
                f"{target} is not below the working directory, {self._workdir}, which holds all files that are copied"
            )
            self._refuse(message, step, "name a path from there, or put `with_workdir` before it")
        return inner


def _joined(own: Any, added: list[str] | dict[str, Any]) -> Any:
    """Return what a script's table says with what Flyte adds; a value of a wrong type stays, for the spec to refuse."""
    if isinstance(own, list) and isinstance(added, list):
        return [*own, *added]
    if isinstance(own, dict) and isinstance(added, dict):
        return {**own, **added}
    return added if own is None else own


def _has_paths(uv: Mapping[str, Any]) -> bool:
    sources = uv.get("sources", {})
    several = [each for source in sources.values() for each in (source if isinstance(source, list) else [source])]
    return any("path" in each for each in several if isinstance(each, dict))
