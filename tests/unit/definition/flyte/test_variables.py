"""Variables of an image of Flyte refer to those of earlier steps, and to those of the base."""

from __future__ import annotations

import pytest

from onedigest.definition.flyte.definition import Variables
from onedigest.definition.flyte.variables import ImageVariables
from onedigest.errors import InputError


def gathered(*several: dict[str, str], own: object = None, debian: bool = True) -> tuple[dict[str, str], list[str]]:
    return environment(*several).table(own, is_debian=debian)


def environment(*several: dict[str, str]) -> ImageVariables:
    found = ImageVariables()
    for number, pairs in enumerate(several, 1):
        found.take(Variables(pairs=tuple(pairs.items()), line=number), f"job.py:{number}")
    return found


def test_references_to_the_base_stay_and_those_to_earlier_steps_do_not() -> None:
    found, left = gathered({"PATH": "/x:$PATH", "A": "1", "B": "$A$HOME"}, {"PATH": "/y:$PATH", "A": "2", "C": "$A"})

    assert found == {
        "PATH": "/y:/x:${PATH}",
        "A": "2",
        "B": "1${HOME}",
        "C": "2",
        "SHELL": "/bin/bash",
    }
    assert left == ["B", "PATH"]


def test_path_that_is_set_as_a_whole_has_the_programs_of_the_image_before_it() -> None:
    made = environment({"PATH": "/x:/usr/bin"}, {"PATH": "/y:$PATH"})

    assert made.table(None, is_debian=True)[0]["PATH"] == "/y:${VIRTUAL_ENV}/bin:/x:/usr/bin"
    assert [str(each) for each in made.warnings] == [
        "job.py:1: `PATH` is set as a whole: the programs of the image's packages are put before it\n"
        'hint: write "/x:$PATH", and what it was stays behind it'
    ]


@pytest.mark.parametrize("path", ["/x:$PATH", "${PATH}:/x", "/x:/opt/venv/bin:/bin", "$VIRTUAL_ENV/bin:/x"])
def test_path_that_has_them_stays_as_it_is(path: str) -> None:
    assert environment({"PATH": path}).warnings == []


def test_own_programs_come_before_those_of_an_environment_of_the_base() -> None:
    path = {"PATH": "/opt/venv/bin:/x:$PATH:/opt/venv/bin2"}

    assert gathered(path)[0]["PATH"] == "/opt/venv/bin:/x:${PATH}:/opt/venv/bin2"
    assert gathered(path, debian=False)[0]["PATH"] == ("${VIRTUAL_ENV}/bin:/opt/venv/bin:/x:${PATH}:/opt/venv/bin2")


def test_values_without_a_reference_are_taken_as_they_are() -> None:
    value = 'a "b" \\n {c} 5$ %s'

    assert gathered({"A": value, "B": r"\$HOME"})[0] == {"A": value, "B": "$HOME", "SHELL": "/bin/bash"}


def test_shell_for_terminals_is_the_authors_or_the_bases_or_there() -> None:
    assert gathered({"SHELL": "/bin/zsh"})[0] == {"SHELL": "/bin/zsh"}
    assert gathered(own={"SHELL": "/bin/dash"})[0] == {}
    assert gathered(debian=False) == ({"SHELL": "${SHELL:-/bin/sh}"}, ["SHELL"])


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(InputError) as caught:
        gathered({"A": "$1", "B": "'$HOME'"})

    assert [each.message for each in caught.value.problems] == [
        "the value of the variable 'A' has `$1`, which a Dockerfile leaves out",
        "the value of the variable 'B' has a quote and a reference: a Dockerfile takes quotes away, so write it without them",
    ]


def test_secret_that_would_be_in_the_image_is_told() -> None:
    made = environment({"OPENAI_API_KEY": "sk-1", "TOKENIZERS_PARALLELISM": "false", "MAX_TOKEN": "512"}, {"TOKEN": ""})

    assert [str(each) for each in made.warnings] == [
        "job.py:1: the value of 'OPENAI_API_KEY' can be read in the image, and in the files beside its lock\n"
        "hint: take it out, and give the environment `secrets=flyte.Secret(key=…, as_env_var='OPENAI_API_KEY')`"
    ]
