"""The command `onedigest generate`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from onedigest.cli.earlier import answers, earlier_lock, refuse_other_hashes
from onedigest.cli.image import Image
from onedigest.cli.images import find_images, with_siblings
from onedigest.cli.leftovers import find_gone, find_renamed, remove
from onedigest.cli.locked_warnings import warn_locked
from onedigest.cli.locks import moved_code
from onedigest.cli.looking import look_at, say_unseen
from onedigest.cli.moves import say_moves
from onedigest.cli.progress import Progress
from onedigest.cli.reaching import sources, sources_for
from onedigest.cli.script_locks import first_pins, warn_of_difference
from onedigest.cli.session import Session, shared_options
from onedigest.cli.undone import say_undone
from onedigest.cli.wheels import tell_wheels
from onedigest.cli.words import plural, print_error, print_json, say, shown
from onedigest.errors import InputError, OnedigestError, Problem, UsageError
from onedigest.formats import LOCK_FILE

if TYPE_CHECKING:
    from onedigest.lock.base.moves import Move
    from onedigest.lock.model import Lock
    from onedigest.lock.resolver import Upgrade
    from onedigest.rules.model import Rules
    from onedigest.sources import Sources


@click.command()
@click.argument("scripts", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All scripts of the project.")
@click.option("--check", is_flag=True, help="Write nothing; exit 3 when a file is out of date.")
@click.option("--prune", is_flag=True, help="Remove the locks of images that are gone.")
@click.option("--upgrade", is_flag=True, help="Let every pin move: packages, Debian packages and base.")
@click.option("--upgrade-base", is_flag=True, help="Let the base and all Debian packages move, and nothing else.")
@click.option(
    "--upgrade-package", "packages", multiple=True, metavar="NAME", help="Let one package move, also one of Debian."
)
@click.option("--strict", is_flag=True, help="Refuse an image that lacks something, in place of a warning.")
@shared_options
def command(
    scripts: tuple[str, ...],
    everything: bool,
    check: bool,
    prune: bool,
    upgrade: bool,
    upgrade_base: bool,
    packages: tuple[str, ...],
    strict: bool,
    **options: Any,
) -> int:
    """Lock scripts and write the files to review.

    SCRIPTS are scripts, images, or folders with the pyproject.toml of a project. What is locked already stays as it is,
    as long as it fits. A lock that answers its script needs no network.
    """
    _refuse_idle(check=check, upgrade=upgrade, upgrade_base=upgrade_base, packages=packages, strict=strict)
    session = Session(**options)
    images: list[Image] = []
    gone = [leftover.problem() for leftover in find_gone(session.lockfiles)] if prune else []
    if scripts or everything or not prune:
        tell = gone.extend if check else partial(_tell_what_stays, session) if prune else session.warn
        images = find_images(session, scripts, everything=everything, tell=tell)
    if check:
        from onedigest.cli.check import check as check_images

        return check_images(session, images, everything=everything, gone=dict.fromkeys(gone))
    from onedigest.lock.resolver import Upgrade

    allowed = Upgrade(everything=upgrade, base=upgrade_base, packages=frozenset(packages))
    result, failed = _generate(session, images, allowed, everything=everything, strict=strict)
    if prune:
        result["pruned"] = _prune(session, images)
    if session.as_json:
        print_json(result)
    return failed


def _refuse_idle(*, check: bool, **options: bool | tuple[str, ...]) -> None:
    """Raise `UsageError` where `--check`, which asks for nothing, stands beside an option that it would not heed."""
    names = {"packages": "--upgrade-package"}
    for name, value in options.items() if check else ():
        if value:
            option = names.get(name, "--" + name.replace("_", "-"))
            raise UsageError.of(
                f"--check holds what is written against its script, and does nothing of {option}",
                hint=f"call `onedigest generate` twice: with {option}, and with --check",
            )


def generate_one(session: Session, image: Image) -> None:
    """Lock one image and write all of its files; say what moved."""
    from onedigest.lock.resolver import Upgrade

    _refuse_unwritable([image], everything=False)
    result, rules = _generate_files(
        session, image, earlier_lock(session, image), Upgrade(), lambda: sources(session, image), builds=True
    )
    _write_folders(session, [(image, rules)])
    for line in () if session.silent else _told(result):
        say(f"  {line}")


def _generate_files(
    session: Session,
    image: Image,
    previous: Lock | None,
    upgrade: Upgrade,
    make_sources: Callable[[], Sources],
    *,
    strict: bool = False,
    builds: bool = False,
) -> tuple[dict[str, Any], Rules]:
    """Lock one image and write its own files; return what is to be said of it, and the files.

    With `strict`, what an image lacks is an `InputError`, before anything is written. `builds`: a build comes next.
    """
    from onedigest.definition.files import collect
    from onedigest.plan.arrange import arrange
    from onedigest.rules.image import render_rules, write_rules

    application = collect(image.spec, image.script, image.script_folder, image.warn)
    lock, moves = _locked(session, image, previous, upgrade, make_sources)
    plan = arrange(image.spec, lock, application)
    lacking: list[Problem] = []
    looked = replace(image, warn=lacking.append if strict else image.warn)
    if strict or lock is not previous:
        say_undone(session, looked, lock, make_sources)
    look_at(session, looked, lock, application, plan, make_sources)
    if not builds:  # it looks when all wheels are there
        tell_wheels(session, image, lock, looked.warn)
    if strict:
        say_unseen(session, image, lock)
    if lacking:
        raise InputError(lacking)
    folder = image.folder.parent.resolve()
    rules = render_rules(image.spec, lock, plan, folder)
    changed, left = write_rules(rules, folder)
    _warn_of_left(image, left)
    return {
        "name": image.spec.name,
        "script": image.spec.script,
        "lock": shown(image.lock_path),
        "packages": len(lock.packages),
        "wheels": len(lock.wheels()),
        "base": lock.base.reference,
        "python": lock.base.python,
        "changed": changed,
        "removed": [path for path in changed if path not in rules.files],
        "moved": say_moves(previous, lock, moves),
    }, rules


def _locked(
    session: Session, image: Image, previous: Lock | None, upgrade: Upgrade, make_sources: Callable[[], Sources]
) -> tuple[Lock, Mapping[Move, tuple[str, ...]]]:
    """Lock one image; return its lock, and what moved of Debian's packages.

    Where its lock is what would be chosen, nothing is asked of uv, of an index or of a registry.
    """
    from onedigest.lock.resolver import Upgrade, resolve
    from onedigest.lock.script_lock import Pins

    author, folder = image.author(), image.script_folder
    if previous and upgrade == Upgrade() and answers(image, previous):
        if not moved_code(image, previous, make_sources):
            return previous, {}
        from onedigest.lock.refreshing import refresh

        if refreshed := refresh(image.spec, previous, make_sources(), folder=folder, author=author):
            return refreshed, {}
    found = make_sources()
    _say_reason(session, image, previous)
    first = None if previous or upgrade.everything else first_pins(session, image, upgrade.packages)
    stated = replace(first or Pins(), allowed=image.recipe.hashes if image.recipe else {})
    try:
        lock = resolve(image.spec, previous, found, folder=folder, upgrade=upgrade, author=author, first=stated)
    except InputError as error:
        raise InputError(map(image.place, error.problems)) from None
    refuse_other_hashes(image, lock)
    warn_locked(image, lock)
    if first:
        warn_of_difference(image, lock)
    return lock, _debian_moves(previous, lock, found)


def _say_reason(session: Session, image: Image, previous: Lock | None) -> None:
    """Say why the base is an image of a registry, where the script leaves it open: once, when it becomes the base."""
    from onedigest.lock.base.choice import choose_base, reason

    why = reason(image.spec)
    if why and not session.quiet and (previous is None or previous.base.reference != choose_base(image.spec).reference):
        say(f"{image.spec.name}: {why}")


def _debian_moves(previous: Lock | None, lock: Lock, sources: Sources) -> dict[Move, tuple[str, ...]]:
    """Return what moved of Debian's packages, with the vulnerabilities that are mended."""
    from onedigest.lock.base.advisories import find_mended
    from onedigest.lock.base.moves import find_moves

    moves = find_moves(previous.base, lock.base) if previous and previous.version else []
    mended = find_mended(moves, lock.base, sources)
    return {move: mended.get(move, ()) for move in moves}


