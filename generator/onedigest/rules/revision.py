"""Knows which version of the rules rendered a file, and what the files of an image are rendered from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from onedigest.application import File
from onedigest.digest import Digest, canonical_json, of_bytes
from onedigest.rules.templates import template_root

_PACKAGE = Path(__file__).resolve().parent.parent


def source_digest(lock: str, files: Iterable[File], package: str) -> Digest:
    """Return the digest of what the files of an image are rendered from: its lock, its files, its package, and us.

    Of an application's files names and modes count, not the content: an edit of a script moves no generated file.
    `package` is the label of the lock folder in a Bazel workspace.
    """
    value = {
        "lock": of_bytes(lock.encode()),
        "files": [[file.target, file.place, file.executable] for file in files],
        "package": package,
        "rules": revision(),
    }
    return of_bytes(canonical_json(value))


@cache
def revision() -> Digest:
    """Return the digest of templates and of the code that fills them in, so that an upgrade shows in `--check`."""
    paths = [
        *template_root("templates").glob("*.j2"),
        *template_root("BUILD_templates").glob("*.j2"),
        *(_PACKAGE / "rules").glob("*.py"),
        _PACKAGE / "plan.py",
        _PACKAGE / "fetching.py",
    ]
    digest = hashlib.sha256()
    for path in sorted(paths, key=lambda each: each.name):
        digest.update(path.name.encode() + b"\0" + path.read_bytes().replace(b"\r\n", b"\n") + b"\0")
    return Digest(f"sha256:{digest.hexdigest()}")
