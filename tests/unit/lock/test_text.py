"""The lock as text: round trip, place of errors, hand edits, and its readers outside."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from itertools import pairwise

import pytest
from packaging.pylock import PackageWheel, Pylock
from packaging.tags import Tag

from golden import CASES, expected_files
from onedigest import __version__, formats, header
from onedigest.errors import InputError, Problem
from onedigest.lock import text as lock_text
from onedigest.lock.graph import MOST_PATHS, ROOT, cycles, from_lock, paths_to, ranks
from onedigest.lock.metadata import LockMetadata, is_newer, stated, stated_in
from onedigest.lock.model import keep_release
from onedigest.lock.parse import is_of
from onedigest.lock.targets import Target
from onedigest.lock.toml import value
from onedigest.platforms import ALL, AMD64, ARM64, Platform

FULL = expected_files("full")["pylock.toml"]


@pytest.mark.parametrize("case", CASES)
def test_round_trip(case: str) -> None:
    text = expected_files(case)["pylock.toml"]

    assert lock_text.dumps(lock_text.loads(text, "pylock.toml")) == text
    assert header.is_intact(text)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("platform", ALL, ids=str)
def test_packaging_selects_what_the_lock_says(case: str, platform: Platform) -> None:
    """The specification's own reader, PEP 751, section "Installation", agrees on every wheel."""
    text = expected_files(case)["pylock.toml"]
    lock = lock_text.loads(text, "pylock.toml")
    pylock = Pylock.from_dict(tomllib.loads(text))
    target = Target(platform, lock.base.python, lock.base.libc_version)
    tags: list[Tag] = list(target._ranks)

    artefacts = [
        (package.name, artefact) for package, artefact in pylock.select(environment=target.environment, tags=tags)
    ]
    selected = {(name, artefact.name) for name, artefact in artefacts if isinstance(artefact, PackageWheel)}

    assert len(selected) == len(artefacts)
    assert selected == {
        (package.name, wheel.name) for package in lock.packages for each, wheel in package.wheels if each == platform
    }


def test_text_names_no_address() -> None:
    assert all("://" not in expected_files(case)["pylock.toml"] for case in CASES)


@pytest.mark.parametrize(("old", "new"), [("1.0", "1.1"), ("size = 9", "size = 8"), ("# Content", "# content"), (f'version = "{__version__}"', 'version = "0.2.0"'), ("\nformat = 2", "\nformat = 3"), ("layer-format = 1", "layer-format = 2")])  # fmt: skip
def test_hand_edit_is_noticed(old: str, new: str) -> None:
    assert old in FULL
    assert not header.is_intact(FULL.replace(old, new, 1))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("\nformat = 2", "\nformat = true", "`tool.onedigest.format` is not the number of a format"),
        (f'version = "{__version__}"\n', "", "`tool.onedigest.version` is missing"),
        ('version = "1.5"\n', "", "`packages[1].version` is missing"),
        ('version = "1.5"\n', "version = 1\n", "`packages[1].version` is not a string"),
        ('name = "delta-0.1-py3', 'name = "../delta-0.1-py3', "`packages[2].wheels[0].name` is '../delta-0.1-py3-none-any.whl', which is not the file name of a wheel"),
        ("manylinux_2_28_x86_64.whl", "manylinux_2_28_ppc64le.whl", "`packages[5].wheels` has none for linux/amd64"),
        ("py3-none-any.whl", "py3-none-win32.whl", "`packages[0].wheels` has none for linux/amd64"),
        ('{ name = "libgomp1"', '{ name = "libgomp1", "a\\nb" = 1', "`tool.onedigest.base.system-packages[0].'a\\nb'` is no key of this version of onedigest"),
    ],
)  # fmt: skip
def test_wrong_value_is_named_by_its_place(old: str, new: str, expected: str) -> None:
    assert old in FULL
    with pytest.raises(InputError) as caught:
        lock_text.loads(FULL.replace(old, new), "pylock.toml")

    assert str(caught.value.problems[0]).startswith(f"pylock.toml: {expected}\nhint: run `onedigest generate`")


