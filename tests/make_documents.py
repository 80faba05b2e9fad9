"""The schemas of the documents of `--json`: read off the results of commands.

`python tests/make_documents.py` writes them anew.
"""

from __future__ import annotations

import functools
import importlib
import json
import re
import types
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

from onedigest.cli.asked import asked_by
from onedigest.cli.commands import group
from onedigest.cli.documents import FORMAT
from onedigest.errors import Problem
from onedigest.workspace import results
from onedigest.workspace.changes import Change

FOLDER = Path(__file__).parent.parent / "docs" / "reference" / "schemas" / "documents"


@dataclass(frozen=True, kw_only=True)
class Generated:
    """What `generate` did. `pruned` are the folders of locks that `--prune` removed; it is there with that alone."""

    images: tuple[results.LockResult, ...]
    pruned: tuple[str, ...] | None


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """What `fetch` brought."""

    images: tuple[results.FetchResult, ...]


@dataclass(frozen=True, kw_only=True)
class Built:
    """What `build` made."""

    images: tuple[results.BuildResult, ...]


@dataclass(frozen=True, kw_only=True)
class Verified:
    """What `verify` found."""

    images: tuple[results.VerifyResult, ...]


@dataclass(frozen=True, kw_only=True)
class Compared:
    """What `verify --engine` found."""

    images: tuple[results.EnginesResult, ...]


@dataclass(frozen=True, kw_only=True)
class Node:
    """A package, or the script itself, which has an empty version. `source` is there for what is built from source."""

    name: str
    version: str
    source: str | None


@dataclass(frozen=True, kw_only=True)
class Graph:
    """What `graph` shows: an edge is two places in `nodes`, the first of which needs the second."""

    nodes: tuple[Node, ...]
    edges: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, kw_only=True)
class Step:
    """A package on a way, or the script itself, which has an empty version."""

    name: str
    version: str


@dataclass(frozen=True, kw_only=True)
class Why:
    """What `graph --why` shows: the shortest ways from the script to a package."""

    paths: tuple[tuple[Step, ...], ...]


@dataclass(frozen=True, kw_only=True)
class File:
    """A path in a layer. `mode` is a number, `target` that of a link."""

    path: str
    kind: str
    mode: int
    size: int
    target: str


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A layer, the lowest one first. `size` is that of the compressed layer; `files` are there with `--files`."""

    holds: str
    size: int
    digest: str
    diff_id: str
    files: tuple[File, ...] | None


@dataclass(frozen=True, kw_only=True)
class Platform:
    """The image of one platform. `settings` are the `config` of its OCI configuration, in the names that OCI has."""

    platform: str
    manifest: str
    config: str
    settings: Mapping[str, Any]
    annotations: Mapping[str, str]
    layers: tuple[Layer, ...]


@dataclass(frozen=True, kw_only=True)
class Inspected:
    """What `inspect` shows. `index` is the digest of the image."""

    index: str
    platforms: tuple[Platform, ...]


@dataclass(frozen=True, kw_only=True)
class Side:
    """One of two images; its digest is empty where it was not built."""

    name: str
    digest: str


@dataclass(frozen=True, kw_only=True)
class Differing:
    """What `diff` shows: `bytes_to_move` are those of new layers that whoever has the old image lacks."""

    old: Side
    new: Side
    changes: tuple[Change, ...]
    bytes_to_move: int


@dataclass(frozen=True, kw_only=True)
class Schema:
    """What `schema --json` prints."""

    file: str
    schema: Mapping[str, Any]


COMMANDS: Mapping[str, tuple[type, ...]] = {
    "generate": (Generated, results.CheckResult),
    "fetch": (Fetched,),
    "build": (Built,),
    "run": (),
    "verify": (Verified, Compared),
    "graph": (Graph, Why),
    "inspect": (Inspected,),
    "diff": (Differing,),
    "schema": (Schema,),
}
"""What each command answers; beside that it may fail."""

_PLAIN = {str: "string", int: "integer", bool: "boolean", Path: "string"}
_OPTIONAL = {*results.OPTIONAL, "pruned", "source", "files"}


def files() -> dict[Path, str]:
    """Return the text of each schema."""
    return {
        FOLDER / f"{name}.json": json.dumps(schema_of(name), indent=2, ensure_ascii=False) + "\n" for name in COMMANDS
    }


def schema_of(command: str, *, strict: bool = False) -> dict[str, Any]:
    """Return the schema of the documents of a command; a strict one takes no keys but those that are known."""
    known: dict[str, dict[str, Any]] = {"Problem": object_of(Problem)}
    for answer in COMMANDS[command]:
        collect(answer, known)
        known[answer.__name__] = headed(known[answer.__name__])
    head = {"description": "The command failed: there are no results.", **headed({"properties": {}, "required": []})}
    head["required"] = [*head["required"], "exit_code"]
    head["properties"]["errors"] = {**head["properties"]["errors"], "minItems": 1}
    known["Failure"] = head
    if strict:
        for each in known.values():
            each["additionalProperties"] = False
    names = [*(answer.__name__ for answer in COMMANDS[command]), "Failure"]
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": f"urn:onedigest:document:{command}",
        "title": f"onedigest {command} --json",
        "anyOf": [{"$ref": f"#/definitions/{name}"} for name in names],
        "definitions": known,
    }


def headed(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema with what all documents have."""
    problems = {"type": "array", "items": {"$ref": "#/definitions/Problem"}}
    head = {
        "format": {"const": FORMAT},
        "warnings": problems,
        "errors": problems,
        "exit_code": {"type": "integer", "minimum": 1},
    }
    required = ["format", "warnings", "errors"]
    return {
        **schema,
        "type": "object",
        "properties": {**head, **schema["properties"]},
        "required": [*required, *schema["required"]],
    }


