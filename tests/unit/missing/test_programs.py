"""The program that a container is to run: whether it is there, and a program at all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from onedigest.definition.files import File
from onedigest.definition.spec import Spec
from onedigest.digest import of_bytes
from onedigest.errors import Problem
from onedigest.missing.facts import interpreter_of
from onedigest.missing.image_contents import ImageContents
from onedigest.missing.programs import entrypoint_problem
from onedigest.oci.rootfs import Rootfs
from onedigest.platforms import AMD64

SEARCH = ("/opt/venv/bin", "/usr/local/bin", "/usr/bin", "/bin")
WORLD = ImageContents(
    platform=AMD64,
    inputs=(),
    libraries=frozenset(),
    programs=frozenset(("opt/venv/bin/python", "usr/bin/env", "usr/bin/sh")),
    rootfs=None,
)
SPEC = Spec(name="app", script="app.py", entrypoint=())


def file(target: str, text: bytes, folder: Path, *, executable: bool = True) -> File:
    path = folder / target.replace("/", "-")
    path.write_bytes(text)
    return File(target=target, digest=of_bytes(text), executable=executable, content=path)


def problem(tmp_path: Path, *words: str, workdir: str = "/app") -> Problem | None:
    files = (
        File(target="app.py", digest=of_bytes(b"x"), executable=False, content=b"print()\n"),
        file("run.sh", b"#!/bin/sh\n", tmp_path),
        file("bin/tool", b"#!/usr/bin/env python\n", tmp_path),
        file("bash.sh", b"#!/bin/bash -e\n", tmp_path),
        file("bare", b"echo\n", tmp_path),
        file("dos.sh", b"#!/bin/sh\r\n", tmp_path),
        file("elf", b"\x7fELF\x02", tmp_path),
    )
    return entrypoint_problem(replace(SPEC, entrypoint=words, workdir=workdir), [WORLD], files, SEARCH, "app.py:1")


@pytest.mark.parametrize(
    "name",
    [
        "python",
        "/opt/venv/bin/python",
        "sh",
        "/bin/sh",
        "run.sh",
        "./run.sh",
        "/app/run.sh",
        "bin/tool",
        "elf",
        "/srv/x",
    ],
)
def test_program_that_can_run_or_of_which_nothing_is_known(name: str, tmp_path: Path) -> None:
    # a name without a slash is looked for in the folders of PATH alone
    found = problem(tmp_path, f"./{name}" if name in ("run.sh", "elf") else name)

    assert found is None


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("run.sh", "the program `run.sh` of `entrypoint` is in no folder of the image's PATH", "write its path, `/app/run.sh`"),
        ("bash", "the program `bash` of `entrypoint` is in no folder of the image's PATH", "name the package that has it in `dependencies` or `system-packages`"),
        ("/usr/bin/bash", "the program `/usr/bin/bash` of `entrypoint` is not in the image", ""),
        ("./none", "the program `./none` of `entrypoint` is not in the image", "a path that is not absolute is one from `workdir`"),
        ("./app.py", "`./app.py` of `entrypoint` is not executable", 'write `entrypoint = ["python", "./app.py"]`'),
        ("/app/bash.sh", "`/app/bash.sh` of `entrypoint` starts with /bin/bash, which is not in the image", ""),
        ("/app/bare", "`/app/bare` of `entrypoint` is no program: its first line does not begin with `#!`", "begin it with such as `#!/usr/bin/env python3`"),
        ("/app/dos.sh", "the first line of `/app/dos.sh` of `entrypoint` ends with a carriage return", "use LF"),
    ],
)  # fmt: skip
def test_program_that_cannot_run(name: str, message: str, hint: str, tmp_path: Path) -> None:
    assert problem(tmp_path, name) == Problem(message, "app.py:1", hint)


def test_script_in_place_of_a_program_is_looked_at_from_workdir(tmp_path: Path) -> None:
    assert problem(tmp_path, "./run.sh", workdir="/tmp") is None
    assert problem(tmp_path) is None


@pytest.mark.parametrize(
    ("path", "user", "is_barred"),
    [
        ("/usr/bin/tool", "65532:65532", False),
        ("/usr/bin/link", "65532:65532", False),
        ("/usr/bin/data", "65532:65532", True),
        ("/usr/bin/data", "0:0", True),
        ("/root/bin/tool", "65532:65532", True),
        ("/root/bin/tool", "0:0", False),
        ("/home/me/own", "7:7", False),
        ("/home/me/own", "8:8", True),
    ],
)
def test_program_of_a_base_that_the_user_may_not_run(path: str, user: str, is_barred: bool) -> None:
    files = [
        ("usr", "dir", 0o755, 0, ""),
        ("usr/bin", "dir", 0o755, 0, ""),
        ("usr/bin/tool", "file", 0o755, 0, ""),
        ("usr/bin/link", "link", 0o777, 0, "tool"),
        ("usr/bin/data", "file", 0o644, 0, ""),
        ("root", "dir", 0o700, 0, ""),
        ("root/bin/tool", "file", 0o755, 0, ""),
        ("home/me/own", "file", 0o700, 7, ""),
    ]
    world = replace(WORLD, rootfs=Rootfs([[[*each, None] for each in files]]))
    found = entrypoint_problem(replace(SPEC, entrypoint=(path,), user=user), [world], (), SEARCH, "app.py:1")
    message = f"the user {user} may not execute `{path}` of `entrypoint`"

    assert found == (Problem(message, "app.py:1", "set `user`, or the path of another program") if is_barred else None)


def test_program_whose_name_a_script_of_a_package_leaves_open() -> None:
    world = replace(WORLD, programs=frozenset(("usr/bin/$tool",)))

    assert entrypoint_problem(replace(SPEC, entrypoint=("java",)), [world], (), SEARCH, "app.py:1") is None
    assert not world.has_program("/opt/venv/bin/java")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("#!/bin/sh -e", ("/bin/sh", "")),
        ("#! /usr/bin/perl", ("/usr/bin/perl", "")),
        ("#!/usr/bin/env node", ("/usr/bin/env", "node")),
        ("#!/usr/bin/env -S A=b uv run --script", ("/usr/bin/env", "uv")),
        ("#!/usr/bin/env", ("/usr/bin/env", "")),
        ("#!", ("", "")),
    ],
)
def test_what_a_first_line_starts(line: str, expected: tuple[str, str]) -> None:
    assert interpreter_of(line) == expected