def _refuse_unwritable(images: Iterable[Image], *, everything: bool) -> None:
    """Raise `InputError` where generated files would replace what is not theirs."""
    from onedigest.rules.folder import refuse_unwritable

    folders: dict[Path, list[Image]] = {}
    for image in images:
        folders.setdefault(image.folder.parent.resolve(), []).append(image)
    for folder, several in folders.items():
        kinds = {kind for image in several for kind in image.spec.rules}
        refuse_unwritable(folder, kinds, [image.spec.name for image in several], everything=everything)


def _write_folders(session: Session, generated: Iterable[tuple[Image, Rules]], *, everything: bool = False) -> None:
    """Write the files that images share once, however many images have a part in them; say which ones are gone."""
    from onedigest.rules.folder import write_folder

    folders: dict[Path, list[tuple[Image, Rules]]] = {}
    for image, rules in generated:
        folders.setdefault(image.folder.parent.resolve(), []).append((image, rules))
    for folder, several in folders.items():
        image = several[0][0]
        changed, left = write_folder([rules for _, rules in several], folder, everything=everything)
        removed = [name for name in changed if not (folder / name).exists()]
        if removed and not session.silent:
            say(f"{shown(image.folder.parent)}: {_unasked(removed)}")
        _warn_of_left(image, left)


