"""The way from a spec to a lock: uv chooses versions, the base decides wheels, and every input is pinned."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Container, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from onedigest import __version__
from onedigest.definition.spec import Spec, asked_value, digest_of, dumps, fields
from onedigest.digest import Digest
from onedigest.errors import InputError, Problem
from onedigest.lock import asked_project
from onedigest.lock.author import Author
from onedigest.lock.base import Base
from onedigest.lock.base.choice import SUITES, BaseChoice, choose_base, python_minor
from onedigest.lock.base.debian_choice import resolve_debian
from onedigest.lock.base.debian_pins import EarlierPackages
from onedigest.lock.empty_index import problem_of_message
from onedigest.lock.model import Lock, LockedPackage, keep_release
from onedigest.lock.older_versions import ResolvedRequest
from onedigest.lock.pinned_request import pinned_requested
from onedigest.lock.script_lock import ScriptPins
from onedigest.lock.source_builder import EarlierBuilds, SourceBuilder
from onedigest.lock.targets import targets_of
from onedigest.lock.uv_lock_values import check_rows
from onedigest.lock.wheel_digests import complete_digests
from onedigest.lock.yanked import yanked_wheels
from onedigest.sources import Sources
from onedigest.tools import uv
from onedigest.tools.uv_rows import WheelAddress, places_of

_MOST_ROUNDS = 30


@dataclass(frozen=True, kw_only=True, slots=True)
class Upgrade:
    """Which pins may move: all of them, the base with its Debian packages, or those of packages by their names."""

    everything: bool = False
    base: bool = False
    packages: frozenset[str] = frozenset()

    @staticmethod
    def named(name: str, known: Container[str]) -> bool:
        """Tell whether a name, as somebody wrote it, is among known ones, which are Debian's or normalized."""
        return name in known or canonicalize_name(name) in known

    @property
    def whole_base(self) -> bool:
        """Whether nothing of the base has to stay."""
        return self.everything or self.base


def resolve(
    spec: Spec,
    previous: Lock | None,
    sources: Sources,
    *,
    folder: Path,
    upgrade: Upgrade,
    author: Author | None = None,
    first: ScriptPins | None = None,
) -> Lock:
    """Choose everything that an image is made of.

    `folder` is the script's. What `previous` pins stays as long as it fits, unless `upgrade` lets it move. Where there
    is none, `first` pins versions; files are those that it states. Raises `InputError` for what cannot be built, and
    `NetworkError`.
    """
    _refuse_unknown(previous, upgrade)
    choice = _reused_choice(spec, previous, upgrade) or choose_base(spec)
    author = author or Author()
    builder = SourceBuilder(spec, folder, sources, _earlier(previous, upgrade), author)
    builder.refuse()
    reused_base = _reused_base(spec, choice, previous, upgrade)
    debian = _earlier_packages(spec, previous, upgrade)
    if choice.image and reused_base is None:
        from onedigest.lock.base.docker_hub import choose_image

        # its Python decides what is asked of uv
        reused_base = choose_image(spec, choice, _pinned_index(choice, previous, upgrade), sources, debian, author.warn)
    minor = reused_base.python_minor if reused_base else python_minor(SUITES[choice.suite])
    first = first or ScriptPins()
    if previous:
        first = ScriptPins(allowed=first.allowed)
    pins = _pins(spec, previous, upgrade) or first.packages
    # a wheel stays selected as long as its version does, even when a better one came since
    pinned_wheels = frozenset(wheel.name for package in pins for _, wheel in package.wheels)
    if spec.is_pinned:
        from onedigest.lock.project_pins import refuse_pinned

        refuse_pinned(spec, folder, upgrade.packages if previous else ())
        base = reused_base or resolve_debian(spec, choice.suite, sources, debian)
        packages, roots, places = _answer_pinned(spec, base, builder, pins, sources, folder, author)
        return keep_release(
            _made(spec, base, complete_digests(packages, places, sources, first), roots, builder), previous
        )
    requested = builder.prepare(minor)
    known = asked_project.preferences_text(spec, minor, pins, first.forks) if pins else ""
    said: list[str] = []
    asked = ResolvedRequest(spec=spec, requested=requested, minor=minor, sources=sources)
    choose = partial(resolve_debian, spec, choice.suite, sources, debian)
    found, base = _answer(asked, builder, known, lambda: reused_base or choose(), said.append, author)
    from onedigest.lock.resolution_messages import say_warnings
    from onedigest.lock.wheels import select

    targets = targets_of(base, spec.platforms)
    yanked = yanked_wheels(found.get("package", ()), targets, sources.client)
    packages, roots = select(found, targets, base.reference, pinned_wheels, yanked)
    roots = tuple(root for root in roots if root[0] not in requested.added)
    places = places_of(found)
    say_warnings(said, found, places, packages, pins, targets, asked, author)
    return keep_release(_made(spec, base, complete_digests(packages, places, sources, first), roots, builder), previous)


