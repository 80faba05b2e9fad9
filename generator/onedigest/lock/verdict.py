"""Knows what is to be said of a resolution: uv's warnings, older versions, missing extras, and what helps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from packaging.specifiers import SpecifierSet

from onedigest.errors import InputError, OnedigestError, Problem
from onedigest.inputs import uv
from onedigest.lock import shadow
from onedigest.lock.author import Author
from onedigest.lock.base.choice import SUITES, python_minor
from onedigest.lock.extras import missing_extras
from onedigest.lock.model import Package
from onedigest.lock.older import Asked, older_choices
from onedigest.lock.selection import platforms_line
from onedigest.lock.targets import Target
from onedigest.lock.wheel_metadata import Metadata, read_metadata
from onedigest.spec import Spec

_OF_IMAGES = ("3.12", "3.14")
"""The Pythons that no suite of Debian has, and images of a registry do."""


def judge(
    said: Sequence[str],
    found: Mapping[str, Any],
    places: Mapping[str, tuple[str, str, str]],
    packages: Sequence[Package],
    pins: Sequence[Package],
    targets: Sequence[Target],
    asked: Asked,
    author: Author,
) -> None:
    """Warn of what a lock does not show. Raises `InputError` with the extras that a script asks for in vain.

    `said` is what uv warned of, and `places` are address, digest and index of each wheel that it found.
    """
    spec, sources = asked.spec, asked.sources
    chosen = {package.key: package for package in packages}

    def metadata(package: Package | None) -> Metadata | None:
        if package is None or not package.wheels:
            return None
        address, digest, index = places[package.wheels[0][1].name]
        return read_metadata(address, digest, sources.client, sources.store, index)

    def field(package: Package | None, name: str) -> Sequence[str] | None:
        stated = metadata(package)
        return None if stated is None else stated[name]

    for older in older_choices(found, packages, pins, targets, lambda package: field(package, "requires-dist"), asked):
        author.warn(older.problem(author.line_of(older.name) or spec.script))
    problems, others = missing_extras(
        said,
        asked.wanted.dependencies,
        lambda name: author.line_of(name) or spec.script,
        lambda name, version: field(chosen.get((name, version)), "provides-extra"),
    )
    for text in others:
        author.warn(Problem(f"uv: {text[:1].lower()}{text[1:]}", _place(text, chosen, author) or spec.script))
    if problems:
        raise InputError(problems)


def _place(text: str, chosen: Mapping[tuple[str, str], Package], author: Author) -> str:
    """Return the line that asks for the package which a warning names, or nothing."""
    return next((author.line_of(name) for name, version in chosen if f"`{name}=={version}`" in text), "")


def explained(error: InputError, asked: Asked) -> InputError:
    """Return an error of uv with the edit that helps, where the wheels of one platform or one Python are missing."""
    if "wheel" not in str(error):
        return error
    spec, minor, sources = asked.spec, asked.minor, asked.sources

    def is_solved(other: Spec, python: str) -> bool:
        project = shadow.project_text(other, asked.wanted, python)
        try:
            uv.lock(
                project,
                "",
                store=sources.store,
                where=spec.script,
                environment=sources.environment,
                offline=sources.offline,
            )
        except OnedigestError:
            return False
        return True

    hint = ""
    alone = [
        each
        for each in spec.platforms
        if len(spec.platforms) > 1 and is_solved(replace(spec, platforms=(each,)), minor)
    ]
    if alone:
        hint = platforms_line(alone[:1])
    elif spec.base == "debian":
        hint = next((line for other, line in _other_pythons(spec, minor) if is_solved(spec, other)), "")
    return InputError(replace(each, hint=each.hint or hint) for each in error.problems)


def _other_pythons(spec: Spec, minor: str) -> Iterator[tuple[str, str]]:
    """Yield the other Pythons that a script allows, with what to write for them: those of Debian's suites first."""
    allowed = SpecifierSet(spec.requires_python)
    suites = {python_minor(python): suite for suite, python in SUITES.items() if allowed.contains(python)}
    for other, suite in suites.items():
        if other != minor:
            line = f'write `base = "debian:{suite}"` in [tool.onedigest], whose Python {other} has wheels of all'
            yield other, line
    for other in _OF_IMAGES:
        if other not in (minor, *suites) and allowed.contains(f"{other}.9"):
            yield other, f'write `requires-python = "=={other}.*"`, for which there are wheels of all'
