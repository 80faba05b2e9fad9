"""The modules beside a script that it imports and its image lacks, found without running anything."""

from __future__ import annotations

import posixpath
import re
import sys
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from onedigest import untrusted
from onedigest.definition.files import File
from onedigest.errors import Problem

if TYPE_CHECKING:
    import ast

_MOST_BYTES = 512 << 10
_MOST_FILES = 500
_MOST_NAMES = 5_000
_DEEPEST = 50
"""How many words of a script's imports are looked for, and how many parts the name of a module may have."""
_IMPORTS = re.compile(rb"\b(?:import|from)\b(?:[^\n()]*\([^)]{0,4000}|(?:\\\n|[^\n])*)")
_WORD = re.compile(rb"[A-Za-z_][A-Za-z0-9_]*")
_TYPING = ("TYPE_CHECKING", "typing.TYPE_CHECKING", "t.TYPE_CHECKING")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Import:
    """A module that is imported when a file is: its top-level name, or its dots and what follows them."""

    name: str
    level: int
    line: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Sibling:
    """A module beside a script: its pattern for `files`, and the file and line that import it.

    `project` is the name of the project that its folder is, where it is one.
    """

    pattern: str
    file: str
    line: int
    project: str = ""


def missing_siblings(
    folder: Path, script: str, text: bytes, files: Sequence[File], provided: Collection[str]
) -> list[Sibling]:
    """Return the modules beside a script that it imports at the top, itself or by another one, and that no image has.

    `files` are those of the application, and `provided` the modules that packages bring.
    """
    if not _may_be_beside(folder, text):
        return []
    there = {file.target for file in files}
    known = {*provided, *sys.stdlib_module_names}
    found: dict[str, Sibling] = {}
    waiting: list[tuple[str, bytes]] = [(script, text)]
    seen = {script}
    while waiting and len(seen) <= _MOST_FILES:
        path, data = waiting.pop(0)
        for each in islice(_imports(data), _MOST_NAMES):
            place = _place(folder, path, each, known)
            if place is None:
                continue
            pattern, entries = place
            if not _is_there(pattern, entries, there) and pattern not in found:
                project = _project(folder / pattern.removesuffix("/**")) if pattern.endswith("/**") else ""
                found[pattern] = Sibling(pattern=pattern, file=path, line=each.line, project=project)
            for entry in entries:
                if entry not in seen and (inner := _read(folder / entry)) is not None:
                    waiting.append((entry, inner))
                seen.add(entry)
    return sorted(found.values(), key=lambda each: each.pattern)


def _may_be_beside(folder: Path, text: bytes) -> bool:
    """Tell whether anything beside a script has a name that it may import: most scripts need not be parsed."""
    names = {name.decode() for line in _IMPORTS.findall(text) for name in _WORD.findall(line)}
    return any(_is_file(folder / f"{name}.py") or _is_folder(folder / name) for name in sorted(names)[:_MOST_NAMES])


def sibling_problem(siblings: Sequence[Sibling], stated: Sequence[str], place: str) -> Problem:
    """Return the one problem of all modules that are missing; `stated` are the patterns that `files` has already.

    `place` is the script as messages name it.
    """
    named = ", ".join(f"`{each.pattern.removesuffix('/**')}`" for each in siblings)
    are = "is" if len(siblings) == 1 else "are"
    first = siblings[0]
    where = place if first.file == posixpath.basename(place) else posixpath.join(posixpath.dirname(place), first.file)
    message = f"{named} {are} imported, and not in the image"
    bare = [each.pattern for each in siblings if not each.project]
    patterns = ", ".join(f'"{each}"' for each in (*stated, *bare))
    hints = [f"write `files = [{patterns}]` in [tool.onedigest]"] if bare else []
    hints += [
        f'require `{each.project}`, and write `{each.project} = {{ path = "{each.pattern.removesuffix("/**")}" }}`'
        " in [tool.uv.sources]"
        for each in siblings
        if each.project
    ]
    line = min(each.line for each in siblings if each.file == first.file)
    return Problem(message, f"{where}:{line}", "; ".join(hints))


