"""The project that uv resolves in place of a backend: what it needs, on every machine that may build."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from onedigest.from_source.compatible_wheels import OLDEST, BuildNeed
from onedigest.from_source.model import BuildRequirement
from onedigest.net.uv_settings import toml_value

NAME = "onedigest-build"

MACHINES = (("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "x86_64"), ("darwin", "arm64"))
"""`sys_platform` and `platform_machine` of the machines that may build (PEP 508)."""

_CPYTHON = "implementation_name == 'cpython' and platform_python_implementation == 'CPython'"
_STRATEGY = "fewest"
_NO_REGISTRY = "https://index.invalid/simple"
_SETTINGS = (
    "index",
    "index-url",
    "extra-index-url",
    "no-index",
    "find-links",
    "index-strategy",
    "exclude-newer",
    "exclude-newer-package",
)
"""What [tool.uv] says of indexes, as far as it counts for a backend too."""


def settings_of(need: BuildNeed, wanted: Iterable[str]) -> dict[str, Any]:
    """Return what counts of indexes, with those that the project itself names for what builds it."""
    found = {name: need.settings[name] for name in _SETTINGS if name in need.settings}
    chosen = need.declared.chosen(canonicalize_name(Requirement(each).name) for each in wanted)
    if not chosen:
        return found
    own = list(found.get("index", []))
    known = {(row.get("name"), row.get("url")) for row in own}
    names: dict[str, str] = {}
    for row in need.declared.indexes:
        name = str(row.get("name"))
        if (name, row["url"]) in known:
            names[name] = name
        elif any(each["index"] == name for rows in chosen.values() for each in rows):
            # it is for what names it alone, and is shown no password of another index that has its name
            names[name] = f"{NAME}-{name}"
            own.append({"name": names[name], "url": row["url"], "explicit": True})
    sources = {name: [{**each, "index": names[each["index"]]} for each in rows] for name, rows in chosen.items()}
    return {**found, "index": own, "sources": sources}


def project_text(
    wanted: Iterable[str], constraints: Iterable[str], settings: Mapping[str, Any], machines: Iterable[tuple[str, str]]
) -> str:
    """Return the pyproject.toml of a project that needs what a backend needs, on machines that may build."""
    where = [
        f"{_CPYTHON} and sys_platform == '{system}' and platform_machine == '{machine}'" for system, machine in machines
    ]
    rows = {
        "package": False,
        "workspace": {},
        "no-build": True,
        # one version for all Pythons, so that who builds with another one has the same
        "fork-strategy": _STRATEGY,
        "environments": where,
        "constraint-dependencies": list(constraints),
        **settings,
    }
    head = f'[project]\nname = "{NAME}"\nversion = "0"\nrequires-python = ">=3.{OLDEST}"\n'
    head += f"dependencies = {toml_value(list(wanted))}\n\n[tool.uv]\n"
    return head + "".join(f"{name} = {toml_value(each)}\n" for name, each in rows.items())


def preferences_text(previous: Iterable[BuildRequirement]) -> str:
    """Return a uv.lock that holds nothing but versions, which uv prefers as long as they fit."""
    head = f'version = 1\nrevision = 3\nrequires-python = ">=3.{OLDEST}"\n'
    # uv takes no preference from a lock that was made by another strategy
    head += f"\n[options]\nfork-strategy = {toml_value(_STRATEGY)}\n"
    first = {each.name: each for each in reversed(list(previous))}
    return head + "".join(
        f"\n[[package]]\nname = {toml_value(each.name)}\nversion = {toml_value(each.version)}\n"
        f"source = {{ registry = {toml_value(_NO_REGISTRY)} }}\n"
        for _, each in sorted(first.items())
    )
