"""Asks git what releases have: what is in one is never removed, and a number of one never stands for other bytes."""

from __future__ import annotations

import re
import subprocess

from conftest import ROOT

_VERSION = re.compile(r"v?\d+(\.\d+)+")


def tags() -> list[str]:
    """Return the tags of releases, newest first; none without git or a history."""
    found = _git("tag", "--list", "--sort=-version:refname")
    return [tag for tag in (found or "").split() if _VERSION.fullmatch(tag)]


def in_a_release(path: str) -> bool:
    """Tell whether a file is in a release."""
    return any(_git("cat-file", "-e", f"{tag}:{path}") is not None for tag in tags())


def names_at(tag: str, folder: str) -> set[str]:
    """Return the names of the files in a folder of a release; the folder ends in a slash."""
    found = _git("ls-tree", "--name-only", tag, folder)
    return {line.rpartition("/")[2] for line in (found or "").splitlines()}


def text_at(tag: str, path: str) -> str | None:
    """Return the text of a file in a release."""
    return _git("show", f"{tag}:{path}")


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return done.stdout if done.returncode == 0 else None
