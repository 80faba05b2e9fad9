"""What each number of formats.py stands for, as a digest: the number moves when these bytes do (tests/formats.json)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import releases
from conftest import ROOT, VECTORS
from full_case import LOCK, SPEC, plan_of
from golden import CASES, FOLDER, unstamped
from onedigest import formats
from onedigest.digest import canonical_json, of_bytes
from onedigest.lock import text as lock_text
from onedigest.rules.image import render_rules
from onedigest.rules.merged import merged_texts
from onedigest.rules.shared import render_shared

FILE = ROOT / "tests" / "formats.json"
KINDS = ("docker", "bazel", "nix")
RENDERED = (
    "Dockerfile",
    "Dockerfile.dockerignore",
    "docker-bake.json",
    "image.BUILD.bazel",
    "layers.json",
    "default.nix",
)
"""The rules among the files of a golden case."""

VARIANTS: tuple[Mapping[str, Any], ...] = (
    {},
    {"run": ("python --version",)},
    {"workdir": "/", "user": "7:7"},
    {"own_workdir": True, "workdir": "/home/me"},
    {"platforms": LOCK.platforms[1:]},
)
"""What is asked of the golden case `full`, so that each branch of a template is taken."""


def found() -> dict[str, dict[str, Any]]:
    """Return each number, and the digest of what it stands for today."""
    texts = {**_golden(), **_rendered()}
    return {
        "layers": _row(formats.LAYERS, (VECTORS / "vectors.json").read_text(encoding="utf-8")),
        "lock": _row(formats.LOCK, lock_text.dumps(LOCK)),
        "rules": _row(formats.RULES, canonical_json(texts).decode()),
    }


def stated() -> dict[str, dict[str, Any]]:
    """Return the numbers and digests that are checked in."""
    rows: dict[str, dict[str, Any]] = json.loads(FILE.read_text(encoding="utf-8")) if FILE.is_file() else {}
    return rows


def problems(now: Mapping[str, Mapping[str, Any]], before: Mapping[str, Mapping[str, Any]], tag: str) -> list[str]:
    """Say which bytes moved since a release while their number did not."""
    return [
        f"what `formats.{name.upper()} = {row['number']}` stands for is other bytes than in {tag}: raise the number"
        for name, row in now.items()
        if name in before and row["number"] == before[name]["number"] and row["digest"] != before[name]["digest"]
    ]


def released() -> tuple[str, dict[str, dict[str, Any]]]:
    """Return the newest release with what it states; nothing before the first one."""
    for tag in releases.tags():
        if text := releases.text_at(tag, "tests/formats.json"):
            return tag, json.loads(text)
    return "", {}


def update() -> list[str]:
    """Write what the numbers stand for today; return what is to be said. A number of a release stays what it was."""
    tag, before = released()
    now = found()
    if wrong := problems(now, before, tag):
        raise SystemExit("\n".join(wrong))
    moved = [name for name, row in now.items() if stated().get(name) != row]
    FILE.write_text(json.dumps(now, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    return [
        f"formats.json: {name} stands for other bytes; no release has number {now[name]['number']}" for name in moved
    ]


def _row(number: int, text: str) -> dict[str, Any]:
    return {"digest": of_bytes(text.encode()), "number": number}


def _golden() -> dict[str, str]:
    return {
        f"{case}/{name}": unstamped((FOLDER / case / "expected" / name).read_text(encoding="utf-8"))
        for case in CASES
        for name in RENDERED
        if (FOLDER / case / "expected" / name).is_file()
    }


def _rendered() -> dict[str, str]:
    folder = Path("/project/lockfiles")
    texts = {f"shared/{name}": text for name, text in render_shared(folder, KINDS).items()}
    for number, changes in enumerate(VARIANTS):
        spec = replace(SPEC, **changes)
        lock = replace(LOCK, platforms=spec.platforms)
        rules = render_rules(spec, lock, plan_of(spec, lock), folder)
        files = {path: text for path, text in rules.files.items() if not path.endswith(formats.LOCK_FILE)}
        files |= merged_texts([rules], folder, KINDS)
        texts |= {f"{number}/{path}": text for path, text in files.items()}
    return {path: unstamped(text) for path, text in texts.items()}


if __name__ == "__main__":
    for line in update():
        print(line)
