"""The Debian packages of a minimal root for Python, and those that are asked for above a base."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from onedigest.debian.archive import Suite
from onedigest.debian.closure import close
from onedigest.debian.index import Candidates, Stanza
from onedigest.debian.versions import upstream
from onedigest.definition.spec import Spec
from onedigest.errors import InputError, Problem
from onedigest.lock.base.debian import DebianBase
from onedigest.lock.base.debian_pins import EarlierPackages, find_pins, refuse_older, settle
from onedigest.lock.base.packages import DebianPackage, Release, package_of
from onedigest.platforms import Platform
from onedigest.sources import Sources

_SEEDS = (
    "base-files",
    "base-passwd",
    "ca-certificates",
    "libc-bin",
    "libstdc++6",
    "ncurses-base",  # terminals, which curses asks for by name
    "netbase",
    "python3",
    "tzdata",
)

_ONLY_TO_CONFIGURE = frozenset({"debconf", "debconf-2.0", "install-info", "usr-is-merged"})
"""Needed by maintainer scripts, which never run, and not essential. /usr is merged in each root, with no usrmerge."""

_NOT_IN_BASE = _ONLY_TO_CONFIGURE | {"awk", "dpkg", "libdebconfclient0", "libselinux1", "openssl", "perl-base"}
"""Needed by maintainer scripts and by commands that set a system up, such as update-passwd."""


_NEAR = 0.75
"""How alike a name must be to be meant: there are so many that some are always alike."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PackagesAbove:
    """What is put above a base: Debian's essential packages, those that are asked for, and the releases of both."""

    releases: tuple[Release, ...] = ()
    essential_packages: tuple[DebianPackage, ...] = ()
    system_packages: tuple[DebianPackage, ...] = ()


def resolve_debian(spec: Spec, suite: str, sources: Sources, earlier: EarlierPackages | None = None) -> DebianBase:
    """Choose the packages of the base and of `system-packages` for every platform, from the suite as it is now."""

    def choose(packages: Candidates, _: Platform, pins: Mapping[str, Stanza]) -> list[list[Stanza]]:
        base = close(packages, _SEEDS, _NOT_IN_BASE, {}, pins)
        if not spec.system_packages:
            return [base, [], []]
        given = {stanza.name: stanza for stanza in base}
        # what the base itself does without is needed now
        whole = close(packages, [*given, *packages.essential()], _ONLY_TO_CONFIGURE, {}, pins)
        essential = [stanza for stanza in whole if stanza.name not in given]
        given |= {stanza.name: stanza for stanza in essential}
        return [base, essential, close(packages, spec.system_packages, _ONLY_TO_CONFIGURE, given, pins)]

    read, (base, essential, above) = _choose(spec, suite, sources, earlier, choose)
    first = {each.name: each for each in base if spec.platforms[0] in each.platforms}
    python = upstream(next(each.version for name, each in first.items() if name.endswith("-minimal") and "lib" in name))
    return DebianBase(
        releases=_releases(read),
        interpreter=f"/usr/bin/python{'.'.join(python.split('.')[:2])}",
        python=python,
        libc_version=".".join(upstream(first["libc6"].version).split(".")[:2]),
        packages=base,
        essential_packages=essential,
        system_packages=above,
    )


def resolve_above(
    spec: Spec,
    suite: str,
    installed: dict[Platform, dict[str, Stanza]],
    sources: Sources,
    earlier: EarlierPackages | None,
) -> PackagesAbove:
    """Choose the packages of `system-packages` for an image of a suite that has packages installed."""

    def choose(packages: Candidates, platform: Platform, pins: Mapping[str, Stanza]) -> list[list[Stanza]]:
        given = dict(installed[platform])
        essential = close(packages, packages.essential(), _ONLY_TO_CONFIGURE, given, pins)
        given |= {stanza.name: stanza for stanza in essential}
        return [essential, close(packages, spec.system_packages, _ONLY_TO_CONFIGURE, given, pins)]

    read, (essential, above) = _choose(spec, suite, sources, earlier, choose)
    return PackagesAbove(releases=_releases(read), essential_packages=essential, system_packages=above)


