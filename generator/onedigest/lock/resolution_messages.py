"""The messages about a resolution: uv's warnings, older versions, missing extras, and what helps."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from onedigest.definition.spec import Spec
from onedigest.errors import InputError, NetworkError, OnedigestError, Problem, listed
from onedigest.from_source.unlisted_sources import build_line
from onedigest.lock.author import Author
from onedigest.lock.base.choice import SUITES, python_minor
from onedigest.lock.extras import missing_extras
from onedigest.lock.model import LockedPackage
from onedigest.lock.older_versions import ResolvedRequest, newest_rows, older_versions
from onedigest.lock.requirement_conflict import LineOf, conflict_of, older_for_others, other_version, try_resolution
from onedigest.lock.targets import Target
from onedigest.lock.wheel_metadata import Metadata, read_metadata
from onedigest.lock.wheels import platforms_line
from onedigest.lock.yanked import page_of
from onedigest.sources import Sources
from onedigest.tools.uv_rows import WheelAddress

_NEEDS_WHEELS = re.compile(r"Wheels are required for `([\w.-]{1,200})`")
_NO_BUILD = re.compile(r"\n*hint: Wheels are required for `[^\n]*")
_NEEDS_SOURCE = re.compile(r"A source distribution is required for `([\w.-]{1,200})`")
_NO_BINARY = re.compile(r"\n*hint: A source distribution is required for `[^\n]*")
_NOT_FOUND = re.compile(r"\b[\w.-]{1,200} was not found in the package registry")
_MOST_BUILT = 40
_MOST_PAGE = 32 << 20
_OF_IMAGES = ("3.12", "3.14")
"""The Pythons that no suite of Debian has, and images of a registry do."""


def say_warnings(
    said: Sequence[str],
    found: Mapping[str, Any],
    places: Mapping[str, WheelAddress],
    packages: Sequence[LockedPackage],
    pins: Sequence[LockedPackage],
    targets: Sequence[Target],
    asked: ResolvedRequest,
    author: Author,
) -> None:
    """Warn of what a lock does not show. Raises `InputError` with the extras that a script asks for in vain.

    `said` is what uv warned of, and `places` are address, digest and index of each wheel that it found.
    """
    spec, sources = asked.spec, asked.sources
    chosen = {package.key: package for package in packages}

    def metadata(package: LockedPackage | None) -> Metadata | None:
        if package is None or not package.wheels:
            return None
        place = places[package.wheels[0][1].name]
        return read_metadata(place.address, place.stated, sources.client, sources.store, place.index)

    def field(package: LockedPackage | None, name: str) -> Sequence[str] | None:
        stated = metadata(package)
        return None if stated is None else stated[name]

    newest = newest_rows(found, packages, asked)
    if why := older_for_others(found, newest, pins, asked, author.line_of):
        author.warn(why)
    for older in older_versions(
        found, packages, pins, targets, lambda package: field(package, "requires-dist"), asked, newest
    ):
        author.warn(older.problem(author.line_of(older.name) or spec.script))
    problems, others = missing_extras(
        said,
        asked.requested.dependencies,
        lambda name: author.line_of(name) or spec.script,
        lambda name, version: field(chosen.get((name, version)), "provides-extra"),
    )
    for text in others:
        author.warn(Problem(f"uv: {text[:1].lower()}{text[1:]}", _place(text, chosen, author) or spec.script))
    if problems:
        raise InputError(problems)


def _place(text: str, chosen: Mapping[tuple[str, str], LockedPackage], author: Author) -> str:
    """Return the line that asks for the package which a warning names, or nothing."""
    return next((author.line_of(name) for name, version in chosen if f"`{name}=={version}`" in text), "")


def explained(error: InputError, asked: ResolvedRequest, line_of: LineOf) -> InputError:
    """Return an error of uv with the edit that helps.

    It is about two requirements that exclude each other, about an index that stands alone, about missing wheels of
    one platform or one Python, or about a version that is not to be had.
    """
    if clash := conflict_of(error, asked, line_of):
        return clash
    found = _with_wheels(error, asked)
    return found if any(each.hint for each in found.problems) else _hinted(found, other_version(error, asked))


def _with_wheels(error: InputError, asked: ResolvedRequest) -> InputError:
    """Return an error of uv with the edit that helps where an index lacks a package, or wheels of it."""
    if hint := _asked_alone(error, asked.requested.settings):
        return _hinted(error, hint)
    if "wheel" not in str(error) or all(each.hint for each in error.problems):
        return error
    spec, minor = asked.spec, asked.minor

    def is_solved(other: Spec, python: str) -> bool:
        return not isinstance(try_resolution(replace(asked, spec=other, minor=python)), OnedigestError)

    if wheels := sorted(set(_NEEDS_SOURCE.findall(str(error)))):
        problems = [replace(each, message=_NO_BINARY.sub("", each.message).strip()) for each in error.problems]
        named = listed([f"`{name}`" for name in wheels])
        hint = f"leave {named} out of `build` in [tool.onedigest]: the index has no source distribution that fits"
        return InputError(replace(each, hint=each.hint or hint) for each in problems)
    pure, compiled = _only_source(error, asked)
    if pure:
        return _with_build_line(error, pure, spec)
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
    if compiled and not hint:
        named = listed([f"`{name}`" for name in compiled])
        hint = f"publish wheels of {named} for each platform to an index, built for example with cibuildwheel"
    return _hinted(error, hint)


def _asked_alone(error: InputError, settings: Mapping[str, Any]) -> str:
    """Return what helps where an index lacks a package, and is asked in the place of the usual one."""
    default = next((each for each in settings.get("index", ()) if each.get("default")), None)
    if default is None or not _NOT_FOUND.search(str(error)):
        return ""
    if str(default.get("name", "")).startswith("flyte-"):
        return "`index_url` stands in the place of the usual index: write `extra_index_urls` to have both asked"
    return "this index stands in the place of the usual one: leave `default = true` out to have both asked"


def refuse_unnamed(asked: ResolvedRequest, first: Mapping[str, str]) -> None:
    """Raise `InputError` where what was built needs packages that are to be built too, and `build` does not name.

    Else uv would go through all older versions. `first` has the versions that it chose at first, by their names.
    """
    settings = dict(asked.requested.settings)
    pins = [f"{name}=={version}" for name, version in sorted(first.items())]
    settings["constraint-dependencies"] = [*settings.get("constraint-dependencies", []), *pins]
    requested = replace(asked.requested, settings=settings)
    error = try_resolution(replace(asked, requested=requested))
    if isinstance(error, InputError) and (pure := _only_source(error, replace(asked, requested=requested))[0]):
        raise _with_build_line(error, pure, asked.spec)


def _with_build_line(error: InputError, names: Sequence[str], spec: Spec) -> InputError:
    """Return an error of uv with the line that has packages built."""
    return _hinted(error, f"where it is pure Python, {build_line(names, spec.build)}: then it is built here")


def _hinted(error: InputError, hint: str) -> InputError:
    """Return an error of uv with a hint, which is in the place of uv's own about building."""
    if not hint:
        return error
    problems = [replace(each, message=_NO_BUILD.sub("", each.message).strip()) for each in error.problems]
    return InputError(replace(each, hint=each.hint or hint) for each in problems)


