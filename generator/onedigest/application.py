"""Knows which files an application is made of: the script in its canonical text, and what `files` names beside it."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from onedigest.digest import Digest, of_bytes, of_file
from onedigest.errors import InputError, Problem
from onedigest.script import Script
from onedigest.spec import Spec


@dataclass(frozen=True, kw_only=True, slots=True)
class File:
    """A file below /app. `content` is its bytes, for the script, whose text is made canonical, or else its path.

    `links` are the further paths from the script's folder that lead to it, where it is reached by symbolic links.
    """

    target: str
    digest: Digest
    executable: bool
    content: bytes | Path
    links: tuple[str, ...] = ()

    @property
    def role(self) -> str:
        """What generated rules list it under: `scripts`, `programs` where it is executable, or `files`."""
        return "scripts" if isinstance(self.content, bytes) else "programs" if self.executable else "files"


def collect(spec: Spec, script: Script, folder: Path) -> tuple[File, ...]:
    """List the files of an application, sorted by target; `folder` is the script's.

    Raises `InputError` for a pattern that matches nothing or leaves the folder, also through a symbolic link.
    """
    found: dict[str, File] = {}
    problems: list[Problem] = []
    where = script.where("tool.onedigest.files")
    for pattern in spec.files:
        matches = [path for match in sorted(folder.glob(pattern)) for path in _files(match)]
        if not matches:
            problems.append(Problem(f"`files` pattern {pattern!r} matches nothing", where))
        for path in matches:
            if not path.resolve().is_relative_to(folder.resolve()):
                message = (
                    f"`files` pattern {pattern!r} matches {path.name!r}, a link to a file outside the script's folder"
                )
                problems.append(Problem(message, where, "copy the file into the folder"))
                continue
            target = path.relative_to(folder).as_posix()
            executable = bool(path.stat().st_mode & 0o111)
            found[target] = File(
                target=target,
                digest=of_file(path),
                executable=executable,
                content=path,
                links=tuple(sorted(set(_links(folder, target)))),
            )
    if problems:
        raise InputError(problems)
    if spec.include_script:
        target, content = posixpath.basename(spec.script), script.text.encode()
        found[target] = File(target=target, digest=of_bytes(content), executable=False, content=content)
    return tuple(found[target] for target in sorted(found))


def _links(folder: Path, target: str) -> Iterator[str]:
    """Yield links on the way to a file, and where they lead, as paths from the folder."""
    root, done, parts = folder.resolve(), "", target.split("/")
    while parts:
        done = posixpath.join(done, parts.pop(0))
        path = root / done
        if path.is_symlink():
            yield done
            parts = [*os.path.relpath(path.parent / path.readlink(), root).split("/"), *parts]
            done = ""
        elif not parts and done != target:
            yield done


def _files(path: Path) -> Iterator[Path]:
    """Yield a file, or the files below a folder; links to folders are not followed."""
    if path.is_dir() and not path.is_symlink():
        for each in sorted(path.iterdir()):
            yield from _files(each)
    elif path.is_file() or path.is_symlink():
        yield path
