"""What a call asks for counts where the command reads it, and nowhere else."""

from __future__ import annotations

import pytest

from onedigest.cli.asked import Asked, asked_by
from onedigest.cli.commands import group


@pytest.mark.parametrize(
    "words",
    [
        "build --json app",
        "build app -q --json",
        "build --tag v1 --json app",
        "build --bogus --json",
        "build --json --output",
        "build --offline=yes --json",
        "graph --format json app",
        "graph --format=json app",
        "diff --format json a b",
        "run --json app",
        "run -v a:b -e X=--json --json app --flag",
        "schema --json nothing",
        "buidl --json",
        "--json",
        "--json build app",
    ],
)
def test_a_document_is_asked_for(words: str) -> None:
    assert asked_by(group, words.split()).as_json


@pytest.mark.parametrize(
    "words",
    [
        "",
        "--",
        "build app",
        "build -- --json",
        "build --output --json",
        "build --repository --json app",
        "run app --json",
        "run app -- --json",
        "run -e --json app",
        "run --offline=yes app --json",
        "graph --why --json app",
        "graph --format svg app",
        "buidl -- --json",
    ],
)
def test_words_that_are_values_or_belong_to_a_program_do_not_count(words: str) -> None:
    assert not asked_by(group, words.split()).as_json


def test_v_is_verbose_but_for_a_program_and_a_volume() -> None:
    assert asked_by(group, ["build", "-qv", "app"]) == Asked(as_json=False, verbose=True)
    assert not asked_by(group, ["run", "-v", "a:b", "app", "--verbose"]).verbose
    assert asked_by(group, ["run", "--verbose", "app"]).verbose
