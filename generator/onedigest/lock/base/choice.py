"""Knows which base a script means: the Debian suite with the right Python, or the image that it names or needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from onedigest.errors import InputError
from onedigest.spec import Spec

if TYPE_CHECKING:
    from packaging.specifiers import SpecifierSet

SUITES = {"trixie": "3.13.5", "bookworm": "3.11.2"}
"""The stable suites whose keys are shipped, newest first, with their Python, which a stable suite keeps."""

_MINORS = range(11, 17)
"""The minors of Python 3 that there may be an image of."""
_MICROS = 30


@dataclass(frozen=True, slots=True)
class Choice:
    """Which base a spec means: a Debian suite, or the reference of an image."""

    suite: str = ""
    image: str = ""

    @property
    def reference(self) -> str:
        """What a script would write to ask for it."""
        return self.image or f"debian:{self.suite}"


def choose_base(spec: Spec) -> Choice:
    """Return the base of a spec. Raises `InputError` when the Debian suite that it names has no right Python."""
    from packaging.specifiers import SpecifierSet

    kind, _, named = spec.base.partition(":")
    if kind != "debian":
        return Choice(image=spec.base)
    if named and named not in SUITES:
        raise InputError.of(
            f"unknown Debian suite `{named}`", where=spec.script, hint=f"the suites are {', '.join(SUITES)}"
        )
    wanted = SpecifierSet(spec.requires_python)
    for suite, python in SUITES.items():
        if named in ("", suite) and wanted.contains(python):
            return Choice(suite=suite)
    if not named and (minor := _minor(wanted)):
        return Choice(image=f"docker.io/library/python:{minor}-slim")
    offered = ", ".join(f"{suite} ({python})" for suite, python in SUITES.items() if named in ("", suite))
    raise InputError.of(
        f"no Debian suite has a Python that satisfies `requires-python = {spec.requires_python!r}`",
        where=spec.script,
        hint=f"the suites are {offered}",
    )


def _minor(wanted: SpecifierSet) -> str:
    """Return the oldest Python that satisfies a specifier and that no suite has: for that one most wheels exist."""
    versions = (f"3.{minor}.{micro}" for minor in _MINORS for micro in range(_MICROS))
    found = next((version for version in versions if wanted.contains(version)), "")
    return found.rpartition(".")[0]


def python_minor(version: str) -> str:
    """Return the version of a Python as 3.N."""
    return ".".join(version.split(".")[:2])