def _only_source(error: OnedigestError, asked: ResolvedRequest) -> tuple[list[str], list[str]]:
    """Return the packages without a wheel that fits, where uv finds a solution with their source distributions.

    What uv says names some of them: the others are found when those may be built. Those that have wheels for other
    machines are hardly pure Python, and are apart.
    """
    names: set[str] = set()
    found: Mapping[str, Any] | OnedigestError = error
    while isinstance(found, OnedigestError):
        new = {canonicalize_name(name) for name in _NEEDS_WHEELS.findall(str(found))} - names
        if not new or len(names) > _MOST_BUILT:
            return [], []
        names |= new
        found = try_resolution(replace(asked, requested=replace(asked.requested, build=asked.requested.build | names)))
    rows = [row for row in found.get("package", ()) if row["name"] in names and "sdist" in row]
    compiled = {row["name"] for row in rows if _has_wheels(row, asked.sources)}
    return sorted({row["name"] for row in rows} - compiled), sorted(compiled)


def _has_wheels(row: Mapping[str, Any], sources: Sources) -> bool:
    """Tell whether the page of an index names a compiled wheel of a package; no answer tells nothing.

    A pure one that does not fit, such as one for Python 2, has a source distribution that is as pure.
    """
    page = page_of(row)
    name = "[-_.]+".join(map(re.escape, str(row["name"]).split("-")))
    wheel = re.compile(rf"\b{name}-{re.escape(str(row['version']))}-[\w.+-]*\.whl", re.IGNORECASE)
    try:
        text = sources.client.get(page, most=_MOST_PAGE).decode("utf-8", "replace") if page else ""
    except NetworkError:
        return False
    return any(not name.lower().endswith("-none-any.whl") for name in wheel.findall(text))


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
