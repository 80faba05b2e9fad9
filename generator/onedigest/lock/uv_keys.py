"""The keys of a script's [tool.uv] that uv gets: those that choose packages, each checked for its shape."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from packaging.utils import canonicalize_name

from onedigest.errors import InputError, Problem
from onedigest.from_source.unlisted_sources import build_line
from onedigest.lock import uv_values

Where = Callable[[str], str]
"""Tells `file:line` of a key of the table."""

_PRERELEASE = partial(uv_values.one_of, ("disallow", "allow", "if-necessary", "explicit", "if-necessary-or-explicit"))
_TAKEN: Mapping[str, Callable[[Any], Any]] = {
    "conflicts": uv_values.conflicts,
    "constraint-dependencies": uv_values.requirements,
    "dependency-metadata": uv_values.dependency_metadata,
    "exclude-dependencies": uv_values.exclusions,
    "exclude-newer": uv_values.moment,
    "exclude-newer-package": partial(uv_values.by_package, uv_values.moment),
    "extra-index-url": uv_values.locations,
    "find-links": uv_values.locations,
    "fork-strategy": partial(uv_values.one_of, ("fewest", "requires-python")),
    "index": uv_values.indexes,
    "index-strategy": partial(
        uv_values.one_of, ("first-index", "unsafe-any-match", "unsafe-first-match", "unsafe-best-match")
    ),
    "index-url": uv_values.location,
    "no-index": uv_values.flag,
    "no-sources": uv_values.flag,
    "no-sources-package": uv_values.names,
    "override-dependencies": uv_values.overrides,
    "prerelease": _PRERELEASE,
    "prerelease-package": partial(uv_values.by_package, _PRERELEASE),
    "resolution": partial(uv_values.one_of, ("highest", "lowest", "lowest-direct")),
    "sources": uv_values.sources,
}

_OF_BUILDS: Mapping[str, Callable[[Any], Any]] = {
    "build-constraint-dependencies": uv_values.requirements,
    "config-settings": uv_values.config_settings,
    "config-settings-package": partial(uv_values.by_package, uv_values.config_settings),
    "extra-build-dependencies": partial(uv_values.by_package, uv_values.build_dependencies),
    "extra-build-variables": partial(uv_values.by_package, uv_values.variables),
    "no-build": uv_values.flag,
}
"""What is said of builds: uv is told none of it, since it builds nothing."""

OF_INDEXES = (
    "exclude-newer",
    "exclude-newer-package",
    "extra-index-url",
    "find-links",
    "index",
    "index-strategy",
    "index-url",
    "no-index",
)
"""What is said of indexes, which have what builds need too."""

_MACHINE = "it is about a machine, and counts in a uv.toml of your own"
_ISOLATED = "every build is isolated, and its requirements are pinned with hashes"
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
            "build-exclude-dependencies", "build-override-dependencies", "no-build-isolation",
            "no-build-isolation-package", "require-build-hashes",
        ),
        _ISOLATED,
    ),
    "no-build-package": "`build` in [tool.onedigest] says what is built",
    **dict.fromkeys(
        (
            "add-bounds", "audit", "build-backend", "cache-keys", "check-url", "default-groups", "dependency-groups",
            "dev-dependencies", "managed", "package", "publish-url", "trusted-publishing", "workspace",
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
_HARMLESS: Mapping[str, Any] = {"package": False}
"""Values that are what is done anyway."""

_WHEELS = "wheels are installed, and what `build` in [tool.onedigest] names is built"
_NO_BINARY = "no-binary-package"
_OWN = "how an index is reached is not a script's to say"
_OWN_HINT = "leave it out; where you need it, set it in a uv.toml of your own"
_REFUSED: Mapping[str, tuple[str, str]] = {
    "allow-insecure-host": (_OWN, _OWN_HINT),
    "http-proxy": (_OWN, _OWN_HINT),
    "https-proxy": (_OWN, _OWN_HINT),
    "keyring-provider": (_OWN, _OWN_HINT),
    "no-binary": (_WHEELS, "leave it out, and name in `build` what is to be built"),
    "no-proxy": (_OWN, _OWN_HINT),
}


def take(
    own: Mapping[str, Any], where: Where, build: Collection[str] = ()
) -> tuple[dict[str, Any], tuple[Problem, ...]]:
    """Return what uv gets of a script's table, and a warning for each key that is left out.

    `build` are the packages that the script wants built, normalized. Raises `InputError` with all that cannot be
    followed.
    """
    taken: dict[str, Any] = {}
    wrong: list[Problem] = []
    for key, value in sorted(own.items()):
        if key in _REFUSED:
            reason, hint = _REFUSED[key]
            wrong.append(Problem(f"`{key}` in [tool.uv] cannot be followed: {reason}", where(key), hint))
        elif key in _TAKEN or key in _OF_BUILDS or key == _NO_BINARY:
            try:
                if key in _TAKEN:
                    taken[key] = _TAKEN[key](value)
                elif key in _OF_BUILDS:
                    _OF_BUILDS[key](value)
                elif unnamed := sorted(set(map(canonicalize_name, uv_values.names(value))) - set(build)):
                    message = f"`{key}` in [tool.uv] cannot be followed: {_WHEELS}"
                    wrong.append(Problem(message, where(key), build_line(unnamed, build)))
            except ValueError as error:
                wrong.append(Problem(f"`{key}` in [tool.uv] {error}", where(key)))
    if wrong:
        raise InputError(wrong)
    return taken, tuple(_left_out(own, where))


def of_builds(own: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a script's table says of builds, and of indexes that have what they need.

    What cannot be followed, `take` refuses.
    """
    found: dict[str, Any] = {}
    for key, check in {**_OF_BUILDS, **{key: _TAKEN[key] for key in OF_INDEXES}}.items():
        with suppress(ValueError):
            found |= {key: check(own[key])} if key in own else {}
    return found


def _left_out(own: Mapping[str, Any], where: Where) -> Iterator[Problem]:
    for key, value in sorted(own.items()):
        if key in _LEFT_OUT:
            if key not in _HARMLESS or value is not _HARMLESS[key]:
                yield Problem(f"`{key}` in [tool.uv] is left out: {_LEFT_OUT[key]}", where(key))
        elif key not in _TAKEN and key not in _OF_BUILDS and key != _NO_BINARY:
            near = difflib.get_close_matches(key, sorted([*_TAKEN, *_OF_BUILDS, *_LEFT_OUT]), 1)
            hint = f"did you mean `{near[0]}`?" if near else ""
            yield Problem(f"unknown key `{key}` in [tool.uv] is left out", where(key), hint)
    for field in uv_values.other_index_fields(own.get("index", ())):
        yield Problem(f"`{field}` of an index in [tool.uv] is left out: {_MACHINE}", where("index"))
