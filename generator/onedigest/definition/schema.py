"""The JSON schemas of `[tool.onedigest]` (draft 7), read off the table of keys.

One is of pyproject.toml, one of onedigest.toml, one of a script's block: they differ in which keys may be there.
"""

from __future__ import annotations

from typing import Any

from onedigest.definition.key import Place
from onedigest.definition.keys import KEYS, in_place

FILES: dict[str, tuple[Place, ...]] = {
    "pyproject": (Place.SETTINGS, Place.IMAGE),
    "onedigest": (Place.SETTINGS,),
    "script": (Place.SCRIPT,),
}
"""The files that have a table of ours, by the names of their schemas."""

_TITLES = {
    "pyproject": "[tool.onedigest] in pyproject.toml",
    "onedigest": "onedigest.toml",
    "script": "[tool.onedigest] in the block of a script (PEP 723)",
}


def make_schema(file: str = "pyproject") -> dict[str, Any]:
    """Return the schema of the table in one of the files."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": f"urn:onedigest:schema:{file}",
        "title": _TITLES[file],
        "description": "What an image of a Python script, or of a project of uv, is made of. Every key is optional.",
        "type": "object",
        "properties": {name: KEYS[name].described() for name in in_place(*FILES[file])},
        "additionalProperties": False,
    }


def tool_schema(tool_name: str) -> dict[str, Any]:  # noqa: ARG001  the name in [tool], which is ours
    """Return the schema of the table in pyproject.toml, as validate-pyproject asks for it."""
    return make_schema()
