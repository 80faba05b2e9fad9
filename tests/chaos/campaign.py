"""Knows what a campaign found: how often harm was done, what came of it, and what was lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass
class Campaign:
    """What came of many runs. A loss is anything that the next undisturbed run does not find as it should be."""

    name: str
    runs: int = 0
    harmed: int = 0
    """How many runs were killed, or met at least one fault."""
    outcomes: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    """What was done to them."""
    losses: list[str] = field(default_factory=list)

    def count(self, outcome: str, *, harmed: bool) -> None:
        """Note a run and how it ended."""
        self.runs += 1
        self.harmed += harmed
        self.outcomes[outcome] += 1

    def lose(self, where: str, losses: Sequence[str]) -> None:
        """Note what was lost, with the run that lost it."""
        self.losses += [f"{self.name}: {where}: {loss}" for loss in losses]

    def merge(self, other: Campaign) -> None:
        """Take over what another part of the same campaign found."""
        self.runs += other.runs
        self.harmed += other.harmed
        self.outcomes += other.outcomes
        self.faults += other.faults
        self.losses += other.losses


def table(campaigns: Sequence[Campaign]) -> str:
    """Return the counts as a table, and below it every loss."""
    rows = ["| campaign | runs | harmed | how they ended | losses |", "| --- | --: | --: | --- | --: |"]
    for each in campaigns:
        ended = ", ".join(f"{outcome} {count}" for outcome, count in sorted(each.outcomes.items()))
        rows.append(f"| {each.name} | {each.runs} | {each.harmed} | {ended} | {len(each.losses)} |")
    met = [
        f"{each.name}: " + ", ".join(f"{name} {count}" for name, count in sorted(each.faults.items()))
        for each in campaigns
        if each.faults
    ]
    return "\n".join([*rows, "", *met, *(loss for each in campaigns for loss in each.losses)])
