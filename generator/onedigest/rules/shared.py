"""Knows the files that all images of a lock folder share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from onedigest.fetching import FOLDER
from onedigest.rules.environment import render


@dataclass(frozen=True, slots=True)
class SharedView:
    """What the templates of shared files see."""

    inputs: str


@cache
def render_shared() -> Mapping[str, str]:
    """Return the texts of the shared files by path."""
    view = SharedView(inputs=FOLDER)
    return {
        ".gitattributes": render("templates", "gitattributes.j2", view),
        ".gitignore": render("templates", "gitignore.j2", view),
    }
