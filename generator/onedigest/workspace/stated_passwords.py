"""The places in a script or project that hold a password, which everybody who may read the text then knows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from onedigest.errors import Problem

if TYPE_CHECKING:
    from onedigest.definition.flyte.recipe import FlyteRecipe
    from onedigest.definition.project import Project
    from onedigest.definition.script import Script

_USER = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]{0,31}):/{1,2}(?P<user>[^\s/?#@:]*):(?P<password>[^\s/?#@]+)@")
_TOKEN = re.compile(r"https?://(?P<user>[^\s/?#@:]{20,})@")
_REGISTRY = re.compile(r"(?P<user>[^\s/@:]+):(?P<password>[^\s/@]+)@(?!sha256:)")
_FILLED_IN = re.compile(r"\$\{?\w")
_LONGEST = 4096
_INDEX = "put it into a netrc, or the address into your uv.toml"
_FLYTE = "write `$NAME` in its place, name the secret in `secret_mounts`, and list it in ONEDIGEST_SECRETS"
_OTHER = "give it to the container when it starts"
_HINTS = dict.fromkeys(("base", "repository"), "use `docker login`")


def stated_passwords(script: Script, project: Project, recipe: FlyteRecipe | None = None) -> Iterator[Problem]:
    """Yield one warning for each address that holds a password, and none of them says it."""
    for key, value in [("dependencies", list(script.dependencies)), ("tool.uv", dict(script.uv))]:
        for text in _texts(value):
            if held := _held(text):
                yield _warning(script.where_text(held, key), _INDEX)
    for key, value in script.onedigest.items():
        for text in _texts(value):
            if held := _held(text, key):
                yield _warning(script.where_text(held, "tool.onedigest"), _HINTS.get(key, _OTHER))
    for key, value in project.table.items():
        if any(_held(text, key) for text in _texts(value)):
            yield _warning(project.where(key), _HINTS.get(key, _OTHER))
    for each in recipe.credentials if recipe else ():
        if each.password and not each.variables():
            yield _warning(script.where(""), _FLYTE)


def _warning(where: str, hint: str) -> Problem:
    return Problem(
        "an address holds a password, which everybody who reads this file knows",
        where,
        f"{hint}, and have another password",
    )


def _held(text: str, key: str = "") -> str:
    """Return the part of an address that holds a password, or nothing; `key` is that of the value."""
    if key in _HINTS and (match := _REGISTRY.match(text[:_LONGEST])):
        return match[0]
    for pattern in (_USER, _TOKEN):
        for match in pattern.finditer(text[:_LONGEST]):
            if not _FILLED_IN.match(match.groupdict().get("password") or ""):
                return match[0]
    return ""


def _texts(value: Any) -> Iterator[str]:
    """Yield the strings that a value of TOML holds."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
