"""The message about sources that are not built because `build` does not name them, and what to write."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from onedigest.errors import Problem
from onedigest.from_source.model import Kind

_WORDS = {Kind.GIT: "a git repository", Kind.ARCHIVE: "an archive of its source"}


def asks(kind: Kind) -> bool:
    """Tell whether sources of a kind are built where `build` names them alone: local projects always are."""
    return kind in _WORDS


def build_line(names: Iterable[str], already: Iterable[str] = ()) -> str:
    """Say what to write so that packages are built, besides those that are already."""
    listed = ", ".join(f'"{name}"' for name in sorted({*names, *already}))
    return f"write `build = [{listed}]` in [tool.onedigest]"


def refusals(kinds: Mapping[str, Kind], already: Iterable[str], where: str) -> list[Problem]:
    """Return what is wrong with packages that come from a source; the last one has the line to write for all."""
    said = [f"`{name}` comes from {_WORDS[kinds[name]]}, which is not a wheel" for name in sorted(kinds)]
    hints = [*([""] * (len(said) - 1)), build_line(kinds, already)]
    return [Problem(message, where, hint) for message, hint in zip(said, hints, strict=bool(said))]
