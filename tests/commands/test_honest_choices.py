"""What uv chooses, and what is said of it: older versions, extras that are not there, warnings, what was taken back."""

from __future__ import annotations

import pytest

from base_images import TAG
from locking import Locking
from onedigest.tools import uv
from wheel_builder import build_wheel

pytest_plugins = ("built_app",)

X86, ARM = f"{TAG}-{TAG}-manylinux_2_17_x86_64", f"{TAG}-{TAG}-manylinux_2_17_aarch64"
ANY = "py3-none-any"


def add_source(locking: Locking, name: str, version: str) -> None:
    (locking.index.folder / f"{name}-{version}.tar.gz").write_bytes(b"never looked into")


def lines(locking: Locking, *arguments: str) -> list[str]:
    """Return what `generate` warns of, or why it fails."""
    said = locking.run("generate", "app.py", *arguments).err.splitlines()
    return [line for line in said if line.startswith(("warning: ", "error: ", "hint: "))]


def test_older_versions_are_named_where_newer_ones_have_no_wheel(locking: Locking) -> None:
    """`many` is asked for by nobody but another package; `half` has newer wheels for one platform."""
    for name in ("lone", "many", "half", "capped", "asked", "early", "taken"):
        for tag in (X86, ARM) if name == "half" else (ANY,):
            build_wheel(locking.index.folder, name, "1.0", tag=tag)
        for version in ("1.5", "2.0"):
            add_source(locking, name, version) if name not in ("half", "early", "taken") else None
    build_wheel(locking.index.folder, "half", "2.0", tag=X86)
    build_wheel(locking.index.folder, "user", "1.0", requires=("many<3", "capped<1.2"))
    add_source(locking, "early", "3.0a1")
    add_source(locking, "taken", "2.0")
    locking.index.yanked["taken-2.0.tar.gz"] = "broken"
    locking.ask("lone", "half", "user", "asked<1.2", "early", "taken")

    assert lines(locking) == [
        "warning: app.py:3: `half` 1.0 is chosen, and not 2.0, which has no wheel for linux/arm64",
        'hint: with `platforms = ["linux/amd64"]` in [tool.onedigest] that one is chosen',
        "warning: app.py:3: `lone` 1.0 is chosen, and not 2.0, which has no wheel for linux/amd64 and linux/arm64",
        'hint: where it is pure Python, write `build = ["lone"]` in [tool.onedigest]: then it is built here',
        "warning: app.py: `many` 1.0 is chosen, and not 2.0, which has no wheel for linux/amd64 and linux/arm64",
        'hint: where it is pure Python, write `build = ["many"]` in [tool.onedigest]: then it is built here',
    ]
    assert 'name = "lone"\nversion = "1.0"' in locking.read("lockfiles/app/pylock.toml")


def test_pin_that_stays_is_named_once(locking: Locking) -> None:
    build_wheel(locking.index.folder, "beta", "1.0")
    add_source(locking, "beta", "2.0")
    locking.ask("beta")

    assert len(lines(locking)) == 2
    assert lines(locking) == []
    locking.edit("app.py", '["beta"]', '["beta", "alpha"]')
    assert lines(locking) == []
    assert len(lines(locking, "--upgrade")) == 2


def test_extras_that_versions_do_not_have(locking: Locking) -> None:
    build_wheel(locking.index.folder, "beta", "1.0", extras=("fast", "Slow_ly"))
    locking.ask("Beta[Fas_t]", "beta[x.y, fast, slow-ly]", "beta[SLOW.LY]", "alpha[x]")

    assert lines(locking) == [
        "error: app.py:3: `alpha` 1.0 has no extra `x`",
        "hint: it has no extras: leave it out, or take another version",
        "error: app.py:3: `beta` 1.0 has no extra `fas-t`",
        "hint: did you mean `fast`? its extras are fast, slow-ly",
        "error: app.py:3: `beta` 1.0 has no extra `x-y`",
        "hint: its extras are fast, slow-ly",
    ]


def test_extra_that_a_package_asks_another_for_in_vain_is_a_warning(locking: Locking) -> None:
    build_wheel(locking.index.folder, "beta", "1.0", requires=("alpha[nothing]",))
    locking.ask("beta")

    assert lines(locking) == ["warning: app.py: uv: the package `alpha==1.0` does not have an extra named `nothing`"]


def test_version_that_was_taken_back_and_is_pinned(locking: Locking) -> None:
    build_wheel(locking.index.folder, "beta", "1.0")
    build_wheel(locking.index.folder, "beta", "0.9")
    locking.index.yanked["beta-1.0-py3-none-any.whl"] = "loses data"
    locking.ask("beta==1.0")

    assert lines(locking) == ['warning: app.py:3: uv: `beta==1.0` is yanked (reason: "loses data")']
    locking.edit("app.py", "beta==1.0", "beta")
    assert lines(locking, "--upgrade") == []
    assert 'version = "0.9"' in locking.read("lockfiles/app/pylock.toml")


@pytest.mark.parametrize("states_sizes", [True, False])
def test_file_that_was_taken_back_is_not_chosen_where_another_fits(states_sizes: bool, locking: Locking) -> None:
    for tag in (ANY, X86, ARM):
        build_wheel(locking.index.folder, "beta", "1.0", tag=tag)
    locking.index.states_sizes = states_sizes
    locking.index.yanked[f"beta-1.0-{X86}.whl"] = "built on the wrong machine"
    locking.ask("beta")

    assert lines(locking) == []
    lock = locking.read("lockfiles/app/pylock.toml")
    assert "beta-1.0-py3-none-any.whl" in lock
    assert f"beta-1.0-{ARM}.whl" in lock
    assert f"beta-1.0-{X86}.whl" not in lock


def test_wheel_that_one_platform_has_not(locking: Locking) -> None:
    build_wheel(locking.index.folder, "beta", "1.0", tag=X86)
    locking.ask("beta")

    assert 'hint: write `platforms = ["linux/amd64"]` in [tool.onedigest]' in locking.run("generate", "app.py").err
    build_wheel(locking.index.folder, "gamma", "1.0", tag=f"{TAG}-{TAG}-win_amd64")
    locking.edit("app.py", "beta", "gamma")
    assert "platforms =" not in locking.run("generate", "app.py").err


def test_warnings_of_uv_hold_no_password() -> None:
    said = (
        "Resolved 1 package\nwarning: at http://me:secret@host/x\x1b[2J\n  and more\nwarning: again\nwarning: again\n"
    )

    assert uv._warnings(said, "/scratch") == ["at http://****@host/x\x1b[2J and more", "again"]
