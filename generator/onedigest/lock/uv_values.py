"""The shapes of values in [tool.uv]: each check returns what uv gets, or raises ValueError with what is wrong.

uv forgets the whole table, and builds packages, where one value has a type that it does not expect.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from onedigest import untrusted

_ADDRESS = re.compile(r"(?:https?://[^\s\\/?#][^\s\\]*|file:///[^\s\\]*)", re.IGNORECASE)
_VARIABLE = re.compile(r"\$\{[^}]*\}?")
_INDEX_FIELDS = ("default", "exclude-newer", "explicit", "format", "ignore-error-codes", "name", "url")
_SOURCE_KINDS = ("git", "index", "path", "url", "workspace")
SOURCE_TAKEN = ("extra", "group", "index", "marker", "path", "url")
"""The fields of a source that say where a wheel is, and for whom."""

_SOURCE_FIELDS = {
    *_SOURCE_KINDS,
    *SOURCE_TAKEN,
    *("branch", "editable", "lfs", "package", "rev", "subdirectory", "tag"),
}


def flag(value: Any) -> bool:
    """Return true or false."""
    if not isinstance(value, bool):
        raise ValueError("is not true or false")
    return value


def one_of(words: Sequence[str], value: Any) -> str:
    """Return one of some words."""
    if not isinstance(value, str) or value not in words:
        raise ValueError(f"is none of {', '.join(words)}")
    return value


def moment(value: Any) -> str | bool:
    """Return a date, a time or a span of time as uv reads them, or false."""
    if value is False:
        return False
    if not isinstance(value, str):
        raise ValueError('is not a date in quotes, such as "2026-01-31T00:00:00Z"')
    return untrusted.line(value)


def names(value: Any) -> list[str]:
    """Return names of projects."""
    return [untrusted.project_name(each) for each in _list(value)]


def by_package(check: Callable[[Any], Any], value: Any) -> dict[str, Any]:
    """Return values by the names of projects."""
    return {untrusted.project_name(name): check(each) for name, each in _table(value).items()}


def location(value: Any) -> str:
    """Return an address by http, https or file, or a path."""
    found = untrusted.line(value)
    if not found:
        raise ValueError("is empty")
    refuse_variables(found)
    if "://" in found and not _ADDRESS.fullmatch(found):
        raise ValueError("is neither an address by https, http or file, nor a path")
    try:
        urlsplit(found)
    except ValueError:
        raise ValueError("is an address that cannot be read") from None
    return found


def refuse_variables(address: str) -> None:
    """Refuse an address in which uv would fill in a variable of the user's environment, which may be a secret."""
    if match := _VARIABLE.search(address):
        raise ValueError(f"has an address with the variable `{match[0]}`, and none is filled in")


def locations(value: Any) -> list[str]:
    """Return addresses and paths."""
    return [location(each) for each in _list(value)]


def requirement(value: Any) -> str:
    """Return a requirement (PEP 508) in its one form, so that uv reads what was checked."""
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        found = Requirement(untrusted.line(value))
    except InvalidRequirement:
        raise ValueError("has what is not a requirement") from None
    refuse_variables(found.url or "")
    return str(found)


def requirements(value: Any) -> list[str]:
    """Return requirements."""
    return [requirement(each) for each in _list(value)]


def overrides(value: Any) -> list[Any]:
    """Return requirements, and tables of them for what one package asks for."""
    return [_scoped(each, requirements) if isinstance(each, dict) else requirement(each) for each in _list(value)]


def exclusions(value: Any) -> list[Any]:
    """Return names of projects, and tables of them for what one package asks for."""
    return [_scoped(each, names) if isinstance(each, dict) else untrusted.project_name(each) for each in _list(value)]


def dependency_metadata(value: Any) -> list[dict[str, Any]]:
    """Return what packages are to have said of themselves."""
    checks: dict[str, Callable[[Any], Any]] = {
        "name": untrusted.project_name,
        "version": untrusted.version,
        "requires-dist": requirements,
        "requires-python": untrusted.line,
        "provides-extra": names,
        "provides-extras": names,
    }
    return [_fields(each, checks, ("name",)) for each in _list(value)]


def conflicts(value: Any) -> list[list[dict[str, Any]]]:
    """Return sets of extras and groups that do not go together."""
    checks = dict.fromkeys(("extra", "group", "package"), untrusted.project_name)
    return [[_fields(each, checks, ()) for each in _list(several)] for several in _list(value)]


