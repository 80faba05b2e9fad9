"""A Flyte image as what onedigest locks: a script with a [tool.onedigest] that says all of it."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from onedigest.definition import script as scripts
from onedigest.definition.flyte import definition as steps
from onedigest.definition.flyte.commands import network_problems, run_line
from onedigest.definition.flyte.copies import Copies
from onedigest.definition.flyte.definition import Definition, Secret, Step
from onedigest.definition.flyte.indexes import SecretCredential
from onedigest.definition.flyte.lock_names import plain_name
from onedigest.definition.flyte.named_files import read_source
from onedigest.definition.flyte.own_block import read_own_block, with_build
from onedigest.definition.flyte.packages import Packages
from onedigest.definition.flyte.variables import ImageVariables
from onedigest.definition.project_parts import ProjectParts
from onedigest.definition.script import Script
from onedigest.errors import InputError, Problem

PROGRAMS = ("gzip", "tar")
"""What Flyte unpacks a code bundle with."""

SHELL = ("coreutils", "dash")
"""What apps, debugging and commands need, which a shell runs; Debian brings them with the programs above."""

DEBUGGING = ("libstdc++6",)
"""What the server of an editor needs, which Flyte brings when a task is debugged."""

_SEARCH_PATH = "PYTHONPATH"


@dataclass(frozen=True, kw_only=True, slots=True)
class FlyteRecipe:
    """What onedigest locks of an image.

    `hashes` are the only ones that wheels of a project may have. `baked` are files that Flyte adds for one run, as
    (path below the working directory, path on this machine); they have no part in the lock. `read` are the files that
    all this stands in, besides the one that defines the image. `taken` is what uv.locks pin of it.
    """

    script: Script
    secrets: tuple[Secret, ...]
    credentials: tuple[SecretCredential, ...]
    hashes: Mapping[str, frozenset[str]]
    baked: tuple[tuple[str, str], ...]
    read: tuple[Path, ...]
    taken: tuple[ProjectParts, ...]


def make_recipe(
    definition: Definition,
    *,
    root: Path,
    shown: Callable[[Path], str],
    script: Path | None = None,
    name: str = "",
) -> FlyteRecipe:
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
        self._variables = ImageVariables()
        self._system: list[str] = []
        self._run: list[str] = []
        self._copies = Copies(definition, self._root, self._script.resolve().parent, shown)
        self._baked: list[tuple[str, str]] = []

    def make(self) -> FlyteRecipe:
        data = self._read(self._file, self._folder)
        self._table, lines = read_own_block(data, self._shown(self._file))
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
        baked = tuple((self._copies.below(target), file) for target, file in self._baked)
        uv, credentials = self._settings()
        if self._problems:
            raise InputError(self._problems)
        text = scripts.canonical_text(data, self._shown(self._file))
        script = Script(
            path=self._shown(self._file),
            text=text,
            requires_python=self._packages.requires_python(self._definition.python),
            dependencies=self._packages.dependencies(),
            onedigest=self._table,
            uv=uv,
            lines=self._lines,
            warnings=(*self._packages.warnings, *self._warnings(text.split("\n"))),
        )
        return FlyteRecipe(
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

    def _settings(self) -> tuple[dict[str, Any], tuple[SecretCredential, ...]]:
        try:
            return self._packages.settings(self._where())
        except InputError as error:
            self._problems += error.problems
            return {}, ()

    def _warnings(self, lines: Sequence[str]) -> Iterator[Problem]:
        yield from self._variables.warnings
        for step in self._definition.steps:
            for line, problem in network_problems(step, lines) if isinstance(step, steps.Commands) else ():
                yield replace(problem, where=self._where(line))
        if self._definition.has_registry_secret:
            message = "`registry_secret` is for the cluster's builder, and not read here"
            yield Problem(message, self._where(), "images are pushed with the credentials of `docker login`")
        for path in self._copies.named_in(self._run):
            message = f"`with_commands` names {path}, which is there only after all commands have run"
            yield Problem(message, self._where(), "do in the task what needs a file of the project")

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
                self._note("copy", step)
                self._copies.take(step, where, self._variables.known())
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
                self._copies.move(step)
            case steps.Variables():
                self._note("env", step)
                self._variables.take(step, self._where(step.line))
            case steps.CodeBundle():
                target = self._copies.place(step.target, self._where(step.line), self._variables.known())
                self._baked += [(posixpath.join(target, path), file) for path, file in step.files]
            case steps.IgnoreFile():
                self._note("ignore-file", step)
                self._table["ignore-file"] = self._copies.from_script(Path(step.path))

    def _take_commands(self, step: steps.Commands) -> None:
        self._note("run", step)
        self._run += map(run_line, step.commands)
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

    def _finish_table(self) -> None:
        definition, table = self._definition, self._table
        if isinstance(table.get("name", ""), str):  # another value is refused with its line
            table["name"] = self._name or table.get("name", plain_name(definition, self._script))
        if definition.registry:
            table["repository"] = f"{definition.registry}/{definition.name}"
        if definition.base:
            table["base"] = definition.base
        is_debian = str(table.get("base", "debian")).partition(":")[0] == "debian"
        if self._run or not is_debian:
            self._system += SHELL
        if not is_debian:
            self._system += DEBUGGING
        self._finish_copies()
        if self._copies.workdir == "/":
            message = "the working directory is /, which cannot belong to the user, as Flyte needs it"
            where = self._where(self._lines.get("tool.onedigest.workdir", 0))
            self._problems.append(Problem(message, where, "name another in `with_workdir`"))
        table |= with_build(table, self._packages.build)
        env, expanded = self._variables.table(table.get("env"), is_debian=is_debian)
        self._lines |= {f"tool.onedigest.env.{name}": line for name, line in self._variables.lines.items() if line}
        table |= {
            "platforms": list(definition.platforms),
            "system-packages": _joined(table.get("system-packages"), sorted({*self._system, *PROGRAMS})),
            "workdir": self._copies.workdir,
            "own-workdir": True,
            "include-script": False,
            "entrypoint": [],
            "args": [],
            "env": _joined(table.get("env"), env),
            "expand-env": _joined(table.get("expand-env"), expanded),
            "run": _joined(table.get("run"), self._run),
            "copy": _joined_copies(table.get("copy"), self._copies.table()),
        }

    def _finish_copies(self) -> None:
        """Say which .dockerignore counts, and where modules are found that were copied."""
        table, own = self._table, self._table.get("env")
        if ignore_file := table.get("ignore-file") or self._copies.ignore_file():
            table["ignore-file"] = ignore_file
            if self._copies.has_folders():
                table["ignore-in-copies"] = True
        is_set = isinstance(own, dict) and _SEARCH_PATH in own
        if (path := self._copies.search_path()) and not is_set:
            self._variables.set_default(_SEARCH_PATH, path)


def _joined(own: Any, added: list[str] | dict[str, Any]) -> Any:
    """Return what a script's table says with what Flyte adds; a value of a wrong type stays, for the spec to refuse."""
    if isinstance(own, list) and isinstance(added, list):
        return [*own, *added]
    if isinstance(own, dict) and isinstance(added, dict):
        return {**own, **added}
    return added if own is None else own


def _joined_copies(own: Any, added: dict[str, list[str]]) -> Any:
    """Return copies of a script's table with those that Flyte adds, also to one target."""
    if not isinstance(own, dict):
        return _joined(own, added)
    several = {target: [each] if isinstance(each, str) else each for target, each in own.items()}
    return {**several, **{target: _joined(several.get(target), sources) for target, sources in added.items()}}


def _has_paths(uv: Mapping[str, Any]) -> bool:
    sources = uv.get("sources", {})
    several = [each for source in sources.values() for each in (source if isinstance(source, list) else [source])]
    return any("path" in each for each in several if isinstance(each, dict))
