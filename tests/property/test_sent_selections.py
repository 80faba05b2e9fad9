"""What is selected from a project is selected from what a build is sent of it, whatever the project and the selection."""

from __future__ import annotations

import posixpath
import re
import tempfile
import warnings
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, assume, example, given, settings
from hypothesis import strategies as st

from moby_patterns import matches, pattern_of, reduced
from onedigest.assembler.credential_files import find_rule
from onedigest.assembler.ignoring import IgnoreRules
from onedigest.assembler.left_out import MARKS
from onedigest.assembler.refusal import Refused
from onedigest.assembler.selection import Found, Selection, select
from onedigest.rules.context import Pattern, _translated, context_patterns, literal
from onedigest.rules.path_regex import path_regex

FOLDERS = (
    "lib",
    "data",
    "jobs",
    "x y",
    "#c",
    "!d",
    "[e]",
    "é",
    "__pycache__",
    ".git",
    "a+b",
    "lockfiles",
    "k.d",
    "{2}",
    "p|q",
)
FILES = (
    "a.csv", "b.csv", "c.py", ".hidden", ".env", "m.pyc", "oci-layout", "A.KEY", "k.pem", " first", "last ", "q'\"",
    "$v", "(p)|", "c^d", "{z}", "#h", "!n", "[s].csv", "ö.csv", "a-b", "new.pub", ".env.example", "notes.md",
)  # fmt: skip
PARTS = ("*", "**", "*.csv", "?", "[a-c]*", "[!a]*", "[]a]*", "[+-9]*", "lib", "data", "x y", "#c", "!d", "[[]e]", ".*")
RULES = (
    "*", "**/*.csv", "!**/a.csv", "lib", "!lib/data", "data/*", "!data/b.csv", "[a-c]*", "!?.py", "**/.hidden", "lib/**",
    "!lib/**/*.md", "x y", "\\#c", "a**b", "!a**b", "*/data", "!*/data/*.py", "..", "../lib", "/lib",
)  # fmt: skip


@st.composite
def trees(draw: st.DrawFn) -> tuple[list[str], list[tuple[str, str]]]:
    """Draw paths of files, and links to other paths."""
    folders = st.lists(st.sampled_from(FOLDERS), max_size=3)
    paths = draw(st.lists(st.tuples(folders, st.sampled_from(FILES)), min_size=1, max_size=14))
    files = ["/".join((*above, name)) for above, name in paths]
    links = draw(st.lists(st.tuples(st.sampled_from(files), st.sampled_from(files), st.booleans()), max_size=3))
    return files, [
        (posixpath.dirname(at) + f"/to{number}", posixpath.dirname(to) if whole else to)
        for number, (at, to, whole) in enumerate(links)
    ]


@st.composite
def selections(draw: st.DrawFn, files: list[str]) -> Selection:
    """Draw what an author may write about a tree."""
    folder = draw(st.sampled_from(("", "jobs", "lib", "x y")))
    patterns = st.lists(st.sampled_from((*PARTS, *FILES, *FOLDERS)), min_size=1, max_size=3).map("/".join)
    sources = st.sampled_from([".", "..", "../lib", "lib", "../data", *files, *map(posixpath.dirname, files)])
    copied = draw(st.lists(sources, max_size=2))
    return Selection(
        folder=folder,
        files=tuple(draw(st.lists(patterns, max_size=2))),
        copies=tuple((f"t{number}", posixpath.normpath(source)) for number, source in enumerate(copied)),
        ignore_file=draw(st.sampled_from(("", ".dockerignore", "../.dockerignore"))),
    )


def make(root: Path, files: list[str], links: list[tuple[str, str]], rules: str) -> None:
    for path in files:
        if not any(parent.is_file() for parent in (root / path).parents) and not (root / path).exists():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(path)
    for at, to in links:
        place = root / at.lstrip("/")
        if place.parent.is_dir() and not place.exists() and not place.is_symlink():
            place.symlink_to(posixpath.relpath(f"/{to}", posixpath.dirname(f"/{at.lstrip('/')}")))
    for name in ("jobs", "lib", "x y"):
        (root / name).mkdir(exist_ok=True)
    for folder in (root, root / "jobs"):
        (folder / ".dockerignore").write_text(rules)


