"""The equality of two markers on the platforms and Pythons there are, since uv writes them in its own way."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

from packaging.markers import InvalidMarker, Marker
from packaging.specifiers import InvalidSpecifier, SpecifierSet

_SYSTEMS = (
    ("linux", "Linux", "posix", "x86_64"),
    ("linux", "Linux", "posix", "aarch64"),
    ("linux", "Linux", "posix", "armv7l"),
    ("darwin", "Darwin", "posix", "x86_64"),
    ("darwin", "Darwin", "posix", "arm64"),
    ("win32", "Windows", "nt", "AMD64"),
    ("win32", "Windows", "nt", "ARM64"),
)
_VERSIONS = [f"3.{minor}.{micro}" for minor in range(7, 21) for micro in (0, 9)]
_LONGEST = 4000
_MOST_SPECIFIER = 1000

Where = frozenset[int]
"""The numbers of the environments in which something is asked for."""


class MarkerEnvironments:
    """The environments that a project may be installed in, by its `requires-python`."""

    def __init__(self, requires_python: str) -> None:
        allowed = allowed_pythons(requires_python)
        self._all = [
            *(_values(system, version, "cpython") for system, version in product(_SYSTEMS, allowed)),
            *(_values(_SYSTEMS[0], version, "pypy") for version in allowed[-1:]),
        ]
        self._known: dict[str, Where] = {"": frozenset(range(len(self._all)))}

    def where(self, marker: str) -> Where:
        """Return the environments in which a marker holds. Raises ValueError for what is none."""
        if marker not in self._known:
            if len(marker) > _LONGEST:
                raise ValueError(f"has a marker of more than {_LONGEST} characters")
            try:
                parsed = Marker(marker)
                self._known[marker] = frozenset(
                    number for number, values in enumerate(self._all) if parsed.evaluate(dict(values))
                )
            except (InvalidMarker, RecursionError):
                raise ValueError(f"has what is no marker: {marker[:200]!r}") from None
        return self._known[marker]


def allowed_pythons(requires_python: str) -> list[str]:
    """Return the versions of Python that a specifier allows, of those that are looked at. Raises ValueError."""
    try:
        allowed = SpecifierSet(requires_python[:_MOST_SPECIFIER])
    except InvalidSpecifier:
        raise ValueError(f"has `requires-python = {requires_python[:200]!r}`, which is no version specifier") from None
    return [version for version in _VERSIONS if allowed.contains(version)]


def _values(system: tuple[str, str, str, str], version: str, implementation: str) -> Mapping[str, str]:
    platform, name, os_name, machine = system
    return {
        "extra": "",
        "implementation_name": implementation,
        "implementation_version": version,
        "os_name": os_name,
        "platform_machine": machine,
        "platform_python_implementation": {"cpython": "CPython", "pypy": "PyPy"}[implementation],
        "platform_release": "",
        "platform_system": name,
        "platform_version": "",
        "python_full_version": version,
        "python_version": ".".join(version.split(".")[:2]),
        "sys_platform": platform,
    }
