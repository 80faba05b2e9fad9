"""The keys of `[tool.onedigest]` as an image's spec, and their defaults."""

from __future__ import annotations

import dataclasses
import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from onedigest import untrusted
from onedigest.definition import unnamed, values
from onedigest.definition.healthcheck import Healthcheck
from onedigest.definition.key import Key, Place, as_written
from onedigest.definition.keys import APPLICATION, DEFAULT, KEYS, OF_SPECS
from onedigest.definition.project import Project
from onedigest.definition.project_parts import ProjectParts, ProjectSettings
from onedigest.definition.script import Script
from onedigest.definition.settings import Settings
from onedigest.digest import Digest, canonical_json, of_bytes
from onedigest.errors import InputError, Problem
from onedigest.formats import DEFAULTS, VENV_PROGRAMS
from onedigest.platforms import Platform

if TYPE_CHECKING:
    from packaging.requirements import Requirement

_PLAIN_SPECIFIER = re.compile(r"(?:===?|~=|!=|>=|<=|>|<)\d+\.\d+(?:\.\d+)*|[=!]=\d+(?:\.\d+)*\.\*", re.ASCII)
_PLAIN_REQUIREMENT = re.compile(rf"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?(?:{_PLAIN_SPECIFIER.pattern})?", re.ASCII)
"""What packaging writes as it reads it. To import it is a sixth of a build that has nothing to do."""

_LONG_NUMBER = re.compile(r"\d{1000}")
_LONGEST_SPECIFIER = 1000  # no number in it is too long for Python then
_LONGEST_REQUIREMENT = 8192
_MOST_DEPENDENCIES = 10_000
_MOST_SHOWN = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Spec:
    """What is asked for, every default filled in.

    A key's default is that of the table; `name` and `entrypoint` have defaults that follow from other fields.
    Texts of specs state no defaults: who changes one moves `formats.DEFAULTS`. `script` is the path from the project's
    root, with slashes. `uv` is the script's `[tool.uv]` as canonical JSON. `copies` are (path below the application's
    folder or an absolute one, path from the script's folder); with `ignore_in_copies` the lines of the ignore-file are
    about each copied folder too. `rules` are what generated files are for; no image depends on them.
    `expand_env` are the variables of `env` with references in them, to those of the base.
    With a `usual_entrypoint` the script or project leaves open how it starts, so it follows the virtual environment.
    Of a project `script` is its pyproject.toml, `extras` and `groups` are what its image has of it, and `uv_lock` is
    the digest of what its uv.lock pins. `uv_projects` are others that it takes from, whose pins stand as well.
    """

    name: str
    script: str
    requires_python: str = ""
    dependencies: tuple[str, ...] = ()
    uv: str = "{}"
    base: str = DEFAULT["base"]
    platforms: tuple[Platform, ...] = DEFAULT["platforms"]
    system_packages: tuple[str, ...] = DEFAULT["system_packages"]
    build: tuple[str, ...] = DEFAULT["build"]
    repository: str = DEFAULT["repository"]
    files: tuple[str, ...] = DEFAULT["files"]
    copies: tuple[tuple[str, str], ...] = DEFAULT["copies"]
    ignore_file: str = DEFAULT["ignore_file"]
    ignore_in_copies: bool = DEFAULT["ignore_in_copies"]
    env: tuple[tuple[str, str], ...] = DEFAULT["env"]
    expand_env: tuple[str, ...] = DEFAULT["expand_env"]
    labels: tuple[tuple[str, str], ...] = DEFAULT["labels"]
    user: str = DEFAULT["user"]
    workdir: str = DEFAULT["workdir"]
    own_workdir: bool = DEFAULT["own_workdir"]
    entrypoint: tuple[str, ...]
    usual_entrypoint: bool = False
    args: tuple[str, ...] = DEFAULT["args"]
    include_script: bool = DEFAULT["include_script"]
    max_layers: int = DEFAULT["max_layers"]
    bytecode: bool = DEFAULT["bytecode"]
    run: tuple[str, ...] = DEFAULT["run"]
    security: bool = DEFAULT["security"]
    expose: tuple[str, ...] = DEFAULT["expose"]
    volumes: tuple[str, ...] = DEFAULT["volumes"]
    healthcheck: Healthcheck | None = DEFAULT["healthcheck"]
    stop_signal: str = DEFAULT["stop_signal"]
    annotations: tuple[tuple[str, str], ...] = DEFAULT["annotations"]
    extras: tuple[str, ...] = DEFAULT["extras"]
    groups: tuple[str, ...] = DEFAULT["groups"]
    uv_lock: str = ""
    uv_projects: tuple[ProjectParts, ...] = ()
    rules: tuple[str, ...] = DEFAULT["rules"]

    @property
    def root(self) -> str:
        """The folder of the application's files in the image."""
        return self.workdir if self.own_workdir else APPLICATION

    @property
    def is_pinned(self) -> bool:
        """Whether a uv.lock pins packages of it, which are not chosen then."""
        return bool(self.uv_lock or self.uv_projects)

    def digest(self) -> Digest:
        """Return the digest of the canonical text under the defaults of this version, which a lock carries."""
        return digest_of(fields(self))


