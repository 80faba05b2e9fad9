"""The inputs that matter to a layer that settles shared paths: only the wheels that share a path with another."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from onedigest.assembler.commands import STATED
from onedigest.assembler.entry import Entry
from onedigest.assembler.layer import PLACE, read_stated
from onedigest.assembler.overlap import clashing_paths, sharing_wheels
from onedigest.assembler.wheel import wheel_entries
from onedigest.assembler.wheel_metadata import file_name_identity
from onedigest.oci.libdeflate import Inflater
from onedigest.plan.layers import Recipe
from onedigest.store import Store
from onedigest.wheel_check.listing import Place, list_wheel


def inputs_that_matter(recipe: Recipe, paths: Mapping[str, Path], store: Store, inflater: Inflater) -> list[Path]:
    """Return those of the wheels at some paths, by file name, that the layer is made of: the others are not read again.

    Raises `Refused`.
    """
    options = dict(recipe.options)
    python, venv = ".".join(options["version"].split(".")[:2]), options.get("place", PLACE).lstrip("/")
    stated = read_stated(options.get(STATED, ""))
    files = {}
    for each in recipe.inputs:
        identity = stated.get(each.name) or file_name_identity(each.name)
        read = partial(_read, paths[each.name], (python, venv), identity, inflater)
        files[each.name] = list_wheel(store, each.name, each.digest, (python, venv), identity, read).files
    kept = set(files) if clashing_paths(files) else sharing_wheels(files)
    return [path for name, path in paths.items() if name in kept]


def _read(
    path: Path, place: Place, identity: tuple[str, str], inflater: Inflater, tell: Callable[[str], object]
) -> list[Entry]:
    return wheel_entries(path, place[0], inflater, place[1], tell, identity)
