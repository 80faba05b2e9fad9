"""The files of this program that may define a Flyte image: the user's own, and never an installed one.

The SDK names the file that declares an environment, but passes over each whose path has a folder `flyte` in it.
Then it names what called it: its own program in `bin`, or a module of a notebook's machinery.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from types import ModuleType
from typing import Any

from onedigest.assembler.left_out import ENVIRONMENT
from onedigest.flyte_plugin.sdk import private

_INSTALLED = ("site-packages", "dist-packages")
_OF_AN_ENVIRONMENT = ("bin", "etc", "include", "lib", "lib64", "libexec", "share", "Include", "Lib", "Scripts")
"""Folders that a virtual environment has; what is beside them is a project's, where the two are one folder."""


def find_files(image: Any) -> list[str]:
    """Return the files that may define an image, the likeliest first: where environments have it, and all others."""
    with private():
        having = [each for each in _environments() if each.image == image]
        declared = [str(each._declaring_file or "") for each in having]  # noqa: SLF001  no other way
        scripts = [str(layer.script) for layer in image._layers if type(layer).__name__ == "UVScript"]  # noqa: SLF001  as above
    modules = dict(_own_modules())
    holding = [path for path, module in modules.items() if _holds(vars(module), (*having, image))]
    main = str(getattr(sys.modules.get("__main__"), "__file__", None) or "")
    found = (*filter(is_own, declared), *holding, *filter(is_own, (*scripts, main)), *modules)
    return list(dict.fromkeys(os.path.abspath(path) for path in found))  # noqa: PTH100  links stay


def environments_of(image: Any) -> tuple[str, ...]:
    """Return the names of the environments that have an image, sorted."""
    with private():
        return tuple(sorted({str(each.name) for each in _environments() if each.image == image}))


def find_siblings(image: Any, files: Sequence[str]) -> list[Any]:
    """Return the other images that environments of the same script have; `files` are those of the image."""
    from flyte import Image

    with private():
        others = [each.image for each in _environments() if isinstance(each.image, Image) and each.image != image]
        return [each for each in others if find_files(each)[:1] == list(files[:1])]


@cache
def is_own(path: str) -> bool:
    """Tell whether a file is a user's: no part of an interpreter, an environment or an installed package."""
    if not path or path.startswith(_interpreters()) or _is_in_packages(path):
        return False
    whole = os.path.abspath(path)  # noqa: PTH100  where it is called is as much as where it is
    return os.path.isfile(whole) and not any(  # noqa: PTH113  never raises
        _is_installed(os.path.dirname(each))  # noqa: PTH120  as strings, for there may be thousands
        for each in {whole, os.path.realpath(whole)}
    )


def _environments() -> list[Any]:
    from flyte._environment import list_loaded_environments

    return list(list_loaded_environments())


def _own_modules() -> Iterator[tuple[str, Any]]:
    """Yield the modules of this program that are the user's, by their files, sorted."""
    found = {}
    modules: list[Any] = list(sys.modules.values())  # a program may put anything there
    for module in modules:
        names = object.__getattribute__(module, "__dict__") if isinstance(module, ModuleType) else {}
        path = names.get("__file__")  # a module that is loaded when it is used stays as it is
        if isinstance(path, str) and path.endswith(".py") and is_own(path):
            found[os.path.abspath(path)] = module  # noqa: PTH100  links stay
    yield from sorted(found.items())


def _holds(names: dict[str, Any], wanted: Iterable[Any]) -> bool:
    """Tell whether a module's names have one of several objects, itself or in a plain collection."""
    ids = set(map(id, wanted))
    for value in list(names.values()):
        several: Iterable[Any] = ()
        if isinstance(value, list | tuple | set | frozenset):
            several = value
        elif isinstance(value, dict):
            several = list(value.values())
        if id(value) in ids or any(id(each) in ids for each in several):
            return True
    return False


@cache
def _interpreters() -> tuple[str, ...]:
    """Return the folders of the interpreter that runs this, of Flyte and of onedigest, known without looking."""
    import flyte

    packages = {os.path.dirname(str(flyte.__file__)), os.path.dirname(os.path.dirname(__file__))}  # noqa: PTH120  as above
    folders = {
        os.path.dirname(place)  # noqa: PTH120  as above
        for each in (os.__file__, sys.executable or os.__file__)
        for place in (each, os.path.realpath(each))
    }
    programs = {f"{prefix}{os.sep}bin" for prefix in (sys.prefix, sys.base_prefix)}
    return tuple(f"{folder}{os.sep}" for folder in sorted(folders | programs | packages))


@cache
def _is_installed(folder: str) -> bool:
    """Tell whether a folder is one of an interpreter, of a virtual environment, or of installed packages."""
    if f"{folder}{os.sep}".startswith(_interpreters()) or _is_in_packages(f"{folder}{os.sep}"):
        return True
    while (above := os.path.dirname(folder)) != folder:  # noqa: PTH120  as above
        is_environment = os.path.exists(os.path.join(above, ENVIRONMENT))  # noqa: PTH110, PTH118  never raises
        if is_environment and os.path.basename(folder) in _OF_AN_ENVIRONMENT:  # noqa: PTH119  as above
            return True
        folder = above
    return False


def _is_in_packages(path: str) -> bool:
    return any(f"{os.sep}{each}{os.sep}" in path for each in _INSTALLED)
