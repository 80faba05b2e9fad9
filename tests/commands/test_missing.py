"""What an image lacks is said when it is locked and built: libraries, programs, and modules beside the script."""

from __future__ import annotations

import pytest

from base_images import TAG
from elf_builder import AARCH64, X86_64, elf_file
from locking import Locking
from onedigest.missing import messages
from wheel_builder import build_wheel

pytest_plugins = ("built_app",)

X86, ARM = f"{TAG}-{TAG}-manylinux_2_17_x86_64", f"{TAG}-{TAG}-manylinux_2_17_aarch64"


def lines(locking: Locking, command: str) -> list[str]:
    """Return what a command warns of."""
    said = locking.ok(command, "app.py").err.splitlines()
    return [line.removeprefix("warning: app.py:") for line in said if line.startswith(("warning: ", "hint: "))]


def test_libraries_that_nothing_provides(locking: Locking, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a wheel brings itself, what a driver brings, and files for other systems are not named."""
    build_wheel(
        locking.index.folder,
        "beta",
        "1.0",
        tag=X86,
        files={
            "beta/_one.so": elf_file(needed=["libGL.so.1", "libc.so.6", "libown-12ab.so.3", "libcuda.so.1"]),
            "beta/_two.abi3.so": elf_file(needed=["libgomp.so.1", "libsoname.so.5", "libnvidia-ml.so.1"]),
            "beta/musl.so": elf_file(needed=["libmusl.so.1", "libc.musl-x86_64.so.1"]),
            "beta/arm.so": elf_file(needed=["libarm.so.1"], machine=AARCH64),
            "beta/plugins/p/libplug.so": elf_file(needed=["libGL.so.1", "libplugged.so.1", "libother.so.2"]),
            "beta/broken.so": b"\x7fELF\x02\x01" + b"\xff" * 300,
            "beta/text.so": b"INPUT(libtext.so.1)\n",
            "beta.libs/libown-12ab.so.3": elf_file("libown-12ab.so.3", needed=["libc.so.6"]),
            "beta.libs/some-file.so": elf_file("libsoname.so.5"),
        },
    )
    build_wheel(
        locking.index.folder,
        "beta",
        "1.0",
        tag=ARM,
        files={"beta/_one.so": elf_file(needed=["libgomp.so.1"], machine=AARCH64)},
    )
    build_wheel(locking.index.folder, "gamma", "2.0", files={"gamma/x.so": elf_file(needed=["libGL.so.1"])})
    locking.ask("beta", "gamma")
    expected = [
        "4: plugins of beta 1.0 need libraries that are not in the image: `libother.so.2`, `libplugged.so.1`",
        "4: `libGL.so.1` is missing in the image on linux/amd64: beta 1.0 (_one.so), gamma 2.0 (x.so) need it",
        "4: `libgomp.so.1` is missing in the image: beta 1.0 (_one.so) needs it",
    ]

    assert lines(locking, "generate") == []  # its wheels are not here yet
    assert lines(locking, "build") == expected
    assert lines(locking, "generate") == expected

    def refuse(*_: object) -> None:
        raise AssertionError("something was looked into")

    monkeypatch.setattr(messages, "find", refuse)
    assert lines(locking, "build") == expected


def test_programs_that_scripts_start_with(locking: Locking) -> None:
    texts = {
        "own": b"#!python\nprint()\n",
        "shell": b"#!/bin/sh\nexit\n",
        "other": b"#! /bin/sh -e\nexit\n",
        "env": b"#!/usr/bin/env -S node --flag\n",
        "named": b"#!/usr/bin/env python3\n",
        "direct": b"#!/usr/local/bin/python3\n",
        "program": elf_file(needed=["libnone.so.1"], machine=X86_64),
    }
    build_wheel(
        locking.index.folder,
        "beta",
        "1.0",
        files={f"beta-1.0.data/scripts/{name}": text for name, text in texts.items()},
    )
    locking.ask("beta")

    assert lines(locking, "build") == [
        "4: `libnone.so.1` is missing in the image on linux/amd64: beta 1.0 (program) needs it",
        "4: `/bin/sh` is missing in the image: beta 1.0 (other) needs it",
        "4: `/usr/bin/env` is missing in the image: beta 1.0 (env) needs it",
        "4: `/usr/bin/node` is missing in the image: beta 1.0 (env) needs it",
    ]


def test_modules_beside_the_script(locking: Locking) -> None:
    project = locking.project
    for name in ("one.py", "two.py", "pack/__init__.py", "bare/inner.py", "json.py", "alpha.py", "unused.py"):
        project.write(name, "")
    project.write("one.py", "import two\nfrom . import nothing\n")
    code = "import one, json, alpha\nfrom pack.deep import x\nimport bare.inner as y\n"
    project.write("app.py", locking.read("app.py") + code)

    assert lines(locking, "generate") == [
        "8: `bare`, `one.py`, `pack`, `two.py` are imported, and not in the image",
        'hint: write `files = ["bare/**", "one.py", "pack/**", "two.py"]` in [tool.onedigest]',
    ]
    assert lines(locking, "build")[0].endswith("are imported, and not in the image")
    locking.edit("app.py", "# ///\nprint", '# files = ["bare/**", "one.py", "pack/**"]\n# ///\nprint')
    assert lines(locking, "generate") == [
        "warning: one.py:1: `two.py` is imported, and not in the image",
        'hint: write `files = ["bare/**", "one.py", "pack/**", "two.py"]` in [tool.onedigest]',
    ]
    locking.edit("app.py", '"pack/**"]', '"pack/**", "two.py"]')
    assert lines(locking, "generate") == []


def test_program_of_the_entrypoint(locking: Locking) -> None:
    locking.edit("app.py", "# [tool.onedigest]\n", '# [tool.onedigest]\n# entrypoint = ["tool"]\n')

    assert lines(locking, "build") == [
        "5: the program `tool` of `entrypoint` is in no folder of the image's PATH",
        "hint: name the package that has it in `dependencies` or `system-packages`",
    ]
