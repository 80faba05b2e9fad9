"""Runs the long campaigns (`make chaos`) and prints what came of them; exits 1 where anything was lost."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from random import Random

from chaos.campaign import Campaign, table
from chaos.disks import fill_disks
from chaos.kills import kill_compiling, kill_often
from chaos.networks import break_networks
from chaos.pushes import push_through_faults
from chaos.world import small_world


def main() -> int:
    """Run each campaign as often as is asked for, in a world of its own."""
    parser = argparse.ArgumentParser(prog="chaos")
    for name, runs in (("kills", 150), ("compiling", 40), ("disks", 60), ("networks", 40), ("pushes", 70)):
        parser.add_argument(f"--{name}", type=int, default=runs, metavar="RUNS")
    parser.add_argument("--seed", type=int, default=1, metavar="NUMBER", help="Another one has another course.")
    options = parser.parse_args()
    harms = (
        (kill_often, options.kills),
        (kill_compiling, options.compiling),
        (fill_disks, options.disks),
        (break_networks, options.networks),
        (push_through_faults, options.pushes),
    )
    found: list[Campaign] = []
    with tempfile.TemporaryDirectory(prefix="onedigest-chaos-") as folder:
        for number, (harm, runs) in enumerate(each for each in harms if each[1]):
            start = time.monotonic()
            with small_world(Path(folder) / f"{number}") as world:
                found.append(harm(world, runs, Random(options.seed)))
            print(f"{found[-1].name}: {runs} runs in {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)
    print(table(found))
    return int(any(each.losses for each in found))


if __name__ == "__main__":
    sys.exit(main())