def found_in(root: Path, selection: Selection) -> Found:
    try:
        found = select(root, selection)
    except Refused:
        assume(False)
    assume(not found.problems)
    return found


def rows(found: Found) -> list[tuple[str, str, str, str]]:
    return [(each.target, each.place, each.role, each.path.read_text()) for each in found.files]


@pytest.mark.slow
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck), phases=(Phase.generate,))
@given(data=st.data(), tree=trees(), rules=st.lists(st.sampled_from(RULES), max_size=4))
def test_what_is_sent_gives_the_same_selection(
    data: st.DataObject, tree: tuple[list[str], list[tuple[str, str]]], rules: list[str]
) -> None:
    files, links = tree
    selection = data.draw(selections(files))
    with tempfile.TemporaryDirectory() as place:
        root, target = Path(place) / "whole", Path(place) / "sent"
        target.mkdir()
        make(root, files, links, "\n".join(rules))
        found = found_in(root, selection)
        patterns = context_patterns(found.selection, "lockfiles")
        there = reduced(root, ["*", *(each.line for each in patterns)], target)

        for folder in (selection.folder, "lib"):
            (target / folder).mkdir(parents=True, exist_ok=True)
        assert rows(select(target, selection)) == rows(found)
        check_what_is_sent(there, found, patterns)


def check_what_is_sent(there: set[str], found: Found, patterns: tuple[Pattern, ...]) -> None:
    """Nothing is sent but what is read, what an ignore-file leaves out of folders, and what tells of layouts."""
    marked = {posixpath.dirname(path) for path in there if posixpath.basename(path) in MARKS}
    further = {
        path
        for path in there - set(found.selection.reached)
        if not any(path.startswith(f"{folder}/" if folder else "") for folder in marked)
    }
    if not found.selection.ignored:
        assert {path for path in further if "/to" not in f"/{path}"} == set()
    assert [path for path in further if find_rule(path) or path.endswith(".pyc")] == []
    included = [each for each in patterns if each.included]
    assert all(any(_matches_below(pattern_of(each.line), path) for each in included) for path in there)


def _matches_below(pattern: str, path: str) -> bool:
    return any(
        matches(pattern, path[:end]) for end in (*(at for at, each in enumerate(path) if each == "/"), len(path))
    )


NAMES = st.text(st.sampled_from("ab[]!^-\\*?./é# "), min_size=1, max_size=7).filter(
    lambda name: "**" not in name and not {"/", "\\"} & set(name) and name not in (".", "..")
)


@settings(max_examples=1000)
@given(pattern=NAMES, name=st.text(st.sampled_from("ab[]!^-.é# +0"), min_size=1, max_size=4))
@example(pattern="[+-9]", name="0")
@example(pattern="[!+-9]", name="a")
@example(pattern="[a-]", name="-")
@example(pattern="[]-a]", name="^")
@example(pattern="[b-a]", name="a")
@example(pattern="[^a]", name="^")
@example(pattern="[[-^]", name="0")
def test_a_pattern_of_python_means_the_same_to_buildkit(pattern: str, name: str) -> None:
    translated, expected = _translated(pattern), fnmatchcase(name, pattern)

    assert (translated != "[]" and matches(translated, name)) == expected
    if translated != "[]" and name.strip() == name:
        line = Pattern(False, f"x/{translated}").line
        assert IgnoreRules(line).ignores(f"x/{name}") == expected
        assert (path_regex_matches(translated, name)) == expected


def path_regex_matches(pattern: str, path: str) -> bool:
    with warnings.catch_warnings():
        # a set that begins with `[[`: a Python to come may read it otherwise, and Nix, which is given it, does not
        warnings.simplefilter("ignore", FutureWarning)
        return re.fullmatch(path_regex(pattern), path) is not None


@example(path=" ")
@given(path=st.text(st.characters(exclude_characters="/\\\0", exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1))
def test_a_path_is_the_only_one_that_its_pattern_matches(path: str) -> None:
    assume(path not in (".", ".."))
    line = Pattern(True, literal(path)).line

    assert IgnoreRules(f"*\n{line}").ignores(path) is False
    assert IgnoreRules(f"*\n{line}").ignores(f"{path}x")
    assert matches(pattern_of(line), path)
