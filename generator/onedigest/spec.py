"""Knows what may be asked of an image: the keys of `[tool.onedigest]`, their defaults and limits."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from onedigest import platforms
from onedigest.digest import Digest, canonical_json, of_bytes
from onedigest.errors import InputError, Problem
from onedigest.platforms import Platform
from onedigest.project import Project
from onedigest.script import Script

APPLICATION = "/app"
"""Where the script and its files are, unless the working directory is the user's own."""

MOST_LAYERS = 120
"""Registries and snapshotters stop at 127; a few are left to those who build on the image."""

FEWEST_LAYERS = 6

_NAME = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")
_USER = re.compile(r"(\d{1,9})(?::(\d{1,9}))?")
_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]+")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._/-]*[A-Za-z0-9])?")
_PLAIN_SPECIFIER = re.compile(r"(?:===?|~=|!=|>=|<=|>|<)\d+\.\d+(?:\.\d+)*|[=!]=\d+(?:\.\d+)*\.\*", re.ASCII)
_PLAIN_REQUIREMENT = re.compile(rf"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?(?:{_PLAIN_SPECIFIER.pattern})?", re.ASCII)
"""What packaging writes as it reads it. To import it is a sixth of a build that has nothing to do."""

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\u2028\u2029]")
"""What a line of a Dockerfile cannot hold."""
_REPOSITORY = re.compile(r"[a-zA-Z0-9.-]+(?::\d+)?(?:/[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*)+")


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
    found["env"], found["labels"], found["copy"] = dict(spec.env), dict(spec.labels), dict(spec.copies)
    del found["copies"]
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
    include_script = reader.read("include-script", True, _flag)
    workdir = reader.read("workdir", APPLICATION, _workdir)
    own_workdir = reader.read("own-workdir", False, _flag)
    root = workdir if own_workdir else APPLICATION
    program = ("/opt/venv/bin/python", f"{root}/{posixpath.basename(path)}") if include_script else ()
    spec = Spec(
        name=reader.read("name", re.sub(r"[^a-z0-9]+", "-", stem.lower()).strip("-"), _name),
        script=path,
        requires_python=_requires_python(script, reader),
        dependencies=_dependencies(script, reader),
        uv=canonical_json(script.uv).decode(),
        base=reader.read("base", "debian", _base),
        platforms=reader.read("platforms", platforms.ALL, _platforms),
        system_packages=reader.read("system-packages", (), _packages),
        repository=reader.read("repository", "", _repository),
        files=reader.read("files", (), _file_patterns),
        copies=reader.read("copy", (), _copies),
        ignore_file=reader.read("ignore-file", "", _string),
        env=reader.read("env", (), partial(_pairs, _VARIABLE)),
        labels=reader.read("labels", (), partial(_pairs, _LABEL)),
        user=reader.read("user", "65532:65532", _user),
        workdir=workdir,
        own_workdir=own_workdir,
        entrypoint=reader.read("entrypoint", program, _strings),
        args=reader.read("args", (), _strings),
        include_script=include_script,
        max_layers=reader.read("max-layers", 64, _layers),
        run=reader.read("run", (), _commands),
    )
    if own_workdir and workdir == "/":
        message = "`own-workdir` cannot give `workdir` /, which is everybody's, to the user"
        reader.problems.append(Problem(message, reader.where("own-workdir"), "set another `workdir`"))
    if _CONTROL.search(path) or "\\" in path:
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


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("is not true or false")
    return value


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("is not a string")
    return value


def _strings(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError("is not a list of strings")
    if any("\0" in item for item in value):
        raise ValueError("holds a NUL character")
    return tuple(value)


def _set(value: Any) -> tuple[str, ...]:
    return tuple(sorted(set(_strings(value))))


def _name(value: Any) -> str:
    name = _string(value)
    if not _NAME.fullmatch(name) or len(name) > 128:
        raise ValueError(
            f"is {name!r}, but a name has lower-case letters and digits with single `.`, `_` or `-` between"
        )
    return name


def _base(value: Any) -> str:
    base = _string(value)
    if not base or re.search(r"\s", base):
        raise ValueError("is neither `debian`, `debian:SUITE` nor the reference of an image")
    return base


def _platforms(value: Any) -> tuple[Platform, ...]:
    names = _set(value)
    wrong = [name for name in names if name not in platforms.BY_NAME]
    if wrong or not names:
        known = ", ".join(f"`{name}`" for name in platforms.BY_NAME)
        raise ValueError(f"has {', '.join(map(repr, wrong)) or 'nothing in it'}; known are {known}")
    return tuple(sorted(platforms.BY_NAME[name] for name in names))


def _packages(value: Any) -> tuple[str, ...]:
    names = _set(value)
    if wrong := [name for name in names if not _PACKAGE.fullmatch(name)]:
        raise ValueError(f"has {', '.join(map(repr, wrong))}, which cannot be the name of a Debian package")
    return names


def _repository(value: Any) -> str:
    repository = _string(value)
    if not _REPOSITORY.fullmatch(repository):
        raise ValueError(
            f"is {repository!r}, but must be HOST/NAME without tag or digest, such as ghcr.io/acme/penguins"
        )
    return repository


def _file_patterns(value: Any) -> tuple[str, ...]:
    patterns = _set(value)
    for pattern in patterns:
        if pattern.startswith("/") or ".." in pattern.split("/") or not pattern.strip():
            raise ValueError(f"has {pattern!r}, which leaves the script's folder")
    return patterns


def _copies(value: Any) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
        raise ValueError("is not a table of strings")
    for target, source in value.items():
        if target.startswith("/") or ".." in target.split("/") or posixpath.normpath(target) != target or "=" in target:
            raise ValueError(f"has the target {target!r}, which is not a plain path below the application's folder")
        if source.startswith("/") or posixpath.normpath(source) != source:
            raise ValueError(f"has the source {source!r}, which is not a plain path from the script's folder")
    return tuple(sorted(value.items()))


def _pairs(names: re.Pattern[str], value: Any) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
        raise ValueError("is not a table of strings")
    for key, item in value.items():
        if not names.fullmatch(key):
            raise ValueError(f"has the name {key!r}, which cannot be set")
        if _CONTROL.search(item):
            raise ValueError(f"has a line break or another control character in the value of {key!r}")
    return tuple(sorted(value.items()))


def _commands(value: Any) -> tuple[str, ...]:
    commands = _strings(value)
    for command in commands:
        try:
            words = shlex.split(command)
        except ValueError as error:
            raise ValueError(f"has {command!r}, which cannot be split into words: {error}") from None
        if not words:
            raise ValueError("has an empty command")
    return commands


def _user(value: Any) -> str:
    match = _USER.fullmatch(_string(value))
    if not match:
        raise ValueError(f"is {value!r}, but must be UID or UID:GID in digits")
    return f"{int(match[1])}:{int(match[2] or match[1])}"


def _workdir(value: Any) -> str:
    workdir = _string(value)
    if not workdir.startswith("/") or posixpath.normpath(workdir) != workdir or _CONTROL.search(workdir):
        raise ValueError(f"is {workdir!r}, but must be an absolute path without `.`, `..` or a slash at its end")
    return workdir


def _layers(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not FEWEST_LAYERS <= value <= MOST_LAYERS:
        raise ValueError(f"is not a number from {FEWEST_LAYERS} to {MOST_LAYERS}")
    return value
