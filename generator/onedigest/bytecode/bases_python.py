"""The own CPython of a base as an interpreter of this machine: unpacked once, and shut in where a stranger made it."""

from __future__ import annotations

import platform as running_machine
import re
import sys
from collections.abc import Callable
from pathlib import Path

from onedigest.bytecode.base_files import files_of_layers, files_of_packages
from onedigest.bytecode.choose import QUIET
from onedigest.bytecode.interpreter import Interpreter
from onedigest.bytecode.own_python import LIBRARIES, LOADER, PYTHON, take_installed, take_python
from onedigest.bytecode.python_folders import find_folder, make_folder, mount_point
from onedigest.digest import Digest, canonical_json, of_bytes
from onedigest.errors import InputError
from onedigest.from_source.sandbox import isolation_obstacle, shut_in
from onedigest.lock.base import Base
from onedigest.lock.base.packages import DebianPackage
from onedigest.plan.inputs import Inputs
from onedigest.platforms import ALL, Platform
from onedigest.store import Store

_FORMAT = 2
"""Of what is unpacked; raised when it changes."""

_LIKELY = re.compile(r"(?:lib)?python3\.\d+-(?:minimal|stdlib)|libc6|zlib1g|libexpat1")
"""Packages that are read first: mostly they have all that is needed, and else all packages of the base are read."""

_UNFIT = ":;$"
"""Characters by which the loader would read a path as several."""


def bases_python(
    base: Base, platforms: tuple[Platform, ...], store: Store, fetch: Callable[[Inputs], None]
) -> Interpreter:
    """Return the interpreter of a base, out of its packages or layers, which `fetch` puts into the store.

    It is started by its own loader with its own libraries, and nothing else of the base is run. Debian signs its
    packages; an image may be anybody's, so its interpreter is shut in, or not run at all. Raises `InputError`.
    """
    platform = _platform_here(platforms)
    image = bool(base.layers(platform))
    if image and (why := isolation_obstacle()):
        raise InputError.of(f"it is not run where it cannot be shut in: {why}")
    key = _key(base, platform)
    folder = find_folder(store, key)
    if folder is None:
        folder = make_folder(store, key, _take(base, platform, store, fetch))
    if any(character in str(folder) for character in _UNFIT):
        raise InputError.of(
            f"the loader cannot start it in a folder with one of {' '.join(_UNFIT)} in its path: {folder}"
        )
    return _started(folder, base, store, image=image)


def _platform_here(platforms: tuple[Platform, ...]) -> Platform:
    """Return the platform of a lock whose programs this machine runs. Raises `InputError`."""
    if sys.platform != "linux":
        raise InputError.of(f"it is a program of Linux, and this is {running_machine.system()}")
    machine = running_machine.machine()
    here = next((each for each in ALL if machine in (each.machine, each.debian)), None)
    if here not in platforms or here is None:
        listed = " and ".join(map(str, platforms))
        raise InputError.of(f"it is a program of {listed}, and this machine is {here or machine}")
    return here


def _key(base: Base, platform: Platform) -> Digest:
    """Return the digest of all that decides what is unpacked."""
    packages = [each.digest for each in _packages(base, platform)]
    layers = [each.digest for each in base.layers(platform)]
    return of_bytes(canonical_json([_FORMAT, platform.oci, base.interpreter, packages, layers]))


def _packages(base: Base, platform: Platform) -> tuple[DebianPackage, ...]:
    """Return the packages that a base of packages is made of."""
    above = {*base.system_packages, *base.essential_packages}
    return tuple(each for each in base.debian_packages if platform in each.platforms and each not in above)


def _take(base: Base, platform: Platform, store: Store, fetch: Callable[[Inputs], None]) -> dict[str, bytes]:
    if layers := base.layers(platform):
        _bring(Inputs(layers=layers), store, fetch)
        files = files_of_layers([(each, store.path(each.digest)) for each in layers], store)
        return take_python(files, base.interpreter, platform)
    packages = _packages(base, platform)
    likely = tuple(each for each in packages if _LIKELY.fullmatch(each.name))
    try:
        return _take_of_packages(base, platform, likely, store, fetch)
    except InputError:
        return _take_of_packages(base, platform, packages, store, fetch)


def _take_of_packages(
    base: Base, platform: Platform, packages: tuple[DebianPackage, ...], store: Store, fetch: Callable[[Inputs], None]
) -> dict[str, bytes]:
    _bring(Inputs(packages=packages), store, fetch)
    return take_python(files_of_packages(store.path(each.digest) for each in packages), base.interpreter, platform)


def _bring(inputs: Inputs, store: Store, fetch: Callable[[Inputs], None]) -> None:
    """Put inputs into the store; what is there and holds something else is removed, and fetched again."""
    for digest, size in inputs.pinned():
        store.prove(digest, size)
    fetch(inputs)


def _started(folder: Path, base: Base, store: Store, *, image: bool) -> Interpreter:
    program = next((folder / PYTHON).iterdir())
    variables = (*QUIET, ("PYTHONHOME", str(folder)), ("PYTHONPLATLIBDIR", "lib"))
    command = [str(program), "-S"]
    if (folder / LOADER).exists():
        libraries = str(folder / LIBRARIES)
        command = [str(folder / LOADER), "--inhibit-cache", "--library-path", libraries, *command]
    words = shut_in(command, dict(variables), folder, mount_point(store)) if image else tuple(command)
    return Interpreter(
        command=words,
        variables=variables,
        version=base.python,
        origin=f"{base.reference}'s own",
        stranger=image,
    )


def kept_python(version: str, store: Store, bring: Callable[[Path], Path]) -> Interpreter:
    """Return an interpreter that `bring` puts into a folder, once; what a compiler does not need is not kept of it."""
    machine = [running_machine.system(), running_machine.machine()]
    key = of_bytes(canonical_json([_FORMAT, "uv", version, machine]))
    folder = find_folder(store, key)
    if folder is None:
        with store.scratch() as scratch:
            taken = take_installed(bring(scratch / "pythons"))
            folder = make_folder(store, key, taken)
    program = next((folder / PYTHON).iterdir())
    return Interpreter(command=(str(program),), variables=QUIET, version=version, origin="the fetched")
