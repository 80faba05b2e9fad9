"""Knows what may be asked of an image: the keys of `[tool.onedigest]`, and their defaults."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from onedigest import platforms, values
from onedigest.digest import Digest, canonical_json, of_bytes
from onedigest.errors import InputError, Problem
from onedigest.platforms import Platform
from onedigest.project import Project
from onedigest.script import Script

APPLICATION = "/app"
"""Where the script and its files are, unless the working directory is the user's own."""

_PLAIN_SPECIFIER = re.compile(r"(?:===?|~=|!=|>=|<=|>|<)\d+\.\d+(?:\.\d+)*|[=!]=\d+(?:\.\d+)*\.\*", re.ASCII)
_PLAIN_REQUIREMENT = re.compile(rf"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?(?:{_PLAIN_SPECIFIER.pattern})?", re.ASCII)
"""What packaging writes as it reads it. To import it is a sixth of a build that has nothing to do."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Spec:
    """What is asked for, every default filled in.

    `script` is the path from the project's root, with slashes. `uv` is the script's `[tool.uv]` as canonical JSON.
    `copies` are (path below the application's folder, path from the script's folder).
    """

    name: str
    script: str
    requires_python: str
    dependencies: tuple[str, ...]
    uv: str
    base: str
    platforms: tuple[Platform, ...]
    system_packages: tuple[str, ...]
    repository: str
    files: tuple[str, ...]
    copies: tuple[tuple[str, str], ...]
    ignore_file: str
    env: tuple[tuple[str, str], ...]
    labels: tuple[tuple[str, str], ...]
    user: str
    workdir: str
    own_workdir: bool
    entrypoint: tuple[str, ...]
    args: tuple[str, ...]
    include_script: bool
    max_layers: int
    run: tuple[str, ...]

    @property
    def root(self) -> str:
        """The folder of the application's files in the image."""
        return self.workdir if self.own_workdir else APPLICATION

    def digest(self) -> Digest:
        """Return the digest of the canonical text, which a lock carries."""
        return of_bytes(dumps(self))


def dumps(spec: Spec) -> bytes:
    """Return the canonical text of a spec: JSON."""
    return canonical_json(fields(spec))


def fields(spec: Spec) -> dict[str, Any]:
    """Return the values of a spec by the keys that a script has for them.

    Addresses stand as digests: a lock carries these values, and it names no index, mirror or credential.
    """
    found = {name.replace("_", "-"): getattr(spec, name) for name in Spec.__slots__}
    found["dependencies"] = [_without_address(each) for each in spec.dependencies]
    found["uv"] = "" if spec.uv == "{}" else of_bytes(spec.uv.encode())
    found["platforms"] = [platform.oci for platform in spec.platforms]
    found["env"], found["labels"] = dict(spec.env), dict(spec.labels)
    copies: dict[str, list[str]] = {}
    for target, source in found.pop("copies"):
        copies.setdefault(target, []).append(source)
    found["copy"] = {target: each[0] if len(each) == 1 else each for target, each in copies.items()}
    return {key: list(value) if isinstance(value, tuple) else value for key, value in found.items()}


def _without_address(requirement: str) -> str:
    name, at, address = requirement.partition(" @ ")
    return f"{name} @ {of_bytes(address.encode())}" if at else requirement


