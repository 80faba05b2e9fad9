"""The two kinds of base: what each answers, and that each reads what it writes."""

from __future__ import annotations

import tomllib
from dataclasses import replace

import pytest

from full_case import LOCK, SPEC
from golden import CASES, expected_files
from onedigest.lock import text as lock_text
from onedigest.lock.base import Base
from onedigest.lock.base.choice import choose_base
from onedigest.lock.base.debian import DebianBase, read_debian_base
from onedigest.lock.base.image import ImageBase, read_image_base
from onedigest.lock.model import Lock
from onedigest.lock.table import Table

IMAGE: Lock = lock_text.loads(expected_files("image")["pylock.toml"], "pylock.toml")
LOCKS = {case: lock_text.loads(expected_files(case)["pylock.toml"], "pylock.toml") for case in CASES}


def debian() -> DebianBase:
    assert isinstance(LOCK.base, DebianBase)
    return LOCK.base


def image() -> ImageBase:
    assert isinstance(IMAGE.base, ImageBase)
    return IMAGE.base


@pytest.mark.parametrize("case", CASES)
def test_each_kind_reads_what_it_writes(case: str) -> None:
    base, platforms = LOCKS[case].base, LOCKS[case].platforms
    text = base.to_toml(platforms).replace("[[tool.onedigest.base.images]]", "[[images]]")
    table = Table(tomllib.loads(text))
    python = table.take("python", str)
    read = read_image_base if isinstance(base, ImageBase) else read_debian_base

    assert read(table, python, platforms) == base
    table.refuse_rest()


def test_image_with_packages_above_states_their_release() -> None:
    above = replace(image(), releases=debian().releases, system_packages=debian().system_packages)
    text = lock_text.dumps(replace(IMAGE, base=above))

    assert lock_text.loads(text, "pylock.toml").base == above
    assert (above.debian_packages, above.suite) == (debian().system_packages, "bookworm")


def test_base_of_packages_has_nothing_of_a_registry() -> None:
    base, platform = debian(), LOCK.platforms[0]

    assert base.reference == "debian:bookworm"
    assert (base.origin, base.origin_of(platform), base.layers(platform), base.documents()) == (None, None, (), ())
    assert (base.variables(platform), base.labels(platform), base.looked_up) == ({}, {}, ())
    assert [name for name, _ in base.materials()] == [
        each.file_name for each in (*base.packages, *base.essential_packages, *base.system_packages)
    ]


def test_image_is_known_by_digests() -> None:
    base, platform = image(), IMAGE.platforms[1]
    pinned = base.image_for(platform)
    name = "docker.io/library/python"

    assert (base.reference, str(base.origin)) == (f"{name}:3.12-slim", f"{name}@{base.index}")
    assert str(base.origin_of(platform)) == f"{name}@{pinned.manifest}"
    assert base.layers(platform) == pinned.layers
    assert base.variables(platform)["LANG"] == "C.UTF-8"
    assert (base.labels(platform), base.looked_up[0]) == ({"kept": "yes"}, "workdir")
    assert [each[0] for each in base.materials()] == [name, f"{name} linux/amd64", f"{name} linux/arm64"]
    assert set(base.documents()) == {
        base.index,
        *(each.manifest for each in base.images),
        *(each.config for each in base.images),
    }


@pytest.mark.parametrize("base", [debian(), image()], ids=["debian", "image"])
def test_base_is_another_one_than_a_script_asks_for(base: Base) -> None:
    spec = replace(SPEC, user="65532:65532")
    assert list(base.others(replace(spec, base="example.com/other:1"))) == [
        f"its base is {base.reference}, not example.com/other:1"
    ]
    assert list(base.others(replace(spec, base=base.reference))) == []


def test_choice_names_its_base_as_a_script_would() -> None:
    assert choose_base(replace(SPEC, base="debian:trixie")).reference == "debian:trixie"
    assert choose_base(replace(SPEC, base="debian", requires_python="==3.12.*")).reference == image().reference
