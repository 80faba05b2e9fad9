"""The names that an image's lock may have, by the definitions of its script alone and never by their order."""

from __future__ import annotations

import dataclasses
import itertools
import os
import re
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from onedigest.definition.flyte.definition import CodeBundle, Definition, Step, UvScript
from onedigest.definition.flyte.methods import DEFAULT_NAME
from onedigest.definition.values import LONGEST_NAME
from onedigest.digest import hex_of, of_bytes

_DIGITS = 8
_NAME = re.compile(r"[a-z0-9]+(?:[_-][a-z0-9]+)*")
"""What the SDK takes for an environment (`is_snake_or_kebab_with_numbers`)."""


def has_own_name(definition: Definition) -> bool:
    """Tell whether the author of an image named it: what Flyte calls all others is no name."""
    has_script = any(isinstance(step, UvScript) for step in definition.steps)
    return has_script or definition.name != DEFAULT_NAME


def plain_name(definition: Definition, script: Path) -> str:
    """Return the name of an image that has its script for itself: its own, or that of the script."""
    return definition.name.replace("/", "-") if has_own_name(definition) else _word(script.stem)


def candidates(
    definitions: Sequence[Definition], script: Path, root: Path, given: Collection[str] = ()
) -> list[tuple[str, ...]]:
    """Return what each of the different images of a script may be called, the best name first.

    It is the plain name and those of its environments, each as long as no other image of the script has it. Last comes
    a name with a number. The number is made of the environments, or of the whole definition where images share them; so
    it stays while its image changes. `root` is the folder that holds the locks, and `given` are names that the script
    has besides.
    """
    plain = [plain_name(each, script) for each in definitions]
    around = [tuple(dict.fromkeys(map(_environment_name, each.environments))) for each in definitions]
    of_plain = Counter([*plain, *given])
    of_environment = Counter([*itertools.chain(*around), *given])
    reserved = {name for name, count in of_plain.items() if count == 1}
    shared = Counter(each.environments for each in definitions)
    place = Path(os.path.relpath(script.resolve(), root.resolve())).as_posix()
    found = []
    for definition, own, others in zip(definitions, plain, around, strict=True):
        names = [own] if own in reserved else []
        names += [each for each in others if of_environment[each] == 1 and each not in reserved]
        told = [place, *definition.environments]
        if shared[definition.environments] > 1:
            told.append(_identity(definition, f"{root.resolve()}/"))
        stem = next(filter(None, (*others, own)), "image")[: LONGEST_NAME - _DIGITS - 1].rstrip("._-")
        found.append((*filter(None, names), f"{stem}-{_number(told)}"))
    return found


def without_bundles(definition: Definition) -> Definition:
    """Return a definition without the code of one run, which has no part in its lock."""
    steps = tuple(step for step in definition.steps if not isinstance(step, CodeBundle))
    return dataclasses.replace(definition, steps=steps)


def _environment_name(environment: str) -> str:
    """Return the name of an environment as that of an image."""
    name = environment.lower()
    return name if _NAME.fullmatch(name) and len(name) <= LONGEST_NAME else _word(name)


def _word(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:LONGEST_NAME]


def _number(told: list[str]) -> str:
    # a text may hold what is no UTF-8, which `ascii` writes alike with every Python
    return hex_of(of_bytes(ascii(told).encode()))[:_DIGITS]


def _identity(definition: Definition, root: str) -> str:
    """Return what an image is defined by, as it is on every machine: without lines, and with paths from the root."""
    steps = [(type(step).__name__, _fields(step)) for step in without_bundles(definition).steps]
    return ascii(_stated([_fields(dataclasses.replace(definition, steps=())), steps], root))


def _fields(value: Definition | Step) -> dict[str, Any]:
    """Return what two equal values have alike."""
    compared = {field.name for field in dataclasses.fields(value) if field.compare}
    return {name: each for name, each in dataclasses.asdict(value).items() if name in compared}


def _stated(value: Any, root: str) -> Any:
    """Return a value with what says something, so that a field which a later release has moves no number."""
    if isinstance(value, str):
        return value.removeprefix(root)
    if isinstance(value, dict):
        return [(str(key), _stated(value[key], root)) for key in sorted(value, key=str) if value[key]]
    return [_stated(each, root) for each in value] if isinstance(value, list | tuple) else value