def _made(
    spec: Spec,
    base: Base,
    packages: tuple[LockedPackage, ...],
    roots: tuple[tuple[str, str], ...],
    builder: SourceBuilder,
) -> Lock:
    return Lock(
        spec=spec.digest(),
        asked=dumps(spec).decode(),
        script=spec.script,
        version=__version__,
        platforms=spec.platforms,
        base=base,
        packages=tuple(builder.with_origin(package) for package in packages),
        roots=roots,
    )


def _answer_pinned(
    spec: Spec,
    base: Base,
    builder: SourceBuilder,
    pins: tuple[LockedPackage, ...],
    sources: Sources,
    folder: Path,
    author: Author,
) -> tuple[tuple[LockedPackage, ...], tuple[tuple[str, str], ...], dict[str, WheelAddress]]:
    """Return packages, roots and the places of wheels, where a uv.lock pins what uv is not asked for."""
    from onedigest.lock.added_packages import choose_with_pins

    pinned_wheels = frozenset(wheel.name for package in pins for _, wheel in package.wheels)

    def hear(text: str) -> None:
        author.warn(Problem(f"uv: {text[:1].lower()}{text[1:]}", spec.script))

    def ask(requested: asked_project.RequestedPackages) -> dict[str, Any]:
        asked = ResolvedRequest(spec=spec, requested=requested, minor=base.python_minor, sources=sources)
        known = asked_project.preferences_text(spec, base.python_minor, pins) if pins else ""
        return _answer(asked, builder, known, lambda: base, hear, author)[0]

    return choose_with_pins(spec, base, builder, pinned_wheels, folder, author, ask)


def _answer(
    asked: ResolvedRequest,
    builder: SourceBuilder,
    known: str,
    choose: Callable[[], Base],
    hear: uv.Hear,
    author: Author,
) -> tuple[dict[str, Any], Base]:
    """Return the uv.lock of what is asked, and the base, which is chosen meanwhile."""
    with ThreadPoolExecutor(2) as pool:
        waiting = pool.submit(choose)
        answer = pool.submit(_ask_building, asked, builder, known, hear)
        from onedigest.lock.explanation import shorten_explanation
        from onedigest.lock.resolution_messages import explained  # takes a moment, while uv works

        try:
            found = answer.result()
        except InputError as error:
            why = explained(error, asked, author.line_of)
            raise (why if author.at_length else shorten_explanation(why)) from None
        return found, waiting.result()


def _ask_building(asked: ResolvedRequest, builder: SourceBuilder, known: str, hear: uv.Hear) -> dict[str, Any]:
    """Return the uv.lock of what is asked; source distributions that it chooses are built, until there are no others.

    A version whose wheel needs what is not there may make uv choose another one.
    """
    from onedigest.lock.resolution_messages import refuse_unnamed

    requested, first = asked.requested, dict[str, str]()
    for _ in range(_MOST_ROUNDS):
        said: list[str] = []
        found = _ask(asked.spec, requested, asked.minor, (), known, asked.sources, said.append)
        chosen = builder.chosen(found, requested)
        if any(first.get(name, version) != version for name, version in chosen.items()):
            refuse_unnamed(replace(asked, requested=requested), first)
        first |= chosen
        rows = builder.make_rows(found, requested)
        if not rows:
            builder.insert_rows(found, requested)
            for text in said:
                hear(text)
            return found
        settings = dict(requested.settings)
        settings["dependency-metadata"] = [*settings.get("dependency-metadata", []), *rows]
        requested = replace(requested, settings=settings)
    message = f"uv chose another version to build {_MOST_ROUNDS} times"
    hint = "ask for one version of what is built, such as `NAME==1.0`"
    raise InputError.of(message, where=asked.spec.script, hint=hint)


def locate(spec: Spec, lock: Lock, sources: Sources, *, folder: Path) -> dict[str, WheelAddress]:
    """Ask uv where the wheels of a lock are now; return them by file name."""
    return places_of(ask_pinned(spec, lock, sources, folder=folder)[0])


def ask_pinned(
    spec: Spec, lock: Lock, sources: Sources, *, folder: Path
) -> tuple[dict[str, Any], asked_project.RequestedPackages]:
    """Return the uv.lock of exactly what a lock pins, and what was asked.

    What was built is a file where the store has it, else the source distribution of an index.
    """
    minor = lock.base.python_minor
    known = asked_project.preferences_text(spec, minor, lock.packages)
    requested = pinned_requested(spec, lock, sources.store, folder=folder)
    return _ask(spec, requested, minor, lock.packages, known, sources), requested


