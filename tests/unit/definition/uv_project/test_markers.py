"""Markers of a uv.lock: by a platform's values, and by what excludes each other."""

from __future__ import annotations

import pytest

from onedigest.definition.uv_project.markers import conflict_extra, conflict_group, conflict_project, holds
from onedigest.errors import InputError

VALUES = {"sys_platform": "linux", "python_full_version": "3.13.5", "os_name": "posix"}


@pytest.mark.parametrize(
    ("marker", "active", "expected"),
    [
        ("", (), True),
        ("sys_platform == 'linux'", (), True),
        ("sys_platform == 'win32'", (), False),
        ("extra == 'extra-4-shop-cpu'", ("extra-4-shop-cpu",), True),
        ("extra == 'extra-4-shop-cpu'", (), False),
        ("extra != 'group-4-shop-dev'", ("group-4-shop-dev",), False),
        ("sys_platform == 'linux' and extra != 'project-4-shop'", (), True),
        ("extra == 'plain'", ("plain",), False),
    ],
)
def test_marker_holds(marker: str, active: tuple[str, ...], expected: bool) -> None:
    assert holds(marker, VALUES, active, "uv.lock") is expected


@pytest.mark.parametrize("marker", ["nonsense", "(" * 5000 + "os_name == 'posix'" + ")" * 5000])
def test_what_is_no_marker_is_refused(marker: str) -> None:
    with pytest.raises(InputError) as caught:
        holds(marker, VALUES, (), "uv.lock")
    assert str(caught.value) == f"uv.lock: a marker of it is none: {marker[:200]!r}\nhint: run `uv lock`"


def test_names_of_what_excludes_each_other_are_uvs() -> None:
    assert [conflict_extra("shop", "cpu"), conflict_group("shop", "dev"), conflict_project("shop")] == [
        "extra-4-shop-cpu",
        "group-4-shop-dev",
        "project-4-shop",
    ]
