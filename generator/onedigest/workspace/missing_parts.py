"""The report of what an image lacks, before anybody runs it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from onedigest.errors import NetworkError, Problem
from onedigest.workspace.context import Context
from onedigest.workspace.script_image import ScriptImage

if TYPE_CHECKING:
    from onedigest.definition.files import File
    from onedigest.lock.model import Lock
    from onedigest.missing.model import KnownOwners
    from onedigest.plan.layers import Plan
    from onedigest.sources import Sources


def look_at(
    context: Context,
    image: ScriptImage,
    lock: Lock,
    files: Sequence[File],
    plan: Plan,
    make_sources: Callable[[], Sources] | None = None,
) -> None:
    """Warn of what an image lacks, as far as its inputs are on this machine.

    Nothing is fetched but Debian's list of files, where something is missing. With `make_sources` that is tried again
    where it was out of reach before.
    """
    from onedigest.missing.check import find_lacks
    from onedigest.missing.model import CheckedImage

    def owners(names: Sequence[str]) -> KnownOwners | None:
        from onedigest.workspace.image_sources import sources

        return _owned(lock, image, names, make_sources() if make_sources else sources(context, image))

    looked = CheckedImage(
        spec=image.spec,
        lock=lock,
        files=files,
        platforms=[each.platform for each in plan.platforms],
        plan=plan.digest(),
        folder=image.script_folder,
        place=image.script.path,
        where=lambda key: image.script.where(f"tool.onedigest.{key}"),
        again=make_sources is not None,
    )
    for problem in find_lacks(looked, context.store, owners):
        image.warn(problem)


def _owned(lock: Lock, image: ScriptImage, names: Sequence[str], sources: Sources) -> KnownOwners | None:
    """Return the packages of the base's suite that have files of some names, None where that cannot be known now."""
    from onedigest.debian.contents import packages_with
    from onedigest.debian.library_names import package_named_after
    from onedigest.missing.model import KnownOwners

    found: dict[str, str] = {}
    suite, architectures = lock.base.system_suite, tuple(each.debian for each in lock.platforms)
    try:
        for architecture in architectures if suite else ():
            left = [name for name in names if name not in found]
            found |= packages_with(left, suite, architecture, sources.archive, sources.store) if left else {}
    except NetworkError:
        with suppress(NetworkError):
            packages = sources.archive.read(suite, architectures, security=image.spec.security).packages
            known = packages[architectures[0]]
            guessed = {name: package_named_after(name, lambda each: known.get(each) is not None) for name in names}
            return KnownOwners(packages={name: package for name, package in guessed.items() if package}, complete=False)
        return None
    return KnownOwners(packages=found, complete=True) if suite else None


def say_unseen(context: Context, image: ScriptImage, lock: Lock) -> None:
    """Warn where an image was not looked at, since wheels or packages of it were never on this machine."""
    from onedigest.missing.image_contents import facts_of

    if image.spec.run or facts_of(lock, lock.platforms, context.store) is not None:
        return
    message = "what the image lacks is not known, since its wheels and packages are not on this machine yet"
    hint = f"run `onedigest fetch {image.spec.name}`, and then `onedigest generate --strict` again"
    image.warn(Problem(message, image.spec.script, hint))
