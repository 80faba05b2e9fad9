"""The layer of a shell for looking inside an image, and the plan that has it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from deb_builder import entry, make_deb
from onedigest.assembler.debug_shell import commands, debug_shell_layer
from onedigest.assembler.refusal import Refused
from onedigest.digest import Digest
from onedigest.lock.base.packages import DebianPackage
from onedigest.plan.debug import with_shell
from onedigest.plan.kinds import working_directory
from onedigest.plan.layers import Plan, PlatformPlan
from onedigest.platforms import AMD64
from real_debs import fetch_deb

TRIXIE = (
    "b/busybox/busybox-static_1.37.0-6+b9_amd64.deb",
    "598a3fd92bdafc34cd81196b2952ad36e910e47a4ecf162f8ce5e8e262598e53",
)
BOOKWORM = (
    "b/busybox/busybox-static_1.35.0-4+deb12u1+b1_amd64.deb",
    "3d3fdbe91d4660c873e14b092c213fe81c1da6362daa236eb25d0171eb108744",
)


@pytest.mark.parametrize(("package", "count"), [(TRIXIE, 272), (BOOKWORM, 269)], ids=["trixie", "bookworm"])
def test_each_command_of_a_real_busybox_has_a_link(package: tuple[str, str], count: int) -> None:
    """The counts are those of `busybox --list`, whose order the first of them have."""
    folder, *inside = debug_shell_layer([fetch_deb(*package)])
    found = {each.path: (each.kind, each.target, each.mode) for each in inside}

    assert (folder.path, folder.kind) == ("busybox", "dir")
    assert found["busybox/busybox"] == ("file", "", 0o755)
    assert len(inside) == count
    assert {found[f"busybox/{name}"] for name in ("[", "[[", "sh", "ls", "cat", "ps", "vi", "zcat")} == {
        ("link", "busybox", 0o777)
    }


def test_commands_are_those_that_the_program_names() -> None:
    names = [f"c{number}" for number in range(30)]

    assert commands(b"x[\0[[\0" + "".join(f"{name}\0" for name in names).encode() + b"\0y") == ["[", "[[", *names]
    assert commands(b"x[\0[[\0one\0\0") == []
    assert commands(b"") == []


def test_a_package_without_a_shell_is_refused(tmp_path: Path) -> None:
    for members in ([], [entry("./usr/bin/busybox", b"[\0[[\0")], [entry("./usr/bin/other", b"")]):
        with pytest.raises(Refused, match=r"x.deb: it has no BusyBox, or one that names no commands \[deb\]"):
            debug_shell_layer([make_deb(tmp_path / "x.deb", "other", members)])


def test_the_shell_comes_last_and_changes_nothing_else() -> None:
    config = {"config": {"Env": ["A=PATH=1", "PATH=/opt/venv/bin:/bin"], "Entrypoint": ["x"]}, "history": [{}]}
    below = PlatformPlan(
        platform=AMD64, layers=(working_directory("/app"),), config=json.dumps(config, sort_keys=True).encode()
    )
    package = DebianPackage(
        name="busybox-static",
        version="1:1.37",
        architecture="amd64",
        path="pool/b.deb",
        digest=Digest("sha256:" + "0" * 64),
        size=1,
        platforms=(AMD64,),
    )
    (found,) = with_shell(Plan(name="a", platforms=(below,)), {AMD64: package}).platforms

    assert found.layers[:-1] == below.layers
    assert (found.layers[-1].name, found.layers[-1].holds) == (
        "debug-shell-amd64",
        "shell of busybox-static 1:1.37",
    )
    assert json.loads(found.config) == {
        "config": {"Env": ["A=PATH=1", "PATH=/opt/venv/bin:/bin:/busybox"], "Entrypoint": ["x"]},
        "history": [
            {},
            {
                "created": "1980-01-02T00:00:00Z",
                "created_by": "onedigest debug-shell: shell of busybox-static 1:1.37",
            },
        ],
    }
