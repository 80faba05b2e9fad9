"""Compares every wheel of the corpus with what uv and pip make of it (`make corpus`); exits 1 where one differs."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from corpus.comparing import Taken, differences, take
from corpus.fetching import fetch
from corpus.installers import pip_installer, uv_installer
from corpus.listed import Listed, listed
from pythons import interpreters_by_version


def main() -> int:
    """Show what is wrong with each wheel that is named, or with all."""
    parser = argparse.ArgumentParser(prog="corpus")
    parser.add_argument("names", nargs="*", metavar="NAME", help="Which wheels or kinds; all where none is named.")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "onedigest-corpus")
    options = parser.parse_args()
    wheels = [each for each in listed() if not options.names or {each.name, each.kind} & {*options.names}]
    options.folder.mkdir(exist_ok=True)
    began = time.monotonic()
    failures = show(wheels, options.folder)
    print(f"{len(wheels)} wheels in {time.monotonic() - began:.0f} s, {failures} findings", flush=True)
    return int(bool(failures))


def show(wheels: Sequence[Listed], folder: Path) -> int:
    """Print each finding; return how many there are."""
    pip = next(each for each in listed() if each.name == "pip" and each.kind == "current")
    paths = fetch([*wheels, *([] if pip in wheels else [pip])], folder)
    pythons = interpreters_by_version()
    found = 0
    taken = []
    for wheel in wheels:
        result = take(wheel, paths[wheel])
        if isinstance(result, Taken):
            taken.append(result)
        elif result:
            found += 1
            print(f"{wheel.requirement}: {result}", flush=True)
    missing = sorted({each.wheel.python for each in taken} - {*pythons})
    if missing:
        print(f"not installed, for want of Python {', '.join(missing)}", flush=True)
    with tempfile.TemporaryDirectory(prefix="corpus-") as own:
        variables = dict(os.environ)
        installers = [
            uv_installer(variables, Path(own) / "uv"),
            pip_installer(variables, paths[pip], Path(own) / "pip"),
        ]
        for line in differences([each for each in taken if each.wheel.python in pythons], installers, pythons):
            found += 1
            print(line, flush=True)
    return found


if __name__ == "__main__":
    sys.exit(main())
