"""Workers end with their parent, whenever it ends."""

from __future__ import annotations

import subprocess
import sys

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