def indexes(value: Any) -> list[dict[str, Any]]:
    """Return indexes, with no other fields than those that choose packages."""
    checks: dict[str, Callable[[Any], Any]] = {
        "default": flag,
        "exclude-newer": moment,
        "explicit": flag,
        "format": lambda each: one_of(("simple", "flat"), each),
        "ignore-error-codes": _codes,
        "name": untrusted.word,
        "url": location,
    }
    if isinstance(value, dict):
        raise ValueError("is a table, and several are due: [[tool.uv.index]]")
    found = []
    for each in _list(value):
        taken = {field: item for field, item in _table(each).items() if field in _INDEX_FIELDS}
        found.append(_fields(taken, checks, ("url",)))
    return found


def other_index_fields(value: Any) -> list[str]:
    """Return the fields of indexes that are not taken."""
    tables = [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
    return sorted({str(field) for each in tables for field in each} - set(_INDEX_FIELDS))


def sources(value: Any) -> dict[str, Any]:
    """Return where packages come from; what is no wheel is still among it."""
    return {
        untrusted.project_name(name): list(map(_source, each)) if isinstance(each, list) else _source(each)
        for name, each in _table(value).items()
    }


def config_settings(value: Any) -> dict[str, Any]:
    """Return settings of a backend (PEP 517): strings, and lists of them."""
    found = {untrusted.line(key): each for key, each in _table(value).items()}
    for key, each in found.items():
        if key.split() != [key]:
            raise ValueError(f"has a setting with the name {key!r}")
        for item in each if isinstance(each, list) else [each]:
            untrusted.line(item)
    return found


def variables(value: Any) -> dict[str, str]:
    """Return variables of an environment."""
    found = {untrusted.word(key): untrusted.line(each) for key, each in _table(value).items()}
    if wrong := [key for key in found if "=" in key]:
        raise ValueError(f"has a variable with the name `{wrong[0]}`")
    return found


def build_dependencies(value: Any) -> list[str]:
    """Return requirements of a build; what is to be as in the image cannot be, since a wheel does not depend on it."""
    found = []
    for each in _list(value):
        row = each if isinstance(each, dict) else {"requirement": each}
        if flag(row.get("match-runtime", False)):
            raise ValueError("has `match-runtime = true`, and a wheel is built without what the image has")
        found.append(requirement(row.get("requirement")))
    return found


def _source(value: Any) -> dict[str, Any]:
    found = _table(value)
    if unknown := sorted(found.keys() - _SOURCE_FIELDS):
        raise ValueError(f"has an unknown key `{unknown[0]}`")
    if len(found.keys() & set(_SOURCE_KINDS)) != 1:
        raise ValueError(f"has a source with not one of {', '.join(_SOURCE_KINDS)}")
    for field in ("editable", "lfs", "package", "workspace"):
        flag(found.get(field, False))
    for field in sorted(found.keys() - {"editable", "lfs", "package", "workspace"}):
        untrusted.line(found[field])
    if "url" in found:
        location(found["url"])
    return found


def _scoped(value: Any, check: Callable[[Any], Any]) -> dict[str, Any]:
    package = {"name": untrusted.project_name, "version": untrusted.version}
    return _fields(
        value,
        {"package": lambda each: _fields(each, package, ("name",)), "dependencies": check},
        ("package", "dependencies"),
    )


def _fields(value: Any, checks: Mapping[str, Callable[[Any], Any]], due: Sequence[str]) -> dict[str, Any]:
    found = _table(value)
    if unknown := sorted(found.keys() - checks.keys()):
        raise ValueError(f"has an unknown key `{unknown[0]}`")
    if missing := [field for field in due if field not in found]:
        raise ValueError(f"has a table without `{missing[0]}`")
    checked = {}
    for field, item in found.items():
        try:
            checked[field] = checks[field](item)
        except ValueError as error:
            raise ValueError(f"has a `{field}` that {error}") from None
    return checked


def _codes(value: Any) -> list[int]:
    found = _list(value)
    if not all(isinstance(each, int) and not isinstance(each, bool) and 400 <= each <= 599 for each in found):
        raise ValueError("is not a list of status codes from 400 to 599")
    return found


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError("is not a list")
    return value


def _table(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("is not a table" if not isinstance(value, list) else "is a list, and a table is due")
    return value
