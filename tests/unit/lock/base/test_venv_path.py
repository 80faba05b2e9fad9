"""Where the virtual environment is above a base that has some of its own, and what a lock says of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from golden import expected_files
from onedigest.errors import InputError
from onedigest.lock import text as lock_text
from onedigest.lock.base.image import ImageBase
from onedigest.lock.base.venv_path import free_place
from onedigest.oci.rootfs import Rootfs

LOCK = lock_text.loads(expected_files("image")["pylock.toml"], "pylock.toml")


def rootfs(*paths: str, kind: str = "dir") -> Rootfs:
    return Rootfs([[[path, kind, 0o755, 0, "nowhere", None] for path in paths]])


@pytest.mark.parametrize(
    ("roots", "expected"),
    [
        ([rootfs()], "opt/venv"),
        ([rootfs("opt/other", "venv")], "opt/venv"),
        ([rootfs("opt/venv")], "opt/onedigest"),
        ([rootfs("opt/venv", kind="link")], "opt/onedigest"),
        ([rootfs("opt/venv/bin/python", kind="file")], "opt/onedigest"),
        ([rootfs("opt/onedigest")], "opt/venv"),
        ([rootfs("opt/venv", "opt/onedigest")], "opt/onedigest2"),
        ([rootfs("opt/venv"), rootfs("opt/onedigest")], "opt/onedigest2"),
        ([rootfs("opt/venv", "opt/onedigest", *(f"opt/onedigest{n}" for n in range(2, 99)))], "opt/onedigest99"),
    ],
)
def test_first_place_that_no_image_of_the_base_has(roots: list[Rootfs], expected: str) -> None:
    assert free_place(roots) == expected


def test_no_place_is_left() -> None:
    with pytest.raises(InputError) as caught:
        free_place([rootfs("opt/venv", "opt/onedigest", *(f"opt/onedigest{n}" for n in range(2, 100)))])

    assert str(caught.value) == (
        "it has /opt/venv and all of /opt/onedigest to /opt/onedigest99, and none is left for a script\n"
        "hint: choose the base that it was made from"
    )


def test_lock_states_another_place_alone() -> None:
    usual = lock_text.dumps(LOCK)
    placed = replace(LOCK, base=replace(LOCK.base, venv="opt/onedigest12"))
    text = lock_text.dumps(placed)

    assert "virtual-environment" not in usual
    assert [line for line in text.splitlines() if line not in usual.splitlines() and line[0] != "#"] == [
        'virtual-environment = "/opt/onedigest12"'
    ]
    assert lock_text.loads(text, "pylock.toml") == placed


def test_lock_states_a_working_directory_that_is_open() -> None:
    assert isinstance(LOCK.base, ImageBase)
    images = tuple(replace(each, has_workdir=True, open_workdir=True) for each in LOCK.base.images)
    placed = replace(LOCK, base=replace(LOCK.base, images=images))

    assert lock_text.loads(lock_text.dumps(placed), "pylock.toml") == placed


@pytest.mark.parametrize(
    "value",
    ["/opt/venv", "opt/onedigest", "/opt/onedigest0", "/opt/onedigest1", "/opt/onedigest02", "/opt/onedigest100", "/"],
)
def test_forged_place_is_refused(value: str) -> None:
    text = lock_text.dumps(replace(LOCK, base=replace(LOCK.base, venv="opt/onedigest")))
    with pytest.raises(InputError) as caught:
        lock_text.loads(text.replace('"/opt/onedigest"', f'"{value}"'), "pylock.toml")

    assert str(caught.value) == (
        f"pylock.toml: `tool.onedigest.base.virtual-environment` is {value!r}, and no place of a second virtual"
        " environment, such as /opt/onedigest\nhint: run `onedigest generate`"
    )