def _place(folder: Path, path: str, each: _Import, known: Collection[str]) -> tuple[str, list[str]] | None:
    """Return the pattern that brings a module of this folder, and the files that are run, none for a bare folder.

    The folder of a script is the first place where Python looks, so what stands there wins, but for built-in modules.
    """
    own = posixpath.dirname(path)
    parts = each.name.split(".") if each.name else []
    if each.level:
        for _ in range(each.level - 1):
            own = posixpath.dirname(own)
        parts = [*(own.split("/") if own else []), *parts]
    elif parts[0] in known:
        return None
    if not parts or len(parts) > _DEEPEST or not all(part.isidentifier() for part in parts):
        return None
    top = parts[0]
    for count in range(len(parts), 0, -1):
        name = "/".join(parts[:count])
        for entry in (f"{name}/__init__.py", f"{name}.py"):
            if _is_file(folder / entry):
                above = [f"{'/'.join(parts[:number])}/__init__.py" for number in range(1, count)]
                entries = [*(inner for inner in above if _is_file(folder / inner)), entry]
                return (f"{top}/**" if "/" in entry else entry), entries
    return (f"{top}/**", []) if _has_modules(folder / top) or _project(folder / top) else None


def _is_there(pattern: str, entries: Collection[str], there: Collection[str]) -> bool:
    if entries:
        return all(entry in there for entry in entries)
    return any(path.startswith(pattern.removesuffix("**")) for path in there)


def _imports(data: bytes) -> Iterator[_Import]:
    """Yield what a file imports when it is imported: at the top, in branches of it, and in bodies of classes."""
    import ast
    import warnings

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(data[:_MOST_BYTES]) if len(data) <= _MOST_BYTES else ast.Module([], [])
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return
    waiting: list[ast.stmt] = list(reversed(tree.body))
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield _Import(name=alias.name, level=0, line=node.lineno)
        elif isinstance(node, ast.ImportFrom):
            yield from _names(node)
        elif isinstance(node, ast.If) and _is_typing(node.test):
            waiting += reversed(node.orelse)
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            waiting += reversed(list(_bodies(node)))


def _is_typing(test: ast.expr) -> bool:
    """Tell whether a condition holds for type checkers alone."""
    import ast

    name = (
        f"{test.value.id}.{test.attr}" if isinstance(test, ast.Attribute) and isinstance(test.value, ast.Name) else ""
    )
    return (test.id if isinstance(test, ast.Name) else name) in _TYPING


def _names(node: ast.ImportFrom) -> Iterator[_Import]:
    if node.level and node.module is None:
        for alias in node.names:
            yield _Import(name=alias.name, level=node.level, line=node.lineno)
        return
    yield _Import(name=node.module or "", level=node.level, line=node.lineno)
    for alias in node.names if "." in (node.module or "") or not node.level else ():
        if alias.name.isidentifier():
            yield _Import(name=f"{node.module}.{alias.name}", level=node.level, line=node.lineno)


def _bodies(node: ast.stmt) -> Iterator[ast.stmt]:
    import ast

    for field in ("body", "handlers", "orelse", "finalbody", "cases"):
        for each in getattr(node, field, ()):
            if isinstance(each, ast.stmt):
                yield each
            elif hasattr(each, "body"):
                yield from each.body


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False


def _project(folder: Path) -> str:
    """Return the name of the project that a folder is, or nothing."""
    data = _read(folder / "pyproject.toml") or b""
    try:
        project = untrusted.load_toml(data.decode("utf-8")).get("project")
        return untrusted.project_name(project.get("name")) if isinstance(project, dict) else ""
    except ValueError:
        return ""


def _has_modules(path: Path) -> bool:
    try:
        return path.is_dir() and any(each.suffix == ".py" for each in path.iterdir())
    except OSError:
        return False


def _read(path: Path) -> bytes | None:
    try:
        if path.stat().st_size > _MOST_BYTES:
            return None
        return path.read_bytes()
    except OSError:
        return None
