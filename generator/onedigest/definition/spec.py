"""The keys of `[tool.onedigest]` as an image's spec, and their defaults."""

from __future__ import annotations

import dataclasses
import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from onedigest import platforms, untrusted
from onedigest.definition import container_values, unnamed, values
from onedigest.definition.container_values import Healthcheck
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

APPLICATION = "/app"
"""Where the script and its files are, unless the working directory is the user's own."""

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

    A key's default is that of its field here; `name` and `entrypoint` have defaults that follow from other fields.
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
    base: str = "debian"
    platforms: tuple[Platform, ...] = platforms.ALL
    system_packages: tuple[str, ...] = ()
    build: tuple[str, ...] = ()
    repository: str = ""
    files: tuple[str, ...] = ()
    copies: tuple[tuple[str, str], ...] = ()
    ignore_file: str = ""
    ignore_in_copies: bool = False
    env: tuple[tuple[str, str], ...] = ()
    expand_env: tuple[str, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    user: str = "65532:65532"
    workdir: str = APPLICATION
    own_workdir: bool = False
    entrypoint: tuple[str, ...]
    usual_entrypoint: bool = False
    args: tuple[str, ...] = ()
    include_script: bool = True
    max_layers: int = 64
    run: tuple[str, ...] = ()
    security: bool = True
    expose: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    healthcheck: Healthcheck | None = None
    stop_signal: str = "SIGINT"
    annotations: tuple[tuple[str, str], ...] = ()
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    uv_lock: str = ""
    uv_projects: tuple[ProjectParts, ...] = ()
    rules: tuple[str, ...] = ("docker",)

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


def _key(name: str) -> str:
    return "copy" if name == "copies" else name.replace("_", "-")


def _written(name: str, value: Any) -> Any:
    """Return the value of a field as JSON and TOML have it."""
    if name == "dependencies":
        return [_without_address(each) for each in value]
    if name == "uv":
        return "" if value == _DEFAULTS["uv"] else of_bytes(value.encode())
    if name == "platforms":
        return [platform.oci for platform in value]
    if name == "copies":
        return values.written_copies(value)
    if name in ("env", "labels", "annotations"):
        return dict(value)
    if name == "healthcheck":
        value = value.written() if value else {}
    return (
        [each.written() if isinstance(each, ProjectParts) else each for each in value]
        if isinstance(value, tuple)
        else value
    )


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
    reader = Settings(script, project, {_key(name): value for name, value in _DEFAULTS.items()})
    default_name = of.name if of else _default_name(path)
    spec = Spec(
        name=reader.read("name", values.image_name, default_name),
        script=path,
        requires_python=_requires_python(script, reader),
        dependencies=_dependencies(script, reader),
        uv=_uv(script, reader),
        base=reader.read("base", values.base),
        platforms=reader.read("platforms", values.platform_set),
        system_packages=reader.read("system-packages", values.debian_packages),
        build=reader.read("build", values.project_names),
        repository=reader.read("repository", values.repository),
        files=reader.read("files", values.file_patterns),
        copies=reader.read("copy", values.copies),
        ignore_file=reader.read("ignore-file", values.project_path),
        ignore_in_copies=reader.read("ignore-in-copies", values.flag),
        env=reader.read_merged("env", partial(values.pairs, values.VARIABLE)),
        expand_env=reader.read("expand-env", values.string_set),
        labels=reader.read_merged("labels", partial(values.pairs, values.LABEL)),
        user=reader.read("user", values.user),
        workdir=reader.read("workdir", values.absolute_folder),
        own_workdir=reader.read("own-workdir", values.flag),
        entrypoint=(),
        args=reader.read("args", values.strings),
        include_script=reader.read("include-script", values.flag) and of is None,
        max_layers=reader.read("max-layers", values.layer_count),
        run=reader.read("run", values.commands),
        security=reader.read("security", values.flag),
        expose=reader.read("expose", container_values.ports),
        volumes=reader.read("volumes", container_values.volumes),
        healthcheck=reader.read("healthcheck", container_values.healthcheck),
        stop_signal=reader.read("stop-signal", container_values.stop_signal),
        annotations=reader.read_merged("annotations", partial(values.pairs, values.LABEL)),
        extras=reader.read("extras", values.project_names) if of else (),
        groups=reader.read("groups", values.project_names) if of else (),
        uv_lock=of.uv_lock if of else "",
        uv_projects=taken,
        rules=reader.read("rules", values.rule_set),
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


def _with_entrypoint(spec: Spec, script: Script, reader: Settings, of: ProjectSettings | None) -> Spec:
    if of is None or "entrypoint" in script.onedigest:
        usual = _default_entrypoint(spec)
        own = reader.read("entrypoint", values.strings, usual)
        return dataclasses.replace(spec, entrypoint=own, usual_entrypoint=own == usual)
    try:
        stated: tuple[str, ...] = reader.read("entrypoint", values.strings, ())
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
            hint = unnamed.mended(text)
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
