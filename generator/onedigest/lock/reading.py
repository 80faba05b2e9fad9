"""Knows how the document of a lock becomes a lock: every field is checked, by itself and against the others."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any

from onedigest import formats, untrusted
from onedigest.assembler.descriptor import Descriptor
from onedigest.digest import canonical_json
from onedigest.errors import InputError
from onedigest.lock import shadow
from onedigest.lock.model import Base, BaseImage, DebianPackage, Lock, Package, Wheel
from onedigest.lock.table import Table, Wrong
from onedigest.lock.toml_text import rfc3339
from onedigest.oci.media import LAYERS
from onedigest.oci.reference import parse_reference
from onedigest.platforms import ALL, Platform
from onedigest.spec import asked_value, digest_of

_INPUTS = "../.inputs"
_VARIABLE = re.compile(r"[^=\x00-\x20\x7f]+=")
_DATE = re.compile(r"[A-Z][a-z]{2}, (\d{1,2}) ([A-Z][a-z]{2}) (\d{4}) (\d{2}):(\d{2}):(\d{2}) UTC", re.ASCII)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def input_path(name: str) -> str:
    """Return the path of an input from the folder of a lock."""
    return f"{_INPUTS}/{name}"


def environment(platform: Platform, python_minor: str) -> str:
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
    minor = ".".join(python.split(".")[:2])
    platforms = _platforms(top, minor)
    asked = tool.take("spec", _spec)
    lock = Lock(
        spec=tool.take("spec-digest", untrusted.digest),
        asked=canonical_json(asked).decode(),
        script=tool.take("script", untrusted.relative_path),
        version=tool.take("version", untrusted.version),
        platforms=platforms,
        base=_base(below, python, platforms),
        packages=top.each("packages", partial(_package, platforms)),
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
    known = {environment(platform, minor): platform for platform in ALL}

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
        raise Wrong(["`tool.onedigest.spec-digest` is not the digest of `tool.onedigest.spec`"])
    # what a lock leaves out may have been another default when it was made
    same = lock.spec != digest_of(asked) or asked_value(asked, "platforms") == [each.oci for each in lock.platforms]
    if asked["script"] != lock.script or not same:
        raise Wrong(["`tool.onedigest.spec` is of another script, or of other platforms, than the lock"])
    keys = {package.key for package in lock.packages}
    edges = [*lock.roots, *(edge for package in lock.packages for edge in package.dependencies)]
    if missing := sorted({f"{name} {version}" for name, version in edges if (name, version) not in keys}):
        raise Wrong(f"`packages` has no {each}, which is needed" for each in missing)
    debian = (*lock.base.packages, *lock.base.system_packages)
    try:
        for platform in lock.platforms:
            untrusted.distinct(package.name for package in lock.packages if platform in package.platforms)
        untrusted.distinct(f"{package.name} {package.version}" for package in lock.packages)
    except ValueError as error:
        raise Wrong([f"`packages` {error}"]) from None
    try:
        names = [wheel.name for wheel in lock.wheels()] + [package.file_name for package in debian]
        untrusted.distinct(names)
    except ValueError as error:
        raise Wrong([f"the lock {error} among its inputs"]) from None


def read_base(values: Mapping[str, Any], platforms: tuple[Platform, ...]) -> Base:
    """Return the base that a table holds, for the platforms of its lock. Raises `Wrong`."""
    table = Table(values)
    python = table.take("python", untrusted.python_version)
    found = _base(table, python, platforms)
    table.refuse_rest()
    return found


def read_remaining_package(values: Mapping[str, Any], platforms: tuple[Platform, ...]) -> Package:
    """Return a package with what can be read of it, at least its name and version. Raises `Wrong`."""
    row = Table(values)
    name, version = row.take("name", untrusted.normalized_name), row.take("version", untrusted.version)
    wheels = []
    for each in values["wheels"] if isinstance(values.get("wheels"), list) else ():
        with suppress(Wrong, ValueError):
            wheel = _wheel(Table(untrusted.table(each)))
            wheels += [wheel] if _is_of(wheel.name, name, version) else []
    chosen = []
    for platform in platforms:
        with suppress(Wrong):
            chosen.append((platform, _of_platform(row, wheels, platform)))
    return Package(name=name, version=version, wheels=tuple(chosen))


def _base(base: Table, python: str, platforms: tuple[Platform, ...]) -> Base:
    base.constant("libc", "glibc")
    image = "image" in base
    debian = not image or "suite" in base
    found = Base(
        suite=base.take("suite", untrusted.word) if debian else "",
        release=base.take("release", untrusted.digest) if debian else None,
        date=base.take("date", release_date) if debian else "",
        image=base.take("image", read_reference) if image else "",
        index=base.take("index", untrusted.digest) if image else None,
        system=base.take("operating-system", untrusted.line) if image else "",
        images=base.each("images", _image) if image else (),
        interpreter=base.take("interpreter", untrusted.absolute_path),
        python=python,
        libc_version=base.take("libc-version", untrusted.libc_version),
        packages=() if image else base.each("packages", partial(_debian, platforms)),
        system_packages=base.each("system-packages", partial(_debian, platforms)),
    )
    if image and [each.platform for each in found.images] != list(platforms):
        raise base.wrong("images", "are not those of the lock's platforms")
    if not image and not found.packages:
        raise base.wrong("packages", "is empty")
    return found


def read_reference(value: Any) -> str:
    """Return the reference of an image. Raises ValueError."""
    found = untrusted.line(value)
    try:
        parse_reference(found)
    except InputError:
        raise ValueError(f"is {found!r}, which is not the reference of an image") from None
    return found


def _image(row: Table) -> BaseImage:
    found = BaseImage(
        platform=row.take("platform", untrusted.platform),
        manifest=row.take("manifest", untrusted.digest),
        config=row.take("config", untrusted.digest),
        env=row.every("env", variable),
        has_workdir=row.take("has-workdir", untrusted.flag),
        labels=row.take("labels", _labels),
        layers=row.each("layers", _layer),
    )
    if not found.layers:
        raise row.wrong("layers", "is empty")
    return found


def _labels(value: Any) -> tuple[tuple[str, str], ...]:
    return tuple((untrusted.line(name), untrusted.prose(text)) for name, text in untrusted.table(value).items())


def _layer(row: Table) -> Descriptor:
    return Descriptor(
        row.take("diff-id", untrusted.digest),
        row.take("digest", untrusted.digest),
        row.take("size", untrusted.size),
        row.take("media-type", _layer_type),
    )


def _layer_type(value: Any) -> str:
    found = untrusted.media_type(value)
    if found not in LAYERS:
        raise ValueError(f"is {found!r}, which is not the media type of a layer")
    return found


def _package(platforms: Sequence[Platform], row: Table) -> Package:
    name, version = row.take("name", untrusted.normalized_name), row.take("version", untrusted.version)
    users = row.take_or(tuple(platforms), "marker", partial(_users, platforms))
    edges = row.each("dependencies", _edge)
    wheels = row.each("wheels", _wheel)
    for number, wheel in enumerate(wheels):
        if not _is_of(wheel.name, name, version):
            raise row.wrong(f"wheels[{number}].name", f"is {wheel.name!r}, which is not a wheel of {name} {version}")
    chosen = tuple((platform, _of_platform(row, wheels, platform)) for platform in users)
    if unused := set(wheels) - {wheel for _, wheel in chosen}:
        raise row.wrong("wheels", f"has `{min(unused).name}`, which no platform of the package selects")
    return Package(name=name, version=version, wheels=chosen, dependencies=edges)


def _users(platforms: Sequence[Platform], value: Any) -> tuple[Platform, ...]:
    """Return the platforms that a marker means; it is written in one way alone."""
    alone = {shadow.marker([platform]): (platform,) for platform in platforms}
    found = {**alone, shadow.marker(platforms): tuple(platforms)}.get(untrusted.text(value))
    if found is None:
        raise ValueError("is not the marker of some of the lock's platforms")
    return found


def _is_of(wheel: str, name: str, version: str) -> bool:
    """Tell whether a wheel is of a project's version, by its file name."""
    stated, written = wheel.split("-")[:2]
    if re.sub(r"[-_.]+", "-", stated).lower() != name:
        return False
    return written == version or _is_equal(written.replace("_", "-"), version)


