"""How settings are found: a script's key, else its project's, and tables of names from both."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from onedigest.definition.project import Project
from onedigest.definition.script import parse
from onedigest.definition.spec import Spec, specify
from onedigest.errors import InputError


def spec(*lines: str, project: Mapping[str, Any]) -> Spec:
    block = "".join(f"# {line}\n" for line in ["[tool.onedigest]", *lines])
    found = Project(root=Path(), file="onedigest.toml", table=project, lines=dict.fromkeys(project, 7))
    return specify(parse(f"# /// script\n{block}# ///\n".encode(), "app.py"), found, "app.py")


@pytest.mark.parametrize("key", ["env", "labels", "annotations"])
def test_tables_of_names_are_merged_name_by_name(key: str) -> None:
    found = spec(f'{key} = {{ B = "own", C = "own" }}', project={key: {"A": "all", "B": "all"}})

    assert getattr(found, key) == (("A", "all"), ("B", "own"), ("C", "own"))
    assert getattr(spec(project={key: {"A": "all"}}), key) == (("A", "all"),)
    assert getattr(spec(f'{key} = {{ A = "own" }}', project={}), key) == (("A", "own"),)
    assert getattr(spec(f"{key} = {{}}", project={key: {"A": "all"}}), key) == (("A", "all"),)


def test_variable_of_a_project_can_be_emptied() -> None:
    assert spec('env = { A = "" }', project={"env": {"A": "all"}}).env == (("A", ""),)


def test_other_tables_and_lists_stand_in_place_of_those_of_the_project() -> None:
    found = spec("expose = [1]", 'copy = { "a" = "b" }', project={"expose": [2], "copy": {"c": "d"}, "volumes": ["/v"]})

    assert (found.expose, found.copies, found.volumes) == (("1/tcp",), (("a", "b"),), ("/v",))


def test_what_is_wrong_in_both_is_said_of_both() -> None:
    with pytest.raises(InputError) as caught:
        spec("env = 1", 'labels = { "-" = "x" }', project={"env": {"A": 1}, "expose": 80})

    assert str(caught.value) == (
        "onedigest.toml:7: `env` is not a table of strings: write the value of 'A' in quotes\n"
        "app.py:3: `env` is not a table of strings\n"
        "app.py:4: `labels` has the name '-', which cannot be set\n"
        'onedigest.toml:7: `expose` is not a list of ports, such as [8080, "5353/udp"]'
    )


@pytest.mark.parametrize("key", ["extras", "groups"])
def test_keys_of_the_image_of_a_project_are_refused_in_a_script(key: str) -> None:
    script = parse(f'# /// script\n# [tool.onedigest]\n# {key} = ["a"]\n# ///\n'.encode(), "app.py")

    with pytest.raises(InputError) as caught:
        specify(script, Project(root=Path()), "app.py")
    assert str(caught.value) == (
        f"app.py:3: `{key}` is a key of the image of a project\nhint: move it into its pyproject.toml"
    )


def test_variables_to_fill_in_are_set_and_fit() -> None:
    with pytest.raises(InputError) as caught:
        spec('env = { A = "$1" }', 'expand-env = ["A", "B"]', project={})

    assert str(caught.value) == (
        "app.py:3: `env` has a value of 'A' that has `$1`, which a Dockerfile leaves out\n"
        r"hint: write `\$` for a dollar, which between double quotes is `\\$`"
        "\n"
        "app.py:4: `expand-env` has 'B', which `env` does not set\n"
        "hint: set it in `env`, or take it out here"
    )
