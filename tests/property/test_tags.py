"""Laws of wheels and the platforms that they are for: what is chosen by tags is read again by tags."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from packaging.tags import parse_tag

from golden import expected_files
from onedigest.errors import InputError
from onedigest.lock import asked_project, text
from onedigest.lock.model import Lock
from onedigest.lock.targets import Target
from onedigest.lock.wheels import select
from onedigest.platforms import AMD64, ARM64, Platform

MINIMAL = text.loads(expected_files("minimal")["pylock.toml"], "pylock.toml")
FLOORS = ("_2_17", "_2_28", "_2_34", "2014", "2010", "1", "_2_41", "_2_99")
MACHINES = ("x86_64", "aarch64", "i686", "ppc64le", "armv7l")
PLATFORM = st.one_of(
    st.just("any"),
    st.builds("manylinux{}_{}".format, st.sampled_from(FLOORS), st.sampled_from(MACHINES)),
    st.builds(
        "{}_{}".format, st.sampled_from(("linux", "musllinux_1_2", "macosx_11_0", "win")), st.sampled_from(MACHINES)
    ),
)


def compressed(tags: st.SearchStrategy[str], most: int) -> st.SearchStrategy[str]:
    """Return sets of tags as names of wheels have them (PEP 425, "Compressed Tag Sets")."""
    return st.lists(tags, min_size=1, max_size=most, unique=True).map(".".join)


NAME = st.builds(
    "alpha-1.0{}-{}-{}-{}.whl".format,
    st.sampled_from(("", "", "-1", "-2", "-1abc")),
    compressed(st.sampled_from(("py3", "py2", "cp313", "cp312", "cp311", "cp310", "py313", "CP313", "pp310")), 3),
    compressed(st.sampled_from(("none", "abi3", "cp313", "cp312", "cp311", "cp313t")), 2),
    compressed(PLATFORM, 4),
)


target = cache(Target)


def lock_of(names: list[str], kept: set[str], yanked: set[str], python: str, glibc: str) -> Lock:
    """Return the lock of a script that asks for one package, which has these wheels."""
    wheels = [{"url": f"https://files.invalid/{name}", "hash": f"sha256:{'a' * 64}", "size": 7} for name in names]
    rows = [
        {"name": asked_project.NAME, "dependencies": [{"name": "alpha"}]},
        {"name": "alpha", "version": "1.0", "source": {}, "wheels": wheels},
    ]
    targets = [target(platform, python, glibc) for platform in MINIMAL.platforms]
    packages, roots = select({"package": rows}, targets, "base", frozenset(kept), frozenset(yanked))
    base = replace(MINIMAL.base, python=python, libc_version=glibc)
    return replace(MINIMAL, base=base, packages=packages, roots=roots)


@given(st.data(), st.lists(NAME, min_size=1, max_size=8, unique_by=str.casefold))
@settings(deadline=None, max_examples=40)
def test_what_is_written_can_be_read(data: st.DataObject, names: list[str]) -> None:
    names = [*names, "alpha-1.0-7-py3-none-any.whl"]  # most locks of the others alone would have no wheel
    kept, yanked = (data.draw(st.sets(st.sampled_from(names))) for _ in range(2))
    python, glibc = data.draw(st.sampled_from([("3.13.5", "2.41"), ("3.11.2", "2.36"), ("3.12.9", "2.17")]))
    try:
        lock = lock_of(names, kept, yanked, python, glibc)
    except InputError:
        assume(False)

    assert text.loads(text.dumps(lock), "pylock.toml") == lock


@given(PLATFORM, st.sampled_from((AMD64, ARM64)))
def test_a_tag_is_of_a_machine_as_packaging_has_it(tag: str, platform: Platform) -> None:
    """With the newest glibc there may be: manylinux tags that no machine has are left out of both."""
    fits = target(platform, "3.13.5", "2.99").select([f"a-1-py3-none-{tag}.whl"]) is not None

    assert not fits or platform.has_tag(tag)
    assert fits or not platform.has_tag(tag) or "manylinux" in tag
    assert parse_tag(f"py3-none-{tag}")


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        # two machines in one wheel
        (["alpha-1.0-py3-none-manylinux2014_x86_64.manylinux2014_aarch64.whl"], {0: 0, 1: 0}),
        (["alpha-1.0-py3-none-manylinux2014_aarch64.manylinux_2_17_x86_64.whl", "alpha-1.0-py3-none-any.whl"], {0: 0, 1: 0}),
        # a name that ends in another machine, or in a system that is none
        (["alpha-1.0-py3-none-manylinux2014_x86_64.macosx_11_0_aarch64.whl", "alpha-1.0-py3-none-linux_aarch64.whl"], {0: 0, 1: 1}),
        (["alpha-1.0-cp313-abi3-manylinux_2_17_x86_64.musllinux_1_2_aarch64.whl", "alpha-1.0-py2.py3-none-any.whl"], {0: 0, 1: 1}),
        # builds of one version
        (["alpha-1.0-1-py3-none-any.whl", "alpha-1.0-2-cp313-cp313-linux_x86_64.whl"], {0: 1, 1: 0}),
    ],
)  # fmt: skip
def test_wheel_of_each_platform(names: list[str], expected: dict[int, int]) -> None:
    lock = lock_of(names, set(), set(), "3.13.5", "2.41")
    chosen = dict(lock.packages[0].wheels)

    assert {0: chosen[AMD64].name, 1: chosen[ARM64].name} == {key: names[at] for key, at in expected.items()}
    assert text.loads(text.dumps(lock), "pylock.toml") == lock


def test_wheel_that_one_platform_had_first_gives_way_to_one_that_serves_both() -> None:
    """A lock lists wheels alone: one that no platform would take of the list has no place there."""
    names = ["alpha-1.0-py3-none-any.whl", "alpha-1.0-py3-none-manylinux2014_x86_64.manylinux2014_aarch64.whl"]
    lock = lock_of(names, {names[0]}, set(), "3.13.5", "2.41")
    both = lock_of(names, set(), set(), "3.13.5", "2.41")

    assert [wheel.name for wheel in lock.wheels()] == names[:1]
    assert [wheel.name for wheel in both.wheels()] == names[1:]


def test_wheel_of_more_tags_than_any_has_is_none() -> None:
    """Tags of a compressed set multiply: of a name of 255 characters they would be 60000."""
    many = ".".join(["py3"] * 40)
    select_one = target(AMD64, "3.13.5", "2.41").select

    assert select_one([f"alpha-1.0-{many}-{'.'.join(['none'] * 26)}-any.whl"]) is None
    assert Target(AMD64, "3.13.5", "2.9999").select(["alpha-1.0-py3-none-manylinux_2_99_x86_64.whl"]) is not None
