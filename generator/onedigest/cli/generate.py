"""Knows `onedigest generate`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from onedigest.cli.image import Image
from onedigest.cli.images import find_images
from onedigest.cli.progress import Progress
from onedigest.cli.reaching import sources, sources_for
from onedigest.cli.session import Session, shared_options
from onedigest.cli.words import plural, print_error, print_json, say, shown
from onedigest.errors import InputError, OnedigestError, Problem

if TYPE_CHECKING:
    from onedigest.lock.model import Lock, Package
    from onedigest.lock.resolver import Upgrade
    from onedigest.rules.image import Rules
    from onedigest.sources import Sources


@click.command()
@click.argument("scripts", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All scripts of the project.")
@click.option("--check", is_flag=True, help="Write nothing; exit 3 when a file is not as it would be written.")
@click.option("--upgrade", is_flag=True, help="Let every pin move: packages, Debian packages and base.")
@click.option("--upgrade-package", "packages", multiple=True, metavar="NAME", help="Let one package move.")
@shared_options
def command(
    scripts: tuple[str, ...], everything: bool, check: bool, upgrade: bool, packages: tuple[str, ...], **options: Any
) -> int:
    """Lock scripts and write the files to review.

    What is locked already stays as it is, as long as it fits. Needs the network unless --check is given.
    """
    session = Session(**options)
    images = find_images(session, scripts, everything=everything)
    if check:
        from onedigest.cli.check import check as check_images

        return check_images(session, images, everything=everything)
    from packaging.utils import canonicalize_name

    from onedigest.lock.resolver import Upgrade

    allowed = Upgrade(everything=upgrade, packages=frozenset(map(canonicalize_name, packages)))
    return _generate(session, images, allowed)


def generate_one(image: Image, upgrade: Upgrade, source: Sources) -> None:
    """Lock one image and write all of its files."""
    _, rules = _generate_files(image, _previous(image), upgrade, source)
    _write_merged([(image, rules)])


def _generate_files(
    image: Image, previous: Lock | None, upgrade: Upgrade, source: Sources
) -> tuple[dict[str, Any], Rules]:
    """Lock one image and write its own files; return what is to be said of it, and the files."""
    from onedigest.application import collect
    from onedigest.lock.resolver import resolve
    from onedigest.plan import arrange
    from onedigest.rules.files import refuse_foreign, write
    from onedigest.rules.image import render_rules
    from onedigest.rules.merged import MERGED
    from onedigest.rules.shared import SHARED, render_shared

    application = collect(image.spec, image.script, image.script_folder, image.warn)
    lock = resolve(image.spec, previous, source, folder=image.script_folder, upgrade=upgrade)
    _refuse_other_hashes(image, lock)
    plan = arrange(image.spec, lock, application)
    folder = image.folder.parent.resolve()
    refuse_foreign(folder, (*SHARED, *MERGED))
    rules = render_rules(image.spec, lock, plan, folder)
    changed = write(folder, render_shared(folder)) + write(folder, rules.files)
    result = {
        "name": image.spec.name,
        "script": image.spec.script,
        "lock": shown(image.lock_path),
        "packages": len(lock.packages),
        "wheels": len(lock.wheels()),
        "base": lock.base.reference,
        "python": lock.base.python,
        "changed": changed,
        "moved": _moved(previous, lock),
    }
    return result, rules


def _refuse_other_hashes(image: Image, lock: Lock) -> None:
    """Raise `InputError` for a wheel that is not among those that a project's own lock allows."""
    problems = []
    for package in lock.packages:
        allowed = image.recipe.hashes.get(package.name) if image.recipe else None
        for wheel in sorted({wheel for _, wheel in package.wheels}):
            if allowed and wheel.digest not in allowed:
                message = f"`{wheel.name}` is not among the files that the project's lock has of {package.name}"
                problems.append(
                    Problem(message, image.script.where(""), "lock the project anew, such as with `uv lock`")
                )
    if problems:
        raise InputError(problems)


