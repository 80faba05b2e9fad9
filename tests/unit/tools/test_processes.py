"""Logs of programs are followed line by line, as a terminal shows them in the end, and in bounded memory."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from onedigest.tools import processes


def follow(code: str, folder: Path) -> tuple[int, str, list[str]]:
    """Run Python code; return its exit code, its log and the lines that were taken."""
    taken: list[str] = []
    with processes.running(
        [sys.executable, "-c", f"import sys\nw = sys.stderr.write\n{code}"],
        dict(os.environ),
        folder=folder,
        take=taken.append,
    ) as running:
        ended, log = running.finish()
    return ended, log, taken


@pytest.mark.parametrize(
    ("written", "lines"),
    [
        ("one\ntwo\n", ["one", "two"]),
        ("one\nno end", ["one", "no end"]),
        ("\x1b[32mgreen\x1b[0m\x1b[K\n", ["green"]),
        (" 10%\r 50%\r100%\nWindows\r\n", ["100%", "Windows"]),
        ("\x1b]0;title\x07\n", ["\x1b]0;title\x07"]),
    ],
)
def test_lines(written: str, lines: list[str], tmp_path: Path) -> None:
    assert follow(f"w({written!r})", tmp_path) == (0, "\n".join(lines), lines)


def test_the_end_of_a_long_log_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_MOST", 1000)
    code, log, taken = follow("for n in range(1000): w(f'line {n}\\n')\nsys.exit(3)", tmp_path)

    assert (code, len(taken)) == (3, 1000)
    assert log.splitlines()[-1] == "line 999"
    assert len(log) < 1300


def test_a_line_without_end_is_cut(tmp_path: Path) -> None:
    _, _, taken = follow("w('x' * 300_000)", tmp_path)

    assert "".join(taken) == "x" * 300_000
    assert max(map(len, taken)) <= 2 << 16
