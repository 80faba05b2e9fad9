"""Extras that a script asks for in vain are problems; those of other packages stay words of uv."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from onedigest.errors import Problem
from onedigest.lock.extras import missing_extras

SAID = "The package `Shop==1.0` does not have an extra named `cpus`"


def found(offered: Sequence[str] | None, *dependencies: str, said: str = SAID) -> tuple[list[Problem], list[str]]:
    return missing_extras([said], dependencies, lambda name: f"app.py:{len(name)}", lambda *_: offered)


@pytest.mark.parametrize(
    ("offered", "hint"),
    [
        (None, "take another version, or leave the extra out"),
        ([], "it has no extras: leave it out, or take another version"),
        (["CPU", "gui"], "did you mean `cpu`? its extras are cpu, gui"),
        (["x"], "its extras are x"),
    ],
)
def test_extra_that_a_script_asks_for_is_a_problem(offered: Sequence[str] | None, hint: str) -> None:
    assert found(offered, "shop[cpus]") == ([Problem("`shop` 1.0 has no extra `cpus`", "app.py:4", hint)], [])


def test_extra_of_another_package_stays_what_uv_said() -> None:
    assert found(None, "shop", "other[cpus]") == ([], [SAID])
    assert found(None, "shop[cpus]", said="other words") == ([], ["other words"])


def test_many_extras_are_cut() -> None:
    (problem,), _ = found([f"z{number:02}" for number in range(50)], "shop[cpus]")
    assert problem.hint.endswith("z39, …")
