"""Blocks of pages are what they say: files that parse, settings that are taken, code that compiles, commands that exist."""

from __future__ import annotations

import ast
import importlib
import json
import re
import shlex
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest

from conftest import ROOT
from onedigest.cli.commands import group
from onedigest.definition.project import Project
from onedigest.definition.script import find_blocks, parse
from onedigest.definition.spec import specify
from onedigest.errors import InputError
from page_blocks import Block, read_blocks, read_commands

PAGES = [
    *sorted((ROOT / "docs").rglob("*.md")),
    *(ROOT / f"{name}.md" for name in ("README", "CONTRIBUTING", "RELEASING", "SECURITY")),
]
SHOWN = {"text", "dockerfile", "starlark", "nix", "diff", "ini"}
"""Languages that are shown, and not read here."""

ELSEWHERE = {"scripts", "required-version", "extras", "groups"}
"""Settings of a project, which no script takes."""

INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
INDENTED = re.compile(r"(?<=\n\n) {4}\S[^\n]*")
SCRIPT = "# /// script\n# ///\n"


def check_toml(block: Block) -> None:
    """Parse a file; settings in it must be taken. One without a name or a table is an onedigest.toml."""
    found = tomllib.loads(block.text)
    table = found.get("tool", {}).get("onedigest", {})
    if block.title == "onedigest.toml" or not (block.title or has_tables(found)):
        table = found
    if block.title != "pylock.toml":
        kept = {name: value for name, value in table.items() if name not in ELSEWHERE}
        if "expand-env" in kept:  # which speaks of `env`
            kept.setdefault("env", dict.fromkeys(kept["expand-env"], "x"))
        specify(parse(SCRIPT.encode(), "x.py"), Project(root=Path(), file="x.toml", table=kept), "x.py")


def has_tables(found: dict[str, object]) -> bool:
    """Tell whether a file has tables that are no settings."""
    beside = [value for name, value in found.items() if name not in {"env", "labels", "annotations"}]
    return any(isinstance(value, dict) or (isinstance(value, list) and dict in map(type, value)) for value in beside)


