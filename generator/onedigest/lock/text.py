"""The text of a lock: pylock.toml, valid PEP 751, one wheel a line, the same bytes on every machine."""

from __future__ import annotations

import json
import tomllib

from onedigest import formats, merge_conflicts, untrusted
from onedigest.digest import hex_of
from onedigest.errors import InputError, Problem
from onedigest.from_source.model import BuildRequirement, BuiltFrom, PinnedFile
from onedigest.header import add_header, one_line, stated_script
from onedigest.lock.metadata import format_problem, stated, stated_in
from onedigest.lock.model import Lock, LockedPackage, Wheel
from onedigest.lock.parse import environment_marker, input_path, read_document
from onedigest.lock.table import InvalidValue
from onedigest.lock.toml import inline_table, key, lines, string, value
from onedigest.platforms import marker_of

_HINT = "run `onedigest generate`"


def dumps(lock: Lock) -> str:
    """Return the text of a lock. A package carries a marker where only some platforms need it."""
    body = "\n".join([_head(lock), *(_package(package, lock) for package in lock.packages), _tool(lock)])
    return add_header(lock.script, body)


def loads(text: str, where: str) -> Lock:
    """Read the text of a lock. Raises `InputError` that names the place, such as `packages[2].wheels[0].size`."""
    if line := merge_conflicts.first_line(text):
        raise InputError.of(merge_conflicts.MARKS, where=f"{where}:{line}", hint=_HINT)
    try:
        document = untrusted.load_toml(text, untrusted.MOST_LOCK)
    except tomllib.TOMLDecodeError as error:
        raise InputError.of(f"not valid TOML: {error}", where=where, hint=_HINT) from None
    seen = stated_in(document)
    if problem := format_problem(seen, where):
        raise InputError([problem])
    try:
        lock = read_document(document)
    except InvalidValue as wrong:
        raise InputError(Problem(message, where, _HINT) for message in wrong.messages) from None
    if stated(text) != seen or stated_script(text) not in ("", one_line(lock.script)):
        raise InputError.of("says in two places what it is of, and not the same", where=where, hint=_HINT)
    return lock


def _head(lock: Lock) -> str:
    python = lock.base.python_minor
    environments = [environment_marker(platform, python) for platform in lock.platforms]
    return (
        'lock-version = "1.0"\n'
        f"environments = {lines(list(map(string, environments)))}\n"
        f"requires-python = {string(f'=={python}.*')}\n"
        'created-by = "onedigest"\n'
    ) + ("" if lock.packages else "packages = []\n")


def _package(package: LockedPackage, lock: Lock) -> str:
    several = {each.name for each in lock.packages if each.name == package.name and each.key != package.key}
    text = f"[[packages]]\nname = {string(package.name)}\nversion = {string(package.version)}\n"
    if package.platforms != lock.platforms or several:
        text += f"marker = {string(marker_of(package.platforms))}\n"
    if package.dependencies:
        text += f"dependencies = {lines([_edge(edge) for edge in package.dependencies])}\n"
    wheels = sorted({wheel for _, wheel in package.wheels})
    text += f"wheels = {lines([_wheel(wheel) for wheel in wheels])}\n"
    return text if package.origin is None else f"{text}\n[packages.tool.onedigest]\n{_origin(package.origin)}"


def _origin(origin: BuiltFrom) -> str:
    """Return what a lock states of the source of a wheel; what is empty is left out."""
    fields = {
        "kind": string(origin.kind),
        "path": string(origin.path) if origin.path else "",
        "digest": string(origin.digest) if origin.digest else "",
        "size": str(origin.size) if origin.size else "",
        "commit": string(origin.commit) if origin.commit else "",
        "tree": string(origin.tree) if origin.tree else "",
        "reference": string(origin.reference) if origin.reference else "",
        "subdirectory": string(origin.subdirectory) if origin.subdirectory else "",
        "settings": string(origin.settings) if origin.settings else "",
        "requires": lines([_requirement(each) for each in origin.requires]),
    }
    return "".join(f"{name} = {item}\n" for name, item in fields.items() if item)


def _requirement(requirement: BuildRequirement) -> str:
    wheels = ", ".join(_pinned(wheel) for wheel in requirement.wheels)
    return inline_table(
        {"name": string(requirement.name), "version": string(requirement.version), "wheels": f"[{wheels}]"}
    )


def _pinned(file: PinnedFile) -> str:
    return inline_table({"name": string(file.name), "size": str(file.size), "sha256": string(hex_of(file.digest))})


def _edge(edge: tuple[str, str]) -> str:
    return inline_table({"name": string(edge[0]), "version": string(edge[1])})


def _wheel(wheel: Wheel) -> str:
    fields = {"name": string(wheel.name), "path": string(input_path(wheel.name)), "size": str(wheel.size)}
    if wheel.upload_time:
        fields["upload-time"] = wheel.upload_time
    return inline_table({**fields, "hashes": inline_table({"sha256": string(hex_of(wheel.digest))})})


def _tool(lock: Lock) -> str:
    return (
        "[tool.onedigest]\n"
        f"format = {formats.LOCK}\n"
        f"layer-format = {formats.LAYERS}\n"
        f"version = {string(lock.version)}\n"
        f"script = {string(lock.script)}\n"
        f"spec-digest = {string(lock.spec)}\n"
        f"requirements = {lines([_edge(root) for root in lock.roots])}\n"
        "\n[tool.onedigest.spec]\n"
        + "".join(f"{key(name)} = {value(item)}\n" for name, item in sorted(json.loads(lock.asked).items()))
        + "\n[tool.onedigest.base]\n"
        + lock.base.to_toml(lock.platforms)
    )
