"""The document of a lock as a lock: every field is checked, by itself and against the others."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from onedigest import formats, untrusted
from onedigest.assembler.left_out import INPUTS
from onedigest.definition.spec import asked_value, digest_of
from onedigest.digest import canonical_json
from onedigest.from_source.model import BuiltFrom
from onedigest.lock.base import Base
from onedigest.lock.base.choice import python_minor
from onedigest.lock.base.debian import read_debian_base
from onedigest.lock.base.image import read_image_base
from onedigest.lock.built_from import read_origin
from onedigest.lock.model import Lock, LockedPackage, Wheel
from onedigest.lock.table import InvalidValue, Table
from onedigest.lock.toml import rfc3339
from onedigest.platforms import ALL, Platform, marker_of

if TYPE_CHECKING:
    from onedigest.lock.targets import Target


def input_path(name: str) -> str:
    """Return the path of an input from the folder of a lock."""
    return f"../{INPUTS}/{name}"


def environment_marker(platform: Platform, python_minor: str) -> str:
    """Return the marker of what a lock is for on one platform (PEP 751, `environments`)."""
    return (
        f"implementation_name == 'cpython' and platform_machine == '{platform.machine}'"
        f" and python_version == '{python_minor}' and sys_platform == 'linux'"
    )


def read_document(document: Mapping[str, Any]) -> Lock:
    """Return the lock that a document holds. Raises `Wrong`."""
    top = Table(document)
    tools = top.inner("tool")
    tool = tools.inner("onedigest")
    for key, number in (("format", formats.LOCK), ("layer-format", formats.LAYERS)):
        tool.constant(key, number)
    below = tool.inner("base")
    python = below.take("python", untrusted.python_version)
    minor = python_minor(python)
    platforms = _platforms(top, minor)
    asked = tool.take("spec", _spec)
    base = read_base(below, python, platforms)
    lock = Lock(
        spec=tool.take("spec-digest", untrusted.digest),
        asked=canonical_json(asked).decode(),
        script=tool.take("script", untrusted.relative_path),
        version=tool.take("version", untrusted.version),
        platforms=platforms,
        base=base,
        packages=top.each("packages", partial(_package, platforms, base)),
        roots=tool.each("requirements", _edge),
    )
    for key, expected in (
        ("lock-version", "1.0"),
        ("requires-python", f"=={minor}.*"),
        ("created-by", "onedigest"),
    ):
        top.constant(key, expected)
    for table in (below, tool, tools, top):
        table.refuse_rest()
    _refuse_contradictions(lock, asked)
    return lock


def _platforms(top: Table, minor: str) -> tuple[Platform, ...]:
    known = {environment_marker(platform, minor): platform for platform in ALL}

    def check(value: Any) -> Platform:
        if value not in known:
            raise ValueError("is not the environment of a platform and the Python of the lock")
        return known[value]

    found = top.every("environments", lambda value: check(untrusted.text(value)))
    if not found:
        raise top.wrong("environments", "names no platform")
    if len(set(found)) != len(found):
        raise top.wrong("environments", "names a platform twice")
    return tuple(sorted(found))


def _spec(value: Any) -> dict[str, Any]:
    """Return what a lock answers. What is read of it later is there, whoever wrote it."""
    found: dict[str, Any] = untrusted.plain(untrusted.table(value))
    for key, kind in (("script", str), ("workdir", str), ("platforms", list), ("system-packages", list)):
        if not isinstance(asked_value(found, key), kind):
            raise ValueError(f"has no `{key}` that is {'a string' if kind is str else 'a list'}")
    return found


def _refuse_contradictions(lock: Lock, asked: Mapping[str, Any]) -> None:
    if lock.spec not in {digest_of(asked, number) for number in range(1, formats.DEFAULTS + 1)}:
        raise InvalidValue(["`tool.onedigest.spec-digest` is not the digest of `tool.onedigest.spec`"])
    # what a lock leaves out may have been another default when it was made
    same = lock.spec != digest_of(asked) or asked_value(asked, "platforms") == [each.oci for each in lock.platforms]
    if asked["script"] != lock.script or not same:
        raise InvalidValue(["`tool.onedigest.spec` is of another script, or of other platforms, than the lock"])
    keys = {package.key for package in lock.packages}
    edges = [*lock.roots, *(edge for package in lock.packages for edge in package.dependencies)]
    if missing := sorted({f"{name} {version}" for name, version in edges if (name, version) not in keys}):
        raise InvalidValue(f"`packages` has no {each}, which is needed" for each in missing)
    debian = lock.base.debian_packages
    try:
        for platform in lock.platforms:
            untrusted.distinct(package.name for package in lock.packages if platform in package.platforms)
        untrusted.distinct(f"{package.name} {package.version}" for package in lock.packages)
    except ValueError as error:
        raise InvalidValue([f"`packages` {error}"]) from None
    try:
        names = [wheel.name for wheel in lock.wheels()] + [package.file_name for package in debian]
        untrusted.distinct(names)
    except ValueError as error:
        raise InvalidValue([f"the lock {error} among its inputs"]) from None


def read_base(base: Table, python: str, platforms: Sequence[Platform]) -> Base:
    """Read the table of a base, of either kind; `python` is what it says of that. Raises `Wrong`."""
    return (read_image_base if "image" in base else read_debian_base)(base, python, platforms)


def read_remaining_package(values: Mapping[str, Any], platforms: tuple[Platform, ...]) -> LockedPackage:
    """Return a package with what can be read of it, at least its name and version. Raises `Wrong`.

    Without a base it is not known which of several wheels a platform had, so it is given each of its machine.
    """
    row = Table(values)
    name, version = row.take("name", untrusted.normalized_name), row.take("version", untrusted.version)
    wheels = []
    for each in values["wheels"] if isinstance(values.get("wheels"), list) else ():
        with suppress(InvalidValue, ValueError):
            wheel = _wheel(Table(untrusted.table(each)))
            wheels += [wheel] if is_of(wheel.name, name, version) else []
    chosen = tuple((platform, wheel) for platform in platforms for wheel in _of_machine(wheels, platform))
    origin = None
    with suppress(InvalidValue, ValueError):
        origin = _tool_origin(row) if "tool" in row and len({wheel for _, wheel in chosen}) == 1 else None
    return LockedPackage(name=name, version=version, wheels=chosen, origin=origin)


def _package(platforms: Sequence[Platform], base: Base, row: Table) -> LockedPackage:
    name, version = row.take("name", untrusted.normalized_name), row.take("version", untrusted.version)
    users = row.take_or(tuple(platforms), "marker", partial(_users, platforms))
    edges = row.each("dependencies", _edge)
    wheels = row.each("wheels", _wheel)
    origin = _tool_origin(row) if "tool" in row else None
    if origin and len(set(wheels)) != 1:
        raise row.wrong("wheels", "has not one wheel, and one was built")
    for number, wheel in enumerate(wheels):
        if not is_of(wheel.name, name, version):
            raise row.wrong(f"wheels[{number}].name", f"is {wheel.name!r}, which is not a wheel of {name} {version}")
    chosen = tuple((platform, _of_platform(row, wheels, platform, base)) for platform in users)
    if unused := set(wheels) - {wheel for _, wheel in chosen}:
        raise row.wrong("wheels", f"has `{min(unused).name}`, which no platform of the package selects")
    return LockedPackage(name=name, version=version, wheels=chosen, dependencies=edges, origin=origin)


def _tool_origin(row: Table) -> BuiltFrom:
    tools = row.inner("tool")
    own = tools.inner("onedigest")
    origin = read_origin(own)
    for table in (own, tools):
        table.refuse_rest()
    return origin


def _users(platforms: Sequence[Platform], value: Any) -> tuple[Platform, ...]:
    """Return the platforms that a marker means; it is written in one way alone."""
    alone = {marker_of([platform]): (platform,) for platform in platforms}
    found = {**alone, marker_of(platforms): tuple(platforms)}.get(untrusted.text(value))
    if found is None:
        raise ValueError("is not the marker of some of the lock's platforms")
    return found


def is_of(wheel: str, name: str, version: str) -> bool:
    """Tell whether a wheel is of a project's version, by its file name.

    That may have a local version more, as `demo-1.0+cu12-…`: a file that was renamed is of what its METADATA says.
    """
    stated, written = wheel.split("-")[:2]
    if re.sub(r"[-_.]+", "-", stated).lower() != name:
        return False
    spellings = written, written.partition("+")[0]
    return version in spellings or any(_is_equal(each.replace("_", "-"), version) for each in spellings)


def _is_equal(version: str, other: str) -> bool:
    from packaging.version import InvalidVersion, Version

    try:
        return Version(version) == Version(other)
    except InvalidVersion:
        return False


def _of_platform(row: Table, wheels: Iterable[Wheel], platform: Platform, base: Base) -> Wheel:
    """Return the wheel of a platform, by its tags: where several are of its machine, the one that its base prefers."""
    found = {wheel.name: wheel for wheel in _of_machine(wheels, platform)}
    name: str | None = next(iter(found), None)
    if len(found) > 1:
        name = _target(platform, base.python, base.libc_version).select(found)
    if name is None:
        raise row.wrong("wheels", f"has none for {platform}")
    return found[name]


def _of_machine(wheels: Iterable[Wheel], platform: Platform) -> list[Wheel]:
    return [wheel for wheel in wheels if any(map(platform.has_tag, _platform_tags(wheel.name)))]


@lru_cache
def _target(platform: Platform, python: str, glibc: str) -> Target:
    from onedigest.lock.targets import Target

    return Target(platform, python, glibc)


def _platform_tags(name: str) -> list[str]:
    """Return the platform tags of a wheel, of which its name has a set (PEP 425, "Compressed Tag Sets")."""
    return name.removesuffix(".whl").rpartition("-")[2].lower().split(".")


def _edge(row: Table) -> tuple[str, str]:
    return row.take("name", untrusted.normalized_name), row.take("version", untrusted.version)


def _wheel(row: Table) -> Wheel:
    name = row.take("name", untrusted.wheel_name)
    row.constant("path", input_path(name))
    hashes = row.inner("hashes")
    wheel = Wheel(
        name=name,
        digest=hashes.take("sha256", untrusted.sha256),
        size=row.take("size", untrusted.size),
        upload_time=row.take_or("", "upload-time", lambda value: rfc3339(untrusted.moment(value))),
    )
    hashes.refuse_rest()
    return wheel
