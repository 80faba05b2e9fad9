"""Knows the campaign of broken pushes: a proxy before a real registry that fails a share of all requests."""

from __future__ import annotations

from random import Random

from chaos.campaign import Campaign
from chaos.tags import broken_tags, digest_of
from chaos.world import World
from fault_proxy import Seen, faults

WORDS = ("429", "500", "502", "503", "cut upload", "lost answer", "reset", "slow", "truncated")
SHARES = (0.05, 0.15, 0.35)


def push_through_faults(world: World, runs: int, chance: Random) -> Campaign:
    """Push through faults, look for tags that lie, push without faults, and look for losses; so many times."""
    campaign = Campaign("broken pushes")
    for number in range(runs):
        share, met = SHARES[number % len(SHARES)], campaign.faults.total()

        def fault(_: Seen, share: float = share) -> str:
            if chance.random() >= share:
                return ""
            word = chance.choice(WORDS)
            campaign.faults[word] += 1
            return word

        with faults(world.host, fault) as proxy:
            name = f"pushes/p{number}"
            real = f"{world.host}/{name}"
            command = ("build", "--push", "--attest", "--repository", f"{proxy.host}/{name}", "--tag", "v1", "job")
            if chance.random() < 0.5:
                world.forget("store/layers")
            result = world.run(*command)
            where = f"{number}"
            campaign.count(_outcome(result.code), harmed=campaign.faults.total() > met)
            if result.code not in (0, 4) or "Traceback" in result.err:
                campaign.lose(where, [f"ended with {result.code}: {result.err[-400:]}"])
            campaign.lose(where, broken_tags(real))
            if result.code == 0 and digest_of(real, "v1") != world.digest:
                campaign.lose(where, [f"said done, and the registry has {digest_of(real, 'v1') or 'nothing'}"])
            proxy.fault = lambda _: ""
            campaign.lose(where, world.recover(*command))
            campaign.lose(where, broken_tags(real))
            if digest_of(real, "v1") != world.digest:
                campaign.lose(where, [f"the registry has {digest_of(real, 'v1') or 'nothing'} afterwards"])
    return campaign


def _outcome(code: int) -> str:
    return "pushed" if code == 0 else f"refused with {code}"
