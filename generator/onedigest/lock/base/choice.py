"""The base that a script means: the Debian suite with the right Python, or the image that it names or needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from onedigest.definition.spec import Spec
from onedigest.errors import InputError

if TYPE_CHECKING:
    from packaging.specifiers import SpecifierSet

SUITES = {"trixie": "3.13.5", "bookworm": "3.11.2"}
"""The stable suites whose keys are shipped, newest first, with their Python, which a stable suite keeps."""

SYSTEMS = {"trixie": "debian 13", "bookworm": "debian 12"}
"""What the os-release of each says of it: ID and VERSION_ID."""

_MINORS = range(11, 17)
"""The minors of Python 3 that there may be an image of."""
_MICROS = 30


@dataclass(frozen=True, slots=True)
class BaseChoice:
    """Which base a spec means: a Debian suite, or the reference of an image."""

    suite: str = ""
    image: str = ""

    @property
    def reference(self) -> str:
        """What a script would write to ask for it."""
        return self.image or f"debian:{self.suite}"


def choose_base(spec: Spec) -> BaseChoice:
    """Return the base of a spec. Raises `InputError` when the Debian suite that it names has no right Python."""
    from packaging.specifiers import SpecifierSet

    kind, _, named = spec.base.partition(":")
    if kind != "debian":
        return BaseChoice(image=spec.base)
    if named and named not in SUITES:
        raise InputError.of(
            f"unknown Debian suite `{named}`", where=spec.script, hint=f"the suites are {', '.join(SUITES)}"
        )
    wanted = SpecifierSet(spec.requires_python)
    for suite, python in SUITES.items():
        if named in ("", suite) and wanted.contains(python):
            return BaseChoice(suite=suite)
    versions = _versions(wanted)
    if versions and not named:
        return BaseChoice(image=_image(python_minor(versions[0])))
    if named:
        message = f"Debian {named} has Python {SUITES[named]}, which does not satisfy"
        hint = f"leave `base` out, or allow Python {python_minor(SUITES[named])}"
    else:
        offered = " and ".join(f"{python} ({suite})" for suite, python in SUITES.items())
        message = "no base has a Python that satisfies"
        hint = (
            f"Debian has {offered}, and images have 3.{_MINORS[0]} to 3.{_MINORS[-1]}, as far as these are out:"
            f' allow one of them, such as with `requires-python = ">=3.{_MINORS[0]}"`'
        )
    raise InputError.of(f"{message} `requires-python = {spec.requires_python!r}`", where=spec.script, hint=hint)


def reason(spec: Spec) -> str:
    """Return why the base of a spec, which leaves it open, is an image of a registry, or nothing where it is none."""
    image = choose_base(spec).image
    if not image or spec.base == image:
        return ""
    return f"no Debian suite has a Python for `requires-python = {spec.requires_python!r}`, so the base is {image}"


def exact_image(spec: Spec) -> str:
    """Return the image of the newest version that satisfies a spec: that of 3.N has the newest 3.N.M, which may not."""
    from packaging.specifiers import SpecifierSet

    versions = _versions(SpecifierSet(spec.requires_python))
    return _image(versions[-1]) if versions else ""


def _image(version: str) -> str:
    return f"docker.io/library/python:{version}-slim"


def _versions(wanted: SpecifierSet) -> list[str]:
    """Return the versions of the oldest 3.N that satisfy a specifier: for that one most wheels exist."""
    for minor in _MINORS:
        found = [version for micro in range(_MICROS) if wanted.contains(version := f"3.{minor}.{micro}")]
        if found:
            return found
    return []


def python_minor(version: str) -> str:
    """Return the version of a Python as 3.N."""
    return ".".join(version.split(".")[:2])
