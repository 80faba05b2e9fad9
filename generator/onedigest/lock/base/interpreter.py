"""Knows which Python of an image is the one that a script gets, and why none is."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence

from onedigest.errors import InputError
from onedigest.formats import ENVIRONMENT_VARIABLES, PATH, VENV
from onedigest.lock.base.choice import exact_image
from onedigest.lock.base.probe import Python, list_pythons
from onedigest.oci.rootfs import Rootfs
from onedigest.platforms import Platform
from onedigest.spec import Spec

OLDEST = (3, 11)
"""The oldest Python that runs the assembler, which other engines start in the base."""

_FOLDERS = (f"/{VENV}", "/opt/conda")
_NAMES = ("python3", "python")
_MOST_FOLDERS = 256
_MOST_LINKS = 40
_MOST_SHOWN = 200


def choose_python(spec: Spec, platform: Platform, rootfs: Rootfs, variables: Mapping[str, str]) -> Python:
    """Return the first interpreter that fits. Raises `InputError` with the reason why none does.

    Those on PATH come first, then those of environments that are on no PATH; `variables` are the image's own.
    """
    from packaging.specifiers import SpecifierSet

    named = [variables[name] for name in ENVIRONMENT_VARIABLES if variables.get(name)]
    search = [*variables.get("PATH", PATH).split(":"), *(f"{each}/bin" for each in (*named, *_FOLDERS))]
    fitting = [each for each in list_pythons(rootfs, ":".join(search)) if each.machine == platform.elf_machine]
    if not fitting:
        broken = _broken_link(rootfs, search)
        raise InputError.of(
            f"its {broken}, which is not there" if broken else "no Python was found on its PATH",
            hint="copy that Python into it too, at the same path"
            if broken
            else "use a base with Python, such as python:3.13-slim",
        )
    linked = [python for python in fitting if "ld-musl" not in python.loader]
    if not linked:
        raise InputError.of(
            f"its Python is linked with musl: {_named(fitting)}",
            hint="use a base with glibc, such as python:3.13-slim",
        )
    recent = [python for python in linked if python.minor >= OLDEST]
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


def _reachable(spec: Spec, rootfs: Rootfs, pythons: Sequence[Python]) -> Python:
    """Return the first interpreter that the image's user may start."""
    uid = int(spec.user.partition(":")[0])
    for python in pythons:
        if not rootfs.bars(python.path, uid):
            return python
    raise InputError.of(
        f"the user {spec.user} may not start its Python: {_named(pythons)}",
        hint='use a base whose Python everybody may start, or write `user = "0:0"` in [tool.onedigest]',
    )


def _named(pythons: Sequence[Python]) -> str:
    return ", ".join(f"{python.version} ({python.path})" for python in pythons)


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
