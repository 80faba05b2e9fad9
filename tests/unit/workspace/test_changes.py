"""Layers of bytecode are held against each other, and told beside those of their sources."""

from __future__ import annotations

from onedigest.cli.diff import _by_platform
from onedigest.digest import of_bytes
from onedigest.workspace.changes import Change, Side, SideLayer, SidePlatform, compare

PLATFORM = "linux/amd64"


def side(*layers: tuple[str, str, int]) -> Side:
    made = tuple(SideLayer(holds, of_bytes(content.encode()), size) for holds, content, size in layers)
    return Side(name="app", platforms={PLATFORM: SidePlatform(layers=made)})


def changes(old: Side, new: Side) -> list[tuple[str, bool, int]]:
    """Return what differs: the name, whether both sides have it, and the bytes."""
    return [(each.name, "absent" not in (each.old, each.new), each.bytes) for each in compare(old, new)]


def rows(old: Side, new: Side) -> list[tuple[str, ...]]:
    found: tuple[Change, ...] = tuple(compare(old, new))
    return [(row[1], row[3].partition(" (")[2].rstrip(")")) for _, lines in _by_platform(found) for row in lines]


OLD = side(
    ("idna 3.1, requests 2.31", "a", 100),
    ("bytecode of idna 3.1, requests 2.31", "b", 90),
    ("bytecode of app.py", "c", 5),
)
NEW = side(
    ("idna 3.1, requests 2.32", "d", 110),
    ("bytecode of idna 3.1, requests 2.32", "e", 95),
    ("bytecode of app.py", "f", 7),
)


def test_bytecode_is_held_against_bytecode() -> None:
    assert changes(OLD, NEW) == [
        ("idna 3.1, requests 2.32", True, 10),
        ("bytecode of idna 3.1, requests 2.32", True, 5),
        ("bytecode of app.py", True, 2),
    ]


def test_bytecode_is_told_beside_its_sources() -> None:
    assert rows(OLD, NEW) == [("idna 3.1, requests 2.32", "+15 B with bytecode"), ("bytecode of app.py", "+2 B")]


def test_bytecode_that_came_alone_has_a_line_of_its_own() -> None:
    plain = side(("idna 3.1", "a", 100), ("debian:bookworm", "b", 7))
    compiled = side(("idna 3.1", "a", 100), ("debian:bookworm", "x", 9), ("bytecode of idna 3.1", "c", 90))

    assert rows(plain, compiled) == [("debian:bookworm", "+2 B"), ("bytecode of idna 3.1", "+90 B")]
    assert changes(plain, compiled)[1] == ("bytecode of idna 3.1", False, 90)


def test_package_of_that_name_is_none() -> None:
    one, other = side(("bytecode 0.16", "a", 1)), side(("bytecode 0.17", "b", 2), ("bytecode of bytecode 0.17", "c", 3))

    assert rows(one, other) == [("bytecode 0.17", "+4 B with bytecode")]
