"""Holds the whole line to golden files: spec, lock, record, and a listing of each platform's files."""

from __future__ import annotations

import difflib
from pathlib import Path

import pytest

from conftest import Project
from golden import CASES, build_case, expected_files, script_of


@pytest.mark.network
@pytest.mark.parametrize("case", CASES)
def test_case_gives_the_golden_files(case: str, project: Project, tmp_path: Path) -> None:
    found = build_case(case, project, tmp_path)
    expected = expected_files(case)

    for name in expected:  # in the order of the pipeline: the first stage that differs is the one to look at
        if found[name] != expected[name]:
            lines = difflib.unified_diff(
                expected[name].splitlines(), found[name].splitlines(), "expected", "found", lineterm=""
            )
            pytest.fail(f"{case}/{name}\n" + "\n".join(list(lines)[:40]))
    assert found.keys() == expected.keys()


@pytest.mark.network
def test_order_of_dependencies_does_not_matter(project: Project, tmp_path: Path) -> None:
    lines = script_of("full").split("\n")
    start, end = lines.index("# dependencies = [") + 1, lines.index("# ]")
    lines[start:end] = reversed(lines[start:end])

    found = build_case("full", project, tmp_path, script="\n".join(lines))

    assert {name: found[name] for name in ("spec.json", "pylock.toml")} == {
        name: expected_files("full")[name] for name in ("spec.json", "pylock.toml")
    }


@pytest.mark.network
def test_line_ends_and_byte_order_mark_of_the_script_do_not_matter(project: Project, tmp_path: Path) -> None:
    found = build_case("full", project, tmp_path, script="\ufeff" + script_of("full").replace("\n", "\r\n"))

    assert found == expected_files("full")


@pytest.mark.network
def test_index_without_sizes_and_hashes_gives_the_same_lock(project: Project, tmp_path: Path) -> None:
    """What an index does not state is found out from the files; only upload times are missing then."""
    unstated = build_case("full", project, tmp_path, states_sizes=False)["pylock.toml"]

    def without_times(text: str) -> list[str]:
        return [line.replace(" upload-time = 2026-01-02T03:04:05Z,", "") for line in text.splitlines()[2:]]

    assert without_times(unstated) == without_times(expected_files("full")["pylock.toml"])