_ENTRYPOINT = KEYS["entrypoint"]

_UNWRITTEN = ("rules", "usual_entrypoint")
"""The fields that no text of a spec has: an image is the same whatever its rules are for, and the other one follows."""

_DEFAULTS: dict[str, Any] = {
    each.name: each.default for each in dataclasses.fields(Spec) if each.default is not dataclasses.MISSING
}


def dumps(spec: Spec) -> bytes:
    """Return the canonical text of a spec: JSON."""
    return canonical_json(fields(spec))


def fields(spec: Spec) -> dict[str, Any]:
    """Return the values of a spec that differ from their defaults, by the keys that a script has for them.

    Addresses stand as digests: a lock carries these values, and it names no index, mirror or credential.
    """
    computed = {"name": _default_name(spec.script), "entrypoint": _default_entrypoint(spec)}
    found = {}
    for each in dataclasses.fields(spec):
        value = getattr(spec, each.name)
        if each.name not in _UNWRITTEN and value != computed.get(each.name, each.default):
            found[_key(each.name)] = _written(each.name, value)
    return found


def digest_of(asked: Mapping[str, Any], defaults: int = DEFAULTS) -> Digest:
    """Return the digest of a text of a spec, which means something under certain defaults alone."""
    return of_bytes(canonical_json({"defaults": defaults, "spec": asked}))


def asked_value(asked: Mapping[str, Any], key: str) -> Any:
    """Return what a text of a spec says of a key: the default where it says nothing, None where there is none."""
    return asked.get(key, defaults().get(key))


def defaults() -> dict[str, Any]:
    """Return the defaults that are the same for every script, by their keys, as texts of specs have values."""
    return {_key(name): _written(name, value) for name, value in _DEFAULTS.items() if name not in _UNWRITTEN}


def _key(field: str) -> str:
    return OF_SPECS[field].name if field in OF_SPECS else field.replace("_", "-")


def _written(field: str, value: Any) -> Any:
    """Return the value of a field as JSON and TOML have it."""
    if field in OF_SPECS:
        return OF_SPECS[field].shape.written(value)
    if field == "dependencies":
        return [_without_address(each) for each in value]
    if field == "uv":
        return "" if value == _DEFAULTS["uv"] else of_bytes(value.encode())
    return [each.written() for each in value] if field == "uv_projects" else as_written(value)


def _default_name(path: str) -> str:
    stem = posixpath.basename(path).removesuffix(".py")
    return re.sub(r"[^a-z0-9]+", "-", stem.lower()).strip("-")


def _default_entrypoint(spec: Spec) -> tuple[str, ...]:
    if not spec.include_script:
        return ()
    return f"{VENV_PROGRAMS}/python", f"{spec.root}/{posixpath.basename(spec.script)}"


def _without_address(requirement: str) -> str:
    name, at, address = requirement.partition(" @ ")
    return f"{name} @ {of_bytes(address.encode())}" if at else requirement


