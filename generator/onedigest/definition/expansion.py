r"""The filling in of `$NAME` in the value of a variable, by the rules of a Dockerfile; nothing of it is run.

They are `$NAME`, `${NAME}`, `${NAME:-word}`, `${NAME:+word}`, `${NAME:?word}`, and the same without the colon, where an
empty value counts as one. `\$` is a dollar. (Dockerfile reference, section "Environment replacement".)
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

DEEPEST = 8
"""How deep references may be in the words of others."""

LONGEST = 64 << 10
"""How long a value may become, in characters: half of what Linux gives a variable (MAX_ARG_STRLEN)."""

ESCAPE = r"write `\$` for a dollar, which between double quotes is `\\$`"

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_OPERATOR = re.compile(r":?[-+?]")
_SPECIAL = re.compile(r"[0-9@*#?$!-]", re.ASCII)


@dataclass(frozen=True, kw_only=True, slots=True)
class VariableReference:
    """A variable's value, or what an operator makes of it and its word."""

    name: str
    operator: str = ""
    word: Text = ()

    @property
    def counts_empty(self) -> bool:
        """Whether a variable with an empty value is as good as none."""
        return self.operator.startswith(":")


Text = tuple[str | VariableReference, ...]
"""A value as it is written: characters that mean themselves, and references."""


def parse(value: str) -> Text:
    """Read a value. Raises ValueError with what a Dockerfile would not fill in as it looks."""
    found, end = _parse(value, 0, 0)
    return found if end == len(value) else (value,)


def _parse(value: str, at: int, depth: int) -> tuple[Text, int]:
    if depth > DEEPEST:
        raise ValueError(f"has references that are nested more than {DEEPEST} times")
    found: list[str | VariableReference] = []
    plain: list[str] = []
    while at < len(value):
        if depth and value[at] == "}":
            break
        if value.startswith(r"\$", at):
            plain.append("$")
            at += 2
        elif value[at] == "$" and (read := _reference(value, at + 1, depth)):
            found += ["".join(plain), read[0]]
            plain, at = [], read[1]
        else:
            plain.append(value[at])
            at += 1
    return tuple(each for each in (*found, "".join(plain)) if each), at


def _reference(value: str, at: int, depth: int) -> tuple[VariableReference, int] | None:
    """Read what stands behind a dollar; None where that is a dollar alone."""
    if _SPECIAL.match(value, at):
        raise ValueError(f"has `${value[at]}`, which a Dockerfile leaves out")
    braced = value[at : at + 1] == "{"
    name = _NAME.match(value, at + braced)
    if not braced:
        return (VariableReference(name=name[0]), name.end()) if name else None
    if not name:
        raise ValueError("has `${` without a name")
    at = name.end()
    operator = _OPERATOR.match(value, at)
    word: Text = ()
    if operator:
        word, at = _parse(value, operator.end(), depth + 1)
    if value[at : at + 1] != "}":
        raise ValueError(
            f"has `${{{name[0]}` with more than is filled in here; `${{{name[0]}:-word}}` and its like are"
        )
    return VariableReference(name=name[0], operator=operator[0] if operator else "", word=word), at + 1


def text_of(parts: Text) -> str:
    """Return a value as it is written."""
    return "".join(_written(part) for part in parts)


def _written(part: str | VariableReference) -> str:
    if isinstance(part, str):
        return part.replace("$", r"\$")
    return f"${{{part.name}{part.operator}{text_of(part.word)}}}"


def written_value(parts: Text) -> str:
    """Return the value where nothing is left to fill in, and else the value as it is written."""
    return "".join(map(str, parts)) if is_plain(parts) else text_of(parts)


def is_plain(parts: Text) -> bool:
    """Tell whether there is nothing to fill in."""
    return all(isinstance(part, str) for part in parts)


def substitute(parts: Text, known: Mapping[str, Text]) -> Text:
    """Put values of some variables in a value; they may hold references themselves. Raises ValueError."""
    found: list[str | VariableReference] = []
    length = 0
    for part in parts:
        taken = (part,) if isinstance(part, str) else _substituted(part, known)
        length += len(text_of(taken))
        _refuse_long(length)
        found += taken
    return tuple(found)


def _refuse_long(length: int) -> None:
    if length > LONGEST:
        raise ValueError(f"becomes longer than {LONGEST} characters")


def _substituted(part: VariableReference, known: Mapping[str, Text]) -> Text:
    if part.name not in known:
        return (VariableReference(name=part.name, operator=part.operator, word=substitute(part.word, known)),)
    there = known[part.name]
    if not part.operator:
        return there
    if part.counts_empty and not is_plain(there) and not any(isinstance(each, str) for each in there):
        raise ValueError(f"asks whether `{part.name}` is empty, which depends on the base")
    return _chosen(part, there, known, counts=bool(there) or not part.counts_empty)


def _chosen(part: VariableReference, there: Text, known: Mapping[str, Text], *, counts: bool) -> Text:
    match part.operator[-1]:
        case "-":
            return there if counts else substitute(part.word, known)
        case "+":
            return substitute(part.word, known) if counts else ()
        case _ if counts:
            return there
    raise ValueError(_missing(part.name, written_value(substitute(part.word, known))))


def evaluate(parts: Text, known: Mapping[str, str], unset: set[str]) -> str:
    """Return what a value stands for; variables that nothing sets are empty, and put in `unset`. Raises ValueError."""
    left = substitute(parts, {name: (value,) if value else () for name, value in known.items()})
    return "".join(part if isinstance(part, str) else _without_value(part, unset) for part in left)


def _without_value(part: VariableReference, unset: set[str]) -> str:
    """Return what a reference to a variable without a value stands for."""
    match part.operator[-1:]:
        case "":
            unset.add(part.name)
            return ""
        case "+":
            return ""
        case "-":
            return evaluate(part.word, {}, unset)
    raise ValueError(_missing(part.name, evaluate(part.word, {}, unset)))


def _missing(name: str, why: str) -> str:
    return f"needs `{name}`, which has no value{f': {why}' if why else ''}"


def names_in(parts: Text) -> Iterator[str]:
    """Yield the variables whose values count."""
    for part in parts:
        if isinstance(part, VariableReference):
            yield part.name
            yield from names_in(part.word)
