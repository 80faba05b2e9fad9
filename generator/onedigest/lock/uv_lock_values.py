"""The contents of the rows in a uv.lock, partly written by indexes: each value is checked first."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from typing import Any

from packaging.markers import InvalidMarker, Marker

from onedigest import untrusted
from onedigest.definition.uv_project.markers import LONGEST_MARKER
from onedigest.errors import InputError, Problem
from onedigest.lock.model import Wheel
from onedigest.lock.toml import rfc3339
from onedigest.tools.uv_rows import WEB, Row, sdist_name, stated_digest, wheel_address, wheel_digest, wheel_name


def check_rows(found: Mapping[str, Any], files: Collection[str], where: str) -> None:
    """Raise `InputError` with every package of a uv.lock that has a value which cannot be one.

    `files` are the wheels on this machine that may be there.
    """
    problems = []
    for row in found.get("package", ()):
        try:
            _check_package(row, files)
        except ValueError as error:
            problems.append(Problem(f"what the index says of `{row.get('name')}` cannot be used: {error}", where))
    if problems:
        raise InputError(problems)


def read_wheel(row: Row) -> Wheel | None:
    """Return a wheel as far as uv.lock tells, None where its name is not that of a wheel.

    Digest and size are empty where the index does not state them, or in a way that proves nothing.
    """
    name = wheel_name(row)
    if not name:
        return None
    upload_time = row.get("upload-time")
    return Wheel(
        name=name,
        digest=wheel_digest(row),
        size=row.get("size", 0),
        upload_time=rfc3339(datetime.fromisoformat(upload_time)) if upload_time else "",
    )


def check_sdist(row: Row) -> None:
    """Raise ValueError where a package of a uv.lock has a source distribution with a value which cannot be one."""
    _check_wheel(row["source"], row["sdist"])
    _named("the name of a source distribution", untrusted.file_name, sdist_name(row["sdist"]))


def _check_package(row: Row, files: Collection[str]) -> None:
    _named("its name", untrusted.project_name, row.get("name"))
    if "version" in row:
        _named("its version", untrusted.version, row["version"])
    for dependency in _dependencies(row):
        _named("the name of a dependency", untrusted.project_name, dependency.get("name"))
        for extra in dependency.get("extra", ()):
            _named("an extra", untrusted.project_name, extra)
        _check_marker(dependency.get("marker"))
    source = row["source"]
    if source.get("path", "") not in ("", *files):
        raise ValueError("another package names it as a file of this machine, which no script does")
    for wheel in row.get("wheels", ()):
        _check_wheel(source, wheel)


def _check_wheel(source: Row, wheel: Row) -> None:
    _named("a hash", untrusted.line, wheel.get("hash", ""))
    _named("a hash", stated_digest, wheel)
    _named("a size", untrusted.size, wheel.get("size", 0))
    try:
        datetime.fromisoformat(wheel.get("upload-time", "2000-01-01"))
    except (TypeError, ValueError):
        raise ValueError("an upload time is none") from None
    address = untrusted.line(wheel_address(source, wheel))
    if "://" in address and not address.startswith(WEB):
        raise ValueError("a wheel has an address that is neither https nor http")
    if str(source.get("registry") or source.get("url") or "").startswith(WEB) and not address.startswith(WEB):
        raise ValueError("an index elsewhere names a file of this machine")


def _dependencies(row: Row) -> Iterator[Row]:
    yield from row.get("dependencies", ())
    for several in row.get("optional-dependencies", {}).values():
        yield from several


def _check_marker(marker: Any) -> None:
    if marker is None:
        return
    if len(untrusted.text(marker)) > LONGEST_MARKER:
        raise ValueError(f"a marker has more than {LONGEST_MARKER} characters")
    if not is_marker(marker):
        raise ValueError("a marker is none")


def is_marker(text: Any) -> bool:
    """Tell whether something is a marker (PEP 508), and not too long for one."""
    if not isinstance(text, str) or len(text) > LONGEST_MARKER:
        return False
    try:
        Marker(text)
    except (InvalidMarker, RecursionError):
        return False
    return True


def _named(what: str, check: Any, value: Any) -> None:
    try:
        check(value)
    except ValueError as error:
        raise ValueError(f"{what} {error}") from None
