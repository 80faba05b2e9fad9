"""Expansion of a shell script's words, as far as their values are known (POSIX, section 2.6)."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from onedigest.assembler.configuration.paths import Paths, glob
from onedigest.assembler.configuration.shell_tree import Piece, Substitution, Text, Variable, Word
from onedigest.assembler.entry import Entry

Value = str | None
"""What a word stands for; None where that is not known."""

VALUE_BYTES = 64 << 10
FIELDS = 4_000
GLOBS = 100
TRIMMED = 256
COMPARED = 4_000
"""Bounds: of one value, the words that one becomes, patterns that files are looked for by, and values that are cut or
held against a pattern, which has as many characters as one that is cut.
"""

DEPTH = 60
"""How deep commands, functions in functions, and values in values are followed."""

WORK = 1_000_000
"""How much is done for one script, in parts of words, files that are looked through, and so on."""

_FIELD, _MATCHING = 3, 200
_CHARACTERS = 32
"""What a word costs, and to hold something against a pattern, and how many characters count as one part."""

_OF_THE_MACHINE = frozenset({"HOME", "LANG", "LOGNAME", "PATH", "PWD", "RET", "TERM", "USER"})
"""Variables that a script is given, or that debconf sets for it."""

_OF_DPKG = "DPKG_"
_SETTING_ANY = frozenset({".", "eval", "getopts", "mapfile", "readarray", "source"})
"""Commands that may set any variable, where what they read is not followed."""

_PATTERN = re.compile(r"[*?\[]")


class Endless(ValueError):
    """A script takes more steps than are followed."""


class Expander:
    """What words stand for on a system: `output` tells what commands print."""

    def __init__(self, output: Callable[[Substitution], Value], files: Mapping[str, Entry]) -> None:
        self.variables: dict[str, Value] = {}
        self.arguments: tuple[Value, ...] = ()
        self.outer: dict[str, Value] = {}
        """Values outside of the function that is run, of variables that are its own; none has no value."""
        self._unset: Value = ""
        self._output = output
        self._files = files
        self._paths = Paths(files)
        self._globs = 0
        self._depth = 0
        self._left = WORK

    def take(self, work: int) -> None:
        """Count what is done. Raises `Endless` where it is too much."""
        self._left -= work
        if self._left < 0:
            raise Endless

    @contextmanager
    def deeper(self) -> Iterator[None]:
        """Follow what is in something else. Raises `Endless` where that is too deep."""
        if self._depth >= DEPTH:
            raise Endless
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1

    def is_folder(self, path: str) -> bool:
        """Tell whether files are below a path that has no slash at its ends."""
        return self._paths.is_folder(path)

    def fits(self, value: str, pattern: str) -> bool | None:
        """Tell whether a value fits a pattern; None where they are too long to be held against each other."""
        if not _PATTERN.search(pattern):
            self.take(1 + len(pattern) // _CHARACTERS)
            return value == pattern
        if len(value) > COMPARED or len(pattern) > TRIMMED:
            return None
        self.take(_MATCHING + len(value) * len(pattern) // _MATCHING)
        return fnmatch.fnmatchcase(value, pattern)

    def localize(self, words: Sequence[Word]) -> None:
        """Note that variables of words NAME, or NAME=VALUE, are the function's own from now on."""
        for word in words:
            name = word[0].value.partition("=")[0] if word and isinstance(word[0], Text) else ""
            if name.isidentifier():
                self.outer.setdefault(name, self._named(name))

    def forget(self, command: str) -> None:
        """Note that variables may have any value now, but for those that dpkg sets, where a command sets them."""
        if command.startswith("db_"):
            self.variables["RET"] = None
        elif command in _SETTING_ANY:
            self._unset = None
            kept = self.variables.items()
            self.variables = {name: value if name.startswith(_OF_DPKG) else None for name, value in kept}

    def forget_assigned(self, words: Sequence[Word]) -> None:
        """Note that variables to which words of the form NAME=VALUE assign have values that are not known."""
        for word in words:
            if word and isinstance(word[0], Text) and "=" in word[0].value:
                self.variables[word[0].value.partition("=")[0]] = None

    def fields(self, words: Sequence[Word]) -> list[Value]:
        """Return the words that some become; one that is not known may be several, or none."""
        found: list[Value] = []
        for word in words:
            found += self._fields(word)
            if len(found) > FIELDS:
                found = [*found[:FIELDS], None]
                break
        self.take(_FIELD * len(found))
        return found

    def value(self, word: Word) -> Value:
        """Return what a word stands for where it stays one, as in an assignment."""
        values = [self._value(piece) for piece in word]
        return self._joined([each for each in values if each is not None]) if None not in values else None

    def _joined(self, values: Sequence[str]) -> Value:
        """Return one value of several, None where it is too long."""
        size = sum(map(len, values))
        self.take(size // _CHARACTERS)
        return "".join(values) if size <= VALUE_BYTES else None

    def pattern(self, word: Word) -> Value:
        """Return the pattern of a word, as fnmatch has it, where what is quoted means itself."""
        found = []
        for piece in word:
            value = self._value(piece)
            if value is None:
                return None
            found.append(_escaped(value) if piece.quoted else value)
        return self._joined(found)

    def _fields(self, word: Word) -> list[Value]:
        done: list[list[tuple[str, bool]]] = []
        current: list[tuple[str, bool]] | None = None
        for piece in word:
            if isinstance(piece, Variable) and piece.name == "@" and piece.quoted and not piece.operator:
                if None in self.arguments:
                    return [None]
                self.take(len(self.arguments))
                for position, each in enumerate(self.arguments):
                    if position and current is not None:
                        done.append(current)
                        current = None
                    current = current or []
                    current.append((each or "", True))
                continue
            value = self._value(piece)
            if value is None:
                return [None]
            if isinstance(piece, Text) or piece.quoted:
                current = current or []
                current.append((value, piece.quoted))
                continue
            parts = re.split(r"[ \t\n]+", value)
            self.take(len(parts))
            for position, part in enumerate(parts):
                if position and current is not None:
                    done.append(current)
                    current = None
                if part:
                    current = current or []
                    current.append((part, False))
        if current is not None:
            done.append(current)
        return [field for each in done for field in self._matching(each)]

    def _matching(self, parts: list[tuple[str, bool]]) -> list[Value]:
        """Return the files that a field is a pattern for, or the field."""
        plain = self._joined([value for value, _ in parts])
        if plain is None or not any(_PATTERN.search(value) for value, quoted in parts if not quoted):
            return [plain]
        self._globs += 1
        if self._globs > GLOBS:
            return [None]
        pattern = "".join(_escaped(value) if quoted else value for value, quoted in parts)
        return list(glob(self._files, pattern, self._paths, self.take)) or [plain]

    def _value(self, piece: Piece) -> Value:
        self.take(1)
        if isinstance(piece, Text):
            return piece.value
        with self.deeper():
            return self._deep(piece)

    def _deep(self, piece: Variable | Substitution) -> Value:
        if isinstance(piece, Substitution):
            return self._output(piece)
        return self._variable(piece)

    def _variable(self, piece: Variable) -> Value:
        value = self._named(piece.name)
        operator = piece.operator
        if not operator:
            return value
        if operator == "?" or value is None:
            return None
        if operator in (":-", "-", ":=", "="):
            found = value or self.value(piece.operand)
            if operator in (":=", "="):
                self.variables[piece.name] = found
            return found
        if operator in (":+", "+"):
            return self.value(piece.operand) if value else value
        pattern = self.pattern(piece.operand)
        return None if pattern is None else self._trimmed(value, operator, pattern)

    def _named(self, name: str) -> Value:
        if name.isdigit():
            position = int(name[:4])
            before = self.arguments[:position]  # one that is not known may be several, or none
            return None if position == 0 or None in before else before[-1] if len(before) == position else ""
        if name == "#":
            return None if None in self.arguments else str(len(self.arguments))
        if name in ("@", "*"):
            return None if None in self.arguments else self.line([str(each) for each in self.arguments])
        if name in self.variables:
            return self.variables[name]
        return None if name in _OF_THE_MACHINE or not name[0].isidentifier() else self._unset

    def line(self, words: Sequence[str], separator: str = " ") -> Value:
        """Return words with something between, None where that is too long."""
        return self._joined([text for word in words for text in (separator, word)][1:])

    def _trimmed(self, value: str, operator: str, pattern: str) -> Value:
        """Cut what a pattern fits from the start or the end; doubled, as much as possible."""
        if max(len(value), len(pattern)) > TRIMMED:
            return None
        self.take(_MATCHING + len(value) * (1 + len(value) * len(pattern) // _MATCHING))
        lengths = range(len(value) + 1)
        for length in lengths if len(operator) == 1 else reversed(lengths):
            piece = value[:length] if operator[0] == "#" else value[len(value) - length :]
            if fnmatch.fnmatchcase(piece, pattern):
                return value[length:] if operator[0] == "#" else value[: len(value) - length]
        return value


def _escaped(value: str) -> str:
    return re.sub(r"([*?\[])", r"[\1]", value)
