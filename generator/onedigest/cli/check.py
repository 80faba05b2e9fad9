"""Knows `onedigest generate --check`: which locks and generated files are not as they would be written."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from onedigest import formats
from onedigest.cli.locks import lock_problems
from onedigest.cli.session import Image, Session
from onedigest.cli.words import plural, print_json, say, shown
from onedigest.errors import DifferenceError, InputError, Problem

if TYPE_CHECKING:
    from onedigest.rules.model import Rules, Stale


def check(session: Session, images: list[Image], *, everything: bool) -> int:
    problems: list[Problem] = []
    if everything:
        images, problems = _other_images(session, images)
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

    A lock in a folder that is no image's is a problem: nothing renders what is beside it. So are layers of Bazel, since
    extensions.bzl takes those of all folders.
    """
    folders = {session.lockfiles.resolve(), *(image.folder.parent.resolve() for image in images)}
    locks = [path for folder in sorted(folders) for path in sorted(folder.glob("*/pylock.toml"))]
    known = _folders(images)
    others = session.images_of(path for path in locks if path.parent not in known)
    known |= _folders(others)
    strays = [path for path in locks if path.parent not in known]
    layers = [path for folder in sorted(folders) for path in sorted(folder.glob("*/layers.json"))]
    named = known | {stray.parent for stray in strays}
    strays += [path for path in layers if path.parent not in named]
    problems = [
        Problem(
            "is the lock of no image" if path in locks else "has the layers of no image",
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
    from onedigest.rules.lock_folder import stale_folder

    problems: list[Problem] = []
    rendered: list[Rules] = []
    stale: list[tuple[str, list[Stale]]] = []
    for image in images:
        lock = read(image.lock_path)
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
        stale.append((image.spec.script, list(stale_files(rules, folder))))
    stale.append(("--all", list(stale_folder(rendered, folder))))
    return problems + _other_formats(folder, stale) + _each_stale(folder, stale)


def _each_stale(folder: Path, stale: Iterable[tuple[str, list[Stale]]]) -> list[Problem]:
    """Return a problem for each stale file; of rules of another format only for those that were changed by hand."""
    problems = []
    for generated, several in stale:
        other = any(_is_other(each) for each in several)
        problems += [
            Problem(each.message, shown(folder / each.path), f"run `onedigest generate {generated}`")
            for each in several
            if each.edited or not other
        ]
    return problems


def _other_formats(folder: Path, stale: Iterable[tuple[str, list[Stale]]]) -> list[Problem]:
    """Return one problem for all rules of each other format: this version cannot render what it would be."""
    found = {each.format for _, several in stale for each in several if _is_other(each)}
    problems = []
    for number in sorted(number for number in found if number is not None):
        message = f"the rules are of format {number}, and this version writes format {formats.RULES}"
        hint = "run `onedigest generate --all`, which moves no lock and no digest"
        if number > formats.RULES:
            hint = "install the release that wrote them"
        problems.append(Problem(message, shown(folder), hint))
    return problems


def _is_other(stale: Stale) -> bool:
    return stale.format not in (None, formats.RULES) and not stale.edited


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
    from onedigest.spec import fields

    try:
        old = json.loads(codec.loads(text, shown(image.lock_path)).asked)
    except InputError:
        return f"the lock does not answer {image.spec.script} as it is now"
    new = fields(image.spec)
    lines = []
    for key in sorted(old.keys() | new.keys()):
        if old.get(key) != new.get(key):
            lines += [f"  - {key} = {json.dumps(old.get(key))}", f"  + {key} = {json.dumps(new.get(key))}"]
    return f"{image.spec.script} asks for something else:\n" + "\n".join(lines)
