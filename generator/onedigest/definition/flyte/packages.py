"""The Python packages that a Flyte image asks for, whichever steps name them: all are resolved together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from onedigest.definition.flyte.definition import Options, PipPackages, Secret, UvProject
from onedigest.definition.flyte.indexes import SecretCredential, settings_of
from onedigest.definition.flyte.local_requirements import LocalFolders
from onedigest.definition.flyte.requirements import FlyteRequirements, read_requirements, take_arguments
from onedigest.definition.flyte.uv_lock import read_project
from onedigest.definition.spec import requirement
from onedigest.errors import InputError, Problem
from onedigest.untrusted import without_secrets

if TYPE_CHECKING:
    from packaging.requirements import Requirement

    from onedigest.definition.project_parts import ProjectParts
    from onedigest.definition.script import Script

FLYTE = "flyte"

_MICROS = 60


class Packages:
    """What the steps of an image ask of its packages, as it is gathered."""

    def __init__(self, root: Path, folder: Path) -> None:
        """Places are below a root, and stated from the folder of the script, which has no links."""
        self._around = LocalFolders(root=root, folder=folder)
        self.warnings: list[Problem] = []
        self.secrets: dict[Secret, None] = {}
        self._wanted = FlyteRequirements()
        self._uv: dict[str, Any] = {}
        self._pythons: list[str] = []
        self._pinned_pythons: list[str] = []
        self.taken: dict[ProjectParts, None] = {}
        self.build: list[Any] = []
        self._pins: dict[str, set[str]] = {}
        self._choices = 0
        self._has_usual = False

    def take_script(self, script: Script, path: Path) -> None:
        """Take what a script's block asks for."""
        self._wanted.files.append(path)
        self.warnings += script.warnings
        self._uv |= script.uv
        self._wanted.packages += (self._named(text, script, path) for text in script.dependencies)
        if script.requires_python:
            self._pythons.append(script.requires_python)

    def _named(self, text: str, script: Script, path: Path) -> str:
        """Return a requirement of a block, of whose local projects Flyte reads no more than an address."""
        if "file:" not in text:
            return text
        return self._around.named(text, path.resolve().parent, script.where_text(text, "dependencies"))

    def take_named(self, step: PipPackages, folder: Path, where: str) -> None:
        """Take packages by their requirements; places are from a folder. Raises `InputError` with all that are none."""
        problems: list[Problem] = []
        for text in step.packages:
            try:
                self._wanted.packages.append(self._around.named(text, folder, where))
            except InputError as error:
                problems += error.problems
        if problems:
            raise InputError(problems)

    def take_file(self, file: Path, shown: str) -> None:
        """Take a requirements file, with those that it names."""
        read_requirements(file, shown, self._around, self._wanted)

    def take_project(self, step: UvProject, where: str) -> None:
        """Take exactly what the uv.lock of a project pins."""
        project = read_project(step, where, self._around.root, self._around.folder)
        self._wanted.files += project.read
        self.taken |= dict.fromkeys(project.taken)
        for name, versions in project.versions.items():
            self._pins.setdefault(name, set()).update(versions)
        self._uv = _with_settings(self._uv, project.settings)
        self.build.append(project.build)
        self._pythons += project.requires_python
        self._pinned_pythons += project.requires_python
        self.take_options(replace(step.options, extra_args=project.other_arguments), where)

    def take_options(self, options: Options, where: str) -> None:
        """Take how the packages of a step are found, after those."""
        self._wanted.indexes += options.extra_index_urls
        if options.index_url:
            self._wanted.choose_index(options.index_url, where)
        if options.pre:
            self._wanted.settings["prerelease"] = "allow"
        take_arguments(options.extra_args, self._wanted, where)
        for secret in options.secrets:
            if not secret.is_plain():
                message = f"the key or the group of the secret {secret.key[:80]!r} is no plain name"
                raise InputError.of(message, where=where, hint="use letters, digits, `.`, `_` and `-`")
        self.secrets |= dict.fromkeys(options.secrets)
        self._has_usual |= self._choices == self._wanted.choices
        self._choices = self._wanted.choices

    def take_flyte(self, wanted: str, image: str, where: str) -> None:
        """Take Flyte, which every task starts with: the one that the base stands for, or any."""
        names = {canonicalize_name(each.name) for _, each in self._requirements()} | self._pins.keys()
        if FLYTE not in names:
            self._wanted.packages.append(wanted or FLYTE)
            if not wanted:
                message = (
                    f"`{FLYTE}` is not among the packages of image `{image}`; no task starts without it, so it is added"
                )
                self.warnings.append(Problem(message, where, f"list `{FLYTE}` among them"))
        elif wanted not in ("", FLYTE):
            self._wanted.packages.append(wanted)

    def other_pythons(self, minor: str) -> Iterator[str]:
        """Yield what is wrong where an image asks for a Python that a project is not for."""
        for text in dict.fromkeys(self._pinned_pythons) if minor else ():
            with suppress(InvalidSpecifier):  # the spec tells
                if not any(SpecifierSet(text).contains(f"{minor}.{micro}") for micro in range(_MICROS)):
                    yield f"the image asks for Python {minor}, and its project is for {text}"
                    return  # what a uv.lock says of it is the same in other words

    def other_pins(self) -> Iterator[str]:
        """Yield what is wrong where something else is asked for than a uv.lock has."""
        for text, asked in self._requirements():
            pins = self._pins.get(canonicalize_name(asked.name), set())
            named = " and ".join(sorted(pins))
            if pins and asked.url:
                yield f"`{asked.name}` is asked for from another place than uv.lock has {asked.name} {named} from"
            elif pins and not asked.marker and not any(asked.specifier.contains(pin, prereleases=True) for pin in pins):
                yield f"`{without_secrets(text)}` is asked for, and uv.lock has {asked.name} {named}"

    def requires_python(self, minor: str) -> str:
        """Return the specifier of Python; `minor` is what the image asks for itself, or empty."""
        return ",".join(dict.fromkeys([*self._pythons, *([f"=={minor}.*"] if minor else [])]))

    def read(self) -> tuple[Path, ...]:
        """Return the files that were read, each once."""
        return tuple(dict.fromkeys(self._wanted.files))

    def dependencies(self) -> tuple[str, ...]:
        """Return all requirements."""
        return tuple(self._wanted.packages)

    def hashes(self) -> dict[str, frozenset[str]]:
        """Return the only digests that wheels of some projects may have."""
        return {name: frozenset(several) for name, several in self._wanted.hashes.items()}

    def settings(self, where: str) -> tuple[dict[str, Any], tuple[SecretCredential, ...]]:
        """Return the settings of uv, and the credentials of indexes.

        An index that stands in the place of the usual one for some steps alone comes before that.
        """
        wanted = self._wanted
        if self._has_usual and wanted.default_index:
            wanted = replace(wanted, indexes=[*wanted.indexes, wanted.default_index], default_index="")
        return settings_of(self._uv, wanted, where)

    def _requirements(self) -> Iterator[tuple[str, Requirement]]:
        for text in self._wanted.packages:
            try:
                yield text, requirement(text)
            except ValueError:
                continue  # the spec tells, with the place


def _with_settings(own: dict[str, Any], added: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings of uv with further ones: lists and tables are joined, and of other values the last one counts."""
    found = dict(own)
    for key, value in added.items():
        there = found.get(key)
        if isinstance(there, list) and isinstance(value, list):
            found[key] = [*there, *(each for each in value if each not in there)]
        elif isinstance(there, dict) and isinstance(value, dict):
            found[key] = {**there, **value}
        else:
            found[key] = value
    return found
