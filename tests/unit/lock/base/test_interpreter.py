"""Which Python of a base a script gets: never that of a virtual environment, and one that its user may start."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from base_images import Files, elf, python_files
from onedigest.definition.spec import Spec
from onedigest.errors import InputError
from onedigest.lock.base.interpreter import choose_python, no_glibc
from onedigest.oci.rootfs import Rootfs
from onedigest.platforms import AMD64
from unit.oci.test_rootfs import rootfs

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
        "its /opt/venv/bin/python3 needs the Python in /usr/local/bin, which is not there\n"
        "hint: copy that Python into it too, at the same path"
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


def test_folder_of_python_that_the_user_may_not_enter_is_told() -> None:
    assert chosen(closed(), user="0:0")[0].startswith("/root/.local/")
    assert refused(closed()) == (
        "the user 65532:65532 may not enter its /root, where its Python is: 3.12.4"
        " (/root/.local/share/uv/python/cpython-3.12/bin/python3.12)\n"
        "hint: install that Python where everybody may enter, as uv does with `UV_PYTHON_INSTALL_DIR=/opt/python`,"
        ' or write `user = "0:0"` in [tool.onedigest]'
    )


def test_python_that_the_user_may_start_is_taken() -> None:
    assert chosen(closed(("usr", "dir", 0o755, 0, "")))[0] == "/usr/bin/python3.12"


def modes(*rows: tuple[str, str, int]) -> Rootfs:
    """Return files of root, each with a kind and a mode; those in `bin` are a Python."""
    facts = {"machine": "62", "loader": "/lib64/ld-linux-x86-64.so.2", "versions": "3.12.4"}
    layer = [[path, kind, mode, 0, "", facts if "/bin/" in path else None] for path, kind, mode in rows]
    return Rootfs([layer])


def test_python_that_the_user_may_not_start_is_told() -> None:
    root = modes(("usr/bin/python3.12", "file", 0o700))

    assert refused(root) == (
        "the user 65532:65532 may not start its Python: 3.12.4 (/usr/bin/python3.12)\n"
        'hint: use a base whose Python everybody may start, or write `user = "0:0"` in [tool.onedigest]'
    )
    assert chosen(root, user="0:0")[0] == "/usr/bin/python3.12"


def test_modules_that_the_user_may_not_reach_are_told() -> None:
    """As an archive leaves them that was unpacked with a umask of 077."""
    root = modes(("usr/local/bin/python3.12", "file", 0o755), ("usr/local/lib/python3.12", "dir", 0o700))

    assert refused(root).startswith(
        "the user 65532:65532 may not enter its /usr/local/lib/python3.12, where its Python is: 3.12.4"
        " (/usr/local/bin/python3.12)\n"
    )
    assert chosen(root, user="0:7")[0] == "/usr/local/bin/python3.12"


FREE = "%.80s free-threading build (%.80s) %.80s\0003.13.5"
FREE_HINT = "hint: use a base whose Python has the global interpreter lock, such as python:3.13-slim"


def free_threaded(name: str = "python3.13t", content: bytes = b"", **others: bytes | str) -> Files:
    return {f"usr/local/bin/{name}": content or elf("linux/amd64", "3.13.5"), "usr/local/bin/python3": name, **others}


@pytest.mark.parametrize(
    ("files", "version", "name"),
    [
        (free_threaded(), "3.13.5", "python3.13t"),
        (free_threaded("python3.13", elf("linux/amd64", FREE)), "3.13.5", "python3.13"),
        (free_threaded("python3.14", elf("linux/amd64", f"x experimental {FREE.replace('13', '14')}")), "3.14.5", "python3.14"),
        (free_threaded(content=elf("linux/amd64", "none")), "3.13", "python3.13t"),
        (
            {**free_threaded(content=elf("linux/amd64", "none")),
             "usr/local/lib/libpython3.13t.so.1.0": elf("linux/amd64", "3.13.7")},
            "3.13.7",
            "python3.13t",
        ),
        (
            {**free_threaded(content=elf("linux/amd64", "none")),
             "usr/local/include/python3.13t/patchlevel.h": b'#define PY_VERSION "3.13.8"\n'},
            "3.13.8",
            "python3.13t",
        ),
    ],
    ids=["name", "hard link", "experimental", "no version", "library", "header"],
)  # fmt: skip
def test_free_threaded_python_is_told(files: Files, version: str, name: str, tmp_path: Path) -> None:
    """`make install` of CPython makes python3.13 a hard link of python3.13t: its content has to tell."""
    assert refused(rootfs(tmp_path, files), {}) == (
        "its Python is free-threaded, which wheels for the usual Python do not run on:"
        f" {version} (/usr/local/bin/{name})\n{FREE_HINT}"
    )


def test_usual_python_beside_a_free_threaded_one_is_taken(tmp_path: Path) -> None:
    root = rootfs(tmp_path, {**free_threaded(), "usr/local/bin/python3.12": elf("linux/amd64", "3.12.4")})

    assert chosen(root, {}) == (REAL, "3.12.4")
    with pytest.raises(InputError) as caught:
        chosen(root, {}, python=">=3.13")
    assert str(caught.value).startswith(
        "its Python does not satisfy `requires-python = '>=3.13'`:"
        " 3.13.5 (/usr/local/bin/python3.13t, free-threaded), 3.12.4 (/usr/local/bin/python3.12)\n"
    )


def test_python_of_another_machine_is_told(tmp_path: Path) -> None:
    assert refused(rootfs(tmp_path, python_files("linux/arm64")), {}) == (
        "its Python is a program of linux/arm64: 3.12.4 (/usr/local/bin/python3.12)\n"
        "hint: build that base for the platform that it is said to be of, or leave the platform out of `platforms`"
    )


@pytest.mark.parametrize(
    ("files", "path", "said"),
    [
        (
            {"opt/pypy/bin/pypy3.11": COPY, "usr/local/bin/python3": "/opt/pypy/bin/pypy3.11"},
            "/usr/local/bin",
            "/usr/local/bin/python3 leads to /opt/pypy/bin/pypy3.11, which is",
        ),
        (
            {"root/.pyenv/shims/python3": b"#!/bin/sh\n"},
            "/root/.pyenv/shims",
            "/root/.pyenv/shims/python3 is",
        ),
        ({"usr/bin/python3.12": elf("linux/amd64", "?"), "usr/bin/python": "python3.12"}, "/usr/bin",
         "/usr/bin/python leads to /usr/bin/python3.12, which is"),
    ],
    ids=["PyPy", "pyenv", "no version"],
)  # fmt: skip
def test_what_is_called_python_and_is_none_is_told(files: Files, path: str, said: str, tmp_path: Path) -> None:
    assert refused(rootfs(tmp_path, files), {"PATH": path}) == (
        f"its {said} no interpreter of CPython that tells its version\n"
        "hint: have its PATH lead to the interpreter itself, or use a base with Python, such as python:3.13-slim"
    )


def test_musl_is_told(tmp_path: Path) -> None:
    files = python_files("linux/amd64", loader="/lib/ld-musl-x86_64.so.1")

    assert refused(rootfs(tmp_path, files), {}) == (
        "its Python is linked with musl: 3.12.4 (/usr/local/bin/python3.12)\n"
        "hint: use a base with glibc, such as python:3.13-slim"
    )


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("ld-musl-aarch64.so.1", "it has musl in place of glibc, which wheels are linked with"),
        ("ld-linux.so.2", "no glibc was found in it, which wheels are linked with"),
    ],
)
def test_system_without_glibc_is_told(name: str, said: str, tmp_path: Path) -> None:
    assert no_glibc(rootfs(tmp_path, {f"lib/{name}": b""})).message == said
