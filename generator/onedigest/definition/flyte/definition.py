"""The definition of a Flyte image: its base and its steps, whether the SDK or a script's text gave them."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

TESTED = "2.8 to 2.12"
"""The versions of Flyte that the tests run."""

_DEFAULT_IMAGE = re.compile(r"(?:.+/)?flyte:py(?P<python>\d+\.\d+)-v(?P<version>.+)")
"""How the image of Flyte that has Flyte and Python is tagged (`Image._get_default_image_for`)."""

_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}", re.ASCII)


@dataclass(frozen=True, kw_only=True, slots=True)
class Secret:
    """A secret for a private index. `variable` is where it stands in the environment while packages are read."""

    key: str
    group: str = ""
    variable: str = ""

    def is_plain(self) -> bool:
        """Tell whether key and group are plain names: both become part of a path, and of the name of a variable."""
        several = (self.key, self.group) if self.group else (self.key,)
        return all(_NAME.fullmatch(each) for each in several)

    @property
    def source(self) -> str:
        """The environment variable that Flyte's builders read it from on this machine."""
        return "_".join(part.upper() for part in (self.group, self.key) if part)

    @property
    def file(self) -> str:
        """The file that they read it from else."""
        return "/etc/secrets/" + "_".join(part for part in (self.group, self.key) if part)


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """How packages of a step are found."""

    index_url: str = ""
    extra_index_urls: tuple[str, ...] = ()
    pre: bool = False
    extra_args: str = ""
    secrets: tuple[Secret, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """A layer of an image, in Flyte's sense. `line` is where it is written, 0 where that is not known."""

    line: int = field(default=0, compare=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class UvScript(Step):
    """The packages of a script's PEP 723 block."""

    script: str
    options: Options = Options()


@dataclass(frozen=True, kw_only=True, slots=True)
class PipPackages(Step):
    """Packages by their requirements."""

    packages: tuple[str, ...]
    options: Options = Options()


@dataclass(frozen=True, kw_only=True, slots=True)
class RequirementsFile(Step):
    """The packages of a requirements file."""

    file: str
    options: Options = Options()


@dataclass(frozen=True, kw_only=True, slots=True)
class UvProject(Step):
    """The packages of a project with a uv.lock; `uvlock` is empty where there is none."""

    pyproject: str
    uvlock: str
    installs_project: bool = False
    options: Options = Options()


@dataclass(frozen=True, kw_only=True, slots=True)
class AptPackages(Step):
    """Packages of Debian."""

    packages: tuple[str, ...]
    secrets: tuple[Secret, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Commands(Step):
    """Commands of a shell."""

    commands: tuple[str, ...]
    secrets: tuple[Secret, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkDir(Step):
    """The working directory from here on."""

    path: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Variables(Step):
    """Environment variables."""

    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Copy(Step):
    """A file, or the content of a folder, that is copied to a path: absolute, or from the working directory."""

    source: str
    target: str
    is_folder: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class CodeBundle(Step):
    """The code around the script, which is in the image only where Flyte ships no bundle: then `files` are known.

    They are (path below the target, path on this machine).
    """

    target: str
    files: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class IgnoreFile(Step):
    """A .dockerignore for what is copied."""

    path: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Refused(Step):
    """What cannot be part of a locked image, and the way out."""

    what: str
    hint: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Definition:
    """An image of Flyte.

    `base` is an image of a registry, or empty for Debian. `python` is a minor, `3.13`, or empty where the script
    decides. `flyte` is the requirement of Flyte that the base stands for, or empty. `file` is the path of what defines
    it, and `environments` are the names of those that have it, sorted. `may_be_host_python` tells of the SDK's object
    that its author may have named the Python of this machine instead of `python`: both leave the same there.
    """

    name: str
    registry: str
    platforms: tuple[str, ...]
    python: str = ""
    base: str = ""
    flyte: str = ""
    has_registry_secret: bool = field(default=False, compare=False)
    steps: tuple[Step, ...] = ()
    file: str = field(default="", compare=False)
    line: int = field(default=0, compare=False)
    environments: tuple[str, ...] = field(default=(), compare=False)
    may_be_host_python: bool = field(default=False, compare=False)


def read_default_image(reference: str) -> tuple[str, str] | None:
    """Return Python minor and Flyte version of the image that Flyte publishes, None for another image."""
    match = _DEFAULT_IMAGE.fullmatch(reference)
    return (match["python"], match["version"]) if match else None


def dumps(definition: Definition) -> str:
    """Return a definition as JSON."""
    value = dataclasses.asdict(definition)
    value["steps"] = [{"kind": type(step).__name__, **dataclasses.asdict(step)} for step in definition.steps]
    return json.dumps(value)  # noqa: TID251  no digest is taken of it


def loads(text: str) -> Definition:
    """Return the definition that JSON of `dumps` holds."""
    value = json.loads(text)
    steps = tuple(_step(each) for each in value.pop("steps"))
    several = {name: tuple(value[name]) for name in ("platforms", "environments")}
    return Definition(**{**value, **several, "steps": steps})


_KINDS: Mapping[str, type[Step]] = {
    kind.__name__: kind
    for kind in (
        *(UvScript, PipPackages, RequirementsFile, UvProject, AptPackages, Commands, WorkDir, Variables, Copy),
        *(CodeBundle, IgnoreFile, Refused),
    )
}


def _step(value: dict[str, Any]) -> Step:
    kind = _KINDS[value.pop("kind")]
    return kind(**{name: _field(name, each) for name, each in value.items()})


def _field(name: str, value: Any) -> Any:
    if name == "options":
        return Options(**{key: _field(key, each) for key, each in value.items()})
    if name == "secrets":
        return tuple(Secret(**each) for each in value)
    if isinstance(value, list):
        return tuple(tuple(each) if isinstance(each, list) else each for each in value)
    return value
