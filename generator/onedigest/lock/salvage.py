"""The readable remains of a lock that cannot be read as a whole: pins, and the base that they were for.

A merge left conflict markers in it, somebody edited it, it is cut off, or another version of onedigest wrote it. Each
table is read by itself, so what is broken is lost alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from onedigest import merge_conflicts, untrusted
from onedigest.definition.spec import asked_value, digest_of
from onedigest.digest import Digest, canonical_json
from onedigest.lock.base import Base
from onedigest.lock.base.image import ImageBase, read_reference
from onedigest.lock.model import Lock, LockedPackage
from onedigest.lock.parse import read_base, read_remaining_package
from onedigest.lock.table import InvalidValue, Table
from onedigest.platforms import ALL, Platform

_HEADER = re.compile(r"(?m)^\[{1,2}([^\[\]\n]+)\]{1,2}[ \t]*$")
_SPEC, _BASE = "tool.onedigest.spec", "tool.onedigest.base"
_FORMER = ("user", "workdir")
"""What format 1 says of a base image, and no later one."""

_NO_BASE = ImageBase(interpreter="", python="", libc_version="", image="", index=Digest(""), system="", images=())
"""What is left where nothing is: it stays for nobody, since it is no script's base."""


def salvage_lock(text: str) -> Lock | None:
    """Return the pins that are left of a lock, None where there is none. It states no release, and is no answer.

    Of the two sides of a merge, the first has the say where both say something.
    """
    if len(text) > untrusted.MOST_LOCK:
        return None
    sides = merge_conflicts.sides(text)
    packages: dict[str, tuple[LockedPackage, ...]] = {}
    for side in reversed(sides):
        packages |= _packages(_chunks(side, "packages"))
    asked, platforms, base = _base(sides)
    if not packages and base is _NO_BASE:
        return None
    return Lock(
        spec=digest_of(asked),
        asked=canonical_json(asked).decode(),
        script="",
        version="",
        platforms=platforms,
        base=base,
        packages=tuple(package for several in packages.values() for package in several),
        roots=(),
    )


def decided(text: str) -> list[str]:
    """Return the packages that the two sides of a merge pin in other versions, with the one that stays first."""
    pins = [_versions(_packages(_chunks(side, "packages"))) for side in merge_conflicts.sides(text)]
    return [
        f"{name} {pins[0][name]} (not {pins[-1][name]})"
        for name in sorted(pins[0].keys() & pins[-1].keys() if pins else ())
        if pins[0][name] != pins[-1][name]
    ]


def _versions(packages: Mapping[str, tuple[LockedPackage, ...]]) -> dict[str, str]:
    return {name: ", ".join(sorted(each.version for each in several)) for name, several in packages.items()}


def unpinned_packages(remains: Lock, lock: Lock) -> list[str]:
    """Return name and version of the packages that a lock has by choice, as no pin was left of them."""
    known = {package.key for package in remains.packages}
    return [f"{package.name} {package.version}" for package in lock.packages if package.key not in known]


def _chunks(text: str, name: str) -> list[str]:
    """Return the parts of a document that begin with the header of a table, or of one in it."""
    headers = list(_HEADER.finditer(text))
    ends = [header.start() for header in headers[1:]] + [len(text)]
    return [
        text[header.start() : end]
        for header, end in zip(headers, ends, strict=False)
        if header[1].strip() == name or header[1].strip().startswith(f"{name}.")
    ]


def _packages(chunks: Iterable[str]) -> dict[str, tuple[LockedPackage, ...]]:
    """Return the packages of a document by their names; a platform may have another version than the other."""
    found: dict[str, dict[tuple[str, str], LockedPackage]] = {}
    whole: list[str] = []
    for chunk in chunks:
        if whole and chunk.startswith("[packages."):  # what its wheel was built of
            whole[-1] += chunk
        else:
            whole.append(chunk)
    for chunk in whole:
        with suppress(InvalidValue, ValueError):
            package = read_remaining_package(_row(chunk), ALL)
            found.setdefault(package.name, {}).setdefault(package.key, package)
    return {name: tuple(several.values()) for name, several in found.items()}


def _row(chunk: str) -> Mapping[str, Any]:
    """Return the row of a package; where it is broken, what each line of it says by itself."""
    with suppress(ValueError, KeyError, IndexError):
        return untrusted.table(untrusted.load_toml(chunk)["packages"][0])
    row: dict[str, Any] = {"wheels": []}
    for line in chunk.split("\n")[1:]:
        with suppress(ValueError):
            if line.lstrip().startswith("{"):
                row["wheels"].append(untrusted.load_toml(f"wheel = {line.strip().removesuffix(',')}")["wheel"])
            else:
                for key, value in untrusted.load_toml(line).items():
                    row.setdefault(key, value)  # a copy for each line would take hours
    return row


def _base(sides: Iterable[str]) -> tuple[dict[str, Any], tuple[Platform, ...], Base]:
    """Return what is left of the base: what it was asked for, for which platforms, and itself.

    Without platforms it stays for nobody, but for the digest of an image that was pinned.
    """
    pinned: Base = _NO_BASE
    for side in sides:
        try:
            tables = untrusted.load_toml("".join((*_chunks(side, _SPEC), *_chunks(side, _BASE))))
            tool = tables["tool"]["onedigest"]
            base = untrusted.table(tool["base"])
            pinned = _pinned(base) if pinned is _NO_BASE else pinned
            asked = untrusted.plain(untrusted.table(tool["spec"]))
            platforms = tuple(sorted(map(untrusted.platform, asked_value(asked, "platforms"))))
            return asked, platforms, _read_base(base, platforms)
        except (KeyError, TypeError, ValueError, InvalidValue):
            continue
    return {}, (), pinned


def _read_base(values: dict[str, Any], platforms: tuple[Platform, ...]) -> Base:
    images = [{key: row[key] for key in row if key not in _FORMER} for row in values.get("images", ())]
    table = Table({**values, "images": images} if images else values)
    found = read_base(table, table.take("python", untrusted.python_version), platforms)
    table.refuse_rest()
    return found


def _pinned(base: Mapping[str, Any]) -> Base:
    """Return a base of which nothing is known but the digest that an image had."""
    with suppress(ValueError, KeyError):
        index: Digest = untrusted.digest(base["index"])
        return replace(_NO_BASE, image=read_reference(base["image"]), index=index)
    return _NO_BASE
