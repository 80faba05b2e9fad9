"""Knows which keys of a script's [tool.uv] uv gets: those that choose packages, each checked for its shape."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from onedigest.errors import InputError, Problem
from onedigest.lock import uv_values as values

Where = Callable[[str], str]
"""Tells `file:line` of a key of the table."""

_PRERELEASE = partial(values.one_of, ("disallow", "allow", "if-necessary", "explicit", "if-necessary-or-explicit"))
_TAKEN: Mapping[str, Callable[[Any], Any]] = {
    "conflicts": values.conflicts,
    "constraint-dependencies": values.requirements,
    "dependency-metadata": values.dependency_metadata,
    "exclude-dependencies": values.exclusions,
    "exclude-newer": values.moment,
    "exclude-newer-package": partial(values.by_package, values.moment),
    "extra-index-url": values.locations,
    "find-links": values.locations,
    "fork-strategy": partial(values.one_of, ("fewest", "requires-python")),
    "index": values.indexes,
    "index-strategy": partial(
        values.one_of, ("first-index", "unsafe-any-match", "unsafe-first-match", "unsafe-best-match")
    ),
    "index-url": values.location,
    "no-index": values.flag,
    "no-sources": values.flag,
    "no-sources-package": values.names,
    "override-dependencies": values.overrides,
    "prerelease": _PRERELEASE,
    "prerelease-package": partial(values.by_package, _PRERELEASE),
    "resolution": partial(values.one_of, ("highest", "lowest", "lowest-direct")),
    "sources": values.sources,
}

_MACHINE = "it is about a machine, and counts in a uv.toml of your own"
_NO_BUILD = "nothing is built, wheels are all that is installed"
_PROJECT = "it is about a project, and this is a script"
_PIP = "only `uv pip` reads it"
_PLATFORMS = "`platforms` in [tool.onedigest] says what an image is for"
_UPGRADE = "`onedigest generate --upgrade` lets versions move"
_LEFT_OUT: Mapping[str, str] = {
    **dict.fromkeys(
        (
            "cache-dir", "compile-bytecode", "concurrent-builds", "concurrent-downloads", "concurrent-installs",
            "graalpy-install-mirror", "link-mode", "native-tls", "no-cache", "offline", "preview", "preview-features",
            "pypy-install-mirror", "pyodide-install-mirror", "python-downloads", "python-downloads-json-url",
            "python-install-mirror", "python-preference", "reinstall", "reinstall-package", "required-version",
            "system-certs",
        ),
        _MACHINE,
    ),
    **dict.fromkeys(
        (
            "build-constraint-dependencies", "build-exclude-dependencies", "build-override-dependencies",
            "config-settings", "config-settings-package", "extra-build-dependencies", "extra-build-variables",
            "no-build", "no-build-isolation", "no-build-isolation-package", "no-build-package", "require-build-hashes",
        ),
        _NO_BUILD,
    ),
    **dict.fromkeys(
        (
            "add-bounds", "audit", "build-backend", "cache-keys", "check-url", "default-groups", "dependency-groups",
            "dev-dependencies", "managed", "package", "publish-url", "trusted-publishing",
        ),
        _PROJECT,
    ),
    "environments": _PLATFORMS,
    "minimum-libc-version": "the glibc of the base is what counts",
    "pip": _PIP,
    "required-environments": _PLATFORMS,
    "torch-backend": _PIP,
    "upgrade": _UPGRADE,
    "upgrade-package": _UPGRADE,
}  # fmt: skip
_HARMLESS: Mapping[str, Any] = {"no-build": True, "package": False}
"""Values that are what is done anyway."""

_WHEELS = "wheels are all that is installed"
_OWN = "how an index is reached is not a script's to say"
_OWN_HINT = "leave it out; where you need it, set it in a uv.toml of your own"
_REFUSED: Mapping[str, tuple[str, str]] = {
    "allow-insecure-host": (_OWN, _OWN_HINT),
    "http-proxy": (_OWN, _OWN_HINT),
    "https-proxy": (_OWN, _OWN_HINT),
    "keyring-provider": (_OWN, _OWN_HINT),
    "no-binary": (_WHEELS, ""),
    "no-binary-package": (_WHEELS, ""),
    "no-proxy": (_OWN, _OWN_HINT),
    "workspace": ("uv would build its members", "build wheels of them, and name these in `sources`"),
}


def take(own: Mapping[str, Any], where: Where) -> tuple[dict[str, Any], tuple[Problem, ...]]:
    """Return what uv gets of a script's table, and a warning for each key that is left out.

    Raises `InputError` with all that cannot be followed.
    """
    taken: dict[str, Any] = {}
    wrong: list[Problem] = []
    for key, value in sorted(own.items()):
        if key in _REFUSED:
            reason, hint = _REFUSED[key]
            wrong.append(Problem(f"`{key}` in [tool.uv] cannot be followed: {reason}", where(key), hint))
        elif key in _TAKEN:
            try:
                taken[key] = _TAKEN[key](value)
            except ValueError as error:
                wrong.append(Problem(f"`{key}` in [tool.uv] {error}", where(key)))
    if wrong:
        raise InputError(wrong)
    return taken, tuple(_left_out(own, where))


def _left_out(own: Mapping[str, Any], where: Where) -> Iterator[Problem]:
    for key, value in sorted(own.items()):
        if key in _LEFT_OUT:
            if key != "no-build-package" and (key not in _HARMLESS or value is not _HARMLESS[key]):
                yield Problem(f"`{key}` in [tool.uv] is left out: {_LEFT_OUT[key]}", where(key))
        elif key not in _TAKEN:
            near = difflib.get_close_matches(key, sorted([*_TAKEN, *_LEFT_OUT]), 1)
            hint = f"did you mean `{near[0]}`?" if near else ""
            yield Problem(f"unknown key `{key}` in [tool.uv] is left out", where(key), hint)
    for field in values.other_index_fields(own.get("index", ())):
        yield Problem(f"`{field}` of an index in [tool.uv] is left out: {_MACHINE}", where("index"))