AGAIN = "run `onedigest generate`, which keeps its pins"
NEWER = "a newer release made the lock: "


@pytest.mark.parametrize(
    ("old", "new", "said", "hint"),
    [
        ("\nformat = 2", "\nformat = 3", f"{NEWER}`format = 3`, and onedigest {__version__} reads 2", "run `uv tool install --upgrade onedigest`"),
        (f'\nformat = 2\nlayer-format = 1\nversion = "{__version__}"', '\nformat = 3\nversion = "90.1"\nmood = {}\nlayer-format = 4', f"{NEWER}`format = 3`, and onedigest {__version__} reads 2", 'run `uv tool install "onedigest>=90.1"`'),
        (f'layer-format = 1\nversion = "{__version__}"', 'layer-format = 7\nversion = "91.0rc1"', f"{NEWER}`layer-format = 7`, and onedigest {__version__} reads 1", 'run `uv tool install "onedigest>=91.0rc1"`'),
        (f'\nformat = 2\nlayer-format = 1\nversion = "{__version__}"', '\nformat = 3\nversion = "9!$(id)"', f"{NEWER}`format = 3`, and onedigest {__version__} reads 2", "run `uv tool install --upgrade onedigest`"),
        ("\nformat = 2", "\nformat = 1", f"an older release made the lock: `format = 1`, and onedigest {__version__} reads 2", AGAIN),
        ("\nformat = 2", "\nformat = 0", "there never was a lock of `format = 0`", AGAIN),
        ("layer-format = 1", "layer-format = -1", "there never was a lock of `layer-format = -1`", AGAIN),
        ("layer-format = 1\n", "", "`tool.onedigest.layer-format` is not the number of a format", AGAIN),
    ],
)  # fmt: skip
def test_lock_of_another_format_names_the_release(old: str, new: str, said: str, hint: str) -> None:
    assert FULL.count(old) == 1
    with pytest.raises(InputError) as caught:
        lock_text.loads(FULL.replace(old, new), "pylock.toml")

    assert caught.value.problems == (Problem(said, "pylock.toml", hint),)
    assert is_newer(stated(FULL.replace(old, new))) == said.startswith(NEWER)


def test_what_a_lock_states_is_the_same_read_in_part_or_whole() -> None:
    found = stated(FULL)

    assert found == stated_in(tomllib.loads(FULL))
    assert (found.format, found.layer_format, found.version) == (formats.LOCK, formats.LAYERS, __version__)
    assert found.spec == lock_text.loads(FULL, "pylock.toml").spec
    assert stated("[tool.onedigest") == stated("tool = 1") == stated("[tool]\nonedigest = 1") == LockMetadata()


def test_release_moves_only_with_something_else() -> None:
    lock = lock_text.loads(FULL, "pylock.toml")
    newer = replace(lock, version="9.0")

    assert keep_release(newer, lock) == lock
    assert keep_release(replace(newer, roots=()), lock).version == "9.0"
    assert keep_release(newer, None) == keep_release(newer, replace(lock, version="")) == newer


def test_all_wrong_rows_are_told_at_once() -> None:
    with pytest.raises(InputError) as caught:
        lock_text.loads(FULL.replace('architecture = "amd64"', 'architecture = "s390x"'), "pylock.toml")

    base = FULL[: FULL.index("\nessential-packages = [\n    {")]
    assert len(caught.value.problems) == base.count('architecture = "amd64"')


