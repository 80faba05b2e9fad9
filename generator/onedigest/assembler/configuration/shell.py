"""The reading of a shell script into a tree of commands (POSIX, Shell Command Language); nothing is run."""

from __future__ import annotations

import re

from onedigest.assembler.configuration.shell_tree import (
    Branches,
    Case,
    Command,
    Each,
    Function,
    Group,
    Joined,
    Loop,
    Pipeline,
    Simple,
    Substitution,
    Text,
    Word,
)
from onedigest.assembler.configuration.shell_words import DEPTH, Unreadable, WordReader

SCRIPT_BYTES = 256 << 10
COMMANDS = 30_000
"""How long a script may be that is read, and how many commands it may have: the longest of Debian has 60 KiB."""

_BLANK = re.compile(r"(?:[ \t]|\\\n)+")
_COMMENT = re.compile(r"#[^\n]*")
_KEYWORD = re.compile(
    r"(if|then|elif|else|fi|case|esac|for|while|until|do|done|function|\{|\}|!|\[\[)(?=[\s;&|()<>]|\Z)"
)
_REDIRECTION = re.compile(r"(?:[0-9]+(?=[<>]))?(&>>?|>>|>\||>&|<&|<<-|<<<|<<|<>|>|<)")
_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)\+?=")
_FUNCTION = re.compile(r"([A-Za-z_][A-Za-z0-9_.-]*)[ \t]*\([ \t]*\)")
_VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_CLOSING = frozenset({"then", "elif", "else", "fi", "esac", "do", "done", "}"})
_UNKNOWN = (Substitution(None, quoted=True),)
_WRITING = {">", ">>", ">|", "<>", "&>", "&>>"}


def read_script(script: bytes) -> tuple[Command, ...]:
    """Read a script. Raises `Unreadable`."""
    if len(script) > SCRIPT_BYTES:
        raise Unreadable(1)
    text = script.decode("utf-8", "surrogateescape").replace("\r\n", "\n")
    commands, end = _read(text, 0, 0, [COMMANDS])
    if end != len(text):
        raise Unreadable(text.count("\n", 0, end) + 1)
    return commands


def _read(text: str, at: int, depth: int, left: list[int]) -> tuple[tuple[Command, ...], int]:
    reader = _Reader(text, depth, left)
    reader.at = at
    commands = reader.commands()
    return commands, reader.at


