"""Debian's archive: versions against dpkg, relations, closures, signatures and mirrors."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from itertools import product

import pytest

from debian_archive import NOW, stanza
from onedigest.debian import versions
from onedigest.debian.closure import close
from onedigest.debian.index import Index, Relation, relations
from onedigest.debian.signature import verified_text
from onedigest.errors import InputError, NetworkError

VERSIONS = [
    "0",
    "0~rc",
    "1",
    "1.0",
    "1.00",
    "1.0-0",
    "1.0-1",
    "1.0-1~deb13u1",
    "1.0-1+b1",
    "1.0~rc1",
    "1.0~~",
    "1.0a",
    "1.0+dfsg",
    "1.0.",
    "1:0.1",
    "2.41-12+deb13u1",
    "10",
    "9",
]


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("dpkg"), reason="dpkg is not installed")
def test_versions_are_ordered_as_dpkg_orders_them() -> None:
    for first, second in product(VERSIONS, VERSIONS):
        for word, sign in (("lt", "<<"), ("eq", "="), ("gt", ">>")):
            expected = subprocess.run(["dpkg", "--compare-versions", first, word, second], check=False).returncode == 0
            assert versions.satisfies(first, sign, second) == expected, (first, sign, second)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3.13.5-2+deb13u5", "3.13.5"),
        ("2.41-12", "2.41"),
        ("1:1.3.dfsg+really1.3.1-1", "1.3.dfsg"),
        ("5.3.28+dfsg2-9", "5.3.28"),
        ("6", "6"),
    ],
)
def test_upstream_part(text: str, expected: str) -> None:
    assert versions.upstream(text) == expected


def test_relations() -> None:
    assert relations("libc6 (>= 2.36), awk | gawk, python3:any (<< 4),\n x [amd64]") == (
        (Relation("libc6", ">=", "2.36"),),
        (Relation("awk"), Relation("gawk")),
        (Relation("python3", "<<", "4"),),
        (Relation("x"),),
    )


def closure(text: str, wanted: Sequence[str], without: frozenset[str] = frozenset()) -> list[str]:
    return [each.name for each in close(Index(text), wanted, without, {})]


def test_closure_follows_dependencies_through_a_cycle() -> None:
    text = stanza("a", Depends="b") + stanza("b", Depends="c (>= 1)", Pre_Depends="a") + stanza("c") + stanza("d")

    assert closure(text, ["a"]) == ["a", "b", "c"]


def test_first_alternative_that_is_good_enough_is_chosen() -> None:
    text = stanza("a", Depends="old (>= 2) | new | other") + stanza("old") + stanza("new") + stanza("other")

    assert closure(text, ["a"]) == ["a", "new"]


def test_alternative_that_is_chosen_already_counts_first() -> None:
    text = stanza("a", Depends="x | y") + stanza("x") + stanza("y")

    assert closure(text, ["a", "y"]) == ["a", "y"]


def test_provider_is_chosen_by_priority_then_name() -> None:
    text = (
        stanza("a", Depends="awk")
        + stanza("gawk", Provides="awk")
        + stanza("mawk", Provides="awk", Priority="required")
    )

    assert closure(text, ["a"]) == ["a", "mawk"]


def test_versioned_provide_is_compared() -> None:
    text = stanza("a", Depends="api (>= 2)") + stanza("p", Provides="api (= 1)") + stanza("q", Provides="api (= 2)")

    assert closure(text, ["a"]) == ["a", "q"]


def test_excluded_dependency_counts_as_met() -> None:
    assert closure(stanza("a", Depends="dpkg | install-info, b") + stanza("b"), ["a"], frozenset({"dpkg"})) == [
        "a",
        "b",
    ]


def test_missing_packages_are_all_told() -> None:
    with pytest.raises(InputError) as caught:
        closure(stanza("a", Depends="gone (>= 3) | lost"), ["a", "nothing"])

    assert str(caught.value) == (
        "there is no Debian package `nothing`\n"
        "hint: correct `system-packages`\n"
        "Debian package `a` needs gone (>= 3) | lost, which is not there"
    )


def test_conflict_is_told() -> None:
    with pytest.raises(InputError, match="Debian packages `a` and `b` exclude each other"):
        closure(stanza("a", Conflicts="b (<< 2)") + stanza("b"), ["a", "b"])


def test_broken_index_is_told() -> None:
    with pytest.raises(NetworkError, match="Packages: broken Debian package index: 'Filename'"):
        Index("Package: a\nVersion: 1\nArchitecture: all\n").get("a")


def test_text_that_debian_did_not_sign_is_refused() -> None:
    with pytest.raises(NetworkError) as caught:
        verified_text(b"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nx\n", "dists/x/InRelease", now=NOW)

    assert str(caught.value) == (
        "dists/x/InRelease: the signature of the Debian release file is not by a key of the Debian archive\n"
        "hint: use another mirror: set ONEDIGEST_DEBIAN_MIRROR to its address"
    )
