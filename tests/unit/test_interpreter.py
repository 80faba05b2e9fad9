"""Which Python of a base a script gets: never that of a virtual environment, and one that its user may start."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from test_rootfs import rootfs

from base_images import Files, elf, python_files
from onedigest.errors import InputError
from onedigest.lock.base.interpreter import choose_python
from onedigest.oci.rootfs import Rootfs
from onedigest.platforms import AMD64
from onedigest.spec import Spec

REAL = "/usr/local/bin/python3.12"
FLYTE = {"PATH": "/opt/venv/bin:/usr/local/bin:/usr/bin", "VIRTUAL_ENV": "/opt/venv"}
COPY = elf("linux/amd64", "3.12.4")
CONFIG = b"home = /usr/local/bin\ninclude-system-site-packages = false\nversion = 3.12.4\n"


def environment(target: bytes | str, config: bytes = CONFIG, folder: str = "opt/venv") -> Files:
    return {
        f"{folder}/pyvenv.cfg": config,
        f"{folder}/bin/python": target,
        f"{folder}/bin/python3": "python",
        f"{folder}/bin/python3.12": target if isinstance(target, bytes) else "python",
    }


def chosen(
    root: Rootfs, variables: Mapping[str, str] = FLYTE, *, python: str = "", user: str = "65532:65532"
) -> tuple[str, str]:
    spec = Spec(name="app", script="app.py", requires_python=python, base="x/y", entrypoint=(), user=user)
    found = choose_python(spec, AMD64, root, variables)
    return found.path, found.version


def refused(root: Rootfs, variables: Mapping[str, str] = FLYTE, *, user: str = "65532:65532") -> str:
    with pytest.raises(InputError) as caught:
        chosen(root, variables, user=user)
    return str(caught.value)


@pytest.mark.parametrize(
    "files",
    [
        environment(REAL),
        environment("../../../usr/local/bin/python3"),
        environment(COPY),
        environment(COPY, b"HOME=/usr/local/bin/\r\n"),
        {**environment(COPY), "opt/venv/bin/python3.12": "python"},
        {**environment(COPY, b"home = /opt/other/bin\n"), **environment(COPY, folder="opt/other")},
        {**environment("/opt/other/bin/python"), **environment(COPY, folder="opt/other")},
    ],
    ids=["link", "relative", "copy", "spelling", "copy of one name", "copy of a copy", "link to a copy"],
)
def test_environment_of_a_base_leads_to_its_real_python(files: Files, tmp_path: Path) -> None:
    root = rootfs(tmp_path, {**python_files("linux/amd64"), **files})

    assert chosen(root) == (REAL, "3.12.4")


@pytest.mark.parametrize("real", ["opt/uv/python/cpython-3.12.9-linux-x86_64-gnu/bin/python3.12", "usr/bin/python3.12"])
@pytest.mark.parametrize(
    "variables",
    [{"PATH": "/usr/bin", "VIRTUAL_ENV": "/work/.venv"}, {"PATH": "/work/.venv/bin"}],
    ids=["named", "path"],
)
def test_python_that_only_an_environment_leads_to(real: str, variables: Mapping[str, str], tmp_path: Path) -> None:
    files = {real: elf("linux/amd64", "3.12.9"), **environment(f"/{real}", folder="work/.venv")}

    assert chosen(rootfs(tmp_path, files), variables) == (f"/{real}", "3.12.9")


@pytest.mark.parametrize("folder", ["opt/venv", "opt/conda"])
def test_python_that_is_on_no_path(folder: str, tmp_path: Path) -> None:
    """As of conda, which a shell puts there, and of an environment that an entry point names."""
    root = rootfs(tmp_path, {f"{folder}/bin/python3.12": COPY, f"{folder}/bin/python": "python3.12"})

    assert chosen(root, {}) == (f"/{folder}/bin/python3.12", "3.12.4")


def test_python_on_the_path_comes_before_others(tmp_path: Path) -> None:
    files = {**python_files("linux/amd64", "3.13.1"), "opt/conda/bin/python3.12": COPY}
    root = rootfs(tmp_path, files)

    assert chosen(root, {}) == ("/usr/local/bin/python3.13", "3.13.1")
    assert chosen(root, {}, python="<3.13") == ("/opt/conda/bin/python3.12", "3.12.4")


def test_environment_without_its_python_is_told(tmp_path: Path) -> None:
    """As a stage of a Dockerfile leaves it that copies the environment alone."""
    expected = (
        f"its /opt/venv/bin/python3 leads to {REAL}, which is not there\n"
        "hint: copy that Python into it too, at the same path"
    )

    assert refused(rootfs(tmp_path, {"opt/venv/bin/python3": "python", "opt/venv/bin/python": REAL})) == expected
    assert refused(rootfs(tmp_path, {"opt/venv/bin/python3": f"../../..{REAL}"})) == expected
    assert refused(rootfs(tmp_path, {"opt/venv/bin/python": "python"})) == (
        "no Python was found on its PATH\nhint: use a base with Python, such as python:3.13-slim"
    )
    assert refused(rootfs(tmp_path, environment(COPY))) == (
        "no Python was found on its PATH\nhint: use a base with Python, such as python:3.13-slim"
    )


@pytest.mark.parametrize(
    "config",
    [b"home = /opt/venv/bin\n", b"home =\n", b"home = " + b"../" * 1000, b"home = /usr/local/bin/python3.12\n"],
)
def test_environment_that_leads_nowhere_ends(config: bytes, tmp_path: Path) -> None:
    root = rootfs(tmp_path, {**python_files("linux/amd64", "3.11.2"), **environment(COPY, config)})

    assert chosen(root) == ("/usr/local/bin/python3.11", "3.11.2")


def test_text_that_is_no_setting_of_an_environment_is_passed_over(tmp_path: Path) -> None:
    for number, config in enumerate((b"", b"home\n", b"\xff\xfe", b"#" * 5000)):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert chosen(rootfs(folder, environment(COPY, config))) == ("/opt/venv/bin/python3.12", "3.12.4")


def closed(*others: tuple[str, str, int, int, str]) -> Rootfs:
    real = "root/.local/share/uv/python/cpython-3.12/bin/python3.12"
    facts = {"machine": "62", "loader": "/lib64/ld-linux-x86-64.so.2", "versions": "3.12.4"}
    rows = [("root", "dir", 0o700, 0, ""), ("opt/venv/bin/python", "link", 0o777, 0, f"/{real}"), *others]
    python = [real, "file", 0o755, 0, "", facts]
    system = ["usr/bin/python3.12", "file", 0o755, 0, "", facts]
    return Rootfs([[*([*row, None] for row in rows), python, *([system] if others else [])]])


def test_python_that_the_user_may_not_start_is_told() -> None:
    assert chosen(closed(), user="0:0")[0].startswith("/root/.local/")
    assert refused(closed()) == (
        "the user 65532:65532 may not start its Python: 3.12.4"
        " (/root/.local/share/uv/python/cpython-3.12/bin/python3.12)\n"
        'hint: use a base whose Python everybody may start, or write `user = "0:0"` in [tool.onedigest]'
    )


def test_python_that_the_user_may_start_is_taken() -> None:
    assert chosen(closed(("usr", "dir", 0o755, 0, "")))[0] == "/usr/bin/python3.12"
