"""The modules of a project beside a script: the file that an import means, and its syntax tree."""

from __future__ import annotations

import ast
import os
import re
import warnings
from dataclasses import dataclass, field
from pathlib import Path

from onedigest.checkout import read_inside
from onedigest.definition.flyte.mutations import mark_changes
from onedigest.definition.flyte.scopes import Names
from onedigest.errors import InputError, Problem

MOST_CHARACTERS = 512 << 10
"""How long a script may be whose syntax tree is looked at."""

MOST_MODULES = 64
_MOST_OF_ALL = 2 << 20
"""How many modules of a project are read for one script, and how many characters of them."""

_NOT_OURS = frozenset(("flyte", "os", "pathlib", "sys"))
"""What an import never means a file of the project by."""

_IMPORT = re.compile(r"^[ \t]*(?:from[ \t]+([.\w]+)[ \t]+import\b|import[ \t]+([\w., \t]+))", re.MULTILINE)


@dataclass(frozen=True, slots=True, eq=False)
class Module:
    """A file of Python that was parsed. `shown` is how messages name it."""

    file: Path
    shown: str
    names: Names


@dataclass(frozen=True, slots=True)
class NamespacePackage:
    """A folder of modules without a file of its own."""

    folder: Path


@dataclass(slots=True)
class Modules:
    """The modules that a script can import; none is outside of `root`."""

    script: Path
    shown: str
    root: Path
    _texts: dict[Path, str | None] = field(default_factory=dict)
    _parsed: dict[Path, Module | None] = field(default_factory=dict)
    _places: dict[tuple[Path, str], Path | None] = field(default_factory=dict)
    _leading: dict[Path, bool] = field(default_factory=dict)
    _characters: int = 0

    def files(self) -> tuple[Path, ...]:
        """Return the files that were read, besides the script."""
        return tuple(sorted(file for file, module in self._parsed.items() if module and file != self.script))

    def find(self, name: str, importer: Path) -> Module | NamespacePackage | None:
        """Return the module of a dotted name, None for one that is not of the project."""
        return self._at(self._place(name, importer))

    def owner(self, origin: str, importer: Path) -> tuple[Module | NamespacePackage | None, str]:
        """Return the module that an import takes a name from, and the name."""
        head, _, name = origin.rpartition(".")
        if origin.startswith(".") and not head.strip("."):
            head += "."
        return (self.find(head, importer) if head else None), name

    def child(self, of: Module | NamespacePackage, name: str) -> Module | NamespacePackage | None:
        """Return a module of a package."""
        if isinstance(of, NamespacePackage):
            return self._at(self._existing(of.folder / name))
        return self._at(self._existing(of.file.parent / name)) if of.file.name == "__init__.py" else None

    def may_lead_to_flyte(self, origin: str, importer: Path) -> bool:
        """Tell by texts alone whether an import may have to do with Flyte, however many modules are between."""
        names = (origin, origin.rpartition(".")[0])
        return any(self._leads(self._place(each, importer)) for each in names if each)

    def _leads(self, place: Path | None) -> bool:
        if place is None:
            return False
        if place not in self._leading:
            self._leading[place] = False  # of modules that import each other, the first one comes last
            text = self._text(place) if place.suffix else ""
            if text is None:
                return False
            named = {name.strip() for match in _IMPORT.findall(text) for name in ",".join(match).split(",")}
            self._leading[place] = (
                not place.suffix
                or "flyte" in text
                or any(self.may_lead_to_flyte(each, place) for each in sorted(named) if each)
            )
        return self._leading[place]

    def _place(self, name: str, importer: Path) -> Path | None:
        """Return the file or folder of a dotted name."""
        key = (importer.parent, name)
        if key not in self._places:
            self._places[key] = self._search(name, importer)
        return self._places[key]

    def _search(self, name: str, importer: Path) -> Path | None:
        path = name.lstrip(".")
        parts = path.split(".") if path else []
        if path != name:
            folder = importer.parent
            for _ in range(len(name) - len(path) - 1):
                folder = folder.parent
            return self._existing(folder.joinpath(*parts))
        if not parts or parts[0] in _NOT_OURS:
            return None
        found = (self._existing(folder / parts[0]) and folder for folder in self._folders())
        chosen = next(filter(None, found), None)
        return self._existing(chosen.joinpath(*parts)) if chosen else None

    def _folders(self) -> list[Path]:
        """Return the folders that an import is looked up in: that of the script, and those above it in the project."""
        own = self.script.parent
        return [own, *(each for each in own.parents if each.is_relative_to(self.root))]

    def _existing(self, path: Path) -> Path | None:
        """Return what there is of a module below the root: its file, or its folder."""
        try:
            if not path.is_relative_to(self.root):
                return None
            several = (path / "__init__.py", path.with_name(f"{path.name}.py"))
            if file := next((each for each in several if each.is_file()), None):
                return file
            return path if path.is_dir() and not path.suffix else None
        except (OSError, ValueError):  # such as a name that is too long
            return None

    def _at(self, place: Path | None) -> Module | NamespacePackage | None:
        if place is None:
            return None
        if not place.suffix:
            return NamespacePackage(place)
        if place not in self._parsed:
            text, shown = self._text(place), self._shown(place)
            made = None if text is None else parse(text, place, shown)
            self._parsed[place] = made if isinstance(made, Module) else None
        return self._parsed[place]

    def _text(self, file: Path) -> str | None:
        """Return the text of a module, None for one that cannot be read, or is too much."""
        if file not in self._texts:
            self._texts[file] = self._read(file) if len(self._texts) < MOST_MODULES else None
        return self._texts[file]

    def _read(self, file: Path) -> str | None:
        try:
            text = read_inside(file, self.root, self._shown(file), MOST_CHARACTERS).decode("utf-8-sig")
        except (InputError, UnicodeDecodeError):
            return None
        self._characters += len(text)
        return text if self._characters <= _MOST_OF_ALL else None

    def _shown(self, file: Path) -> str:
        return os.path.normpath(Path(self.shown).parent / os.path.relpath(file, self.script.parent))


def parse(text: str, file: Path, shown: str) -> Module | Problem:
    """Return a module, or why it is none."""
    if len(text) > MOST_CHARACTERS:
        message = f"has more than {MOST_CHARACTERS} characters, which is too long to be read for images"
        return Problem(message, shown, "define the images in a file of their own, and import them")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what Python has to say of a script is for whoever runs it
            tree = ast.parse(text.removeprefix("\ufeff"))
    except SyntaxError as error:
        return Problem(f"not Python: {error.msg}", f"{shown}:{error.lineno or 1}")
    except (MemoryError, RecursionError, ValueError) as error:
        reason = "it holds a NUL character" if isinstance(error, ValueError) else "it is nested too deeply"
        return Problem(f"not Python: {reason}", f"{shown}:1")
    names = Names(tree)
    mark_changes(names)
    return Module(file, shown, names)
