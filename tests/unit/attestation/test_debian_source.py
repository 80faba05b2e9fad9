"""Which source a .deb says that it was built of, in every form that the field has, and in some that it has not."""

from __future__ import annotations

from pathlib import Path

import pytest

from debian_archive import build_deb
from onedigest.assembler.refusal import Refused
from onedigest.attestation.debian_source import DebianSource, source_of, stated_in

CONTROL = "Package: libx1\nVersion: 1:2.0-3+b1\nArchitecture: amd64\n"


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("", ()),
        ("Source: xx\n", ("xx",)),
        ("Source: xx (2.0-3)\n", ("xx", "2.0-3")),
        ("source:xx  (1:2.0-3)  \n", ("xx", "1:2.0-3")),
        ("Source: libx1 (1:2.0-3)\n", ("libx1", "1:2.0-3")),
        ("Source: gcc-14 (14.2.0-19)\nDescription: a\n Source: other\n", ("gcc-14", "14.2.0-19")),
        ("Description: a\n Source: other\n", ()),
        ("Source:\n", ()),
        ("Source: xx (\n", ()),
        ("Source: xx ()\n", ()),
        ("Source: X (1)\n", ()),
        ("Source: xx y\n", ()),
        ("Source: xx (1 2)\n", ()),
        ("Source: xx (1?evil=1)\n", ()),
        (f"Source: {'x' * 10_000}\n", ()),
    ],
)
def test_field_of_a_deb(field: str, expected: tuple[str, ...], tmp_path: Path) -> None:
    path = tmp_path / "a.deb"
    path.write_bytes(build_deb(CONTROL + field))

    assert stated_in(path) == expected


def test_no_deb_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.deb"
    path.write_bytes(b"no archive")

    with pytest.raises(Refused):
        stated_in(path)


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ((), DebianSource("libx1", "1:2.0-3+b1")),
        (("xx",), DebianSource("xx", "1:2.0-3+b1")),
        (("xx", "2.0-3"), DebianSource("xx", "2.0-3")),
    ],
)
def test_what_is_not_stated_is_as_the_package_has_it(stated: tuple[str, ...], expected: DebianSource) -> None:
    assert source_of("libx1", "1:2.0-3+b1", stated) == expected
