"""Knows the campaign of broken networks: before the index, the registry of the base, and a mirror of Debian."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

from chaos.campaign import Campaign
from chaos.mirror import stand_in
from chaos.wire import Wire, wire
from chaos.world import World, own_environment, serve_wheels, sources

SHARES = (0.1, 0.3, 0.6)
OTHERS = 4
"""One of so many runs is on Debian: its packages are large."""


@contextmanager
def debian_world(root: Path, mirror: str) -> Iterator[World]:
    """Give a world whose base is Debian's, for one platform; the snapshot service is out of reach."""
    (root / "home").mkdir(parents=True)
    with serve_wheels(root / "wheels") as index:
        environment = own_environment(root) | {
            "UV_DEFAULT_INDEX": index.address,
            "ONEDIGEST_DEBIAN_MIRROR": f"http://{mirror}/debian",
            "https_proxy": "http://127.0.0.1:9",
            "no_proxy": "127.0.0.1",
        }
        written = sources("debian:bookworm")
        written["job.py"] = written["job.py"].replace(b', "linux/arm64"', b"")
        written["onedigest.toml"] = b"bytecode = false\n"  # what is fetched does not depend on it
        world = World(root, environment, written)
        world.write()
        world.settle()
        yield world


def break_networks(world: World, runs: int, chance: Random, stall: float = 0.5) -> Campaign:
    """Lock and fetch through faults, look for lies, do it again without, and look for losses; some of them on Debian."""
    on_debian = runs // OTHERS
    campaign = _break(world, runs - on_debian, chance, stall)
    if on_debian:
        with stand_in(world.root / "mirror") as mirror, debian_world(world.root / "debian", mirror) as debian:
            campaign.merge(_break(debian, on_debian, chance, stall))
    return campaign


def _break(world: World, runs: int, chance: Random, stall: float) -> Campaign:
    campaign = Campaign("broken networks")
    with ExitStack() as stack:
        wires = []

        def through(address: str) -> str:
            """Return an address with a wire before its host."""
            host = urlsplit(address).netloc if "://" in address else address.partition("/")[0]
            made: Wire = stack.enter_context(wire(host, f"{chance.random()}", stall))
            wires.append(made)
            return address.replace(host, made.host)

        through_wires = {"UV_DEFAULT_INDEX": through(world.environment["UV_DEFAULT_INDEX"])}
        if world.host:
            through_wires["ONEDIGEST_REGISTRY_MIRRORS"] = f"docker.io={through(f'{world.host}/hub')}"
        else:
            through_wires["ONEDIGEST_DEBIAN_MIRROR"] = through(world.environment["ONEDIGEST_DEBIAN_MIRROR"])
        for number in range(runs):
            _one(world, number, wires, through_wires, chance, campaign)
        campaign.faults.update(sum((each.faults for each in wires), campaign.faults))
    campaign.lose("at the end", world.recover("generate", "job.py"))
    return campaign


def _one(
    world: World, number: int, wires: list[Wire], environment: dict[str, str], chance: Random, campaign: Campaign
) -> None:
    command = ("generate", "job.py") if chance.random() < 0.5 else ("fetch", "job")
    where = f"{number} {command[0]} {'through a registry' if world.host else 'from Debian'}"
    world.forget("lockfiles/.inputs", "store/", *(["lockfiles/job/pylock.toml"] if command[0] == "generate" else []))
    met = sum(each.faults.total() for each in wires)
    for each in wires:
        each.share = SHARES[number % len(SHARES)]
    uv = world.root / f"uv{number}"
    result = world.run(*command, **environment, UV_CACHE_DIR=str(uv))
    for each in wires:
        each.share = 0
    harmed = sum(each.faults.total() for each in wires) > met
    campaign.count(f"{command[0]} {'done' if result.code == 0 else f'refused with {result.code}'}", harmed=harmed)
    if result.code not in (0, 1, 4) or "Traceback" in result.err:
        campaign.lose(where, [f"ended with {result.code}: {result.err[-600:]}"])
    campaign.lose(where, world.lies())
    campaign.lose(where, world.recover("generate", "job.py", upto=command[0]))
