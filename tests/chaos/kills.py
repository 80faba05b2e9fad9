"""Knows the campaigns of kills: SIGKILL at a random moment of generate, fetch, build and push, or of compiling."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from random import Random

from chaos.campaign import Campaign
from chaos.tags import broken_tags, digest_of
from chaos.world import World

OPERATIONS = ("build", "fetch", "generate", "push")


def kill_often(world: World, runs: int, chance: Random) -> Campaign:
    """Kill a run, look for lies, let the next one run, and look for losses; so many times."""
    campaign = Campaign("kills")
    for number in range(runs):
        operation = OPERATIONS[number % len(OPERATIONS)]
        repository = f"{world.host}/kills/k{number}"
        command = _command(operation, repository)
        _prepare(world, operation, chance)
        where = f"{number} {operation}"
        with world.start(*command) as process:
            time.sleep(chance.uniform(0.05, world.seconds[operation] * 1.1))
            killed = _kill(process, whole=chance.random() < 0.5)
        campaign.count(f"{operation} killed" if killed else f"{operation} done before", harmed=killed)
        if still := world.running():
            campaign.lose(where, [f"outlives its parent: {line}" for line in still])
        campaign.lose(where, world.lies())
        if operation == "push":
            campaign.lose(where, broken_tags(repository))
        campaign.lose(where, world.recover(*command))
        if operation == "push" and digest_of(repository, "v1") != world.digest:
            campaign.lose(where, [f"the registry has {digest_of(repository, 'v1')}"])
    return campaign


def kill_compiling(world: World, runs: int, chance: Random) -> Campaign:
    """Kill a run as soon as interpreters compile, or a moment later; look as after other kills; so many times."""
    campaign = Campaign("kills while compiling")
    command = _command("build", "")
    for number in range(runs):
        world.forget("store/layers")
        with world.start(*command) as process:
            while process.poll() is None and not world.compiles():
                time.sleep(0.005)
            time.sleep(chance.uniform(0, 0.3))
            compiles = world.compiles()
            killed = _kill(process, whole=chance.random() < 0.5)
        campaign.count("killed" if killed else "done before", harmed=killed and compiles)
        if still := world.running():
            campaign.lose(f"{number}", [f"outlives its parent: {line}" for line in still])
        campaign.lose(f"{number}", world.lies())
        campaign.lose(f"{number}", world.recover(*command))
    return campaign


def _command(operation: str, repository: str) -> tuple[str, ...]:
    if operation == "push":
        return ("build", "--push", "--attest", "--repository", repository, "--tag", "v1", "job")
    return (operation, "job.py" if operation == "generate" else "job")


def _prepare(world: World, operation: str, chance: Random) -> None:
    """Bring the world into an earlier state, mostly."""
    mostly = chance.random() < 0.7
    if operation == "generate" and mostly:
        world.forget("lockfiles/job")
    elif operation == "fetch":
        world.forget("lockfiles/.inputs", *(["store/"] if mostly else []))
    elif operation == "build":
        world.forget(*(["dist"] if mostly else []), "store/layers")
        if chance.random() < 0.5:
            world.forget("lockfiles/job/image.toml")
    elif mostly:
        world.forget("store/layers")


def _kill(process: subprocess.Popen[str], *, whole: bool) -> bool:
    """Kill a run, and its whole session or itself alone; tell whether it was still there."""
    alive = process.poll() is None
    if alive:
        (os.killpg if whole else os.kill)(process.pid, signal.SIGKILL)
    process.communicate()
    return alive
