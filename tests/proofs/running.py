"""Runs the image of a proof in docker, as its own user and without a network, and holds what it prints against the proof."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Sequence

from conftest import Project
from proofs.programs import Proof

PATIENCE = 900
"""Seconds that a program may take: under emulation some take long."""


def failures(docker: str, project: Project, proof: Proof, suite: str, platforms: Sequence[str]) -> dict[str, str]:
    """Build, load and run an image; return for each platform what is wrong, or nothing."""
    name = f"proof-{proof.name}"
    lines = [
        'requires-python = ">=3.11"',
        f"dependencies = {json.dumps(proof.needs)}",
        "[tool.onedigest]",
        f'name = "{name}"',
        f'base = "debian:{suite}"',
        f"platforms = {json.dumps(platforms)}",
    ]
    if proof.packages:
        lines.append(f"system-packages = {json.dumps(proof.packages)}")
    project.script("proof.py", *lines, code=proof.code)
    built = project.run("build", "--load", "--tag", suite, "proof.py")
    if built.code:
        return dict.fromkeys(platforms, built.err)
    try:
        return {platform: _failure(docker, project, proof, f"{name}:{suite}", platform) for platform in platforms}
    finally:
        remove = [docker, "image", "rm", "--force", f"{name}:{suite}"]
        subprocess.run(remove, env=project.environment, capture_output=True, check=False)


def _failure(docker: str, project: Project, proof: Proof, image: str, platform: str) -> str:
    options = ["--rm", "--network", "none", "--pull", "never", "--platform", platform]
    try:
        done = subprocess.run(
            [docker, "run", *options, image],
            env=project.environment,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=PATIENCE,
        )
    except subprocess.TimeoutExpired:
        return f"no end after {PATIENCE} s"
    if done.returncode == 0 and re.fullmatch(proof.said, done.stdout):
        return ""
    return f"code {done.returncode}, printed {done.stdout!r}\n{done.stderr}"