def _ask(
    spec: Spec,
    requested: asked_project.RequestedPackages,
    python_minor: str,
    pins: tuple[LockedPackage, ...],
    known: str,
    sources: Sources,
    hear: uv.Hear = lambda _: None,
) -> dict[str, Any]:
    """Return the uv.lock of what is wanted, of which every value was checked."""
    try:
        found = uv.lock(
            asked_project.project_text(spec, requested, python_minor, pins),
            known,
            store=sources.store,
            where=spec.script,
            environment=sources.environment,
            offline=sources.offline,
            hear=hear,
        )
    except InputError as error:
        problem = problem_of_message(str(error), spec.script)
        raise (InputError([problem]) if problem else error) from None
    check_rows(found, requested.files, spec.script)
    return found


def _reused_base(spec: Spec, choice: BaseChoice, previous: Lock | None, upgrade: Upgrade) -> Base | None:
    """Return the base of an earlier lock where it is still what a spec asks for."""
    if previous is None or upgrade.whole_base or set(spec.platforms) != set(previous.platforms):
        return None
    asked, base = json.loads(previous.asked), previous.base
    if upgrade.packages & {each.name for each in base.debian_packages}:
        return None
    if previous.spec != digest_of(asked) or asked_value(asked, "system-packages") != list(spec.system_packages):
        return None  # what it leaves out may have been another default then
    if base.releases and asked_value(asked, "security") != spec.security:
        return None
    requested = fields(spec)
    if any(_looked_for(asked, key) != _looked_for(requested, key) for key in base.looked_up):
        return None
    fits = SpecifierSet(spec.requires_python).contains(base.python, prereleases=True)
    return base if base.reference == choice.reference and fits else None


def _looked_for(asked: Mapping[str, Any], key: str) -> Any:
    """Return what a text of a spec says of a key as far as a base is looked at for it: of copies, those outside."""
    found = asked_value(asked, key)
    return sorted(target for target in found if target.startswith("/")) if key == "copy" else found


def _reused_choice(spec: Spec, previous: Lock | None, upgrade: Upgrade) -> BaseChoice | None:
    """Return the suite of an earlier lock where a script leaves it open, and its Python still is what it asks for."""
    if previous is None or upgrade.whole_base or spec.base != "debian":
        return None
    if not previous.base.releases or previous.base.origin:  # an image of a registry, or nothing that is left of a lock
        return None
    python = SUITES.get(previous.base.suite, "")
    fits = python and SpecifierSet(spec.requires_python).contains(python)
    return BaseChoice(suite=previous.base.suite) if fits else None


def _earlier_packages(spec: Spec, previous: Lock | None, upgrade: Upgrade) -> EarlierPackages | None:
    """Return what an earlier lock says of Debian's packages, where it says anything."""
    if previous is None or not previous.base.releases:
        return None
    # who asks for security updates from now on does not mean those of later packages alone
    is_new = spec.security and not previous.base.has_security
    everything = upgrade.whole_base or is_new
    return EarlierPackages(
        base=previous.base, platforms=previous.platforms, moving=upgrade.packages, everything=everything
    )


def _pinned_index(choice: BaseChoice, previous: Lock | None, upgrade: Upgrade) -> Digest | None:
    """Return the digest of an image that stays, although something else is asked of it."""
    if previous is None or upgrade.whole_base or previous.base.reference != choice.reference:
        return None
    return previous.base.origin.digest if previous.base.origin else None


def _pins(spec: Spec, previous: Lock | None, upgrade: Upgrade) -> tuple[LockedPackage, ...]:
    """Return the packages of an earlier lock that may not move without need.

    What is to be built from now on may: an older version was perhaps chosen for its wheel alone.
    """
    if previous is None or upgrade.everything:
        return ()
    moving, built = set(map(canonicalize_name, upgrade.packages)), set(map(canonicalize_name, spec.build))
    pins = (each for each in previous.packages if each.origin or each.name not in built)
    return tuple(each for each in pins if each.name not in moving)


def _earlier(previous: Lock | None, upgrade: Upgrade) -> EarlierBuilds:
    """Return what was built before, and stays."""
    names = frozenset(map(canonicalize_name, upgrade.packages))
    return EarlierBuilds(lock=previous, everything=upgrade.everything, names=names)


def _refuse_unknown(previous: Lock | None, upgrade: Upgrade) -> None:
    known = previous.names() if previous else frozenset()
    unknown = [name for name in sorted(upgrade.packages) if previous and not upgrade.named(name, known)]
    if unknown:
        raise InputError(unknown_package(name, known, "the lock has no such package") for name in unknown)


def unknown_package(name: str, known: Iterable[str], message: str) -> Problem:
    """Return what is said of a package that is to move and is not there, with the names that are near."""
    near = difflib.get_close_matches(name, sorted(known), 3)
    hint = f"did you mean {' or '.join(f'`{each}`' for each in near)}?" if near else ""
    return Problem(f"`--upgrade-package {name}`: {message}", hint=hint)
