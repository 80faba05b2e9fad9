"""The parts that a shell script is read into (POSIX, Shell Command Language, section 2.9)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Text:
    """Characters of a word that mean themselves; those that are not quoted may be a pattern."""

    value: str
    quoted: bool


@dataclass(frozen=True, slots=True)
class Variable:
    """The value of a variable: `operator` is one of `:-`, `%` and so on, `?` for one that is not followed."""

    name: str
    quoted: bool
    operator: str = ""
    operand: Word = ()


@dataclass(frozen=True, slots=True)
class Substitution:
    """What commands print; None where they cannot be followed, such as arithmetic."""

    commands: tuple[Command, ...] | None
    quoted: bool


Piece = Text | Variable | Substitution
Word = tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Simple:
    """A command and its arguments: `assignments` come before them, `writes` are the files that it writes to."""

    words: tuple[Word, ...] = ()
    assignments: tuple[tuple[str, Word], ...] = ()
    writes: tuple[Word, ...] = ()


@dataclass(frozen=True, slots=True)
class Joined:
    """Commands that depend on the ones before: each operator is `&&` or `||`."""

    first: Command
    rest: tuple[tuple[str, Command], ...]


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Commands that read from each other, or one whose result is turned round."""

    commands: tuple[Command, ...]
    negated: bool


@dataclass(frozen=True, slots=True)
class Branches:
    """Commands of which those behind the first true condition run; `otherwise` where there is none."""

    branches: tuple[tuple[tuple[Command, ...], tuple[Command, ...]], ...]
    otherwise: tuple[Command, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """Commands of which those behind the first pattern that a word fits run."""

    word: Word
    arms: tuple[tuple[tuple[Word, ...], tuple[Command, ...]], ...]


@dataclass(frozen=True, slots=True)
class Each:
    """Commands that run for each of some words; None stands for the arguments."""

    name: str
    words: tuple[Word, ...] | None
    body: tuple[Command, ...]


@dataclass(frozen=True, slots=True)
class Loop:
    """Commands that run while a condition holds, which is not followed."""

    condition: tuple[Command, ...]
    body: tuple[Command, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Commands in braces or in parentheses; the latter change no variables outside."""

    body: tuple[Command, ...]
    apart: bool


@dataclass(frozen=True, slots=True)
class Function:
    """A name for commands."""

    name: str
    body: Command


Command = Simple | Joined | Pipeline | Branches | Case | Each | Loop | Group | Function