def _write_merged(generated: Iterable[tuple[Image, Rules]]) -> None:
    """Write the files of all images once, however many images have a part in them."""
    from onedigest.rules.merged import write_merged

    folders: dict[Path, list[Rules]] = {}
    for image, rules in generated:
        folders.setdefault(image.folder.parent.resolve(), []).append(rules)
    for folder, several in folders.items():
        write_merged(several, folder)


def _generate(session: Session, images: list[Image], upgrade: Upgrade) -> int:
    source = sources(session)
    done, generated, failed = [], [], 0
    several = _Several(images, upgrade)
    for image in images:
        previous = _previous(image)
        try:
            with Progress(f"{image.spec.name}: reading the base", None, quiet=session.silent) as progress:
                own = sources_for(replace(source, report=progress.advance), session, image)
                result, rules = _generate_files(image, previous, several.upgrade(previous), own)
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
    _write_merged(generated)
    failed = max(failed, several.say_unknown())
    if session.as_json:
        print_json({"images": done})
    return failed


class _Several:
    """What may move in each of several images: a package that is named need not be in all of them."""

    def __init__(self, images: list[Image], upgrade: Upgrade) -> None:
        self._alone = len(images) == 1
        self._upgrade = upgrade
        self._unknown = set(upgrade.packages)

    def upgrade(self, previous: Lock | None) -> Upgrade:
        """Return what may move in the image that has a previous lock."""
        if self._alone or not self._upgrade.packages:
            self._unknown.clear()
            return self._upgrade
        names = {package.name for package in previous.packages} if previous else set()
        self._unknown -= names
        return replace(self._upgrade, packages=self._upgrade.packages & names)

    def say_unknown(self) -> int:
        """Say which packages are in no lock; return the exit code."""
        for name in sorted(self._unknown):
            print_error(InputError.of(f"`--upgrade-package {name}`: no lock has such a package"))
        return InputError.exit_code if self._unknown else 0


def _say_result(result: dict[str, Any]) -> None:
    state = "locked" if result["changed"] else "unchanged"
    say(
        f"{result['name']}: {state}, {plural(result['packages'], 'package')} in {plural(result['wheels'], 'wheel')}"
        f" on {result['base']} with Python {result['python']}"
    )
    for line in result["moved"]:
        say(f"  {line}")


def _moved(previous: Lock | None, lock: Lock) -> list[str]:
    """Say what the new lock has that the previous had not, and the other way round, and what platforms disagree on."""
    lines = []
    if previous:
        if previous.base.index != lock.base.index:
            lines.append(
                f"base {previous.base.index or previous.base.reference} -> {lock.base.index or lock.base.reference}"
            )
        old, new = _versions(previous), _versions(lock)
        lines += [
            f"{name} {old.get(name, '(new)')} -> {new.get(name, '(gone)')}"
            for name in sorted(old.keys() | new.keys())
            if old.get(name) != new.get(name)
        ]
    versions: dict[str, list[Package]] = {}
    for package in lock.packages:
        versions.setdefault(package.name, []).append(package)
    for name, several in versions.items():
        if len(several) > 1:
            each = ", ".join(f"{one.version} on {' and '.join(map(str, one.platforms))}" for one in several)
            lines.append(f"{name} differs between platforms: {each}")
    return lines


def _versions(lock: Lock) -> dict[str, str]:
    debian = {f"{each.name} (Debian, {each.architecture})": each.version for each in lock.base.packages}
    debian |= {f"{each.name} (Debian, {each.architecture})": each.version for each in lock.base.system_packages}
    found: dict[str, str] = {}
    for package in lock.packages:
        found[package.name] = f"{found[package.name]}, {package.version}" if package.name in found else package.version
    return {**found, **debian}


def _previous(image: Image) -> Lock | None:
    """Return the lock that is there, as far as it can be read."""
    from onedigest.lock import codec
    from onedigest.rules.files import read

    try:
        text = read(image.lock_path)
        return None if text is None else codec.loads(text, shown(image.lock_path))
    except InputError:
        say(f"{shown(image.lock_path)}: cannot be read, so its pins are not kept")
        return None
