"""Knows docker-bake.json: all images of a lock folder, one target each, kept when another of them is generated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from onedigest import untrusted
from onedigest.assembler.tar import MTIME
from onedigest.digest import canonical_json, of_bytes
from onedigest.header import one_line
from onedigest.plan.inputs import FOLDER, base_layout
from onedigest.plan.layers import Plan
from onedigest.rules.dockerfile import FILE_NAME as DOCKERFILE
from onedigest.rules.dockerfile import bake_target, base_contexts
from onedigest.rules.environment import render
from onedigest.rules.quoting import bake_plain
from onedigest.spec import Spec

FILE_NAME = "docker-bake.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class BakeTarget:
    """One image. `configurations` are what its image is to have, by platform, as JSON without layers."""

    name: str
    script: str
    content: str = ""
    dockerfile: str
    contexts: tuple[tuple[str, str], ...]
    tag: str
    output: str
    configurations: tuple[tuple[str, str], ...]
    epoch: int = MTIME

    def is_intact(self) -> bool:
        """Tell whether a target is as it was generated."""
        return self.content == _content(self)


@dataclass(frozen=True, kw_only=True, slots=True)
class BakeView:
    """What the template of a bake file sees."""

    folder: str
    targets: tuple[BakeTarget, ...]


def target_of(spec: Spec, plan: Plan, folder: str) -> BakeTarget:
    """Return the target of an image; `folder` is the lock folder from the context's root."""
    target = BakeTarget(
        name=bake_target(spec.name),
        script=one_line(spec.script),
        dockerfile=f"{folder}/{spec.name}/{DOCKERFILE}",
        contexts=tuple((name, f"oci-layout://{folder}/{FOLDER}/{base_layout(plan)}") for name in base_contexts(plan)),
        tag=f"{spec.repository or spec.name}:latest",
        output=f"dist/buildx/{spec.name}",
        configurations=tuple((each.platform.oci, each.config.decode()) for each in plan.platforms),
    )
    return replace(target, content=_content(target))


def render_bake(targets: Iterable[BakeTarget], folder: str) -> str:
    """Return the text of a bake file."""
    ordered = tuple(sorted(targets, key=lambda target: target.name))
    return render("templates", "docker-bake.json.j2", BakeView(folder=folder, targets=ordered))


def read_targets(text: str | None) -> dict[str, BakeTarget]:
    """Return the targets of a bake file that can be read, by name."""
    try:
        rows = untrusted.load_json(text or "{}").get("target", {})
    except (ValueError, AttributeError):
        return {}
    found: dict[str, BakeTarget] = {}
    for name, row in rows.items() if isinstance(rows, dict) else ():
        try:
            target = _read(name, row)
            _content(target)  # has no form for half of a character
            found[name] = target
        except (KeyError, TypeError, ValueError, AttributeError, IndexError):
            continue
    return found


def _read(name: str, row: Mapping[str, Any]) -> BakeTarget:
    _, script, content = map(bake_plain, row["//"])
    output = row["output"][0]
    return BakeTarget(
        name=name,
        script=script,
        content=content,
        dockerfile=bake_plain(row["dockerfile"]),
        contexts=tuple((name, bake_plain(place)) for name, place in row["contexts"].items()),
        tag=bake_plain(row["tags"][0]),
        output=bake_plain(output["dest"]),
        configurations=tuple(
            (platform, bake_plain(output[f"containerimage.config/{platform}"])) for platform in row["platforms"]
        ),
        epoch=int(row["args"]["SOURCE_DATE_EPOCH"]),
    )


def _content(target: BakeTarget) -> str:
    values = {field.name: getattr(target, field.name) for field in fields(target) if field.name != "content"}
    return of_bytes(canonical_json(values))
