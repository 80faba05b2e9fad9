"""The question whether a marker holds on any machine for an image: patch releases of Python are not chosen yet."""

from __future__ import annotations

from collections.abc import Iterable

from packaging.markers import InvalidMarker, Marker

from onedigest.lock.targets import Target
from onedigest.platforms import Platform

_PATCHES = ("0", "99")
_GLIBC = "2.17"


class ImageEnvironments:
    """The machines that an image is for, with their Python as 3.N."""

    def __init__(self, platforms: Iterable[Platform], minor: str) -> None:
        targets = [Target(platform, f"{minor}.{patch}", _GLIBC) for platform in platforms for patch in _PATCHES]
        self._values = [each.marker_values for each in targets]

    def hold(self, marker: Marker | str | None, extras: Iterable[str] = ("",)) -> bool:
        """Tell whether a marker holds anywhere with one of some extras; one that cannot be read holds."""
        if not marker:
            return True
        try:
            parsed = Marker(marker) if isinstance(marker, str) else marker
        except (InvalidMarker, RecursionError):
            return True  # uv says what is wrong with it
        return any(parsed.evaluate({**values, "extra": extra}) for values in self._values for extra in extras)