def _choose(
    spec: Spec,
    suite: str,
    sources: Sources,
    earlier: EarlierPackages | None,
    choose: Callable[[Candidates, Platform, Mapping[str, Stanza]], list[list[Stanza]]],
) -> tuple[Suite, list[tuple[DebianPackage, ...]]]:
    """Read a suite and choose groups of packages for each platform; return each .deb once, with its platforms."""
    read = sources.archive.read(suite, tuple(each.debian for each in spec.platforms), security=spec.security)
    refuse_older(read, earlier, spec.script)
    _refuse_missing(spec, read)
    chosen: dict[Platform, list[list[Stanza]]] = {}
    problems: dict[Platform, tuple[Problem, ...]] = {}
    for platform in spec.platforms:
        pins = find_pins(read, earlier, platform, sources)
        try:
            chosen[platform] = settle(partial(choose, read.packages[platform.debian], platform), pins)
        except InputError as error:
            problems[platform] = error.problems
    if problems:
        raise InputError(_told(problems, spec.platforms))
    groups = zip(*chosen.values(), strict=True)
    return read, [_pinned(dict(zip(chosen, group, strict=True)), suite) for group in groups]


def _releases(read: Suite) -> tuple[Release, ...]:
    """Return what a lock says of a suite that was read."""
    return tuple(Release(suite=each.suite, digest=each.digest, date=each.date) for each in read.releases)


def _refuse_missing(spec: Spec, read: Suite) -> None:
    """Raise `InputError` for packages that are asked for, and that some platform does not have."""
    problems = []
    for name in spec.system_packages:
        without = [each for each in spec.platforms if not _is_there(read.packages[each.debian], name)]
        if without == list(spec.platforms):
            message = f"there is no Debian package `{name}` in {read.name} (main)"
            problems.append(Problem(message, spec.script, _near(name, read.packages.values())))
        elif without:
            there = ", ".join(f'"{each}"' for each in spec.platforms if each not in without)
            message = f"there is no Debian package `{name}` for {' and '.join(map(str, without))} in {read.name} (main)"
            hint = f"set `platforms = [{there}]`, or leave it out of `system-packages`"
            problems.append(Problem(message, spec.script, hint))
    if problems:
        raise InputError(problems)


def _is_there(packages: Candidates, name: str) -> bool:
    return bool(packages.get(name) or packages.providers(name))


def _near(name: str, several: Iterable[Candidates]) -> str:
    names = {each for packages in several for each in packages.names() if each[:1] == name[:1]}
    shorter = [each for each in sorted(names, reverse=True) if name.startswith(f"{each}-")]
    near = [*dict.fromkeys([*shorter, *difflib.get_close_matches(name, sorted(names), 3, _NEAR)])][:3]
    return f"correct the name; there is {', '.join(near)}" if near else "correct the name"


def _told(problems: Mapping[Platform, Sequence[Problem]], platforms: Sequence[Platform]) -> list[Problem]:
    """Return each problem once, with the platforms that have it where not all do."""
    users: dict[Problem, list[Platform]] = {}
    for platform, several in problems.items():
        for problem in several:
            users.setdefault(problem, []).append(platform)
    return [
        problem
        if list(platforms) == users[problem]
        else replace(problem, message=f"on {' and '.join(map(str, users[problem]))}: {problem.message}")
        for problem in users
    ]


def _pinned(chosen: Mapping[Platform, Sequence[Stanza]], suite: str) -> tuple[DebianPackage, ...]:
    """Return each .deb once, with the platforms that need it."""
    users: dict[str, tuple[Stanza, list[Platform]]] = {}
    for platform, stanzas in chosen.items():
        for stanza in stanzas:
            users.setdefault(stanza.sha256, (stanza, []))[1].append(platform)
    return tuple(package_of(stanza, platforms, suite) for stanza, platforms in users.values())
