"""Knows the text of a lock: pylock.toml, valid PEP 751, one wheel a line, the same bytes on every machine."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from onedigest.assembler.descriptor import Descriptor
from onedigest.digest import Digest, canonical_json, hex_of, is_digest
from onedigest.errors import InputError
from onedigest.header import add_header
from onedigest.lock import shadow
from onedigest.lock.model import FORMAT, Base, BaseImage, DebianPackage, Lock, Package, Wheel
from onedigest.lock.toml_text import inline_table, lines, rfc3339, string, value
from onedigest.oci.media import LAYERS
from onedigest.platforms import BY_NAME, Platform

FILE_NAME = "pylock.toml"
INPUTS = "../.inputs"

_SPEC = re.compile(r'(?m)^spec-digest = "(sha256:[0-9a-f]{64})"$')
_ASSEMBLER = re.compile(r'(?m)^assembler = "(sha256:[0-9a-f]{64})"$')


def dumps(lock: Lock) -> str:
    """Return the text of a lock. A package carries a marker where only some platforms need it."""
    body = "\n".join([_head(lock), *(_package(package, lock) for package in lock.packages), _tool(lock)])
    return add_header(lock.script, body)


def stated_digests(text: str) -> tuple[str, str]:
    """Return the digests of spec and assembler that a lock states, without reading all of it; empty where missing."""
    spec, assembler = _SPEC.search(text), _ASSEMBLER.search(text)
    return spec[1] if spec else "", assembler[1] if assembler else ""


def loads(text: str, where: str) -> Lock:
    """Read the text of a lock. Raises `InputError` that names the place, such as `packages[2].wheels[0].size`."""
    try:
        return _lock(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise InputError.of(f"not valid TOML: {error}", where=where, hint="run `onedigest generate`") from None
    except _Wrong as wrong:
        raise InputError.of(str(wrong), where=where, hint="run `onedigest generate`") from None


def _head(lock: Lock) -> str:
    python = lock.base.python_minor
    environments = [
        f"implementation_name == 'cpython' and platform_machine == '{platform.machine}'"
        f" and python_version == '{python}' and sys_platform == 'linux'"
        for platform in lock.platforms
    ]
    return (
        'lock-version = "1.0"\n'
        f"environments = {lines(list(map(string, environments)))}\n"
        f"requires-python = {string(f'=={python}.*')}\n"
        'created-by = "onedigest"\n'
    ) + ("" if lock.packages else "packages = []\n")


def _package(package: Package, lock: Lock) -> str:
    several = {each.name for each in lock.packages if each.name == package.name and each.key != package.key}
    text = f"[[packages]]\nname = {string(package.name)}\nversion = {string(package.version)}\n"
    if package.platforms != lock.platforms or several:
        text += f"marker = {string(shadow.marker(package.platforms))}\n"
    if package.dependencies:
        text += f"dependencies = {lines([_edge(edge) for edge in package.dependencies])}\n"
    wheels = sorted({wheel for _, wheel in package.wheels})
    return text + f"wheels = {lines([_wheel(wheel) for wheel in wheels])}\n"


def _edge(edge: tuple[str, str]) -> str:
    return inline_table({"name": string(edge[0]), "version": string(edge[1])})


def _wheel(wheel: Wheel) -> str:
    fields = {"name": string(wheel.name), "path": string(f"{INPUTS}/{wheel.name}"), "size": str(wheel.size)}
    if wheel.upload_time:
        fields["upload-time"] = wheel.upload_time
    return inline_table({**fields, "hashes": inline_table({"sha256": string(hex_of(wheel.digest))})})


def _tool(lock: Lock) -> str:
    base = lock.base
    return (
        "[tool.onedigest]\n"
        f"format = {FORMAT}\n"
        f"script = {string(lock.script)}\n"
        f"spec-digest = {string(lock.spec)}\n"
        f"assembler = {string(lock.assembler)}\n"
        f"requirements = {lines([_edge(root) for root in lock.roots])}\n"
        "\n[tool.onedigest.spec]\n"
        + "".join(f"{name} = {value(item)}\n" for name, item in sorted(json.loads(lock.asked).items()))
        + "\n[tool.onedigest.base]\n"
        + _origin(base)
        + f"interpreter = {string(base.interpreter)}\n"
        f"python = {string(base.python)}\n"
        'libc = "glibc"\n'
        f"libc-version = {string(base.libc_version)}\n"
        + ("" if base.images else f"packages = {lines([_debian(package, lock) for package in base.packages])}\n")
        + f"system-packages = {lines([_debian(package, lock) for package in base.system_packages])}\n"
        + "".join(map(_image, base.images))
    )


def _origin(base: Base) -> str:
    text = ""
    if base.index:
        text += (
            f"image = {string(base.image)}\nindex = {string(base.index)}\noperating-system = {string(base.system)}\n"
        )
    if base.release:
        text += f"suite = {string(base.suite)}\nrelease = {string(base.release)}\ndate = {string(base.date)}\n"
    return text


def _image(image: BaseImage) -> str:
    labels = {string(name): string(text) for name, text in image.labels}
    return (
        "\n[[tool.onedigest.base.images]]\n"
        f"platform = {string(image.platform.oci)}\n"
        f"manifest = {string(image.manifest)}\n"
        f"config = {string(image.config)}\n"
        f"env = {lines(list(map(string, image.env)))}\n"
        f"user = {string(image.user)}\n"
        f"workdir = {string(image.workdir)}\n"
        f"has-workdir = {'true' if image.has_workdir else 'false'}\n"
        f"labels = {inline_table(labels)}\n"
        f"layers = {lines(list(map(_layer, image.layers)))}\n"
    )


def _layer(layer: Descriptor) -> str:
    fields = {"digest": layer.digest, "diff-id": layer.diff_id, "media-type": layer.media_type}
    return inline_table({"size": str(layer.size), **{name: string(text) for name, text in fields.items()}})


def _debian(package: DebianPackage, lock: Lock) -> str:
    fields = {
        "name": string(package.name),
        "version": string(package.version),
        "architecture": string(package.architecture),
        "path": string(package.path),
        "size": str(package.size),
        "sha256": string(hex_of(package.digest)),
    }
    if package.architecture == "all" and package.platforms != lock.platforms:
        fields["platforms"] = "[" + ", ".join(string(platform.oci) for platform in package.platforms) + "]"
    return inline_table(fields)


class _Wrong(Exception):
    """A value that is missing or has the wrong type; each level puts its key in front."""

    def __init__(self, message: str, path: str = "") -> None:
        super().__init__(message, path)
        self.message = message
        self.path = path

    def __str__(self) -> str:
        return f"{self.message} in `{self.path}`"


T = TypeVar("T")


def _get(table: Mapping[str, Any], key: str, kind: type[T], default: T | None = None) -> T:
    found = table.get(key, default)
    if not isinstance(found, kind) or isinstance(found, bool):
        raise _Wrong("no value" if found is None else f"the value {found!r} is wrong", key)
    return found


def _each(table: Mapping[str, Any], key: str, read: Callable[[Mapping[str, Any]], T]) -> tuple[T, ...]:
    """Read an array of tables; an error in one of them gets its place."""
    found = []
    for number, row in enumerate(_get(table, key, list, [])):
        try:
            found.append(read(row if isinstance(row, dict) else {}))
        except _Wrong as wrong:
            raise _Wrong(wrong.message, f"{key}[{number}].{wrong.path}".rstrip(".")) from None
    return tuple(found)


def _lock(table: Mapping[str, Any]) -> Lock:
    tool = _table(_table(table, "tool"), "onedigest")
    if tool.get("format") != FORMAT:
        raise _Wrong(f"format {tool.get('format')!r} is not one that this version of onedigest reads", "tool.onedigest")
    machines = "".join(map(str, _get(table, "environments", list)))
    platforms = tuple(each for each in BY_NAME.values() if f"'{each.machine}'" in machines)
    base = _table(tool, "base")
    return Lock(
        spec=_digest(tool, "spec-digest"),
        asked=canonical_json(_table(tool, "spec")).decode(),
        script=_get(tool, "script", str),
        assembler=_digest(tool, "assembler"),
        platforms=platforms,
        base=_read_base(base, platforms),
        packages=_each(table, "packages", lambda row: _read_package(row, platforms)),
        roots=_each(tool, "requirements", _read_edge),
    )


def _read_base(base: Mapping[str, Any], platforms: tuple[Platform, ...]) -> Base:
    return Base(
        suite=_get(base, "suite", str, ""),
        release=_digest(base, "release") if "release" in base else None,
        date=_get(base, "date", str, ""),
        image=_get(base, "image", str, ""),
        index=_digest(base, "index") if "index" in base else None,
        system=_get(base, "operating-system", str, ""),
        images=_each(base, "images", _read_image),
        interpreter=_get(base, "interpreter", str),
        python=_get(base, "python", str),
        libc_version=_get(base, "libc-version", str),
        packages=_each(base, "packages", lambda row: _read_debian(row, platforms)),
        system_packages=_each(base, "system-packages", lambda row: _read_debian(row, platforms)),
    )


def _read_image(row: Mapping[str, Any]) -> BaseImage:
    platform = BY_NAME.get(_get(row, "platform", str))
    if platform is None:
        raise _Wrong("a platform that is not known", "platform")
    return BaseImage(
        platform=platform,
        manifest=_digest(row, "manifest"),
        config=_digest(row, "config"),
        env=tuple(map(str, _get(row, "env", list))),
        user=_get(row, "user", str),
        workdir=_get(row, "workdir", str),
        has_workdir=row.get("has-workdir") is True,
        labels=tuple((str(name), str(text)) for name, text in _table(row, "labels").items()),
        layers=_each(row, "layers", _read_layer),
    )


def _read_layer(row: Mapping[str, Any]) -> Descriptor:
    media_type = _get(row, "media-type", str)
    if media_type not in LAYERS:
        raise _Wrong(f"{media_type!r} is not the media type of a layer", "media-type")
    return Descriptor(_digest(row, "diff-id"), _digest(row, "digest"), _get(row, "size", int), media_type)


def _read_package(row: Mapping[str, Any], platforms: tuple[Platform, ...]) -> Package:
    marker = row.get("marker")
    users = [each for each in platforms if marker is None or f"'{each.machine}'" in str(marker)]
    wheels = _each(row, "wheels", _read_wheel)
    return Package(
        name=_get(row, "name", str),
        version=_get(row, "version", str),
        wheels=tuple((platform, _of_platform(wheels, platform)) for platform in users),
        dependencies=_each(row, "dependencies", _read_edge),
    )


def _of_platform(wheels: Iterable[Wheel], platform: Platform) -> Wheel:
    """Return the wheel of a platform: its own, or else the one for any machine."""
    for suffix in (f"_{platform.machine}.whl", "-any.whl"):
        for wheel in wheels:
            if wheel.name.endswith(suffix):
                return wheel
    raise _Wrong(f"no wheel for {platform}", "wheels")


def _read_edge(row: Mapping[str, Any]) -> tuple[str, str]:
    return _get(row, "name", str), _get(row, "version", str)


def _read_wheel(row: Mapping[str, Any]) -> Wheel:
    name = _get(row, "name", str)
    if not re.fullmatch(r"[A-Za-z0-9_.+!-]+\.whl", name):
        raise _Wrong(f"{name!r} is not the file name of a wheel", "name")
    moment = row.get("upload-time")
    return Wheel(
        name=name,
        digest=Digest("sha256:" + _get(_table(row, "hashes"), "sha256", str)),
        size=_get(row, "size", int),
        upload_time=rfc3339(moment) if isinstance(moment, datetime) else "",
    )


def _read_debian(row: Mapping[str, Any], platforms: tuple[Platform, ...]) -> DebianPackage:
    architecture = _get(row, "architecture", str)
    users = [each for each in platforms if architecture in ("all", each.debian)]
    if "platforms" in row:
        users = [each for each in platforms if each.oci in _get(row, "platforms", list)]
    path = _get(row, "path", str)
    if ".." in path.split("/") or path.startswith("/"):
        raise _Wrong(f"{path!r} leaves the archive", "path")
    return DebianPackage(
        name=_get(row, "name", str),
        version=_get(row, "version", str),
        architecture=architecture,
        path=path,
        digest=Digest("sha256:" + _get(row, "sha256", str)),
        size=_get(row, "size", int),
        platforms=tuple(users),
    )


def _table(table: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    return _get(table, key, dict)


def _digest(table: Mapping[str, Any], key: str) -> Digest:
    text = _get(table, key, str)
    if not is_digest(text):
        raise _Wrong(f"{text!r} is not a digest", key)
    return Digest(text)
