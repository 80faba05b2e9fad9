"""The JSON documents of images (OCI image specification), each value checked: anybody may have made them."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from onedigest import untrusted
from onedigest.digest import canonical_json
from onedigest.errors import InputError, Problem
from onedigest.oci.media import FOREIGN_LAYERS, INDEXES, LAYERS, MANIFESTS
from onedigest.platforms import canonical

DOCUMENT_BYTES = 4 << 20
"""The largest manifest or configuration (OCI distribution specification, "Pushing Manifests")."""

MOST_LAYERS = 256
"""Layers of an image; container engines mount 127 at most."""

MOST_ROWS = 1024
"""Manifests that an index names."""

_HALF = re.compile(rb"\\u[dD][89a-fA-F]")
_ENV_NAME = re.compile(r"[!-<>-~]{1,256}")
"""Of a variable: printable, without a space and `=`."""


def parse(data: bytes, where: str) -> dict[str, Any]:
    """Read a document. Raises `InputError` for one that is no JSON object, or that readers read differently."""
    if len(data) > DOCUMENT_BYTES:
        raise InputError.of(f"larger than {DOCUMENT_BYTES} bytes", where=where)
    try:
        found = untrusted.load_json(data.decode())
    except ValueError as error:
        raise InputError.of(f"not JSON: {error}", where=where) from None
    if not isinstance(found, dict):
        raise InputError.of("not a JSON object", where=where)
    if _HALF.search(data):
        _refuse_halves(found, where)
    return found


def _refuse_halves(document: Any, where: str) -> None:
    """Refuse escapes of half a character, which are in no text that can be written."""
    try:
        canonical_json(document)
    except ValueError:
        raise InputError.of("not JSON: it holds half a character, or a number that is none", where=where) from None


def list_rows(where: str, document: Mapping[str, Any], key: str, most: int) -> list[Any]:
    """Return the rows that a document has under a key, at least one. Raises `InputError`."""
    found = document.get(key)
    if not isinstance(found, list) or not found:
        raise InputError.of(f"no `{key}`", where=where)
    if len(found) > most:
        raise InputError.of(f"{len(found)} `{key}`; {most} are the most", where=where)
    return found


def check_descriptor(where: str, row: Any, media_types: Collection[str]) -> dict[str, Any]:
    """Return a descriptor (descriptor.md) that is checked: its digest becomes a path. Raises `InputError`."""
    found = row if isinstance(row, dict) else {}
    try:
        untrusted.digest(found.get("digest"))
        untrusted.size(found.get("size"))
    except ValueError:
        raise InputError.of(f"not a descriptor: {row!r}"[:400], where=where) from None
    media_type = found.get("mediaType")
    if isinstance(media_type, str) and media_type in FOREIGN_LAYERS:
        raise InputError.of(
            f"the layer {found['digest']} is not in the image, but at an address of its own ({media_type})",
            where=where,
            hint="use an image that has all of its layers",
        )
    if not isinstance(media_type, str) or media_type not in media_types:
        raise InputError.of(f"media type {media_type!r} is not known"[:400], where=where)
    if media_type not in LAYERS and found["size"] > DOCUMENT_BYTES:
        raise InputError.of(f"a document of {found['size']} bytes; {DOCUMENT_BYTES} are the most", where=where)
    return found


def check_kind(document: Mapping[str, Any], where: str, *, index: bool) -> None:
    """Refuse a document that is an index to one reader and a manifest to another (CVE-2021-41190)."""
    others, keys = (MANIFESTS, ("config", "layers")) if index else (INDEXES, ("manifests",))
    if document.get("mediaType") in others or any(document.get(key) is not None for key in keys):
        message = "it is called an index, and is a manifest" if index else "it is called a manifest, and is an index"
        raise InputError.of(message, where=where)


def stated_platform(where: str, row: Mapping[str, Any]) -> str | None:
    """Return the platform that a row of an index states, by its canonical name; None where it states none.

    Nothing is returned for what no machine of ours runs: attestations are of `unknown`, and images that a plain
    machine cannot mount have `os.features`.
    """
    stated = row.get("platform")
    if stated is None:
        return None
    if not isinstance(stated, dict):
        raise InputError.of("a `platform` is not an object", where=where)
    return "" if stated.get("os.features") and stated.get("os") != "windows" else platform_of(stated)


def platform_of(stated: Mapping[str, Any]) -> str:
    """Return the platform that a row or a configuration states, by its canonical name; nothing where it is none."""
    parts = [stated.get(key) or "" for key in ("os", "architecture", "variant")]
    try:
        system, architecture, variant = (untrusted.word(part) if part else "" for part in parts)
    except ValueError:
        return ""
    return canonical(system, architecture, variant) if architecture and "unknown" not in parts[:2] else ""


def check_config(config: Mapping[str, Any], where: str) -> str:
    """Check the form of a configuration (config.md), and return its platform. Raises `InputError` with all problems."""
    problems = [Problem(text[:400], where) for text in _wrong(config)]
    if problems:
        raise InputError(problems)
    return canonical(config["os"], config["architecture"])


def _wrong(config: Mapping[str, Any]) -> Iterator[str]:
    for key in ("os", "architecture"):
        yield from _said(f"`{key}`", untrusted.word, config.get(key))
    yield from _said("`created`", _optional(untrusted.line), config.get("created"))
    history = config.get("history")
    if history is not None and not isinstance(history, list):
        yield "`history` is not a list"
    for number, each in enumerate(history if isinstance(history, list) else ()):
        if (
            not isinstance(each, dict)
            or not isinstance(each.get("created_by"), str | None)
            or not isinstance(each.get("empty_layer"), bool | None)
        ):
            yield f"`history[{number}]` is not what was done for a layer"
    settings = config.get("config")
    if settings is None:
        return
    if not isinstance(settings, dict):
        yield "`config` is not an object"
        return
    for key in ("User", "WorkingDir"):
        yield from _said(f"`config.{key}`", _optional(untrusted.line), settings.get(key))
    for key in ("Env", "Entrypoint", "Cmd", "OnBuild"):
        yield from _said(f"`config.{key}`", _optional(_texts), settings.get(key))
    yield from _said("`config.Labels`", _optional(_table), settings.get("Labels"))
    lines = settings.get("Env")
    for line in lines if isinstance(lines, list) else ():
        if isinstance(line, str) and not ("=" in line and _ENV_NAME.fullmatch(line.partition("=")[0])):
            yield f"`config.Env` has {line!r}, which is not NAME=value"


def _said(name: str, check: Callable[[Any], object], value: Any) -> Iterator[str]:
    try:
        check(value)
    except ValueError as error:
        yield f"{name} {error}"


def _optional(check: Callable[[Any], object]) -> Callable[[Any], object]:
    return lambda value: None if value is None else check(value)


def _texts(value: Any) -> None:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise ValueError("is not a list of strings")


def _table(value: Any) -> None:
    if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
        raise ValueError("is not an object of strings")
