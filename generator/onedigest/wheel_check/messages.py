"""The messages about what was found of wheels, and the edit that helps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from onedigest.definition.spec import Spec
from onedigest.errors import Problem, listed
from onedigest.lock.model import Lock
from onedigest.wheel_check.findings import Key, SharedFiles, WheelFindings

_MOST_SHARED = 40
"""How many groups of wheels that share paths are told: wheels that are meant to be used have a few."""
_SITE = "/site-packages/"
_CHANGED = "[changed]"
"""How the assembler ends what it says of an input that is not the lock's."""
_BESIDE = frozenset(("benchmarks", "doc", "docs", "example", "examples", "test", "testing", "tests"))
"""Folders of site-packages that nobody means to install: what they hold is imported by no program."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Requesters:
    """Who asks for packages. `line_of` gives the line that asks for one by its name, or nothing.

    `of_flyte` tells whether the packages are named in the definition of an image of Flyte.
    """

    spec: Spec
    lock: Lock
    line_of: Callable[[str], str]
    of_flyte: bool = False

    def where(self, packages: Iterable[Key]) -> str:
        """Return the first line that asks for one of some packages, or the script."""
        return next((line for name, _ in packages if (line := self.line_of(name))), self.spec.script)


def refusals(found: WheelFindings, requesters: Requesters) -> list[Problem]:
    """Return why no image can be made of wheels, a problem for each reason."""
    constraints = sorted({other for packages, _ in found.unfit if (other := _constraint(packages, requesters))})
    return [
        Problem(text, requesters.where(packages), _way_out(packages, requesters, constraints))
        for packages, text in found.unfit
    ]


def placed(problem: Problem, requesters: Requesters) -> Problem:
    """Return what an engine says of a wheel, whose file name it begins with, as if it had been found before.

    A file that is not that of the lock is no fault of the wheel.
    """
    name = problem.message.partition(": ")[0]
    packages = [
        package.key for package in requesters.lock.packages if any(each.name == name for _, each in package.wheels)
    ]
    if not packages or problem.message.endswith(_CHANGED):
        return problem
    return Problem(problem.message, requesters.where(packages), _way_out(packages, requesters) or problem.hint)


def warnings(found: WheelFindings, requesters: Requesters) -> list[Problem]:
    """Return what is odd about wheels, and which files they share."""
    odd = [Problem(text, requesters.where((key,))) for key, text in found.odd]
    told, left = found.shared[:_MOST_SHARED], len(found.shared) - _MOST_SHARED
    others = (
        [Problem(f"{left} further groups of wheels bring the same paths", requesters.spec.script)] if left > 0 else []
    )
    return [*odd, *(_shared(each, requesters) for each in told), *others]


def _way_out(packages: Sequence[Key], requesters: Requesters, constraints: Sequence[str] = ()) -> str:
    """Return how to have other wheels than those of some packages.

    `constraints` are those of all that is wrong, since they stand in one line.
    """
    name, version = _unbuilt(packages, requesters)
    if not name:
        return ""
    other = f"{name}!={version}"
    if _constraint(packages, requesters):
        listed = ", ".join(f'"{each}"' for each in constraints or [other])
        line = f"constraint-dependencies = [{listed}]"
        if requesters.spec.is_pinned:
            return f"add `{line}` to [tool.uv] of the project, and run `uv lock`"
        several = "each of them" if constraints[1:] else name
        return f"for another version of {several} write `{line}` in [tool.uv]"
    asked = _asked(name, requesters)
    if not asked:
        return f"for another version of {name} add `{other}` to the packages of the image"
    if Requirement(asked).url:
        return f"name another file for {name}"
    return f"for another version of {name} write `{_without(asked, version)}` in place of `{asked}`"


def _constraint(packages: Sequence[Key], requesters: Requesters) -> str:
    """Return what `constraint-dependencies` has to have for other wheels, or nothing where another edit is the one."""
    name, version = _unbuilt(packages, requesters)
    is_elsewhere = requesters.spec.is_pinned or not (_asked(name, requesters) or requesters.of_flyte)
    return f"{name}!={version}" if name and is_elsewhere else ""


def _unbuilt(packages: Sequence[Key], requesters: Requesters) -> Key:
    """Return the last of some packages that is not built here; empty where all are."""
    built = {package.key for package in requesters.lock.packages if package.origin}
    return next((key for key in reversed(packages) if key not in built), ("", ""))


def _asked(name: str, requesters: Requesters) -> str:
    """Return what asks for a package by its name, or nothing."""
    return next((text for text in requesters.spec.dependencies if _name(text) == name), "")


def _name(text: str) -> str:
    try:
        return canonicalize_name(Requirement(text).name)
    except InvalidRequirement:
        return ""


def _without(asked: str, version: str) -> str:
    """Return a requirement that takes any other version that it took before, or any other at all where it took one."""
    requirement = Requirement(asked)
    several = [each for each in requirement.specifier if each.operator not in ("==", "===", "~=")]
    requirement.specifier = SpecifierSet(",".join([*map(str, several), f"!={version}"]))
    return str(requirement)


def _shared(shared: SharedFiles, requesters: Requesters) -> Problem:
    wheels = listed([" ".join(key) for key in shared.packages])
    paths = [f"`{_shown(path)}`" for path in shared.paths]
    all_of = "both bring" if len(shared.packages) == 2 else "all bring"
    if shared.count == 1:
        message = f"the wheels of {wheels} {all_of} {paths[0]}, with different content; the image has that of"
    else:
        such = listed(paths) if shared.count == len(paths) else f"such as {', '.join(paths)}"
        message = f"the wheels of {wheels} {all_of} {shared.count} files with different content, {such};"
        message += " the image has those of"
    message += f" {shared.winner[0]}, whose name is the last"
    hint = "" if all(map(_is_beside, shared.paths)) else _one_alone(shared, requesters)
    return Problem(message, requesters.where(shared.packages), hint)


def _shown(path: str) -> str:
    """Return a path as Python finds it, or from the root of the image."""
    _, site, inside = path.partition(_SITE)
    return inside if site else f"/{path}"


def _is_beside(path: str) -> bool:
    """Tell whether no program imports a file: it is in none of its packages, or is a test."""
    top, slash, _ = path.partition(_SITE)[2].partition("/")
    return not path.endswith((".py", ".so", ".pth")) or (bool(slash) and top in _BESIDE)


def _one_alone(shared: SharedFiles, requesters: Requesters) -> str:
    """Return how to have one of the packages alone, where none of them needs another."""
    names = [name for name, _ in shared.packages]
    needs = {package.name: {name for name, _ in package.dependencies} for package in requesters.lock.packages}
    if any(set(names) & _needed(needs, name) for name in names):
        return ""
    own = _named(requesters.lock)
    further = [key[0] for key in shared.packages if key not in own]
    if not further:
        return f"where one of them is enough, leave the other{'s' if names[2:] else ''} out"
    if requesters.of_flyte:
        named = [name for name in names if name not in further]
        return f"where {further[0]} is enough, leave {' and '.join(named)} out" if named else ""
    where = "[tool.uv] of the project, and run `uv lock`" if requesters.spec.is_pinned else "[tool.uv]"
    enough = " and ".join(name for name in names if name != further[0])
    return f'where {enough} is enough, write `exclude-dependencies = ["{further[0]}"]` in {where}'


def _named(lock: Lock) -> frozenset[Key]:
    """Return the packages that people of the repository ask for: in a script, or in a project of theirs."""
    local = (package for package in lock.packages if package.is_local)
    return frozenset((*lock.roots, *(key for package in local for key in package.dependencies)))


def _needed(needs: Mapping[str, set[str]], name: str) -> set[str]:
    """Return the names of all that a package needs, directly or not."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        new = needs.get(waiting.pop(), set()) - found
        found |= new
        waiting += new
    return found - {name}
