"""The words of a shell script: the quotes, variables and commands in them (POSIX, sections 2.2, 2.5, 2.6)."""

from __future__ import annotations

import re
from collections.abc import Callable

from onedigest.assembler.configuration.shell_tree import Command, Piece, Substitution, Text, Variable, Word

DEPTH = 40
"""How deep things may lie in each other."""

_PLAIN = re.compile(r"[A-Za-z0-9_./:,=+@%^{}!*?\[\]~#-]+")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[0-9]+|[@*#?$!-]")
_SHORT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[0-9@*#?$!-]")
_OPERATOR = re.compile(r":?[-=+?]|##?|%%?")
_FOLLOWED = {":-", "-", ":=", "=", ":+", "+", "#", "##", "%", "%%"}
_PARENTHESIS = re.compile(r"[()]")
_ENDS = " \t\n;&|<>()"


class Unreadable(ValueError):
    """A script is not what a shell would read, or more than is read here; `line` says where."""

    def __init__(self, line: int) -> None:
        super().__init__(f"line {line}")
        self.line = line


Inner = Callable[[str, int, int], tuple[tuple[Command, ...], int]]
"""Reads commands out of a text from an offset, up to a parenthesis or the end; returns them and where they end."""


class WordReader:
    """Reads words out of a text; `inner` reads the commands in them, `depth` is how deep the text lies."""

    def __init__(self, text: str, inner: Inner, depth: int) -> None:
        self.at = 0
        self.text = text
        self._inner = inner
        self._depth = depth

    def wrong(self) -> Unreadable:
        """Make the error of the place where the reader is."""
        return Unreadable(self.text.count("\n", 0, self.at) + 1)

    def word(self, ends: str = _ENDS) -> Word:
        """Read a word up to one of some characters; it may be empty."""
        pieces: list[Piece] = []
        while self.at < len(self.text) and (char := self.text[self.at]) not in ends:
            plain = _PLAIN.match(self.text, self.at) if "}" not in ends else None
            if plain:
                pieces.append(Text(plain[0], quoted=False))
                self.at = plain.end()
            elif char == "'":
                end = self._find("'", self.at + 1)
                pieces.append(Text(self.text[self.at + 1 : end], quoted=True))
                self.at = end + 1
            elif char == '"':
                self.at += 1
                pieces += [Text("", quoted=True), *self._quoted()]
            else:
                pieces += self._other(char, quoted=False)
        return tuple(pieces)

    def _quoted(self) -> list[Piece]:
        pieces: list[Piece] = []
        while self.at < len(self.text) and (char := self.text[self.at]) != '"':
            pieces += self._other(char, quoted=True)
        if self.at >= len(self.text):
            raise self.wrong()
        self.at += 1
        return pieces

    def _other(self, char: str, *, quoted: bool) -> list[Piece]:
        """Read what begins with a character that may be special, and is no quote."""
        if char == "\\":
            return self._escaped(quoted=quoted)
        if char == "`":
            return [self._backquoted(quoted=quoted)]
        if char == "$":
            return [self._dollar(quoted=quoted)]
        start = self.at
        while self.at < len(self.text) and self.text[self.at] not in '\\`$"' and (quoted or self.at == start):
            self.at += 1
        return [Text(self.text[start : self.at], quoted)]

    def _escaped(self, *, quoted: bool) -> list[Piece]:
        following = self.text[self.at + 1 : self.at + 2]
        self.at += 2
        if following == "\n":
            return []
        if quoted and following not in '\\`$"':
            return [Text("\\" + following, quoted=True)]
        return [Text(following, quoted=True)]

    def _backquoted(self, *, quoted: bool) -> Substitution:
        start, end = self.at + 1, self.at + 1
        while self.text[end : end + 1] != "`":
            end += 2 if self.text[end : end + 1] == "\\" else 1
            if end >= len(self.text):
                raise self.wrong()
        text = re.sub(r"\\([\\`$])", r"\1", self.text[start:end])
        commands, last = self._commands(text, 0)
        if last != len(text):
            raise self.wrong()
        self.at = end + 1
        return Substitution(commands, quoted)

    def _dollar(self, *, quoted: bool) -> Piece:
        if self.text.startswith("$((", self.at):
            self._skip_arithmetic()
            return Substitution(None, quoted)
        if self.text.startswith("$(", self.at):
            commands, end = self._commands(self.text, self.at + 2)
            self.at = end
            if self.text[end : end + 1] != ")":
                raise self.wrong()
            self.at += 1
            return Substitution(commands, quoted)
        if self.text.startswith("${", self.at):
            return self._braced(quoted=quoted)
        name = _SHORT_NAME.match(self.text, self.at + 1)
        self.at = name.end() if name else self.at + 1
        return Variable(name[0], quoted) if name else Text("$", quoted=True)

    def _skip_arithmetic(self) -> None:
        """Skip `$((…))`, with all parentheses in it."""
        open_ones = 0
        for match in _PARENTHESIS.finditer(self.text, self.at):
            open_ones += 1 if match[0] == "(" else -1
            if not open_ones:
                self.at = match.end()
                return
        raise self.wrong()

    def _braced(self, *, quoted: bool) -> Variable:
        self.at += 2
        name = _NAME.match(self.text, self.at)
        if not name or self._depth > DEPTH:
            raise self.wrong()
        self.at = name.end()
        operator = _OPERATOR.match(self.text, self.at)
        if operator:
            self.at = operator.end()
        self._depth += 1
        operand = self.word("}")
        self._depth -= 1
        if self.text[self.at : self.at + 1] != "}":
            raise self.wrong()
        self.at += 1
        if not operator:
            return Variable(name[0], quoted, "?" if operand else "")
        return Variable(name[0], quoted, operator[0] if operator[0] in _FOLLOWED else "?", operand)

    def _commands(self, text: str, at: int) -> tuple[tuple[Command, ...], int]:
        if self._depth > DEPTH:
            raise self.wrong()
        return self._inner(text, at, self._depth + 1)

    def _find(self, mark: str, start: int) -> int:
        found = self.text.find(mark, start)
        if found < 0:
            raise self.wrong()
        return found
