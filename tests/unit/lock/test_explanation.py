"""An explanation of uv is cut to its last conclusions, and of its lists to a few rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from onedigest.errors import InputError
from onedigest.lock.explanation import shorten_explanation, shortened
from onedigest.lock.resolution_messages import explained
from onedigest.tools.uv import _failure
from onedigest.tools.uv_environment import uv_input
from resolving import Checkout
from unit.lock.test_requirement_conflict import error_of
from unit.lock.test_resolution_messages import asking
from wheel_builder import build_wheel

HEAD = "no solution found when resolving dependencies for Python 3.13 on x86_64\n"
MARGIN = " " * 9


def steps(*texts: str) -> str:
    """Return an explanation as uv writes it."""
    return f"{HEAD}  cause: Because " + f"\n{MARGIN}And because ".join(texts)


def test_last_three_conclusions_are_kept() -> None:
    text = steps(*(f"boto3==1.33.{n} depends on botocore, we can conclude that {n}." for n in range(60)))

    assert shortened(text) == (
        f"{HEAD}"
        "  cause: (57 earlier steps, which -v shows)\n"
        "         And because boto3==1.33.57 depends on botocore, we can conclude that 57.\n"
        "         And because boto3==1.33.58 depends on botocore, we can conclude that 58.\n"
        "         And because boto3==1.33.59 depends on botocore, we can conclude that 59."
    )


def test_short_explanation_stays() -> None:
    text = steps("a, we can conclude that b.", "c, we can conclude that d.")

    assert shortened(text) == text


def test_conclusion_that_a_later_one_names_is_kept() -> None:
    text = steps("a, b. (1)", "c, d.", "e, f.", "g, h.", "we know from (1) that b and i, we can conclude that j.")

    assert shortened(text) == (
        f"{HEAD}"
        "  cause: (1 earlier step, which -v shows)\n"
        "         Because a, b. (1)\n"
        "         And because e, f.\n"
        "         And because g, h.\n"
        "         And because we know from (1) that b and i, we can conclude that j."
    )


def test_wall_of_versions_is_cut() -> None:
    rows = "".join(f"{MARGIN}    alpha=={n}\n" for n in range(30))
    text = steps(f"only the following versions of alpha are available:\n{rows}{MARGIN}we can conclude that b.")

    assert shortened(text) == (
        f"{HEAD}"
        "  cause: Because only the following versions of alpha are available:\n"
        "             alpha==0\n"
        "             alpha==1\n"
        "             … and 27 others, up to\n"
        "             alpha==29\n"
        "         we can conclude that b."
    )


def test_hints_of_uv_stay_without_empty_lines() -> None:
    text = steps("a, we can conclude that b.") + "\n\n\n  hint: `alpha` has wheels for: `cp37m`"

    assert shortened(text) == steps("a, we can conclude that b.") + "\n  hint: `alpha` has wheels for: `cp37m`"


def test_line_without_end_is_cut() -> None:
    text = steps("alpha" + ",!=1" * 500)

    assert shortened(text).split("cause: ")[1] == "Because alpha" + text.split("Because alpha")[1][:387] + "…"


@pytest.mark.parametrize("text", ["", "uv: something else\nBecause of", "x\n  cause: ", "x\n  cause: \n\n  hint: y"])
def test_other_text_stays(text: str) -> None:
    assert shortened(text) == text


def test_every_problem_keeps_place_and_hint() -> None:
    error = InputError.of(steps(*"abcde"), where="job.py", hint="leave one out")

    assert str(shorten_explanation(error)) == (
        f"job.py: {HEAD}  cause: (2 earlier steps, which -v shows)\n"
        f"{MARGIN}And because c\n{MARGIN}And because d\n{MARGIN}And because e\nhint: leave one out"
    )


def test_end_of_a_long_message_is_what_is_kept(tmp_path: Path) -> None:
    text = f"error: {steps(*(f'alpha=={n}, we can conclude that {n}.' for n in range(5000)))}"

    said = str(_failure(text, str(tmp_path), "job.py", uv_input({}, (), offline=True)))

    assert len(said) < 22_000
    assert said.startswith(f"job.py: {HEAD}  cause: Because alpha==0, ")
    assert said.endswith("And because alpha==4999, we can conclude that 4999.")


def test_versions_that_go_together_are_named(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path)
    build_wheel(checkout.wheels, "old", "1.0", tag="cp39-cp39-manylinux_2_17_x86_64")
    build_wheel(checkout.wheels, "old", "2.0")
    build_wheel(checkout.wheels, "beside", "1.0", requires=("old<2",))
    build_wheel(checkout.wheels, "beside", "3.0", requires=("old>=2",))
    asked = asking(checkout, "old==1.0", "beside==1.0")

    assert explained(error_of(asked), asked, lambda _: "").problems[0].hint == (
        "write `beside==3.0` in place of `beside==1.0`, and `old==2.0` in place of `old==1.0`"
    )


def test_version_that_can_be_had_is_named(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path)
    for version in ("1.0", "2.0"):
        build_wheel(checkout.wheels, "old", version)
    asked = asking(checkout, "old>3")

    assert explained(error_of(asked), asked, lambda _: "").problems[0].hint == (
        "old 2.0 can be had: write `old==2.0` in place of `old>3`"
    )


def test_version_that_is_not_there_is_put_right_though_others_do_not_go_together(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path)
    for version in ("1.0", "2.0"):
        build_wheel(checkout.wheels, "old", version)
        build_wheel(checkout.wheels, "beside", version, requires=(f"under=={version}",))
        build_wheel(checkout.wheels, "under", version)
    asked = asking(checkout, "old==1.5", "beside>1", "under<2")

    assert explained(error_of(asked), asked, lambda _: "").problems[0].hint == (
        "old 2.0 can be had: write `old==2.0` in place of `old==1.5`"
    )
