"""The source of a wheel that was built, as read from a lock: every field is checked."""

from __future__ import annotations

import re
from typing import Any

from onedigest import untrusted
from onedigest.digest import Digest
from onedigest.from_source.git_address import OBJECT_NAME
from onedigest.from_source.model import NO_DIGEST, BuildRequirement, BuiltFrom, Kind, PinnedFile
from onedigest.lock.table import Table

_ADDRESS = re.compile(r"(?:https?|ssh|file)://[^@/\s]*(?:/\S*)?")
_MOST_REQUIREMENTS = 1000


def read_origin(table: Table) -> BuiltFrom:
    """Return the source that a table [packages.tool.onedigest] states. Raises `Wrong`."""
    kind = table.take("kind", _kind)
    requires = table.each("requires", _requirement)
    if len(requires) > _MOST_REQUIREMENTS:
        raise table.wrong("requires", f"names more than {_MOST_REQUIREMENTS} packages")
    subdirectory = table.take_or("", "subdirectory", untrusted.inner_path)
    settings: Digest = table.take_or(NO_DIGEST, "settings", untrusted.digest)
    if kind is Kind.GIT:
        return BuiltFrom(
            kind=kind,
            path=table.take("path", _address),
            commit=table.take("commit", _object_name),
            tree=table.take("tree", _object_name),
            reference=table.take_or("", "reference", untrusted.line),
            subdirectory=subdirectory,
            settings=settings,
            requires=requires,
        )
    path = table.take("path", untrusted.file_name if kind is Kind.ARCHIVE else _folder)
    digest: Digest = table.take("digest", untrusted.digest)
    size = table.take("size", untrusted.size) if kind is Kind.ARCHIVE else 0
    reference = table.take_or("", "reference", untrusted.digest) if kind is Kind.ARCHIVE else ""
    return BuiltFrom(
        kind=kind,
        path=path,
        digest=digest,
        size=size,
        reference=reference,
        subdirectory=subdirectory,
        settings=settings,
        requires=requires,
    )


def _kind(value: Any) -> Kind:
    try:
        return Kind(untrusted.text(value))
    except ValueError:
        raise ValueError(f"is none of {', '.join(Kind)}") from None


def _object_name(value: Any) -> str:
    if not OBJECT_NAME.fullmatch(untrusted.text(value)):
        raise ValueError("is not the name of an object of git")
    return str(value)


def _address(value: Any) -> str:
    """Return the address of a repository, as a lock states it: nothing is opened by it."""
    found = untrusted.line(value)
    if not _ADDRESS.fullmatch(found):
        raise ValueError("is not the address of a repository without user and password")
    return found


def _folder(value: Any) -> str:
    """Return the path of a folder, as its script or project names it: nothing is opened by it."""
    found = untrusted.line(value)
    if not found or found.startswith("/") or "\\" in found:
        raise ValueError("is not a relative path with slashes")
    return found


def _requirement(row: Table) -> BuildRequirement:
    name, version = row.take("name", untrusted.normalized_name), row.take("version", untrusted.version)
    return BuildRequirement(name=name, version=version, wheels=row.each("wheels", _file))


def _file(row: Table) -> PinnedFile:
    return PinnedFile(
        name=row.take("name", untrusted.wheel_name),
        digest=row.take("sha256", untrusted.sha256),
        size=row.take("size", untrusted.size),
    )