def _is_equal(version: str, other: str) -> bool:
    from packaging.version import InvalidVersion, Version

    try:
        return Version(version) == Version(other)
    except InvalidVersion:
        return False


def _of_platform(row: Table, wheels: Iterable[Wheel], platform: Platform) -> Wheel:
    """Return the wheel of a platform: its own, or else the one for any machine."""
    for suffix in (f"_{platform.machine}.whl", "-any.whl"):
        for wheel in wheels:
            if wheel.name.endswith(suffix):
                return wheel
    raise row.wrong("wheels", f"has none for {platform}")


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


def _debian(platforms: Sequence[Platform], row: Table) -> DebianPackage:
    users = {each.debian: (each,) for each in platforms} | {"all": tuple(platforms)}
    architecture = row.take("architecture", untrusted.word)
    if architecture not in users:
        raise row.wrong("architecture", f"is {architecture!r}, which no platform of the lock has")
    if architecture == "all" and "platforms" in row:
        users[architecture] = row.every("platforms", untrusted.platform)
        if not users[architecture] or set(users[architecture]) - set(platforms):
            raise row.wrong("platforms", "are not some of the lock's platforms")
    return DebianPackage(
        name=row.take("name", untrusted.debian_name),
        version=row.take("version", untrusted.debian_version),
        architecture=architecture,
        path=row.take("path", untrusted.debian_path),
        digest=row.take("sha256", untrusted.sha256),
        size=row.take("size", untrusted.size),
        platforms=tuple(sorted(set(users[architecture]))),
    )


def variable(value: Any) -> str:
    """Return a line NAME=value of an environment. A search path has one line; others may have several."""
    found = untrusted.prose(value)
    if not _VARIABLE.match(found):
        raise ValueError(f"is {found[:80]!r}, which is not NAME=value")
    return untrusted.line(found) if found.startswith("PATH=") else found


def release_date(value: Any) -> str:
    """Return the date of a release as Debian writes it, such as `Sat, 11 Jul 2026 10:16:37 UTC`."""
    found = untrusted.text(value)
    match = _DATE.fullmatch(found)
    try:
        if match and match[2] in _MONTHS:
            day, year, hour, minute, second = (int(match[number]) for number in (1, 3, 4, 5, 6))
            untrusted.moment(datetime(year, _MONTHS.index(match[2]) + 1, day, hour, minute, second, tzinfo=UTC))
            return found
    except ValueError:
        pass
    raise ValueError(f"is {found[:80]!r}, which is not the date of a release")
