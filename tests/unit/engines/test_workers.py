"""Workers begin as soon as they can, and end with their parent, whenever it ends."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest

from onedigest.engines.workers import map_in_processes
from onedigest.errors import InputError

ORPHAN = """
import os, signal, time
from onedigest.engines.workers import die_with

parent = os.getpid()
if os.fork():
    os.kill(parent, signal.SIGKILL)
while os.getppid() == parent:
    time.sleep(0.01)
print("orphan", flush=True)
die_with(parent)
time.sleep(60)
"""


def test_worker_whose_parent_was_killed_before_it_started_ends_too() -> None:
    done = subprocess.run([sys.executable, "-c", ORPHAN], stdout=subprocess.PIPE, text=True, timeout=20, check=False)

    assert done.stdout == "orphan\n"


def test_work_begins_when_an_item_is_ready_and_results_keep_their_order() -> None:
    began: list[int] = []

    def prepare(start: Callable[[int], None]) -> None:
        for number in (2, 0):
            start(number)
            began.append(number)

    assert list(map_in_processes(str, [10, 11, 12], 2, prepare)) == ["10", "11", "12"]
    assert began == [2, 0], "the rest begins when all is ready"


def halved(number: int) -> int:
    if number % 2:
        raise InputError.of(f"{number} is odd")
    return number // 2


@pytest.mark.parametrize("count", [1, 2])
def test_problems_of_all_workers_are_told_together(count: int) -> None:
    found: list[int] = []
    with pytest.raises(InputError) as caught:
        found.extend(map_in_processes(halved, [4, 7, 6, 9], count))

    assert str(caught.value) == "7 is odd\n9 is odd"
    assert list(map_in_processes(halved, [4, 6], count)) == [2, 3]
