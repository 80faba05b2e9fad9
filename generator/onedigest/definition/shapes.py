r"""What the values of keys may be, as JSON schemas beside their checks.

Patterns are those that ECMA 262, Python and Rust read the same way: no look-around, and no class but `\s`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from onedigest import platforms
from onedigest.definition import values
from onedigest.definition.key import Shape

CONTROL = r"\x00-\x08\x0a-\x1f\x7f\u2028\u2029"
"""What `values.CONTROL` finds."""


def strings(pattern: str = r"^[^\x00]*$", **more: Any) -> dict[str, Any]:
    """Return the schema of a list of strings."""
    return {"type": "array", "items": {"type": "string", "pattern": pattern}, "maxItems": values.MOST, **more}


def in_any_case(text: str) -> str:
    """Return a pattern for ASCII letters of either case."""
    return "".join(f"[{each.upper()}{each.lower()}]" if each.isalpha() else each for each in text)


def part(without: str = "") -> str:
    """Return a pattern for one part of a path that has one form: it is neither empty nor `.` nor `..`."""
    other = f"[^/{CONTROL}{without}]"
    first = f"[^/.{CONTROL}{without}]"
    return rf"(?:{first}{other}*|\.{first}{other}*|\.\.{other}+)"


def pairs(names: str) -> dict[str, Any]:
    """Return the schema of a table of strings."""
    return {
        "type": "object",
        "propertyNames": {"pattern": f"^{names}$"},
        "additionalProperties": {"type": "string", "pattern": f"^[^{CONTROL}]*$"},
        "maxProperties": values.MOST,
    }


_PLATFORM = (
    f"(?:{in_any_case('linux')}/)?"
    f"(?:(?:{in_any_case('amd64')}|{in_any_case('x86')}[_-]64)(?:/[vV]1)?"
    rf"|(?:{in_any_case('arm64')}|{in_any_case('aarch64')})(?:/(?:8|[vV]8(?:\.0)?))?)"
)
_PLATFORM_NAMES = rf"{_PLATFORM}(?:\s*,[\s,]*{_PLATFORM})*[\s,]*"
_PATTERN: Mapping[str, Any] = {
    "type": "string",
    "maxLength": values.LONGEST_PATH,
    "allOf": [
        {"pattern": r"^[^/\x00][^\x00]*$"},
        {"pattern": r"[^\s]"},
        {"pattern": r"[^/.]|\.\."},
        {"not": {"pattern": r"(?:^|/)\.\.(?:/|$)"}},
        {"not": {"pattern": r"[^/]\*\*|\*\*[^/]"}},
    ],
}
_PROJECTS = r"^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$"
_SOURCE: Mapping[str, Any] = {
    "type": "string",
    "maxLength": values.LONGEST_PATH,
    "pattern": rf"^(?:\.|\.\.(?:/\.\.)*|(?:\.\./)*{part()}(?:/{part()})*)$",
}
_TARGET = rf"^(?:\.|/|{part('=')}(?:/{part('=')})*|(?:/{part('=')}){{1,{values.MOST_FOLDERS}}})$"


FLAG = Shape(words="true or false", check=values.flag, schema={"type": "boolean"})
STRINGS = Shape(words="list of strings", check=values.strings, schema=strings())
STRING_SET = Shape(words="list of strings", check=values.string_set, schema=strings())
NAME = Shape(
    words="name",
    check=values.image_name,
    schema={"type": "string", "pattern": "^[a-z0-9]+(?:[._-][a-z0-9]+)*$", "maxLength": values.LONGEST_NAME},
)
BASE = Shape(
    words="`debian`, `debian:SUITE`, or the reference of an image",
    check=values.base,
    schema={"type": "string", "pattern": rf"^[^\s{CONTROL}]+$"},
)
PLATFORMS = Shape(
    words="list of platforms, or one string with commas between them",
    check=values.platform_set,
    schema={
        "anyOf": [
            {"type": "string", "pattern": rf"^[\s,]*{_PLATFORM_NAMES}$"},
            {
                "type": "array",
                "minItems": 1,
                "maxItems": values.MOST,
                "items": {
                    "anyOf": [
                        {"enum": list(platforms.BY_NAME)},
                        {"type": "string", "pattern": rf"^[\s,]*(?:{_PLATFORM_NAMES})?$"},
                    ]
                },
            },
        ]
    },
    written=lambda several: [platform.oci for platform in several],
)
PACKAGES = Shape(
    words="list of names of Debian packages",
    check=values.debian_packages,
    schema=strings("^[a-z0-9](?:[+.-]|[a-z0-9+.-]*[a-z0-9+.])$"),
)
PROJECTS = Shape(
    words="list of names of Python projects",
    check=values.project_names,
    schema=strings(_PROJECTS),
)
EXTRAS = Shape(words="list of names of extras", check=values.project_names, schema=strings(_PROJECTS))
GROUPS = Shape(words="list of names of dependency groups", check=values.project_names, schema=strings(_PROJECTS))
REPOSITORY = Shape(
    words="`HOST/NAME`, without tag and digest",
    check=values.repository,
    schema={
        "type": "string",
        "maxLength": values.LONGEST_PART,
        "pattern": r"^[a-zA-Z0-9.-]+(?::[0-9]{1,5})?(?:/[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*)+$",
    },
)
PATTERNS = Shape(
    words="list of patterns",
    check=values.file_patterns,
    schema={"type": "array", "items": _PATTERN, "maxItems": values.MOST},
)
SCRIPTS = Shape(
    words="list of patterns",
    check=values.script_patterns,
    schema={"type": "array", "items": _PATTERN, "maxItems": values.MOST},
)
COPIES = Shape(
    words="table of a path, or a list of them, by target",
    check=values.copies,
    schema={
        "type": "object",
        "propertyNames": {"pattern": _TARGET, "maxLength": values.LONGEST_PATH + 1},
        "additionalProperties": {
            "anyOf": [_SOURCE, {"type": "array", "items": _SOURCE, "maxItems": values.MOST}],
        },
        "maxProperties": values.MOST,
    },
    written=values.written_copies,
)
PATH = Shape(
    words="path from the script's folder",
    check=values.project_path,
    schema={"type": "string", "pattern": r"^(?:[^/\x00][^\x00]*)?$"},
)
VARIABLES = Shape(
    words="table of strings",
    check=partial(values.pairs, values.VARIABLE),
    schema=pairs(values.VARIABLE.pattern),
    written=dict,
)
LABELS = Shape(
    words="table of strings",
    check=partial(values.pairs, values.LABEL),
    schema=pairs(values.LABEL.pattern),
    written=dict,
)
USER = Shape(
    words="`UID` or `UID:GID` in a string",
    check=values.user,
    schema={"type": "string", "pattern": "^[0-9]{1,9}(?::[0-9]{1,9})?$"},
)
FOLDER = Shape(
    words="absolute path",
    check=values.absolute_folder,
    schema={"type": "string", "pattern": f"^(?:/|(?:/{part()})+)$", "maxLength": values.LONGEST_PATH + 1},
)
LAYERS = Shape(
    words=f"number from {values.FEWEST_LAYERS} to {values.MOST_LAYERS}",
    check=values.layer_count,
    schema={"type": "integer", "minimum": values.FEWEST_LAYERS, "maximum": values.MOST_LAYERS},
)
COMMANDS = Shape(
    words="list of commands",
    check=values.commands,
    schema={
        "type": "array",
        "items": {
            "type": "string",
            "maxLength": values.LONGEST_COMMAND,
            "allOf": [{"pattern": r"^[^\x00]*$"}, {"pattern": r"[^ \t\r\n]"}],
        },
        "maxItems": values.MOST,
    },
)
RULES = Shape(
    words=f"list of {', '.join(f'`{each}`' for each in values.RULES)}",
    check=values.rule_set,
    schema={"type": "array", "items": {"enum": list(values.RULES)}, "maxItems": values.MOST},
)
VERSIONS = Shape(
    words="version specifiers (PEP 440)",
    check=values.versions,
    schema={"type": "string", "pattern": f"^{values.VERSIONS.pattern}$"},
)
