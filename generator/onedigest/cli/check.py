"""Knows `onedigest generate --check`: which locks and generated files are not as they would be written."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from onedigest.cli.image import Image
from onedigest.cli.images import images_of
from onedigest.cli.leftovers import gone as is_gone
from onedigest.cli.locks import changed_since, lock_problems
from onedigest.cli.records import record_problems
from onedigest.cli.session import Session
from onedigest.cli.words import plural, print_json, say, shown
from onedigest.conflicts import MARKS, first_line
from onedigest.errors import DifferenceError, InputError, Problem

if TYPE_CHECKING:
    from onedigest.rules.image import Rules


def check(session: Session, images: list[Image], *, everything: bool, gone: Iterable[Problem] = ()) -> int:
    """Hold all that is written of images against what would be written; `gone` is wrong with locks without a script."""
    problems = list(gone)
    if everything:
        images, strays = _other_images(session, images)
        problems += strays
    for folder in sorted({image.folder.parent.resolve() for image in images}):
        problems += _stale(folder, [image for image in images if image.folder.parent.resolve() == folder])
    if session.as_json:
        rows = [{"where": each.where, "message": each.message, "hint": each.hint} for each in problems]
        print_json({"checked": len(images), "differences": rows})
        return DifferenceError.exit_code if problems else 0
    if problems:
        raise DifferenceError(problems)
    if not session.quiet:
        say(f"{plural(len(images), 'lock')} checked")
    return 0


def _other_images(session: Session, images: list[Image]) -> tuple[list[Image], list[Problem]]:
    """Return the images of locks that `scripts` does not name: engines that read the whole folder build those too.

    A lock in a folder that is no image's is a problem: nothing renders what is beside it. So is a package of Bazel, of
    which extensions.bzl takes the names of files.
    """
    folders = {session.lockfiles.resolve(), *(image.folder.parent.resolve() for image in images)}
    locks = [path for folder in sorted(folders) for path in sorted(folder.glob("*/pylock.toml"))]
    known = _folders(images)
    others = images_of(session, [path for path in locks if path.parent not in known])
    known |= _folders(others)
    strays = [path for path in locks if path.parent not in known and not is_gone(path)]
    builds = [path for folder in sorted(folders) for path in sorted(folder.glob("*/BUILD.bazel"))]
    named = known | {lock.parent for lock in locks}
    strays += [path for path in builds if path.parent not in named]
    problems = [
        Problem(
            f"is the {'lock' if path in locks else 'package'} of no image",
            shown(path),
            f"delete the folder `{path.parent.name}`, and run `onedigest generate --all`",
        )
        for path in strays
    ]
    return list(dict.fromkeys([*images, *others])), problems


def _folders(images: Iterable[Image]) -> set[Path]:
    return {image.folder.parent.resolve() / image.folder.name for image in images}


def _stale(folder: Path, images: list[Image]) -> list[Problem]:
    """Return what is wrong with the locks of some images of a folder, and with all that is rendered from them."""
    from onedigest.rules.files import read
    from onedigest.rules.image import stale_files
    from onedigest.rules.merged import stale_merged
    from onedigest.rules.shared import render_shared

    def problem(path: str, message: str, script: str = "") -> Problem:
        return Problem(message, shown(folder / path), f"run `onedigest generate {script}".rstrip() + "`")

    problems = [
        problem(path, MARKS if first_line(found or "") else "is not as it would be written")
        for path, text in render_shared(folder).items()
        if (found := read(folder / path)) != text
    ]
    rendered = []
    for image in images:
        lock = read(image.lock_path)
        problems += record_problems(image)
        wrong = lock_problems(image, lock, partial(_asked, image))
        problems += wrong
        if lock is None or wrong:
            continue  # what is rendered from the lock moves with it
        try:
            rules = _rendered(image, lock, folder)
        except InputError as error:
            problems += error.problems
            continue
        rendered.append(rules)
        problems += [problem(path, message, image.spec.script) for path, message in stale_files(rules, folder)]
    return problems + [problem(path, message) for path, message in stale_merged(rendered, folder)]


def _rendered(image: Image, text: str, folder: Path) -> Rules:
    """Render the files of an image from its lock, which is intact. Raises `InputError`."""
    from onedigest.application import collect
    from onedigest.lock import codec
    from onedigest.lock.answer import refuse_other_answer
    from onedigest.plan.arrange import arrange
    from onedigest.rules.image import render_rules

    lock = codec.loads(text, shown(image.lock_path))
    refuse_other_answer(image.spec, lock, shown(image.lock_path))
    plan = arrange(image.spec, lock, collect(image.spec, image.script, image.script_folder, image.warn))
    return render_rules(image.spec, lock, plan, folder)


def _asked(image: Image, text: str) -> str:
    """Say which keys of the spec differ from those that the lock answers, with both values."""
    from onedigest.lock import codec
    from onedigest.lock.answer import moved_settings

    script = image.spec.script
    try:
        lines = moved_settings(image.spec, codec.loads(text, shown(image.lock_path)))
    except InputError:
        return changed_since(script)
    if not lines:
        return f"the defaults of onedigest changed since {script} was locked"
    return f"these settings changed since {script} was locked:\n" + "\n".join(f"  {line}" for line in lines)