def collect(kind: type, known: dict[str, dict[str, Any]]) -> None:
    """Add the schema of a result, and those of what is in it."""
    if kind.__name__ in known:
        return
    known[kind.__name__] = object_of(kind)
    for hint in get_type_hints(kind).values():
        for each in within(hint):
            collect(each, known)


def within(hint: Any) -> Iterable[type]:
    """Yield the results that a type names."""
    if is_dataclass(hint) and isinstance(hint, type):
        yield hint
    for each in get_args(hint):
        yield from within(each)


def object_of(kind: type) -> dict[str, Any]:
    """Return the schema of a result."""
    assert is_dataclass(kind)
    hints = get_type_hints(kind)
    names = [field.name for field in fields(kind)]
    absent = {name for name in names if name in _OPTIONAL and type(None) in get_args(hints[name])}
    return {
        "description": " ".join((kind.__doc__ or "").split()),
        "type": "object",
        "properties": {name: shape(hints[name], optional=name in absent) for name in names},
        "required": [name for name in names if name not in absent],
    }


def shape(hint: Any, *, optional: bool = False) -> dict[str, Any]:
    """Return the schema of a value of some type; what is optional is left out in place of being null."""
    if hint is Any:
        return {}
    if hint in _PLAIN:
        return {"type": _PLAIN[hint]}
    if is_dataclass(hint) and isinstance(hint, type):
        return {"$ref": f"#/definitions/{hint.__name__}"}
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        found = [shape(each) for each in arguments if each is not type(None)]
        return found[0] if optional else {"anyOf": [*found, {"type": "null"}]}
    if origin is tuple:
        return {"type": "array", "items": shape(arguments[0])}
    return {"type": "object", "additionalProperties": shape(arguments[1])}


@functools.cache
def validator(command: str) -> Any:
    return importlib.import_module("jsonschema").Draft7Validator(schema_of(command, strict=True))


def check_document(arguments: Sequence[str], code: int, out: str) -> None:
    """Assert that a call which asks for a document printed one, with no key that its schema does not know."""
    words = list(arguments)
    if not asked_by(group, words).as_json or "--help" in words or code in (129, 130, 143):
        return
    command = next((word for word in words if not word.startswith("-")), "")
    if command == "run" and not out.startswith("{"):
        return
    document = json.loads(out)
    faults = [fault.message for fault in validator(command if command in COMMANDS else "run").iter_errors(document)]
    assert faults == [], out
    assert document.get("exit_code", 0) == code
    assert all(re.fullmatch("[a-z]+(_[a-z]+)*", key) for key in document)


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for path, text in files().items():
        path.write_text(text, encoding="utf-8", newline="\n")
        print(path.name)
