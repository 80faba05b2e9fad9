"""Runs the image of a proof in docker, as its own user and without a network, and holds what it prints against the proof."""

from __future__ import annotations

import json
import re
import subprocess

from conftest import Project
from proofs.programs import Proof


def failure(docker: str, project: Project, proof: Proof, suite: str, platform: str) -> str:
    """Build, load and run an image for one platform; return what is wrong, or nothing."""
    name = f"proof-{proof.name}"
    tag = f"{suite}-{platform.partition('/')[2]}"
    lines = [
        'requires-python = ">=3.11"',
        f"dependencies = {json.dumps(proof.needs)}",
        "[tool.onedigest]",
        f'name = "{name}"',
        f'base = "debian:{suite}"',
        f"platforms = {json.dumps(proof.platforms)}",
    ]
    if proof.packages:
        lines.append(f"system-packages = {json.dumps(proof.packages)}")
    project.script("proof.py", *lines, code=proof.code)
    built = project.run("build", "--load", "--platform", platform, "--tag", tag, "proof.py")
    if built.code:
        return built.err
    try:
        command = [
            docker,
            "run",
            "--rm",
            "--network",
            "none",
            "--pull",
            "never",
            "--platform",
            platform,
            f"{name}:{tag}",
        ]
        done = subprocess.run(
            command, env=project.environment, capture_output=True, text=True, errors="replace", check=False, timeout=900
        )
    except subprocess.TimeoutExpired:
        return "no end after 15 minutes"
    finally:
        subprocess.run(
            [docker, "image", "rm", "--force", f"{name}:{tag}"],
            env=project.environment,
            capture_output=True,
            check=False,
        )
    if done.returncode == 0 and re.fullmatch(proof.said, done.stdout):
        return ""
    return f"code {done.returncode}, printed {done.stdout!r}\n{done.stderr}"
