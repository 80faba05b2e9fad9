"""The commands of a shell that change its variables and arguments (POSIX, section 2.14)."""

from __future__ import annotations

from collections.abc import Callable

from onedigest.assembler.configuration.expanding import Expander, Value

Setter = Callable[[Expander, list[Value]], bool | None]


def _succeed(_: Expander, __: list[Value]) -> bool:
    return True


def _fail(_: Expander, __: list[Value]) -> bool:
    return False


def _set(shell: Expander, words: list[Value]) -> bool:
    if words[:1] == ["--"] or (words and words[0] is not None and words[0][:1] not in ("-", "+")):
        shell.arguments = tuple(words[1:] if words[0] == "--" else words)
    return True


def _shift(shell: Expander, words: list[Value]) -> bool:
    count = words[0] if words else "1"
    known = count is not None and count.isdecimal() and len(count) < 4
    shell.arguments = shell.arguments[int(count or 0) :] if known else (None,)
    return True


def _declare(shell: Expander, words: list[Value]) -> bool:
    for word in words:
        name, equals, value = (word or "").partition("=")
        if equals:
            shell.variables[name] = value
    return True


def _read(shell: Expander, words: list[Value]) -> None:
    shell.variables |= {word or "": None for word in words}


def _unset(shell: Expander, words: list[Value]) -> bool:
    for word in words:
        shell.variables.pop(word or "", None)
    return True


SETTERS: dict[str | None, Setter] = {
    ":": _succeed,
    "true": _succeed,
    "false": _fail,
    "set": _set,
    "shift": _shift,
    "export": _declare,
    "readonly": _declare,
    "declare": _declare,
    "local": _declare,
    "typeset": _declare,
    "read": _read,
    "unset": _unset,
}
"""By the names of the commands: each takes its arguments, and tells whether it succeeds."""

LOCAL = frozenset({"declare", "local", "typeset"})
"""Those whose variables are the function's own."""
