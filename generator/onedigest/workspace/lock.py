"""The locking of images, and the writing of all that is generated from their locks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from onedigest.errors import InputError, OnedigestError, Problem
from onedigest.wording import shown
from onedigest.workspace.context import Context
from onedigest.workspace.earlier_lock import answers, earlier_lock, refuse_other_hashes
from onedigest.workspace.image_sources import sources, sources_for
from onedigest.workspace.images import with_siblings
from onedigest.workspace.leftovers import find_gone, find_renamed, remove
from onedigest.workspace.locked_warnings import warn_locked
from onedigest.workspace.locks import moved_code
from onedigest.workspace.missing_parts import look_at, say_unseen
from onedigest.workspace.moved_pins import say_moves
from onedigest.workspace.results import LockResult
from onedigest.workspace.script_image import ScriptImage
from onedigest.workspace.script_locks import first_pins, warn_of_difference
from onedigest.workspace.unrun_scripts import say_undone
from onedigest.workspace.wheel_problems import tell_wheels

if TYPE_CHECKING:
    from onedigest.lock.base.version_changes import VersionChange
    from onedigest.lock.model import Lock
    from onedigest.lock.resolver import Upgrade
    from onedigest.rules.model import Rules
    from onedigest.sources import Sources


@dataclass(frozen=True, slots=True)
class LockListener:
    """Who is told while several images are locked: of each that was, and of what kept a script from it."""

    done: Callable[[LockResult], object] = lambda _: None
    failed: Callable[[str, OnedigestError], object] = lambda *_: None


def lock_images(
    context: Context,
    images: Sequence[ScriptImage],
    upgrade: Upgrade,
    *,
    everything: bool = False,
    strict: bool = False,
    told: LockListener = LockListener(),
) -> tuple[list[LockResult], list[OnedigestError]]:
    """Lock images and write all of their files; return what was done, and what kept others from it.

    An image that cannot be locked keeps no other from it; the error of the only one is raised.
    """
    source = sources(context)
    results, generated, errors = [], [], []
    several = _Several(images, upgrade)
    _refuse_unwritable(images, everything=everything)
    for image in images:
        try:
            previous = earlier_lock(context, image)
            with context.events.progress(f"{image.spec.name}: reading the base", None) as progress:
                own = partial(sources_for, replace(source, report=progress.advance), context, image)
                result, rules = _generate_files(context, image, previous, several.upgrade(previous), own, strict=strict)
        except OnedigestError as error:
            if len(images) == 1:
                raise
            told.failed(image.spec.script, error)
            errors.append(error)
            continue
        told.done(result)
        results.append(result)
        generated.append((image, rules))
    _write_folders(context, generated, everything=everything)
    if unknown := several.unknown():
        told.failed("", unknown)
        errors.append(unknown)
    return results, errors


def generate_one(context: Context, image: ScriptImage) -> None:
    """Lock one image and write all of its files; say what moved."""
    from onedigest.lock.resolver import Upgrade

    _refuse_unwritable([image], everything=False)
    result, rules = _generate_files(
        context, image, earlier_lock(context, image), Upgrade(), lambda: sources(context, image), builds=True
    )
    _write_folders(context, [(image, rules)])
    for line in lines_of(result):
        context.said(f"  {line}")


def _generate_files(
    context: Context,
    image: ScriptImage,
    previous: Lock | None,
    upgrade: Upgrade,
    make_sources: Callable[[], Sources],
    *,
    strict: bool = False,
    builds: bool = False,
) -> tuple[LockResult, Rules]:
    """Lock one image and write its own files; return what is to be said of it, and the files.

    With `strict`, what an image lacks is an `InputError`, before anything is written. `builds`: a build comes next.
    """
    from onedigest.definition.files import collect
    from onedigest.plan.arrange import arrange
    from onedigest.rules.image import render_rules, write_rules

    application = collect(image.spec, image.script, image.script_folder, image.warn)
    lock, moves = _locked(context, image, previous, upgrade, make_sources)
    plan = arrange(image.spec, lock, application)
    lacking: list[Problem] = []
    looked = replace(image, warn=lacking.append if strict else image.warn)
    if strict or lock is not previous:
        say_undone(context, looked, lock, make_sources)
    look_at(context, looked, lock, application, plan, make_sources)
    if not builds:  # it looks when all wheels are there
        tell_wheels(context, image, lock, looked.warn)
    if strict:
        say_unseen(context, image, lock)
    if lacking:
        raise InputError(lacking)
    folder = image.folder.parent.resolve()
    rules = render_rules(image.spec, lock, plan, folder)
    changed, left = write_rules(rules, folder)
    _warn_of_left(image, left)
    return LockResult(
        name=image.spec.name,
        script=image.spec.script,
        lock=image.lock_path,
        packages=len(lock.packages),
        wheels=len(lock.wheels()),
        base=lock.base.reference,
        python=lock.base.python,
        changed=tuple(changed),
        removed=tuple(path for path in changed if path not in rules.files),
        moved=tuple(say_moves(previous, lock, moves)),
    ), rules


def _locked(
    context: Context, image: ScriptImage, previous: Lock | None, upgrade: Upgrade, make_sources: Callable[[], Sources]
) -> tuple[Lock, Mapping[VersionChange, tuple[str, ...]]]:
    """Lock one image; return its lock, and what moved of Debian's packages.

    Where its lock is what would be chosen, nothing is asked of uv, of an index or of a registry.
    """
    from onedigest.lock.resolver import Upgrade, resolve
    from onedigest.lock.script_lock import ScriptPins

    author, folder = image.author(), image.script_folder
    if previous and upgrade == Upgrade() and answers(image, previous):
        if not moved_code(image, previous, make_sources):
            return previous, {}
        from onedigest.lock.refresh import refresh

        if refreshed := refresh(image.spec, previous, make_sources(), folder=folder, author=author):
            return refreshed, {}
    found = make_sources()
    _say_reason(context, image, previous)
    first = None if previous or upgrade.everything else first_pins(context, image, upgrade.packages)
    stated = replace(first or ScriptPins(), allowed=image.recipe.hashes if image.recipe else {})
    try:
        lock = resolve(image.spec, previous, found, folder=folder, upgrade=upgrade, author=author, first=stated)
    except InputError as error:
        raise InputError(map(image.place, error.problems)) from None
    refuse_other_hashes(image, lock)
    warn_locked(image, lock)
    if first:
        warn_of_difference(image, lock)
    return lock, _debian_moves(previous, lock, found)


def _say_reason(context: Context, image: ScriptImage, previous: Lock | None) -> None:
    """Say why the base is an image of a registry, where the script leaves it open: once, when it becomes the base."""
    from onedigest.lock.base.choice import choose_base, reason

    why = reason(image.spec)
    if why and (previous is None or previous.base.reference != choose_base(image.spec).reference):
        context.noticed(f"{image.spec.name}: {why}")


def _debian_moves(previous: Lock | None, lock: Lock, sources: Sources) -> dict[VersionChange, tuple[str, ...]]:
    """Return what moved of Debian's packages, with the vulnerabilities that are mended."""
    from onedigest.lock.base.advisories import find_fixed_advisories
    from onedigest.lock.base.version_changes import find_version_changes

    moves = find_version_changes(previous.base, lock.base) if previous and previous.version else []
    mended = find_fixed_advisories(moves, lock.base, sources)
    return {move: mended.get(move, ()) for move in moves}