class _Reader(WordReader):
    """Reads commands; here-documents that were announced are skipped behind the line.

    `left` has how many commands all readers of a script may still read.
    """

    def __init__(self, text: str, depth: int, left: list[int]) -> None:
        super().__init__(text, lambda inner, at, deep: _read(inner, at, deep, left), depth)
        self._left = left
        self._documents: list[tuple[str, bool]] = []

    def commands(self) -> tuple[Command, ...]:
        """Read commands up to a word or a character that ends them."""
        if self._depth > DEPTH:
            raise self.wrong()
        self._depth += 1
        found: list[Command] = []
        while True:
            self._skip_lines()
            if self._ends():
                break
            found.append(self._joined())
            self._blank()
            if self.text.startswith(";;", self.at):
                break
            if self.text[self.at : self.at + 1] in (";", "&"):
                self.at += 1
            elif self.text[self.at : self.at + 1] not in ("", "\n", ")"):
                raise self.wrong()
        self._depth -= 1
        return tuple(found)

    def _ends(self) -> bool:
        return self.text[self.at : self.at + 1] in ("", ")", ";") or self._keyword() in _CLOSING

    def _joined(self) -> Command:
        first = self._pipeline()
        rest: list[tuple[str, Command]] = []
        while (operator := self._operator("&&", "||")) is not None:
            self._skip_lines()
            rest.append((operator, self._pipeline()))
        return Joined(first, tuple(rest)) if rest else first

    def _pipeline(self) -> Command:
        negated = False
        while self._take("!"):
            negated = not negated
        found = [self._command()]
        while self._operator("||") is None and self._operator("|&", "|") is not None:
            self._skip_lines()
            found.append(self._command())
        return Pipeline(tuple(found), negated) if negated or len(found) > 1 else found[0]

    def _operator(self, *operators: str) -> str | None:
        """Take one of some operators; `||` alone is only looked for."""
        self._blank()
        for operator in operators:
            if self.text.startswith(operator, self.at):
                if operators != ("||",):
                    self.at += len(operator)
                return operator
        return None

    def _command(self) -> Command:
        self._left[0] -= 1
        if self._left[0] < 0:
            raise self.wrong()
        self._blank()
        keyword = self._keyword()
        if keyword in _CLOSING:
            raise self.wrong()
        if self.text[self.at : self.at + 1] == "(":
            self.at += 1
            found: Command = Group(self._until(")"), apart=True)
        elif keyword in ("", "[["):
            function = _FUNCTION.match(self.text, self.at)
            if function and not keyword:
                self.at = function.end()
                return self._function(function[1])
            return self._simple()
        else:
            self.at += len(keyword)
            found = self._compound(keyword)
        return self._redirected(found)

    def _compound(self, keyword: str) -> Command:
        if keyword == "{":
            return Group(self._until("}"), apart=False)
        if keyword == "if":
            return self._branches()
        if keyword == "case":
            return self._case()
        if keyword == "for":
            return self._each()
        if keyword in ("while", "until"):
            return Loop(self._until("do"), self._until("done"))
        name = self._name()
        self._operator("(")
        self._operator(")")
        return self._function(name)

    def _function(self, name: str) -> Function:
        self._skip_lines()
        if self._depth > DEPTH:
            raise self.wrong()
        self._depth += 1
        body = self._command()
        self._depth -= 1
        return Function(name, body)

    def _branches(self) -> Branches:
        branches = []
        while True:
            branches.append((self._until("then"), self.commands()))
            if not self._take("elif"):
                break
        otherwise = self.commands() if self._take("else") else ()
        self._expect("fi")
        return Branches(tuple(branches), otherwise)

    def _case(self) -> Case:
        self._blank()
        word = self.word()
        self._skip_lines()
        self._expect("in")
        arms: list[tuple[tuple[Word, ...], tuple[Command, ...]]] = []
        while True:
            self._skip_lines()
            if self._take("esac"):
                return Case(word, tuple(arms))
            self._operator("(")
            patterns = [self._pattern()]
            while self._operator("|") is not None:
                patterns.append(self._pattern())
            if self._operator(")") is None:
                raise self.wrong()
            arms.append((tuple(patterns), self.commands()))
            self._operator(";;&", ";;", ";&")

    def _pattern(self) -> Word:
        self._blank()
        return self.word()

    def _each(self) -> Each:
        name = self._name()
        self._skip_lines()
        words: list[Word] | None = None
        if self._take("in"):
            words = []
            while True:
                self._blank()
                if self.text[self.at : self.at + 1] in ("", "\n", ";"):
                    break
                words.append(self._some_word())
        self._operator(";")
        self._skip_lines()
        self._expect("do")
        return Each(name, None if words is None else tuple(words), self._until("done"))

    def _simple(self) -> Simple:
        words: list[Word] = []
        assignments: list[tuple[str, Word]] = []
        writes: list[Word] = []
        start = self.at
        while True:
            self._blank()
            if self._redirection(writes):
                continue
            if self.text[self.at : self.at + 1] in ("", "\n", ";", "&", "|", ")"):
                break
            assignment = _ASSIGNMENT.match(self.text, self.at)
            if assignment and not words:
                self.at = assignment.end()
                # what is added to a value is not followed
                value = self.word()
                assignments.append((assignment[1], (*value, *_UNKNOWN) if "+" in assignment[0] else value))
            else:
                words.append(self._some_word())
        if self.at == start:
            raise self.wrong()
        return Simple(tuple(words), tuple(assignments), tuple(writes))

    def _redirected(self, command: Command) -> Command:
        writes: list[Word] = []
        while self._redirection(writes):
            pass
        written = Simple((), (), tuple(writes))
        return Group((written, command), apart=False) if writes else command

    def _redirection(self, writes: list[Word]) -> bool:
        self._blank()
        match = _REDIRECTION.match(self.text, self.at)
        if not match:
            return False
        self.at = match.end()
        self._blank()
        target = self._some_word()
        if match[1] in ("<<", "<<-"):
            end = "".join(piece.value for piece in target if isinstance(piece, Text))
            self._documents.append((end, match[1] == "<<-"))
        elif match[1] in _WRITING:
            writes.append(target)
        return True

    def _some_word(self) -> Word:
        start = self.at
        word = self.word()
        if self.at == start:
            raise self.wrong()
        return word

    def _until(self, end: str) -> tuple[Command, ...]:
        found = self.commands()
        if end == ")":
            if self._operator(")") is None:
                raise self.wrong()
        else:
            self._expect(end)
        return found

    def _keyword(self) -> str:
        match = _KEYWORD.match(self.text, self.at)
        return match[1] if match else ""

    def _take(self, word: str) -> bool:
        self._blank()
        match = re.compile(re.escape(word) + r"(?=[\s;&|()<>]|\Z)").match(self.text, self.at)
        if match:
            self.at = match.end()
        return bool(match)

    def _expect(self, word: str) -> None:
        if not self._take(word):
            raise self.wrong()

    def _name(self) -> str:
        self._blank()
        match = _VARIABLE_NAME.match(self.text, self.at)
        if not match:
            raise self.wrong()
        self.at = match.end()
        return match[0]

    def _blank(self) -> None:
        for pattern in (_BLANK, _COMMENT):
            match = pattern.match(self.text, self.at)
            self.at = match.end() if match else self.at

    def _skip_lines(self) -> None:
        self._blank()
        while self.text[self.at : self.at + 1] == "\n":
            self.at += 1
            self._skip_documents()
            self._blank()

    def _skip_documents(self) -> None:
        for end, indented in self._documents:
            while self.at < len(self.text):
                stop = self.text.find("\n", self.at)
                line = self.text[self.at : stop if stop >= 0 else len(self.text)]
                self.at = stop + 1 if stop >= 0 else len(self.text)
                if (line.lstrip("\t") if indented else line) == end:
                    break
        self._documents.clear()
