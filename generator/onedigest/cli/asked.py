"""What a call asks for, read off its arguments as its command reads them, also where the call is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import click


@dataclass(frozen=True, slots=True)
class Asked:
    """How a call is to be answered. Words that are values of options, or belong to a program, do not count."""

    as_json: bool = False
    verbose: bool = False


def asked_by(group: click.Group, arguments: Sequence[str]) -> Asked:
    """Return what a call of one of the commands asks for."""
    before = next((at for at, word in enumerate(arguments) if not word.startswith("-") or word == "--"), len(arguments))
    early, rest = arguments[:before], list(arguments[before:])
    command = group.get_command(click.Context(group), rest[0]) if rest else None
    if command is None:
        return _plainly([*early, *rest])
    context = click.Context(command, ignore_unknown_options=True, **command.context_settings)
    try:
        values, *_ = command.make_parser(context).parse_args(rest[1:])
    except click.UsageError:
        return _plainly([*early, *(rest if context.allow_interspersed_args else _leading(rest[1:]))])
    as_json = values.get("as_json") or "json" in (values.get("shape"), values.get("form")) or "--json" in early
    return Asked(bool(as_json), bool(values.get("verbose")))


def _plainly(words: Sequence[str]) -> Asked:
    """Return what words ask for that no command can read."""
    own = words[: words.index("--")] if "--" in words else words
    return Asked("--json" in own, "--verbose" in own)


def _leading(words: Sequence[str]) -> Sequence[str]:
    """Return the options at the beginning: the first other word may be the image, and the rest its program's."""
    end = next((at for at, word in enumerate(words) if not word.startswith("-")), len(words))
    return words[:end]
