"""Each fuzz target takes a bounded number of mutations, the same ones each time. `make fuzz` runs longer."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import harness
import pytest
from harness import campaign, fuzz, mutations, shrink, targets

COUNT, SECONDS, NUMBER = 1000, 1.5, 1


@pytest.mark.parametrize("target", targets())
def test_nothing_but_the_expected_errors_comes_out(target: str) -> None:
    report = fuzz(target, count=COUNT, seconds=SECONDS, number=NUMBER)

    assert report.crashes == []
    assert report.runs > 20


def test_mutations_are_the_same_each_time() -> None:
    def first(number: int) -> list[bytes]:
        found = mutations((b"hello world", b"12345"), (b"token",), number)
        return [next(found) for _ in range(50)]

    assert first(1) == first(1)
    assert first(1) != first(2)
    assert len(set(first(1))) > 40


def test_a_crash_is_shrunk() -> None:
    assert shrink(b"x" * 1000 + b"bad" + b"y" * 1000, lambda data: b"bad" in data) == b"bad"


def test_a_fault_is_found_and_its_input_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(data: bytes) -> None:
        if b"!" in data:
            raise KeyError(len(data))
        raise ValueError

    target = ModuleType("fuzz_faulty")
    target.__dict__.update(SEEDS=(b"a" * 50,), TOKENS=(b"!",), EXPECTED=(ValueError,), run=run)
    monkeypatch.setitem(sys.modules, "fuzz_faulty", target)
    monkeypatch.setattr(harness, "CRASHES", tmp_path)
    report = campaign("faulty", count=300, seconds=5, number=1)

    assert [crash.shrunk for crash in report.crashes] == ["b'!'"]
    assert report.crashes[0].what.startswith("KeyError: ")
    assert Path(report.crashes[0].file).read_bytes() == b"!"
    assert report.runs == 300