def test_cut_off_text_is_told() -> None:
    with pytest.raises(InputError, match=r"pylock.toml: not valid TOML"):
        lock_text.loads(FULL[: len(FULL) // 2], "pylock.toml")


def test_newest_glibc_that_fits_is_selected() -> None:
    names = [f"x-1-cp311-abi3-manylinux_2_{minor}_x86_64.whl" for minor in (17, 28, 36, 39)]
    target = Target(AMD64, "3.11.2", "2.36")

    assert target.select(names) == names[2]
    assert target.select(names[3:]) is None
    assert target.select_newer(names[3:]) == names[3]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["x-1-py3-none-any.whl", "x-1-cp311-cp311-linux_x86_64.whl"], 1),
        (["x-1-cp310-cp310-manylinux2014_x86_64.whl", "x-1-py2.py3-none-any.whl"], 1),
        (["x-1-1-py3-none-any.whl", "x-1-2-py3-none-any.whl", "x-1-py3-none-any.whl"], 1),
        (["x-1-cp311-cp311-musllinux_1_2_x86_64.whl", "x-1-cp311-cp311-macosx_11_0_arm64.whl"], None),
        (["x-1-cp312-cp312-manylinux_2_17_aarch64.whl", "not a wheel"], None),
        (["x-1-cp38-abi3-manylinux1_x86_64.whl", "x-1-cp37-abi3-manylinux_2_28_x86_64.whl"], 0),
    ],
)
def test_best_wheel(names: list[str], expected: int | None) -> None:
    assert Target(AMD64, "3.11.2", "2.36").select(names) == (None if expected is None else names[expected])


def test_all_marker_values_are_given() -> None:
    assert set(Target(ARM64, "3.13.5", "2.41").environment.values()) == {
        "cpython", "3.13.5", "posix", "aarch64", "", "Linux", "CPython", "3.13", "linux"
    }  # fmt: skip
    assert len(Target(ARM64, "3.13.5", "2.41").environment) == 11


def test_graph_has_ranks_cycles_and_reasons() -> None:
    graph = from_lock(lock_text.loads(FULL, "pylock.toml"))

    assert cycles(graph) == [[("alpha", "1.0"), ("beta", "1.5")]]
    assert ranks(graph)[0] == [ROOT]
    assert paths_to(graph, "delta") == [[ROOT, ("alpha", "1.0"), ("gamma", "3"), ("delta", "0.1")]]
    assert paths_to(graph, "nothing") == []


@pytest.mark.parametrize("item", ['a "b" \\ c', "ä\n\t\x01\x7f", True, 3, ["x", {"a.b": "c"}], {}])
def test_values_are_written_as_toml_reads_them(item: object) -> None:
    assert tomllib.loads(f"x = {value(item)}")["x"] == item


def test_paths_that_double_with_each_package_are_bounded() -> None:
    graph = from_lock(replace(lock_text.loads(FULL, "pylock.toml"), packages=(), roots=()))
    nodes = [[ROOT], *([(f"{side}{rank:02}", "1") for side in "ab"] for rank in range(40)), [("end", "1")]]
    for above, below in pairwise(nodes):
        graph.add_edges_from((each, other) for each in above for other in below)
    found = paths_to(graph, "end")

    assert len(found) == MOST_PATHS
    assert found == sorted(found)
    assert [node[0][0] for node in found[0][1:-1]] == ["a"] * 40


@pytest.mark.parametrize(
    ("file", "version", "is_its"),
    [
        ("demo_x-1.0-py3-none-any.whl", "1.0", True),
        ("Demo.X-1.0.0-py3-none-any.whl", "1", True),
        ("demo_x-1.0+cu121-py3-none-any.whl", "1.0+cu121", True),
        ("demo_x-1.0+cu121-py3-none-any.whl", "1.0", True),
        ("demo_x-1.0+cu121-py3-none-any.whl", "1.0+cpu", False),
        ("demo_x-1.0-py3-none-any.whl", "1.0+cu121", False),
        ("demo_x-1.0.post1-py3-none-any.whl", "1.0", False),
        ("demo-1.0-py3-none-any.whl", "1.0", False),
    ],
)
def test_file_name_of_a_wheel_may_have_a_local_version_more(file: str, version: str, is_its: bool) -> None:
    assert is_of(file, "demo-x", version) is is_its
