"""The parts of the reference that the program writes itself: which pages have them, and what they say.

A part stands between `<!-- NAME -->` and `<!-- end -->`. What is around it is written by people.
`python tests/make_reference.py` writes all parts anew.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import click

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "docs" / "reference"
EVERYWHERE = "every command"


def root_group() -> click.Group:
    """Return the group that all commands are in, whichever module of the command line makes it."""
    package = importlib.import_module("onedigest.cli")
    modules = sorted(f"{package.__name__}.{each.name}" for each in pkgutil.iter_modules(package.__path__))
    for name in (package.__name__, *modules):
        found = [each for each in vars(importlib.import_module(name)).values() if isinstance(each, click.Group)]
        if found:
            return found[0]
    raise AssertionError("the command line has no group of commands")


def commands() -> dict[str, click.Command]:
    """Return all commands by the words that call them, such as `build`, in the order of the help."""
    return dict(_commands(root_group(), ()))


def options_of(command: click.Command) -> list[click.Option]:
    """Return the options of a command, but `--help`."""
    return [each for each in command.params if isinstance(each, click.Option) and not each.hidden]


def command_parts() -> dict[str, str]:
    """Return a part for each command, and one for the options that all of them have."""
    found = {name: {_key(each): each for each in options_of(command)} for name, command in commands().items()}
    first, *others = (each for each in found.values() if each)  # `schema` has no option
    shared = [key for key in first if all(key in each for each in others)]
    parts = {EVERYWHERE: _table(first[key] for key in shared)}
    for name, command in commands().items():
        own = [option for key, option in found[name].items() if key not in shared]
        parts[name] = "\n\n".join([*_words(name, command), *([_table(own)] if own else [])])
    return parts


PARTS: Mapping[Path, Callable[[], Mapping[str, str]]] = {FOLDER / "commands.md": command_parts}


def parts_of(text: str) -> dict[str, str]:
    """Return the parts that a page has, by name."""
    return {match[1]: match[2] for match in _PART.finditer(text)}


def renewed(text: str, parts: Mapping[str, str]) -> str:
    """Return a page with its parts as they are now; a part that the page lacks gets a section at its end."""
    there = parts_of(text)
    missing = [f"\n## {name}\n\n<!-- {name} -->\n<!-- end -->\n" for name in parts if name not in there]
    return _PART.sub(lambda match: _part(match[1], parts.get(match[1], "")), text + "".join(missing))


_PART = re.compile(r"<!-- ([a-z][a-z -]*) -->\n(?:\n(.*?)\n\n)??<!-- end -->", re.DOTALL)


def _part(name: str, content: str) -> str:
    return f"<!-- {name} -->\n\n{content}\n\n<!-- end -->"


def _commands(group: click.Group, words: tuple[str, ...]) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from _commands(command, (*words, name))
        elif not command.hidden:
            yield " ".join((*words, name)), command


def _words(name: str, command: click.Command) -> Iterator[str]:
    context = click.Context(command, info_name=f"onedigest {name}")
    yield f"```text\n{' '.join([context.info_name or '', *command.collect_usage_pieces(context)])}\n```"
    for paragraph in (command.help or "").split("\n\n"):
        sentences = re.split(r"(?<=[.:]) (?=[A-Z])", " ".join(paragraph.split()))
        yield _escaped("\n".join(sentences))


def _key(option: click.Option) -> tuple[str, str]:
    """Return what makes an option the same in two commands; a command may use its short form for something else."""
    return max(option.opts, key=len), option.help or ""


def _table(options: Iterable[click.Option]) -> str:
    rows = (f"| {_flags(each)} | {_told(each)} |" for each in options)
    return "\n".join(["| option | what it does |", "| --- | --- |", *rows])


def _flags(option: click.Option) -> str:
    return f"`{_help(option)[0]}`" if "|" not in _help(option)[0] else _with_choices(_help(option)[0])


def _with_choices(flags: str) -> str:
    """Return a cell with bars, which readers of Markdown take in different ways within backquotes."""
    return f"<code>{flags.replace('|', '&#124;')}</code>"


def _told(option: click.Option) -> str:
    words = _escaped(" ".join(_help(option)[1].split()))
    return f"{words} May be given several times." if option.multiple else words


def _help(option: click.Option) -> tuple[str, str]:
    found = option.get_help_record(click.Context(click.Command("any")))
    assert found is not None
    return found


def _escaped(words: str) -> str:
    """Return words in which Markdown sees no links and no columns."""
    return words.replace("[", "\\[").replace("]", "\\]").replace("|", "\\|")


if __name__ == "__main__":
    for page, parts in PARTS.items():
        page.write_text(renewed(page.read_text(encoding="utf-8"), parts()), encoding="utf-8")
