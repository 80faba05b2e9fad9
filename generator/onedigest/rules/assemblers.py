"""The frozen assembler that generated files name: these are text of strangers, so a name only chooses one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from onedigest import formats, zipapp
from onedigest.digest import Digest
from onedigest.errors import InputError, Problem
from onedigest.rules import files as rule_files
from onedigest.rules.files import Files
from onedigest.rules.model import BAZEL, DOCKER, NIX, OWN, SHARED

HINT = "run `onedigest generate --all`, which has them name the newest"

_NAMING = SHARED[BAZEL] + SHARED[NIX]
"""The shared files that may name an assembler."""


def rendered_as_named(folder: Path, paths: Iterable[str], render: Callable[[Digest], Files]) -> Files:
    """Render files with the assembler that they name, if they are as that gives; else with the newest one.

    So what does not move goes on naming the assembler that it named, as long as that writes the layer format of locks.
    `paths` are from the lock folder.
    """
    texts = {path: rule_files.read(folder / path) or "" for path in paths}
    named = zipapp.named(texts.values())
    if len(named) == 1:
        assembler = zipapp.shipped_as(*named)
        if assembler and assembler != zipapp.newest() and zipapp.layer_format(assembler) == formats.LAYERS:
            rendered = render(assembler)
            if all(rendered.get(path) == text for path, text in texts.items()):
                return rendered
    return render(zipapp.newest())


def unknown_assemblers(text: str) -> list[str]:
    """Return the assemblers that a text names and this version does not ship."""
    return sorted(name for name in zipapp.named([text]) if zipapp.shipped_as(name) is None)


def named_assemblers(folder: Path, images: Iterable[str]) -> tuple[Digest, ...]:
    """Return the assemblers that the rules of images and of their lock folder name.

    Raises `InputError` for one that this version does not ship.
    """
    paths = [f"{image}/{name}" for image in images for name in OWN[DOCKER]]
    texts = {path: rule_files.read(folder / path) or "" for path in (*paths, *_NAMING)}
    if problems := _unknown(folder, texts):
        raise InputError(problems)
    found = (zipapp.shipped_as(name) for name in sorted(zipapp.named(texts.values())))
    return tuple(each for each in found if each)


def _unknown(folder: Path, texts: Mapping[str, str]) -> list[Problem]:
    return [
        Problem(f"names `{name}`, an assembler that this version does not have", f"{folder.name}/{path}", HINT)
        for path, text in texts.items()
        for name in unknown_assemblers(text)
    ]
