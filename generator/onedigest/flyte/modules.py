"""Knows the modules of a project that stand beside a script: which file an import means, and its syntax tree."""

from __future__ import annotations

import ast
import os
import warnings
from dataclasses import dataclass, field
from pathlib import Path

from onedigest.checkout import read_inside
from onedigest.errors import InputError, Problem
from onedigest.flyte.scopes import Names

MOST_CHARACTERS = 512 << 10
"""How long a script may be whose syntax tree is looked at."""

MOST_MODULES = 64
_MOST_OF_ALL = 2 << 20
"""How many modules of a project are read for one script, and how many characters of them."""

_NOT_OURS = frozenset(("flyte", "os", "pathlib", "sys"))
"""What an import never means a file of the project by."""


@dataclass(frozen=True, slots=True, eq=False)
class Module:
    """A file of Python that was parsed. `shown` is how messages name it."""

    file: Path
    shown: str
    names: Names


@dataclass(frozen=True, slots=True)
class Package:
    """A folder of modules without a file of its own."""

    folder: Path


@dataclass(slots=True)
class Modules:
    """The modules that a script can import; none is outside of `root`."""

    script: Path
    shown: str
    root: Path
    _read: dict[Path, Module | None] = field(default_factory=dict)
    _found: dict[tuple[Path, str], Module | Package | None] = field(default_factory=dict)
    _characters: int = 0

    def files(self) -> tuple[Path, ...]:
        """Return the files that were read, besides the script."""
        return tuple(sorted(file for file, module in self._read.items() if module and file != self.script))

    def find(self, name: str, importer: Path) -> Module | Package | None:
        """Return the module of a dotted name, None for one that is not of the project."""
        key = (importer.parent, name)
        if key not in self._found:
            self._found[key] = self._find(name, importer)
        return self._found[key]

    def child(self, of: Module | Package, name: str) -> Module | Package | None:
        """Return a module of a package."""
        if isinstance(of, Package):
            return self._at(of.folder / name)
        return self._at(of.file.parent / name) if of.file.name == "__init__.py" else None

    def _find(self, name: str, importer: Path) -> Module | Package | None:
        path = name.lstrip(".")
        level = len(name) - len(path)
        parts = path.split(".") if path else []
        if level:
            folder = importer.parent
            for _ in range(level - 1):
                folder = folder.parent
            return self._at(folder.joinpath(*parts))
        if parts[0] in _NOT_OURS:
            return None
        for folder in self._folders():
            if self._exists(folder / parts[0]):
                return self._at(folder.joinpath(*parts))
        return None

    def _folders(self) -> list[Path]:
        """Return the folders that an import is looked up in: that of the script, and those above it in the project."""
        own = self.script.parent
        return [own, *(each for each in own.parents if each.is_relative_to(self.root))]

    @staticmethod
    def _exists(path: Path) -> bool:
        try:
            return path.with_name(f"{path.name}.py").is_file() or path.is_dir()
        except (OSError, ValueError):
            return False

    def _at(self, path: Path) -> Module | Package | None:
        try:
            if not path.is_relative_to(self.root):
                return None
            if (path / "__init__.py").is_file():
                return self._load(path / "__init__.py")
            file = path.with_name(f"{path.name}.py")
            if file.is_file():
                return self._load(file)
            return Package(path) if path.is_dir() else None
        except (OSError, ValueError):  # such as a name that is too long
            return None

    def _load(self, file: Path) -> Module | None:
        if file not in self._read:
            self._read[file] = None
            if len(self._read) <= MOST_MODULES:
                self._read[file] = self._parse(file)
        return self._read[file]

    def _parse(self, file: Path) -> Module | None:
        shown = os.path.normpath(Path(self.shown).parent / os.path.relpath(file, self.script.parent))
        try:
            text = read_inside(file, self.root, shown, MOST_CHARACTERS).decode("utf-8-sig")
        except (InputError, UnicodeDecodeError):
            return None
        self._characters += len(text)
        if self._characters > _MOST_OF_ALL:
            return None
        made = parse(text, file, shown)
        return made if isinstance(made, Module) else None


def parse(text: str, file: Path, shown: str) -> Module | Problem:
    """Return a module, or why it is none."""
    if len(text) > MOST_CHARACTERS:
        return Problem(f"has more than {MOST_CHARACTERS} characters, which is too long to be read for images", shown)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what Python has to say of a script is for whoever runs it
            tree = ast.parse(text.removeprefix("\ufeff"))
    except SyntaxError as error:
        return Problem(f"not Python: {error.msg}", f"{shown}:{error.lineno or 1}")
    except (MemoryError, RecursionError, ValueError) as error:
        reason = "it holds a NUL character" if isinstance(error, ValueError) else "it is nested too deeply"
        return Problem(f"not Python: {reason}", f"{shown}:1")
    return Module(file, shown, Names(tree))