def specify(script: Script, project: Project, path: str) -> Spec:
    """Fill in what a script does not say: from the project, else the built-in defaults.

    `path` is the script's path from the project's root. Raises `InputError` with all independent problems.
    """
    reader = _Reader(script, project)
    stem = posixpath.basename(path).removesuffix(".py")
    include_script = reader.read("include-script", True, values.flag)
    workdir = reader.read("workdir", APPLICATION, values.workdir)
    own_workdir = reader.read("own-workdir", False, values.flag)
    root = workdir if own_workdir else APPLICATION
    program = ("/opt/venv/bin/python", f"{root}/{posixpath.basename(path)}") if include_script else ()
    spec = Spec(
        name=reader.read("name", re.sub(r"[^a-z0-9]+", "-", stem.lower()).strip("-"), values.image_name),
        script=path,
        requires_python=_requires_python(script, reader),
        dependencies=_dependencies(script, reader),
        uv=canonical_json(script.uv).decode(),
        base=reader.read("base", "debian", values.base),
        platforms=reader.read("platforms", platforms.ALL, values.platform_set),
        system_packages=reader.read("system-packages", (), values.debian_packages),
        repository=reader.read("repository", "", values.repository),
        files=reader.read("files", (), values.file_patterns),
        copies=reader.read("copy", (), values.copies),
        ignore_file=reader.read("ignore-file", "", values.string),
        env=reader.read("env", (), partial(values.pairs, values.VARIABLE)),
        labels=reader.read("labels", (), partial(values.pairs, values.LABEL)),
        user=reader.read("user", "65532:65532", values.user),
        workdir=workdir,
        own_workdir=own_workdir,
        entrypoint=reader.read("entrypoint", program, values.strings),
        args=reader.read("args", (), values.strings),
        include_script=include_script,
        max_layers=reader.read("max-layers", 64, values.layer_count),
        run=reader.read("run", (), values.commands),
    )
    if own_workdir and workdir == "/":
        message = "`own-workdir` cannot give `workdir` /, which is everybody's, to the user"
        reader.problems.append(Problem(message, reader.where("own-workdir"), "set another `workdir`"))
    if values.CONTROL.search(path) or "\\" in path:
        reader.problems.append(Problem(f"the path {path!r} holds a backslash or a control character", script.where("")))
    reader.refuse_unknown()
    if reader.problems:
        raise InputError(reader.problems)
    return spec


class _Reader:
    """Finds each key in the script or else the project, and keeps all problems."""

    def __init__(self, script: Script, project: Project) -> None:
        self.problems: list[Problem] = []
        self._script = script
        self._project = project
        self._known: set[str] = set()

    def read(self, key: str, default: Any, check: Callable[[Any], Any]) -> Any:
        """Return the checked value of a key. `check` raises ValueError with what a right value would be."""
        self._known.add(key)
        table = next((each for each in (self._script.onedigest, self._project.table) if key in each), None)
        if table is None:
            return default
        try:
            return check(table[key])
        except ValueError as error:
            self.problems.append(Problem(f"`{key}` {error}", self.where(key)))
            return default

    def where(self, key: str) -> str:
        """Return `file:line` of a key."""
        if key in self._script.onedigest or key not in self._project.table:
            return self._script.where(f"tool.onedigest.{key}")
        return self._project.where(key)

    def refuse_unknown(self) -> None:
        """Note every key that no one asked for, with the nearest one that exists."""
        import difflib

        tables: tuple[tuple[Mapping[str, Any], Callable[[str], str]], ...] = (
            (self._script.onedigest, lambda key: self._script.where(f"tool.onedigest.{key}")),
            (self._project.table, self._project.where),
        )
        for table, where in tables:
            for key in table:
                if key not in self._known:
                    near = difflib.get_close_matches(key, sorted(self._known), 1)
                    hint = f"did you mean `{near[0]}`?" if near else f"the keys are {', '.join(sorted(self._known))}"
                    self.problems.append(Problem(f"unknown key `{key}` in [tool.onedigest]", where(key), hint))


def _requires_python(script: Script, reader: _Reader) -> str:
    if _PLAIN_SPECIFIER.fullmatch(script.requires_python):
        return script.requires_python
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        return str(SpecifierSet(script.requires_python))
    except InvalidSpecifier:
        message = f"`requires-python` is not a version specifier: {script.requires_python!r}"
        reader.problems.append(Problem(message, script.where("requires-python"), 'write for example ">=3.11"'))
        return ""


def _dependencies(script: Script, reader: _Reader) -> tuple[str, ...]:
    found = {text for text in script.dependencies if _PLAIN_REQUIREMENT.fullmatch(text)}
    others = [text for text in script.dependencies if text not in found]
    if not others:
        return tuple(sorted(found))
    from packaging.requirements import InvalidRequirement, Requirement

    for text in others:
        try:
            found.add(str(Requirement(text)))
        except InvalidRequirement as error:
            message = f"`dependencies` has {text!r}, which is not a requirement: {str(error).splitlines()[0]}"
            reader.problems.append(Problem(message, script.where_text(text, "dependencies")))
    return tuple(sorted(found))
