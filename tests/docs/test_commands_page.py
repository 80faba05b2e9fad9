"""The page of commands says what the program's own help says."""

from __future__ import annotations

import re

import click
import pytest

from make_reference import PARTS, command_parts, commands, options_of, parts_of, renewed, root_group

HINT = "run: .venv/bin/python tests/make_reference.py"


@pytest.mark.parametrize("page", PARTS, ids=lambda page: page.name)
def test_page_has_what_the_program_says_of_itself(page: object) -> None:
    for path, parts in PARTS.items():
        if path == page:
            assert parts_of(path.read_text(encoding="utf-8")) == dict(parts()), HINT


def test_each_command_has_a_heading_of_its_name() -> None:
    text = next(iter(PARTS)).read_text(encoding="utf-8")

    assert re.findall(r"^## (.*)\n\n<!-- \1 -->$", text, re.MULTILINE) == list(commands())


def test_every_option_of_every_command_is_in_its_part_or_in_that_of_all() -> None:
    parts = command_parts()
    for name, command in commands().items():
        rows = parts[name] + parts["every command"]
        for option in options_of(command):
            assert all(
                re.search(rf"^\| (`|<code>).*{re.escape(flag)}\b", rows, re.MULTILINE) for flag in option.opts
            ), name


def test_commands_are_found_from_the_root() -> None:
    group = root_group()

    assert list(commands()) == group.list_commands(click.Context(group))


def test_part_that_a_page_lacks_gets_a_section() -> None:
    assert renewed("# Page\n", {"fly": "words"}) == "# Page\n\n## fly\n\n<!-- fly -->\n\nwords\n\n<!-- end -->\n"


def test_words_around_a_part_stay_when_it_is_renewed() -> None:
    page = "before\n\n<!-- fly -->\n\nold\n\n<!-- end -->\n\nafter\n"

    assert renewed(page, {"fly": "new"}) == page.replace("old", "new")
    assert parts_of(page) == {"fly": "old"}
