"""Knows which files an application is made of: the script in its canonical text, and what `files` and `copy` name."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from onedigest.digest import Digest, of_bytes, of_file
from onedigest.errors import InputError, Problem
from onedigest.ignoring import IgnoreRules
from onedigest.script import Script
from onedigest.spec import Spec

_LEFT_OUT = (".git", "__pycache__")
_MARKS = ("oci-layout", "onedigest.nix")
"""What a folder has that is an image, or holds locks: a copy of it would change with each build."""


@dataclass(frozen=True, kw_only=True, slots=True)
class File:
    """A file below the application's folder.

    `content` is its bytes, for the script, whose text is made canonical, or else its path. `source` is its path from
    the script's folder, where that is not `target`; `links` are the further paths from there that lead to it, where it
    is reached by symbolic links.
    """

    target: str
    digest: Digest
    executable: bool
    content: bytes | Path
    source: str = ""
    links: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """The path from the script's folder."""
        return self.source or self.target

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
            found[target] = _copied_file(path, folder, target)
    if problems:
        raise InputError(problems)
    found |= _list_copies(spec, script, folder, {file.place for file in found.values()})
    if spec.include_script:
        target, content = posixpath.basename(spec.script), script.text.encode()
        found[target] = File(target=target, digest=of_bytes(content), executable=False, content=content)
    return tuple(found[target] for target in sorted(found))


def _list_copies(spec: Spec, script: Script, folder: Path, sources: set[str]) -> dict[str, File]:
    """List what `copy` names, by target; of a folder all files but compiled ones, repositories, images and locks.

    `sources` are the files that have a place already: a label of Bazel can have one.
    """
    ignore = folder / spec.ignore_file if spec.ignore_file else None
    if ignore and not ignore.is_file():
        where = script.where("tool.onedigest.ignore-file")
        raise InputError.of(f"`ignore-file` names {spec.ignore_file!r}, where there is no file", where=where)
    found: dict[str, File] = {}
    problems = []
    where = script.where("tool.onedigest.copy")
    for target, source in spec.copies:
        real = (folder / source).resolve()
        files = list_folder(folder / source, ignore)
        if not files:
            problems.append(Problem(f"`copy` names {source!r}, where there is no file", where))
        for path in files:
            place = os.path.relpath(path, folder)
            inner = os.path.relpath(path, folder / source)
            if place in sources:
                problems.append(Problem(f"`copy` names {place!r}, which has a place in the image already", where))
            elif not path.resolve().is_relative_to(real):
                problems.append(Problem(f"`copy` names {place!r}, a link that leads out of {source!r}", where))
            else:
                sources.add(place)
                at = posixpath.normpath(posixpath.join(target, inner))
                if at in found:
                    problems.append(
                        Problem(f"`copy` brings {found[at].place!r} and {place!r} to one place, {at}", where)
                    )
                found[at] = replace(_copied_file(path, folder, at), source=place if place != at else "")
    if problems:
        raise InputError(problems)
    return found


def list_folder(path: Path, ignore: Path | None) -> list[Path]:
    """List a file, or the files of a folder that belong into an image.

    `ignore` is a .dockerignore, whose lines are about the folder that it is in.
    """
    found = list(_copied(path))
    if ignore is None or not path.is_dir():
        return found
    rules = IgnoreRules(ignore.read_text(encoding="utf-8"))
    return [each for each in found if not rules.ignores(os.path.relpath(each, ignore.parent))]


def _copied(path: Path) -> Iterator[Path]:
    """Yield a file, or the files below a folder that belong into an image."""
    if path.is_dir() and not path.is_symlink():
        for each in sorted(path.iterdir()):
            if each.name not in _LEFT_OUT and not any((each / mark).exists() for mark in _MARKS):
                yield from _copied(each)
    elif path.is_file() and path.suffix != ".pyc":
        yield path


def _copied_file(path: Path, folder: Path, target: str) -> File:
    return File(
        target=target,
        digest=of_file(path),
        executable=bool(path.stat().st_mode & 0o111),
        content=path,
        links=tuple(sorted(set(_links(folder, os.path.relpath(path, folder))))),
    )


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
