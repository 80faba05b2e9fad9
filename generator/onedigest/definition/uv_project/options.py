"""The options by which `uv sync` chooses what of a project it installs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from packaging.utils import canonicalize_name

_FLAGS = {
    "--all-extras": "all_extras",
    "--all-groups": "all_groups",
    "--all-packages": "all_packages",
    "--frozen": "frozen",
    "--no-default-groups": "no_default_groups",
    "--no-editable": "no_editable",
    "--no-install-local": "no_install_local",
    "--no-install-project": "no_install_project",
    "--no-install-workspace": "no_install_workspace",
}
_NAMES = {
    "--extra": "extras",
    "--no-extra": "no_extras",
    "--group": "groups",
    "--no-group": "no_groups",
    "--only-group": "only_groups",
    "--package": "packages",
    "--no-install-package": "no_install",
}
_DEV = {"--dev": "groups", "--no-dev": "no_groups", "--only-dev": "only_groups"}
_IDLE = ("--active", "--compile-bytecode", "--exact", "--inexact", "--locked", "--no-progress", "--reinstall")
_IDLE_NAMES = ("--link-mode", "--reinstall-package")
"""Options that choose nothing where a lock is taken as it is; those have a value."""

DEV = "dev"


@dataclass(slots=True)
class SyncOptions:
    """What options of `uv sync` say, each name normalized; `others` are the words that are none of them."""

    extras: set[str] = field(default_factory=set)
    no_extras: set[str] = field(default_factory=set)
    groups: set[str] = field(default_factory=set)
    no_groups: set[str] = field(default_factory=set)
    only_groups: set[str] = field(default_factory=set)
    packages: set[str] = field(default_factory=set)
    no_install: set[str] = field(default_factory=set)
    all_extras: bool = False
    all_groups: bool = False
    all_packages: bool = False
    frozen: bool = False
    no_default_groups: bool = False
    no_editable: bool = False
    no_install_local: bool = False
    no_install_project: bool = False
    no_install_workspace: bool = False
    others: list[str] = field(default_factory=list)


def read_options(words: Iterable[str]) -> SyncOptions:
    """Read the words of a command line. Raises ValueError for an option that lacks its name."""
    found, rest = SyncOptions(), iter(words)
    for word in rest:
        option, equals, value = word.partition("=")
        if option in _NAMES:
            name = value if equals else next(rest, "")
            if not name or name.startswith("-"):
                raise ValueError(f"`{option}` lacks a name")
            getattr(found, _NAMES[option]).add(str(canonicalize_name(name)))
        elif word in _DEV:
            getattr(found, _DEV[word]).add(DEV)
        elif word in _FLAGS:
            setattr(found, _FLAGS[word], True)
        elif option in _IDLE_NAMES and not equals:
            next(rest, "")
        elif option not in (*_IDLE, *_IDLE_NAMES):
            found.others.append(word)
    return found
