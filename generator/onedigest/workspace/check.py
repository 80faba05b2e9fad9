"""The check of locks and generated files: which of them are out of date, and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from onedigest import formats
from onedigest.errors import InputError, Problem, generating
from onedigest.wording import shown
from onedigest.workspace.context import Context
from onedigest.workspace.image_sources import sources
from onedigest.workspace.images import images_of, is_unread
from onedigest.workspace.leftovers import gone as is_gone
from onedigest.workspace.leftovers import stray
from onedigest.workspace.locks import changed_since, code_problems, lock_problems
from onedigest.workspace.records import record_problems
from onedigest.workspace.results import CheckResult
from onedigest.workspace.script_image import ScriptImage
from onedigest.workspace.script_locks import warn_of_difference

if TYPE_CHECKING:
    from onedigest.lock.model import Lock
    from onedigest.rules.model import Rules, StaleFile


def check_images(
    context: Context, images: list[ScriptImage], *, everything: bool = False, gone: Iterable[Problem] = ()
) -> CheckResult:
    """Hold all that is written of images against what would be written; `gone` is wrong with locks without a script.

    With `everything`, locks count that no script is named for.
    """
    problems = list(gone)
    if everything:
        images, strays = _other_images(context, images)
        problems += [each for each in strays if each.where not in {other.where for other in problems}]
    for folder in sorted({image.folder.parent.resolve() for image in images}):
        problems += _stale(context, folder, [image for image in images if image.folder.parent.resolve() == folder])
    return CheckResult(checked=len(images), differences=tuple(problems))


def _other_images(context: Context, images: list[ScriptImage]) -> tuple[list[ScriptImage], list[Problem]]:
    """Return the images of locks that `scripts` does not name: engines that read the whole folder build those too.

    A lock in a folder that is no image's is a problem: nothing renders what is beside it. So are layers of Bazel, since
    extensions.bzl takes those of all folders.
    """
    folders = {context.lockfiles.resolve(), *(image.folder.parent.resolve() for image in images)}
    locks = [path for folder in sorted(folders) for path in sorted(folder.glob(f"*/{formats.LOCK_FILE}"))]
    known = _folders(images)
    further = [path for path in locks if path.parent not in known]
    others = images_of(context, further)
    known |= _folders(others) | {path.parent for path in further if is_unread(context, path)}
    strays = [path for path in locks if path.parent not in known and not is_gone(path)]
    layers = [path for folder in sorted(folders) for path in sorted(folder.glob("*/layers.json"))]
    named = known | {lock.parent for lock in locks}
    strays += [path for path in layers if path.parent not in named]
    return list(dict.fromkeys([*images, *others])), [stray(path) for path in strays]


def _folders(images: Iterable[ScriptImage]) -> set[Path]:
    return {image.folder.parent.resolve() / image.folder.name for image in images}


@dataclass(frozen=True, slots=True)
class _Found:
    """What is stale of an image, or of a folder. `generated` writes it anew, `version` is the release of its lock."""

    generated: str
    version: str
    stale: tuple[StaleFile, ...]

    def other_formats(self) -> set[int]:
        """Return the formats of rules that are not the one of this version, which cannot render them."""
        formats_of = {each.format for each in self.stale if not each.edited}
        return {number for number in formats_of if number not in (None, formats.RULES)}

    def told(self) -> list[StaleFile]:
        """Return what is told file by file: of rules of another format what was changed by hand, and the lock."""
        other = self.other_formats()
        return [each for each in self.stale if not other or each.edited or each.path.endswith(f"/{formats.LOCK_FILE}")]


def _stale(context: Context, folder: Path, images: list[ScriptImage]) -> list[Problem]:
    """Return what is wrong with the locks of some images of a folder, and with all that is rendered from them."""
    from onedigest.lock import text as codec
    from onedigest.rules.files import read
    from onedigest.rules.folder import stale_folder
    from onedigest.rules.image import stale_files

    problems: list[Problem] = []
    rendered: list[Rules] = []
    found: list[_Found] = []
    for image in images:
        text = read(image.lock_path)
        problems += record_problems(image)
        wrong = lock_problems(image, text, partial(_asked, image))
        problems += wrong
        if text is None or wrong:  # what is rendered from the lock moves with it
            problems += _conflicts(image)
            continue
        try:
            lock = codec.loads(text, shown(image.lock_path))
            problems += code_problems(image, lock, partial(sources, context, image))
            rules = _rendered(image, lock, folder)
        except InputError as error:
            problems += error.problems
            continue
        warn_of_difference(image, lock)
        rendered.append(rules)
        found.append(_Found(image.spec.script, lock.version, tuple(stale_files(rules, folder))))
    found.append(_Found("--all", "", tuple(stale_folder(rendered, folder))))
    return [*problems, *_other_formats(folder, found), *_told(folder, found)]


def _conflicts(image: ScriptImage) -> Iterator[Problem]:
    """Yield the rules of an image with marks of a merge, which are to be committed by nobody."""
    from onedigest.merge_conflicts import MARKS, first_line
    from onedigest.rules.files import read
    from onedigest.rules.model import OWN, own_files

    for path in (image.folder / name for name in own_files(OWN)):
        if line := first_line(read(path) or ""):
            yield Problem(MARKS, f"{shown(path)}:{line}", f"run `{generating(image.spec.script)}`")


def _told(folder: Path, found: Iterable[_Found]) -> Iterator[Problem]:
    for each in found:
        for stale in each.told():
            yield Problem(stale.message, shown(folder / stale.path), f"run `{generating(each.generated)}`")


def _other_formats(folder: Path, found: Sequence[_Found]) -> Iterator[Problem]:
    """Yield one problem for all rules of each other format: this version cannot render them, so nothing is proven."""
    from onedigest.lock.metadata import installing

    for number in sorted({number for each in found for number in each.other_formats()}):
        message = f"the rules are of format {number}, and this version writes format {formats.RULES}"
        hint = "run `onedigest generate --all`, which moves no lock and no digest"
        if number > formats.RULES:
            versions = {each.version for each in found if number in each.other_formats() and each.version}
            hint = f"run `{installing(next(iter(sorted(versions)), ''))}`"
        yield Problem(message, shown(folder), hint)


def _rendered(image: ScriptImage, lock: Lock, folder: Path) -> Rules:
    """Render the files of an image from its lock. Raises `InputError`."""
    from onedigest.definition.files import collect
    from onedigest.lock.staleness import refuse_other_answer
    from onedigest.plan.arrange import arrange
    from onedigest.rules.image import render_rules

    refuse_other_answer(image.spec, lock, shown(image.lock_path))
    plan = arrange(image.spec, lock, collect(image.spec, image.script, image.script_folder, image.warn))
    return render_rules(image.spec, lock, plan, folder)


def _asked(image: ScriptImage, text: str) -> str:
    """Say which keys of the spec differ from those that the lock answers, with both values."""
    from onedigest.lock import text as codec
    from onedigest.lock.staleness import moved_settings

    script = image.spec.script
    try:
        lines = moved_settings(image.spec, codec.loads(text, shown(image.lock_path)))
    except InputError:
        return changed_since(script)
    if not lines:
        return f"the defaults of onedigest changed since {script} was locked"
    return f"these settings changed since {script} was locked:\n" + "\n".join(f"  {line}" for line in lines)
