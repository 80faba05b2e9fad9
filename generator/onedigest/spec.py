"""Knows what may be asked of an image: the keys of `[tool.onedigest]`, and their defaults."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from onedigest import platforms, untrusted, values
from onedigest.digest import Digest, canonical_json, of_bytes
from onedigest.errors import InputError, Problem
from onedigest.platforms import Platform
from onedigest.project import KEYS as PROJECT_KEYS
from onedigest.project import Project
from onedigest.script import Script

if TYPE_CHECKING:
    from packaging.requirements import Requirement

APPLICATION = "/app"
"""Where the script and its files are, unless the working directory is the user's own."""

_PLAIN_SPECIFIER = re.compile(r"(?:===?|~=|!=|>=|<=|>|<)\d+\.\d+(?:\.\d+)*|[=!]=\d+(?:\.\d+)*\.\*", re.ASCII)
_PLAIN_REQUIREMENT = re.compile(rf"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?(?:{_PLAIN_SPECIFIER.pattern})?", re.ASCII)
"""What packaging writes as it reads it. To import it is a sixth of a build that has nothing to do."""

_LONG_NUMBER = re.compile(r"\d{1000}")
_LONGEST_SPECIFIER = 1000  # no number in it is too long for Python then
_LONGEST_REQUIREMENT = 8192
_LONGEST_KEY = 100
_MOST_KEYS = 1000
_MOST_DEPENDENCIES = 10_000
_MOST_SHOWN = 100


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
    default_name = re.sub(r"[^a-z0-9]+", "-", stem.lower()).strip("-")
    include_script = reader.read("include-script", True, values.flag)
    workdir = reader.read("workdir", APPLICATION, values.workdir)
    own_workdir = reader.read("own-workdir", False, values.flag)
    root = workdir if own_workdir else APPLICATION
    program = ("/opt/venv/bin/python", f"{root}/{posixpath.basename(path)}") if include_script else ()
    spec = Spec(
        name=reader.read("name", default_name, values.image_name),
        script=path,
        requires_python=_requires_python(script, reader),
        dependencies=_dependencies(script, reader),
        uv=_uv(script, reader),
        base=reader.read("base", "debian", values.base),
        platforms=reader.read("platforms", platforms.ALL, values.platform_set),
        system_packages=reader.read("system-packages", (), values.debian_packages),
        repository=reader.read("repository", "", values.repository),
        files=reader.read("files", (), values.file_patterns),
        copies=reader.read("copy", (), values.copies),
        ignore_file=reader.read("ignore-file", "", values.project_path),
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
    if spec.name == default_name and not 0 < len(default_name) <= values.LONGEST_NAME:
        message = f"no name of an image can be made of {posixpath.basename(path)!r}"
        reader.problems.append(Problem(message, script.where(""), "set `name` in [tool.onedigest]"))
    if own_workdir and workdir == "/":
        message = "`own-workdir` cannot give `workdir` /, which is everybody's, to the user"
        reader.problems.append(Problem(message, reader.where("own-workdir"), "set another `workdir`"))
    if values.CONTROL.search(path) or "\\" in path:
        reader.problems.append(Problem(f"the path {path!r} holds a backslash or a control character", script.where("")))
    if any("\ud800" <= character <= "\udfff" for character in path):
        reader.problems.append(Problem(f"the path {path!r} is not UTF-8", script.where("")))
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
            for key in list(table)[:_MOST_KEYS]:
                if key in PROJECT_KEYS:  # the project's own are taken out already
                    message, hint = f"`{key}` is a key of projects", "move it into onedigest.toml or pyproject.toml"
                    self.problems.append(Problem(message, where(key), hint))
                elif key not in self._known:
                    named = untrusted.without_secrets(key)[:_LONGEST_KEY]
                    near = difflib.get_close_matches(key[:_LONGEST_KEY], sorted(self._known), 1)
                    hint = f"did you mean `{near[0]}`?" if near else f"the keys are {', '.join(sorted(self._known))}"
                    self.problems.append(Problem(f"unknown key `{named}` in [tool.onedigest]", where(key), hint))


def _uv(script: Script, reader: _Reader) -> str:
    try:
        return canonical_json(script.uv).decode()
    except (TypeError, ValueError):
        message = "[tool.uv] has a date, a number that is none, or text that is not Unicode; settings of uv have none"
        reader.problems.append(Problem(message, script.where("tool.uv"), "write dates in quotes"))
        return "{}"


def _requires_python(script: Script, reader: _Reader) -> str:
    text = script.requires_python
    if _PLAIN_SPECIFIER.fullmatch(text) and len(text) <= _LONGEST_SPECIFIER:
        return text
    try:
        return normalized_specifier(text)
    except ValueError:
        message = f"`requires-python` is not a version specifier: {untrusted.quoted(text)}"
        reader.problems.append(Problem(message, script.where("requires-python"), 'write for example ">=3.11"'))
        return ""


def normalized_specifier(text: str) -> str:
    """Return version specifiers (PEP 440) in their one form. Raises ValueError."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    if len(text) > _LONGEST_SPECIFIER:
        raise ValueError(f"it has more than {_LONGEST_SPECIFIER} characters")
    try:
        return str(SpecifierSet(text))
    except InvalidSpecifier as error:
        raise ValueError(untrusted.without_secrets(str(error))) from None


def _dependencies(script: Script, reader: _Reader) -> tuple[str, ...]:
    if len(script.dependencies) > _MOST_DEPENDENCIES:
        message = f"`dependencies` has more than {_MOST_DEPENDENCIES} requirements"
        reader.problems.append(Problem(message, script.where("dependencies")))
        return ()
    found = {
        text for text in script.dependencies if _PLAIN_REQUIREMENT.fullmatch(text) and not _LONG_NUMBER.search(text)
    }
    others = [text for text in script.dependencies if text not in found]
    if not others:
        return tuple(sorted(found))
    wrong = 0
    for text in others:
        try:
            found.add(str(requirement(text)))
        except ValueError as error:
            message = f"`dependencies` has {untrusted.quoted(text)}, which is not a requirement: {error}"
            reader.problems.append(Problem(message, script.where_text(text, "dependencies")))
            wrong += 1
            if wrong == _MOST_SHOWN:
                break
    return tuple(sorted(found))


def requirement(text: str) -> Requirement:
    """Read a requirement (PEP 508). Raises ValueError, which repeats no password of an address in it."""
    from packaging.requirements import InvalidRequirement, Requirement

    if len(text) > _LONGEST_REQUIREMENT:
        raise ValueError(f"it has more than {_LONGEST_REQUIREMENT} characters")
    if _LONG_NUMBER.search(text.partition("@")[0]):
        raise ValueError("a number in it has too many digits")
    try:
        found = Requirement(text)
    except InvalidRequirement as error:
        raise ValueError(untrusted.without_secrets(str(error).splitlines()[0])) from None
    except RecursionError:
        raise ValueError("its marker is nested too deeply") from None
    if values.CONTROL.search(str(found)):
        raise ValueError("it holds a control character")
    return found