def _refuse_unwritable(images: Iterable[ScriptImage], *, everything: bool) -> None:
    """Raise `InputError` where generated files would replace what is not theirs."""
    from onedigest.rules.folder import refuse_unwritable

    folders: dict[Path, list[ScriptImage]] = {}
    for image in images:
        folders.setdefault(image.folder.parent.resolve(), []).append(image)
    for folder, several in folders.items():
        kinds = {kind for image in several for kind in image.spec.rules}
        refuse_unwritable(folder, kinds, [image.spec.name for image in several], everything=everything)


def _write_folders(
    context: Context, generated: Iterable[tuple[ScriptImage, Rules]], *, everything: bool = False
) -> None:
    """Write the files that images share once, however many images have a part in them; say which ones are gone."""
    from onedigest.rules.folder import write_folder

    folders: dict[Path, list[tuple[ScriptImage, Rules]]] = {}
    for image, rules in generated:
        folders.setdefault(image.folder.parent.resolve(), []).append((image, rules))
    for folder, several in folders.items():
        image = several[0][0]
        changed, left = write_folder([rules for _, rules in several], folder, everything=everything)
        removed = [name for name in changed if not (folder / name).exists()]
        if removed:
            context.said(f"{shown(image.folder.parent)}: {_unasked(removed)}")
        _warn_of_left(image, left)


def _warn_of_left(image: ScriptImage, paths: Iterable[str]) -> None:
    for path in paths:
        message = "is not a file of onedigest, and is left as it is; `rules` does not ask for one of this name"
        image.warn(Problem(message, shown(image.folder.parent / path)))


def tell_what_stays(context: Context, problems: Iterable[Problem]) -> None:
    """Say nothing of what is about to be removed, which is said then."""
    context.warn(problem for problem in problems if "--prune" not in problem.hint)


def prune(context: Context, images: Sequence[ScriptImage]) -> list[str]:
    """Remove the locks of images that are gone, and their parts of the files that images share."""
    from onedigest.rules.folder import write_folder
    from onedigest.rules.model import OWN, own_files

    folder = context.lockfiles
    found = [*find_gone(folder), *find_renamed(folder, with_siblings(context, images))]
    for leftover in found:
        left = remove(leftover, own_files(OWN))
        context.said(f"{shown(leftover.folder)}: removed, since {leftover.reason}")
        for name in left:
            context.warn([Problem("is not a file of onedigest, and is left", shown(leftover.folder / name))])
    if found:
        write_folder([], folder.resolve())
    return [shown(leftover.folder) for leftover in found]


class _Several:
    """What may move in each of several images: a package that is named need not be in all of them."""

    def __init__(self, images: Sequence[ScriptImage], upgrade: Upgrade) -> None:
        self._alone = len(images) == 1
        self._upgrade = upgrade
        self._unknown = set(upgrade.packages)
        self._known: set[str] = set()

    def upgrade(self, previous: Lock | None) -> Upgrade:
        """Return what may move in the image that has a previous lock."""
        if self._alone or not self._upgrade.packages:
            self._unknown.clear()
            return self._upgrade
        names = previous.names() if previous else frozenset()
        own = frozenset(name for name in self._upgrade.packages if self._upgrade.named(name, names))
        self._unknown -= own
        self._known |= names
        return replace(self._upgrade, packages=own)

    def unknown(self) -> InputError | None:
        """Return what is wrong with packages that are in no lock."""
        from onedigest.lock.resolver import unknown_package

        names = sorted(self._unknown)
        said = "no lock has such a package"
        return InputError(unknown_package(name, self._known, said) for name in names) if names else None


def lines_of(result: LockResult) -> list[str]:
    """Say what moved in a lock, and which rules beside it are gone."""
    return [*result.moved, *([_unasked(result.removed)] if result.removed else [])]


def _unasked(paths: Iterable[str]) -> str:
    names = ", ".join(path.rpartition("/")[2] for path in paths)
    return f"removed, since `rules` does not ask for it: {names}"
