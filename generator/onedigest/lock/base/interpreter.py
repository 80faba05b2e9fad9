"""The Python of an image that a script gets, and the reasons why there may be none."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence

from onedigest import platforms
from onedigest.definition.spec import Spec
from onedigest.errors import InputError, Problem
from onedigest.formats import ENVIRONMENT_VARIABLES, PATH, VENV
from onedigest.lock.base.choice import exact_image
from onedigest.lock.base.probe import Interpreter, has_musl, home_of, list_pythons
from onedigest.oci.rootfs import Rootfs
from onedigest.platforms import Platform

OLDEST = (3, 11)
"""The oldest Python that runs the assembler, which other engines start in the base."""

_MACHINES = {platform.elf_machine: str(platform) for platform in platforms.ALL}
_MUSL = "ld-musl"
_FOLDERS = (f"/{VENV}", "/opt/conda")
_NAMES = ("python3", "python")
_MOST_FOLDERS = 256
_MOST_LINKS = 40
_MOST_SHOWN = 200


def choose_python(spec: Spec, platform: Platform, rootfs: Rootfs, variables: Mapping[str, str]) -> Interpreter:
    """Return the first interpreter that fits. Raises `InputError` with the reason why none does.

    Those on PATH come first, then those of environments that are on no PATH; `variables` are the image's own.
    """
    from packaging.specifiers import SpecifierSet

    named = [variables[name] for name in ENVIRONMENT_VARIABLES if variables.get(name)]
    search = [*variables.get("PATH", PATH).split(":"), *(f"{each}/bin" for each in (*named, *_FOLDERS))]
    pythons = list_pythons(rootfs, ":".join(search))
    fitting = [each for each in pythons if each.machine == platform.elf_machine]
    if not fitting:
        raise _without(rootfs, search, pythons)
    linked = [python for python in fitting if _MUSL not in python.loader]
    if not linked:
        raise InputError.of(
            f"its Python is linked with musl: {_named(fitting)}",
            hint="use a base with glibc, such as python:3.13-slim",
        )
    locked = [python for python in linked if not python.free_threaded]
    if not locked:
        raise InputError.of(
            f"its Python is free-threaded, which wheels for the usual Python do not run on: {_named(linked)}",
            hint="use a base whose Python has the global interpreter lock, such as python:3.13-slim",
        )
    recent = [python for python in locked if python.minor >= OLDEST]
    if not recent:
        raise InputError.of(f"its Python is too old: {_named(fitting)}", hint="Python 3.11 or newer is needed")
    specifiers = SpecifierSet(spec.requires_python)
    wanted = [each for each in recent if specifiers.contains(each.version, prereleases=True)]
    if not wanted:
        raise InputError.of(
            f"its Python does not satisfy `requires-python = {spec.requires_python!r}`: {_named(fitting)}",
            hint=f'write `base = "{exact_image(spec)}"` in [tool.onedigest], or change `requires-python`'
            if spec.base == "debian"
            else "use another base, or change `requires-python`",
        )
    return _reachable(spec, rootfs, wanted)


def _without(rootfs: Rootfs, search: Sequence[str], pythons: Sequence[Interpreter]) -> InputError:
    """Return why there is no Python of a platform."""
    if pythons:
        machines = " and ".join(sorted({_MACHINES.get(each.machine, f"machine {each.machine}") for each in pythons}))
        return InputError.of(
            f"its Python is a program of {machines}: {_named(pythons)}",
            hint="build that base for the platform that it is said to be of, or leave the platform out of `platforms`",
        )
    if broken := _broken_link(rootfs, search) or _broken_copy(rootfs, search):
        return InputError.of(f"its {broken}, which is not there", hint="copy that Python into it too, at the same path")
    if other := _other_program(rootfs, search):
        hint = "have its PATH lead to the interpreter itself, or use a base with Python, such as python:3.13-slim"
        return InputError.of(f"its {other}", hint=hint)
    return InputError.of("no Python was found on its PATH", hint="use a base with Python, such as python:3.13-slim")


def _reachable(spec: Spec, rootfs: Rootfs, pythons: Sequence[Interpreter]) -> Interpreter:
    """Return the first interpreter that the image's user may start, with the modules that it starts with."""
    uid = int(spec.user.partition(":")[0])
    barriers = []
    for python in pythons:
        barrier = rootfs.barrier(python.path, uid) or rootfs.barrier(_library(python), uid)
        if not barrier:
            return python
        barriers.append(barrier)
    if barriers[0] == pythons[0].path:
        raise InputError.of(
            f"the user {spec.user} may not start its Python: {_named(pythons)}",
            hint='use a base whose Python everybody may start, or write `user = "0:0"` in [tool.onedigest]',
        )
    raise InputError.of(
        f"the user {spec.user} may not enter its {barriers[0]}, where its Python is: {_named(pythons)}",
        hint="install that Python where everybody may enter, as uv does with `UV_PYTHON_INSTALL_DIR=/opt/python`,"
        ' or write `user = "0:0"` in [tool.onedigest]',
    )


