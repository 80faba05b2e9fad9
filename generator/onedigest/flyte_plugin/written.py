"""The written definition of an image that Flyte asks for, with the code that a run bakes into it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from onedigest.checkout import read_inside
from onedigest.definition.flyte.definition import CodeBundle, Definition
from onedigest.definition.flyte.detection import may_have_images
from onedigest.definition.flyte.stated_versions import is_always_stated
from onedigest.definition.flyte.syntax import find_images
from onedigest.definition.script import MOST_BYTES
from onedigest.errors import InputError
from onedigest.flyte_plugin.bundles import with_named_bundles
from onedigest.flyte_plugin.context import FlyteContext
from onedigest.wording import shown

_MOST_PLACES = 3


def find_written(
    asked: Definition, files: list[str], *, python: str, flyte: str, root_of: Callable[[Path], Path] = lambda path: path
) -> tuple[Definition, Path] | None:
    """Return what the text of a script says of an image that it has, and the script; None where no text has it.

    The text tells more than Flyte: which values are written there, and which are those of this machine. Modules that a
    script imports are read below the folder that `root_of` gives for its own.
    """
    for path, text in _texts(files):
        for written in find_images(text, path, shown(path), root_of(path.parent)).definitions:
            if (matching := _matching(asked, written, python, flyte)) is not None:
                return matching, path
    return None


def _texts(files: list[str]) -> Iterator[tuple[Path, str]]:
    """Yield the files that may define images, with their texts."""
    for name in files:
        path = Path(name)
        with suppress(InputError, UnicodeDecodeError):
            text = read_inside(path, path.resolve().parent, name, MOST_BYTES).decode("utf-8-sig")
            if may_have_images(text):
                yield path, text


def as_told(
    context: FlyteContext, asked: Definition, files: list[str], python: str, flyte: str
) -> tuple[Definition, Path]:
    """Return what Flyte says of an image that no text has, and the script that declares it."""
    if not files:
        raise InputError.of(
            f"no file is known that defines the image `{asked.name}`",
            hint="define it in a file of your project, as a TaskEnvironment's image",
        )
    path = Path(files[0])
    context.advise(
        f"{asked.name}: {_unread_place(context, path)} cannot be read without being run,"
        " so `onedigest generate` does not know the image"
    )
    texts = [text for _, text in _texts(files)]
    if not (asked.python or asked.base) and is_always_stated("python_version", texts):
        asked = replace(asked, python=python)
    if asked.flyte == "flyte" and is_always_stated("flyte_version", texts):
        asked = replace(asked, flyte=flyte)
    return replace(asked, file=files[0], steps=with_named_bundles(asked.steps, 0)), path


def _matching(asked: Definition, written: Definition, python: str, flyte: str) -> Definition | None:
    """Return a written definition, with the code that this run bakes into the image, if it is the one asked for."""
    plain = tuple(step for step in written.steps if not isinstance(step, CodeBundle))
    wanted = replace(
        written,
        registry=asked.registry,
        python="" if written.python == python else written.python,
        flyte="flyte" if written.flyte == flyte else written.flyte,
        steps=plain,
    )
    bundles = len(written.steps) - len(plain)
    if asked.may_be_host_python and written.python == python:
        wanted = replace(wanted, python=asked.python)
    kept = tuple(step for step in asked.steps if not (isinstance(step, CodeBundle) and not step.files))
    further = kept[len(plain) :]
    if replace(asked, steps=kept[: len(plain)]) != wanted or len(further) not in (0, bundles):
        return None
    return replace(written, steps=(*plain, *with_named_bundles(further, bundles)))


def _unread_place(context: FlyteContext, path: Path) -> str:
    """Return where a script is not literal: with the lines, if they are few."""
    unread = [
        each.where
        for _, text in _texts([str(path)])
        for each in find_images(text, path, shown(path), context.root(path.parent)).unread
    ]
    places = list(dict.fromkeys(unread))
    return " and ".join(places) if 0 < len(places) <= _MOST_PLACES else shown(path)