def check_python(block: Block) -> None:
    """Compile code; a script's block must be one that is taken."""
    if ">>>" in block.text:
        return
    compile(block.text, block.place, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    if any(each.type == "script" for each in find_blocks(block.text)):
        specify(parse(block.text.encode(), "x.py"), Project(root=Path()), "x.py")


def check_console(block: Block) -> None:
    """Look the commands up that somebody types."""
    commands = list(read_commands(block))
    assert commands, "no line begins with `$ `"
    for shown in commands:
        check_commands(shown.command)


def check_shell(block: Block) -> None:
    """Have bash read a script, and look the commands up that it calls."""
    subprocess.run(["bash", "-n"], input=block.text, text=True, capture_output=True, check=True)
    for line in block.text.splitlines():
        check_commands(line)


def check_yaml(block: Block) -> None:
    """Parse a file, and look the commands up that its steps call."""
    yaml = importlib.import_module("yaml")  # Zensical has it, without types
    try:
        found = yaml.safe_load(block.text)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from None
    for text in strings_of(found):
        for line in text.splitlines():
            check_commands(line)


def check_json(block: Block) -> None:
    """Parse a document."""
    json.loads(block.text)


CHECKS: dict[str, Callable[[Block], None]] = {
    "toml": check_toml,
    "python": check_python,
    "console": check_console,
    "bash": check_shell,
    "yaml": check_yaml,
    "json": check_json,
}


def strings_of(found: object) -> Iterator[str]:
    """Yield the strings of a parsed file."""
    if isinstance(found, str):
        yield found
    elif isinstance(found, dict | list):
        for each in found.values() if isinstance(found, dict) else found:
            yield from strings_of(each)


def calls_of(line: str) -> Iterator[list[str]]:
    """Yield the arguments of each call of onedigest in a line of a shell."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="();<>|&")
    lexer.whitespace_split = True
    call: list[str] | None = None
    try:
        words = list(lexer)
    except ValueError:  # prose with an apostrophe
        return
    for word in words:
        if set(word) <= set("();<>|&"):
            if call is not None:
                yield call
            call = None
        elif call is not None:
            call.append(word)
        elif word.rpartition("/")[2] == "onedigest":
            call = []
    if call is not None:
        yield call


def check_commands(line: str, *, whole: bool = True) -> None:
    """Look up the command and the options of each call in a line; prose may name an option without its value."""
    for arguments in calls_of(line):
        name = next(iter(arguments), "")
        if not re.fullmatch(r"[a-z]+", name):
            unknown = [each for each in arguments[:1] if each.startswith("-") and each not in {"--version", "--help"}]
            assert not unknown, f"`onedigest {unknown[0]}` does not exist"
            continue
        command = group.get_command(click.Context(group), name)
        assert command is not None, f"`onedigest {name}` does not exist"
        context = click.Context(command, info_name=f"onedigest {name}")
        try:
            command.make_parser(context).parse_args(arguments[1:])
        except click.NoSuchOption as error:
            raise AssertionError(f"`{context.info_name} {error.option_name}` does not exist") from None
        except click.BadOptionUsage as error:
            if whole:
                raise AssertionError(f"`{context.info_name}`: {error.message}") from None


def faults_of(page: Path) -> Iterator[str]:
    """Say what is wrong with the blocks of a page."""
    text = page.read_text(encoding="utf-8")
    for block in read_blocks(page):
        if block.language in SHOWN:
            continue
        if block.language not in CHECKS:
            yield f"{block.place}: a block says what it is, in place of {block.language!r}"
            continue
        try:
            CHECKS[block.language](block)
        except (AssertionError, InputError, SyntaxError, ValueError, subprocess.CalledProcessError) as error:
            yield f"{block.place}: {error}"
    prose = without_blocks(text)
    for number, line in enumerate(prose.splitlines(), 1):
        for code in INLINE.findall(line):
            if code.startswith("onedigest "):
                try:
                    check_commands(code, whole=False)
                except AssertionError as error:
                    yield f"{page.name}:{number}: {error}"
    for indented in INDENTED.finditer(prose):
        number = prose.count("\n", 0, indented.start()) + 1
        yield f"{page.name}:{number}: a block stands between fences"


def without_blocks(text: str) -> str:
    """Return a page with empty lines in place of its fenced blocks."""
    return re.sub(
        r"^( *)(```+|~~~+)[\s\S]*?^\1\2 *$", lambda match: "\n" * match[0].count("\n"), text, flags=re.MULTILINE
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_blocks_are_what_they_say(page: Path) -> None:
    assert list(faults_of(page)) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("```\nx\n```\n", "a block says what it is, in place of ''"),
        ("```shell\nx\n```\n", "a block says what it is, in place of 'shell'"),
        ("```toml\nx = \n```\n", "Invalid value (at line 1, column 5)"),
        ("```toml\nfils = []\n```\n", "x.toml:1: unknown key `fils`"),
        ("```toml\n[tool.onedigest]\nfiles = 3\n```\n", "x.toml:1: `files` is not a list of strings"),
        ("```python\nprint(\n```\n", "'(' was never closed (a.md:1, line 1)"),
        ('```python\n# /// script\n# [tool.onedigest]\n# user = ""\n# ///\n```\n', "x.py:3: `user`"),
        ("```json\n{]\n```\n", "Expecting property name"),
        ("```yaml\nrun: [\n```\n", "while parsing a flow node"),
        ("```yaml\nsteps: [{ run: onedigest biuld x }]\n```\n", "`onedigest biuld` does not exist"),
        ("```bash\nif\n```\n", "Command '['bash', '-n']' returned non-zero exit status 2."),
        ("```console\nonedigest build x\n```\n", "no line begins with `$ `"),
        ("```console\n$ X=1 onedigest build --fast x && ls\n```\n", "`onedigest build --fast` does not exist"),
        ("```console\n$ cd x && onedigest build \\\n    --tag\n```\n", "Option '--tag' requires an argument."),
        ("Say `onedigest run --again x`.\n", "`onedigest run --again` does not exist"),
        ("Say:\n\n    onedigest build x\n", "a block stands between fences"),
    ],
)
def test_a_block_that_is_not_what_it_says_is_named(text: str, said: str, tmp_path: Path) -> None:
    page = tmp_path / "a.md"
    page.write_text(text, encoding="utf-8")

    (fault,) = faults_of(page)
    assert fault.startswith("a.md:")
    assert said in fault


def test_calls_are_told_from_what_stands_beside_them() -> None:
    assert list(calls_of("A=1 .venv/bin/onedigest build x > y.txt; uvx onedigest fetch | tee onedigest")) == [
        ["build", "x"],
        ["fetch"],
        [],
    ]