def _library(python: Interpreter) -> str:
    """Return the folder of the modules of an interpreter, by the layout that CPython installs itself in."""
    major, minor = python.minor
    return f"{posixpath.dirname(posixpath.dirname(python.path))}/lib/python{major}.{minor}"


def _named(pythons: Sequence[Interpreter]) -> str:
    """Name interpreters, with what is odd about some where others are not."""
    traits = [
        ", linked with musl" if _MUSL in each.loader else ", free-threaded" * each.free_threaded for each in pythons
    ]
    shown = traits if len(set(traits)) > 1 else [""] * len(traits)
    return ", ".join(f"{each.version} ({each.path}{trait})" for each, trait in zip(pythons, shown, strict=True))


def no_glibc(rootfs: Rootfs) -> Problem:
    """Return what is said of an image that has a Python and no C library that is known."""
    if has_musl(rootfs):
        return Problem(
            "it has musl in place of glibc, which wheels are linked with",
            hint="use a base with glibc, such as python:3.13-slim",
        )
    return Problem("no glibc was found in it, which wheels are linked with")


def _broken_copy(rootfs: Rootfs, search: Sequence[str]) -> str:
    """Say which Python is that of an environment whose own is not in the image."""
    homes = ((path, home_of(rootfs, real)) for path, real in _programs(rootfs, search))
    return next((f"{path} needs the Python in {home[:_MOST_SHOWN]}" for path, home in homes if home is not None), "")


def _other_program(rootfs: Rootfs, search: Sequence[str]) -> str:
    """Say what is called Python and is none, such as a script of pyenv, or another implementation."""
    for path, real in _programs(rootfs, search):
        leads = "" if path == f"/{real}" else f"leads to /{real[:_MOST_SHOWN]}, which "
        return f"{path} {leads}is no interpreter of CPython that tells its version"
    return ""


def _programs(rootfs: Rootfs, search: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the files that are called Python, whatever they are, each with its real path."""
    for folder in list(dict.fromkeys(search))[:_MOST_FOLDERS]:
        for name in _NAMES:
            path = posixpath.join("/", folder, name)
            place = rootfs.find(path)
            if place and place[1].kind == "file":
                yield path, place[0]


def _broken_link(rootfs: Rootfs, search: Sequence[str]) -> str:
    """Say which Python is a link that leads nowhere, as that of an environment copied from another image is."""
    for folder in list(dict.fromkeys(search))[:_MOST_FOLDERS]:
        place = rootfs.find(folder)
        for name in _NAMES if place else ():
            path = f"/{place[0]}/{name}" if place else ""
            end = _end(rootfs, path)
            if end != path and not rootfs.find(path):
                return f"{path} leads to {end[:_MOST_SHOWN]}"
    return ""


def _end(rootfs: Rootfs, path: str) -> str:
    """Return the path that links lead to, one after the other."""
    for _ in range(_MOST_LINKS):
        node = rootfs.plain(path)
        if node is None or node.kind != "link":
            break
        path = posixpath.normpath(posixpath.join(posixpath.dirname(path), node.target))
    return path
