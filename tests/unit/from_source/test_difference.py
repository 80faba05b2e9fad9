from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from onedigest.from_source import difference
from onedigest.from_source.difference import CHANCE, CLOCK, COMPILED, LISTING, MODE, ORDER, PLACE, USER, explain
from wheel_builder import build_wheel

MARKS = [("/s/one", PLACE), ("/s/two", PLACE), ("first-tree", PLACE), ("builder", USER), ("somebody", USER)]


def explained(tmp_path: Path, one: Mapping[str, bytes], two: Mapping[str, bytes]) -> tuple[str, str]:
    first, second = (
        build_wheel(tmp_path / name, "demo", "1.0", files=files, deflate=False)
        for name, files in (("a", one), ("b", two))
    )
    return explain(first, second, MARKS, "/s")


LINES = {
    "seconds": ("WHEN = 1732630000\n", "WHEN = 1732630001\n", CLOCK),
    "a fraction": ("1732630000.123", "1732630001.5", CLOCK),
    "ISO 8601": ("built 2026-11-26T02:23:11+00:00", "built 2026-11-27T04:23:12+00:00", CLOCK),
    "a day": ("2026-11-25", "2026-11-27", CLOCK),
    "a day in words": ("Wed 25 November 2026", "Fri 27 November 2026", CLOCK),
    "ctime": ("Wed Nov 25 02:23:11 2026", "Fri Nov 27 04:23:12 2026", CLOCK),
    "a stamp of a version": ("1.0.dev20261125", "1.0.dev20261127", CLOCK),
    "a path": ("X = '/s/one/tree'", "X = '/s/two/tree'", PLACE),
    "a folder's name": ("first-tree", "second", PLACE),
    "a user": ("by builder", "by somebody", USER),
    "a random number": ("0.8317923", "0.1279834", CHANCE),
    "a UUID": ("16fd2706-8baf-433b-82eb-8c7fada847da", "886313e1-3b8a-5372-9b90-0c9aee199e5d", CHANCE),
    "an address": ("<object at 0x7f3b1c>", "<object at 0x7f9a2d>", CHANCE),
    "a set": ("{'a', 'c', 'b'}", "{'b', 'a', 'c'}", ORDER),
    "a list that is turned": ("['a', 'b', 'c']", "['c', 'b', 'a']", LISTING),
    "lines of a set": ("x\na\nc\nb\n", "x\nb\na\nc\n", ORDER),
    "lines that are turned": ("x\na\nb\nc\n", "x\nc\nb\na\n", LISTING),
}


@pytest.mark.parametrize("case", LINES)
def test_the_likely_cause_is_read_from_the_lines(tmp_path: Path, case: str) -> None:
    one, two, cause = LINES[case]

    what, hint = explained(tmp_path, {"demo/x.py": one.encode()}, {"demo/x.py": two.encode()})

    assert what.startswith("`demo/x.py`: line ")
    assert what.endswith(f"; likely from {cause}")
    assert hint


def test_the_first_line_that_differs_is_shown_without_paths_of_ours(tmp_path: Path) -> None:
    what, hint = explained(tmp_path, {"demo/x.py": b"same\n/s/one"}, {"demo/x.py": b"same\n/s/two"})

    assert what == "`demo/x.py`: line 2 is '…/one' and '…/two'; likely from the folder it is built in"
    assert hint == "write paths relative to the project"


def test_passwords_and_long_lines_are_not_shown(tmp_path: Path) -> None:
    one, two = b"https://a:hunter2@host/" + b"x" * 500, b"https://a:hunter3@host/" + b"y" * 500

    what, _ = explained(tmp_path, {"demo/x.py": one}, {"demo/x.py": two})

    assert "hunter" not in what
    assert len(what) < 400


def test_bytes_are_shown_as_numbers(tmp_path: Path) -> None:
    what, _ = explained(tmp_path, {"demo/x": b"\xff\x00\x01\x02"}, {"demo/x": b"\xff\x00\x01\x03"})

    assert what == f"`demo/x`: at byte 3 there is 02 and 03; likely from {CHANCE}"


def test_bytes_that_end_are_said_to(tmp_path: Path) -> None:
    what, _ = explained(tmp_path, {"demo/x": b"\xff\x00"}, {"demo/x": b"\xff\x00/s/one"})

    assert what == f"`demo/x`: at byte 2 there is the end and 2f 73 2f 6f 6e 65; likely from {PLACE}"


def test_compiled_code_is_not_shown(tmp_path: Path) -> None:
    what, hint = explained(tmp_path, {"demo/x.pyc": b"1"}, {"demo/x.pyc": b"2"})

    assert (what, hint) == (
        f"`demo/x.pyc`: it is compiled code; likely from {COMPILED}",
        "leave __pycache__ out of the package",
    )


NAMES = {
    "random": ("demo/a1.py", "demo/b2.py", CHANCE),
    "a time": ("demo/v1732630000.py", "demo/v1732630001.py", CLOCK),
    "a place": ("first-tree/x.py", "second-tree/x.py", PLACE),
    "compiled": ("demo/x.cpython-311.pyc", "demo/y.cpython-311.pyc", COMPILED),
}


@pytest.mark.parametrize("case", NAMES)
def test_names_of_files_tell_too(tmp_path: Path, case: str) -> None:
    one, two, cause = NAMES[case]

    what, _ = explained(tmp_path, {one: b""}, {two: b""})

    assert what == f"`{one}`, `{two}` are in one of the two alone; likely from {cause}"


def test_a_file_that_one_has_alone_is_named(tmp_path: Path) -> None:
    what, _ = explained(tmp_path, {"demo/x.py": b""}, {"demo/x.py": b"", "demo/y.py": b""})

    assert what == f"`demo/y.py` is in one of the two alone; likely from {CHANCE}"


def test_several_files_are_counted(tmp_path: Path) -> None:
    what, _ = explained(tmp_path, dict.fromkeys(("b", "a", "c"), b"1"), dict.fromkeys(("a", "b", "c"), b"2"))

    assert what.startswith("`a`, and 2 more files: line 1 is '1' and '2'")


def test_versions_that_differ_are_named(tmp_path: Path) -> None:
    first, second = (build_wheel(tmp_path, "demo", version) for version in ("1.20261125", "1.20261127"))

    what, hint = explain(first, second, MARKS, "/s")

    assert what == (
        "the wheel is called `demo-1.20261125-py3-none-any.whl` and `demo-1.20261127-py3-none-any.whl`; likely from a clock"
    )
    assert hint == "take the time from SOURCE_DATE_EPOCH, or leave it out"


def test_who_may_run_a_file_is_named(tmp_path: Path) -> None:
    first, second = (build_wheel(tmp_path / each, "demo", "1.0") for each in "ab")
    data = second.read_bytes()
    second.write_bytes(data.replace((0o100644 << 16).to_bytes(4, "little"), (0o100755 << 16).to_bytes(4, "little"), 1))

    assert explain(first, second, MARKS, "/s") == (
        f"`demo/__init__.py` may be run in one of the two alone; likely from {MODE}",
        "set the mode of the file where it is made",
    )


def test_large_files_are_read_in_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(difference, "_MOST_READ", 10)

    what, _ = explained(tmp_path, {"demo/x": bytes(3 << 20) + b"1"}, {"demo/x": bytes(3 << 20) + b"2"})

    assert what.startswith("`demo/x`: ")
