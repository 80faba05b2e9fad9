"""Builds the image of each proof (`make proofs`), runs it on its platforms, and prints the table; exits 1 where one failed."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from conftest import Project
from docker_daemon import docker_variables, find_docker
from proofs.programs import PROOFS, Proof
from proofs.running import failures


def main() -> int:
    """Show every proof that is named, or all."""
    parser = argparse.ArgumentParser(prog="proofs")
    parser.add_argument("names", nargs="*", metavar="NAME", help="Which proofs; all of them where none is named.")
    parser.add_argument("--suite", action="append", help="Only images of this suite; may be given again.")
    parser.add_argument("--platform", action="append", help="Only this platform; may be given again.")
    options = parser.parse_args()
    unknown = sorted(set(options.names) - {proof.name for proof in PROOFS})
    if unknown:
        parser.error(f"no proofs of these names: {', '.join(unknown)}")
    docker, failed = find_docker(), 0
    for proof in PROOFS:
        if options.names and proof.name not in options.names:
            continue
        for suite in proof.suites:
            if options.suite and suite not in options.suite:
                continue
            failed += show(docker, proof, suite, options.platform or proof.platforms)
    return int(bool(failed))


def show(docker: str, proof: Proof, suite: str, platforms: tuple[str, ...]) -> int:
    """Print a line for each platform; return how many failed."""
    with tempfile.TemporaryDirectory(prefix="onedigest-proof-") as folder:
        root = Path(folder) / "project"
        root.mkdir()
        (root / "onedigest.toml").touch()
        project = Project(root, {**os.environ, **docker_variables()})
        began = time.monotonic()
        found = failures(docker, project, proof, suite, platforms)
        seconds = time.monotonic() - began
    for platform, why in found.items():
        print(f"{'FAILED' if why else 'ok    '} {suite:8} {platform:11} {proof.name} ({seconds:.0f} s)", flush=True)
        if why:
            print("    " + why.strip().replace("\n", "\n    "), flush=True)
    return sum(bool(why) for why in found.values())


if __name__ == "__main__":
    sys.exit(main())
