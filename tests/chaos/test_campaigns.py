"""Kills, full disks, broken networks and broken pushes, a bounded number of each: nothing is lost."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest

from chaos.disks import fill_disks
from chaos.kills import kill_compiling, kill_often
from chaos.networks import break_networks
from chaos.pushes import push_through_faults
from chaos.world import World, small_world


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with small_world(tmp_path_factory.mktemp("chaos")) as made:
        yield made


def test_killed_at_any_moment_the_next_run_just_works(world: World) -> None:
    campaign = kill_often(world, 15, Random(1))

    assert campaign.losses == []
    assert campaign.harmed >= 5


def test_killed_while_it_compiles_no_interpreter_goes_on(world: World) -> None:
    campaign = kill_compiling(world, 4, Random(5))

    assert campaign.losses == []
    assert campaign.harmed >= 2


def test_broken_push_leaves_no_tag_that_lies(world: World) -> None:
    campaign = push_through_faults(world, 8, Random(2))

    assert campaign.losses == []
    assert campaign.harmed >= 4


def test_full_disk_is_told_and_nothing_half_is_kept(world: World) -> None:
    campaign = fill_disks(world, 6, Random(3))

    assert campaign.losses == []
    assert campaign.harmed >= 3


@pytest.mark.network
def test_broken_network_brings_nothing_wrong(world: World) -> None:
    campaign = break_networks(world, 3, Random(4))

    assert campaign.losses == []
    assert campaign.harmed >= 2
