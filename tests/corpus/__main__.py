"""Compares the wheels of the corpus with what uv and pip make of them, and builds the named sets (`make corpus`)."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from conftest import Project
from corpus.fetching import fetch
from corpus.listed import listed
from corpus.report import findings, newest_pip
from corpus.sets import SETS, failures


def main() -> int:
    """Print each finding about the wheels and sets that are named, or about all; return 1 where there is one."""
    parser = argparse.ArgumentParser(prog="corpus")
    kinds = sorted({wheel.kind for wheel in listed()})
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"Projects, kinds ({', '.join(kinds)}), sets, `sets`.")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "onedigest-corpus")
    options = parser.parse_args()
    options.folder.mkdir(exist_ok=True)
    count = 0
    for count, line in enumerate(found(set(options.names), options.folder), 1):  # noqa: B007  the last one counts
        print(line, flush=True)
    print(f"{count} findings", flush=True)
    return int(bool(count))


def found(names: set[str], folder: Path) -> Iterator[str]:
    """Yield what is wrong, and on stderr how long it took."""
    wheels = [wheel for wheel in listed() if not names or {wheel.name, wheel.kind} & names]
    began = time.monotonic()
    yield from findings(wheels, folder, dict(os.environ))
    say(f"{len(wheels)} wheels", began)
    pip = newest_pip()
    for named in SETS:
        if not names or {named.name, "sets"} & names:
            began = time.monotonic()
            with tempfile.TemporaryDirectory(prefix="corpus-") as root:
                (Path(root) / "onedigest.toml").touch()
                project = Project(Path(root), dict(os.environ))
                yield from (f"{named.name}: {line}" for line in failures(project, named, fetch([pip], folder)[pip]))
            say(f"set {named.name}", began)


def say(what: str, began: float) -> None:
    """Tell that something has ended."""
    print(f"{what}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
