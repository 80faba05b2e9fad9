"""Two requirements that exclude each other are named, with what each needs and the version that would go."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from onedigest.errors import InputError, OnedigestError
from onedigest.lock.older_versions import ResolvedRequest
from onedigest.lock.requirement_conflict import conflict_of, older_for_others, try_resolution
from resolving import Checkout
from unit.lock.test_resolution_messages import asking
from wheel_builder import build_wheel

WHEELS: Sequence[tuple[str, str, Sequence[str]]] = (
    ("flyte", "2.12.1", ("proto>=6.30", "shape>=3")),
    ("flyte", "2.8.0", ("proto>=6.30", "shape")),
    ("flyte", "1.0", ("proto",)),
    ("proto", "5.0", ()),
    ("proto", "7.0", ()),
    ("shape", "2.0", ()),
    ("shape", "3.1", ()),
    ("dash", "1.41", ("proto<6,>=3", "frame")),
    ("dash", "1.50", ("proto>=3", "frame")),
    ("frame", "1.0", ("shape<3",)),
    ("frame", "2.0", ()),
    ("drawing", "1.0", ("frame<2",)),
    ("lost", "1.0", ("proto<6", "none")),
    ("lost", "2.0", ("proto",)),
    ("cloud", "1.0", ("proto",)),
    ("cloud", "2.0", ("proto>=6.25,!=6.30,<8",)),
)

ELSEWHERE = "; where `flyte_version=` or the tag of Flyte's own image says it, change it there"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    made = Checkout(tmp_path_factory.mktemp("clash"))
    for name, version, requires in WHEELS:
        build_wheel(made.wheels, name, version, requires=requires)
    return made


def error_of(asked: ResolvedRequest) -> InputError:
    error = try_resolution(asked)
    assert isinstance(error, InputError), error
    return error


def line_of(package: str) -> str:
    return f"job.py:{len(package)}" if package != "flyte" else "job.py:99"


@pytest.mark.parametrize(
    ("dependencies", "expected"),
    [
        (
            ("flyte==2.12.1", "drawing==1.0"),
            "job.py:7: `drawing==1.0` and `flyte==2.12.1` do not go together:"
            " frame 1.0 needs `shape<3`, and flyte 2.12.1 needs `shape>=3`\n"
            f"hint: flyte 2.8.0 does: write `flyte==2.8.0` in place of `flyte==2.12.1`{ELSEWHERE}",
        ),
        (
            ("flyte>=2", "dash==1.41"),
            "job.py:4: `dash==1.41` and `flyte>=2` do not go together:"
            " dash 1.41 needs `proto>=3,<6`, and flyte 2.12.1 needs `proto>=6.30`\n"
            "hint: no version of `flyte` goes with `dash==1.41`; dash 1.50 does:"
            " write `dash==1.50` in place of `dash==1.41`",
        ),
        (
            ("flyte>=2", "proto<6", "dash==1.41"),
            "job.py:5: `proto<6` and `flyte>=2` do not go together: flyte 2.12.1 needs `proto>=6.30`\n"
            "hint: no version of `flyte` goes with `proto<6`; proto 7.0 does: write `proto==7.0` in place of `proto<6`"
            "; other requirements do not go together either, as the next run says",
        ),
        (
            ("flyte[own]==2.12.1", "shape==2.0"),
            "job.py:5: `shape==2.0` and `flyte[own]==2.12.1` do not go together: flyte 2.12.1 needs `shape>=3`\n"
            f"hint: flyte 2.8.0 does: write `flyte[own]==2.8.0` in place of `flyte[own]==2.12.1`{ELSEWHERE}",
        ),
        (
            ("flyte>=2", "lost==1.0"),
            "job.py:4: `lost==1.0` and `flyte>=2` do not go together:"
            " lost needs `proto<6`, and flyte 2.12.1 needs `proto>=6.30`\n"
            "hint: no version of `flyte` goes with `lost==1.0`; lost 2.0 does: write `lost==2.0` in place of `lost==1.0`",
        ),
        (
            ("dash==1.41", "proto>6"),
            "job.py:4: `dash==1.41` and `proto>6` do not go together: dash 1.41 needs `proto>=3,<6`\n"
            "hint: dash 1.50 does: write `dash==1.50` in place of `dash==1.41`",
        ),
        (
            ("proto<6", "cloud>=2"),
            "job.py:5: `cloud>=2` and `proto<6` do not go together: cloud 2.0 needs `proto>=6.25,!=6.30,<8`\n"
            "hint: proto 7.0 does: write `proto==7.0` in place of `proto<6`",
        ),
    ],
)
def test_clash(dependencies: Sequence[str], expected: str, checkout: Checkout) -> None:
    asked = asking(checkout, *dependencies)

    assert str(conflict_of(error_of(asked), asked, line_of)) == expected


@pytest.mark.parametrize("dependencies", [("flyte<1",), ("dash", "none"), ("proto<6", "proto>6")])
def test_what_is_no_clash_of_two_requirements_stays_as_uv_says_it(
    dependencies: Sequence[str], checkout: Checkout
) -> None:
    asked = asking(checkout, *dependencies)

    assert conflict_of(error_of(asked), asked, line_of) is None


def test_flyte_that_is_older_for_the_sake_of_another_is_told(checkout: Checkout) -> None:
    asked = asking(checkout, "flyte", "shape==2.0")
    found = try_resolution(asked)
    assert not isinstance(found, OnedigestError)
    newest = {"flyte": {"version": "2.12.1"}}

    assert str(older_for_others(found, newest, (), asked, line_of)) == (
        "job.py:99: `flyte` 2.8.0 is chosen, and not 2.12.1:"
        " flyte 2.12.1 needs `shape>=3`, and `shape==2.0` is asked for\n"
        "hint: write `flyte==2.8.0` if that is meant, or change the other"
    )
    assert older_for_others(found, {"flyte": {"version": "2.8.0"}}, (), asked, line_of) is None
    assert older_for_others(found, {}, (), asked, line_of) is None