def specify(
    script: Script, project: Project, path: str, of: ProjectSettings | None = None, taken: tuple[ProjectParts, ...] = ()
) -> Spec:
    """Fill in what a script does not say: from the project, else the built-in defaults.

    `path` is the script's path from the project's root, `taken` is of other projects. Raises `InputError` with all
    independent problems.
    """
    reader = Settings(script, project, Place.IMAGE if of else Place.SCRIPT)
    default_name = of.name if of else _default_name(path)
    spec = Spec(
        script=path,
        requires_python=_requires_python(script, reader),
        dependencies=_dependencies(script, reader),
        uv=_uv(script, reader),
        entrypoint=(),
        uv_lock=of.uv_lock if of else "",
        uv_projects=taken,
        **{field: _read(key, reader, of, default_name) for field, key in OF_SPECS.items() if key is not _ENTRYPOINT},
    )
    spec = _with_entrypoint(spec, script, reader, of)
    spec = dataclasses.replace(spec, copies=values.copies_from(spec.root, spec.copies))
    reader.check_references("expand-env", spec.expand_env, "env", spec.env)
    if spec.name == default_name and not 0 < len(default_name) <= values.LONGEST_NAME:
        message = f"no name of an image can be made of {posixpath.basename(path)!r}"
        reader.problems.append(Problem(message, script.where(""), "set `name` in [tool.onedigest]"))
    if spec.own_workdir and spec.workdir == "/":
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


def _read(key: Key, reader: Settings, of: ProjectSettings | None, default_name: str) -> Any:
    if key.name == "name":
        return reader.read(key, default_name)
    if Place.SCRIPT not in key.places and of is None:
        return key.default
    found = reader.read(key)
    return found and of is None if key.name == "include-script" else found


def _with_entrypoint(spec: Spec, script: Script, reader: Settings, of: ProjectSettings | None) -> Spec:
    if of is None or "entrypoint" in script.onedigest:
        usual = _default_entrypoint(spec)
        own = reader.read(_ENTRYPOINT, usual)
        return dataclasses.replace(spec, entrypoint=own, usual_entrypoint=own == usual)
    try:
        stated: tuple[str, ...] = reader.read(_ENTRYPOINT)
        found = stated or of.entrypoint(bool(spec.files or spec.copies))
        return dataclasses.replace(spec, entrypoint=found, usual_entrypoint=not stated)
    except InputError as error:
        reader.problems += error.problems
        return spec


def _uv(script: Script, reader: Settings) -> str:
    try:
        return canonical_json(script.uv).decode()
    except (TypeError, ValueError):
        message = "[tool.uv] has a date, a number that is none, or text that is not Unicode; settings of uv have none"
        reader.problems.append(Problem(message, script.where("tool.uv"), "write dates in quotes"))
        return "{}"


def _requires_python(script: Script, reader: Settings) -> str:
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


def _dependencies(script: Script, reader: Settings) -> tuple[str, ...]:
    if len(script.dependencies) > _MOST_DEPENDENCIES:
        message = f"`dependencies` has more than {_MOST_DEPENDENCIES} requirements"
        reader.problems.append(Problem(message, script.where("dependencies")))
        return ()
    found = {
        text
        for text in script.dependencies
        if _PLAIN_REQUIREMENT.fullmatch(text) and not _LONG_NUMBER.search(text) and not unnamed.is_place(text)
    }
    others = [text for text in script.dependencies if text not in found]
    if not others:
        return tuple(sorted(found))
    wrong = 0
    for text in others:
        try:
            found.add(str(requirement(text)))
        except ValueError as error:
            hint = unnamed.corrected_form(text)
            why = "which names no project" if hint else f"which is not a requirement: {error}"
            message = f"`dependencies` has {untrusted.quoted(text)}, {why}"
            reader.problems.append(Problem(message, script.where_text(text, "dependencies"), hint))
            wrong += 1
            if wrong == _MOST_SHOWN:
                break
    return tuple(sorted(found))


def requirement(text: str) -> Requirement:
    """Read a requirement (PEP 508). Raises ValueError, which repeats no password of an address in it."""
    from packaging.requirements import InvalidRequirement, Requirement

    if len(text) > _LONGEST_REQUIREMENT:
        raise ValueError(f"it has more than {_LONGEST_REQUIREMENT} characters")
    if unnamed.is_place(text):
        raise ValueError("it names a place")
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