def _warn_of_left(image: Image, paths: Iterable[str]) -> None:
    for path in paths:
        message = "is not a file of onedigest, and is left as it is; `rules` does not ask for one of this name"
        image.warn(Problem(message, shown(image.folder.parent / path)))


def _generate(
    session: Session, images: list[Image], upgrade: Upgrade, *, everything: bool, strict: bool
) -> tuple[dict[str, Any], int]:
    """Lock images and write all files; return what is to be said of them, and the exit code."""
    source = sources(session)
    done, generated, failed = [], [], 0
    several = _Several(images, upgrade)
    _refuse_unwritable(images, everything=everything)
    for image in images:
        try:
            previous = earlier_lock(session, image)
            with Progress(f"{image.spec.name}: reading the base", None, quiet=session.silent) as progress:
                own = partial(sources_for, replace(source, report=progress.advance), session, image)
                result, rules = _generate_files(session, image, previous, several.upgrade(previous), own, strict=strict)
        except OnedigestError as error:
            if len(images) == 1:
                raise
            say(f"{image.spec.script}:")
            print_error(error)
            failed = max(failed, error.exit_code)
            continue
        done.append(result)
        generated.append((image, rules))
        if not session.as_json and not session.quiet:
            _say_result(result)
    _write_folders(session, generated, everything=everything)
    return {"images": done}, max(failed, several.say_unknown())


def _tell_what_stays(session: Session, problems: Iterable[Problem]) -> None:
    """Say nothing of what is about to be removed, which is said then."""
    session.warn(problem for problem in problems if "--prune" not in problem.hint)


def _prune(session: Session, images: list[Image]) -> list[str]:
    """Remove the locks of images that are gone, and their parts of the files that images share."""
    from onedigest.rules.folder import write_folder
    from onedigest.rules.model import OWN, own_files

    folder = session.lockfiles
    found = [*find_gone(folder), *find_renamed(folder, with_siblings(session, images))]
    for leftover in found:
        left = remove(leftover, own_files(OWN))
        if not session.silent:
            say(f"{shown(leftover.folder)}: removed, since {leftover.reason}")
        for name in left:
            session.warn([Problem("is not a file of onedigest, and is left", shown(leftover.folder / name))])
    if found:
        write_folder([], folder.resolve())
    return [shown(leftover.folder) for leftover in found]


class _Several:
    """What may move in each of several images: a package that is named need not be in all of them."""

    def __init__(self, images: list[Image], upgrade: Upgrade) -> None:
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

    def say_unknown(self) -> int:
        """Say which packages are in no lock; return the exit code."""
        from onedigest.lock.resolver import unknown_package

        names = sorted(self._unknown)
        if names:
            print_error(InputError(unknown_package(name, self._known, "no lock has such a package") for name in names))
        return InputError.exit_code if names else 0


def _say_result(result: dict[str, Any]) -> None:
    changed = [name.rpartition("/")[2] for name in result["changed"]]
    state = "locked" if LOCK_FILE in changed else "rules written" if changed else "unchanged"
    say(
        f"{result['name']}: {state}, {plural(result['packages'], 'package')} in {plural(result['wheels'], 'wheel')}"
        f" on {result['base']} with Python {result['python']}"
    )
    for line in _told(result):
        say(f"  {line}")


def _told(result: dict[str, Any]) -> list[str]:
    """Say what moved in a lock, and which rules beside it are gone."""
    return [*result["moved"], *([_unasked(result["removed"])] if result["removed"] else [])]


def _unasked(paths: Iterable[str]) -> str:
    names = ", ".join(path.rpartition("/")[2] for path in paths)
    return f"removed, since `rules` does not ask for it: {names}"
