"""Attack: odd arguments, scripts and machines. Each ends in words and an exit code, never in a traceback."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import zlib
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest

from onedigest.cli import run

COMMANDS = ("generate", "fetch", "build", "verify", "graph", "inspect", "diff")
LONG = "a" * 5000

ARGUMENTS: tuple[tuple[str, ...], ...] = (
    *((name, "a\0b") for name in COMMANDS),
    *((name, "\udcff\udcfe") for name in COMMANDS),
    *((name, LONG) for name in COMMANDS),
    *((name, "") for name in COMMANDS),
    *((name, "/".join(["a" * 200] * 30)) for name in COMMANDS),
    *((name, "--lockfiles", "/dev/null", "x") for name in COMMANDS),
    ("generate", f"{LONG}.py"),
    ("generate", "\0.py"),
    ("generate", "."),
    ("generate", "/"),
    ("generate", "folder.py"),
    ("generate", "loop.py"),
    ("generate", "/dev/null/x.py"),
    ("generate", "--lockfiles", "a\0b", "x.py"),
    ("generate", "--lockfiles", LONG, "x.py"),
    ("generate", "--lockfiles", "loop.py", "--all"),
    ("generate", "--upgrade-package", "\0", "x.py"),
    ("build", "--tag", "\x1b[31m", "--push", "x"),
    ("build", "--tag", "", "--push", "x"),
    ("build", "--output", "a\0.tar", "x"),
    ("build", "--output", "/proc/self/mem", "x"),
    ("build", "--platform", "linux/٣", "x"),
    ("build", "--repository", "[::1]:99999/x", "--push", "x"),
    ("build", "--engine", "\udcff", "x"),
    ("build", "--builder", "\0", "--engine", "buildx", "x"),
    ("inspect", "/dev/null"),
    ("inspect", "/dev/zero"),
    ("inspect", "folder.py"),
    ("inspect", "loop.py"),
    ("inspect", "--offline", "a/b:1"),
    ("inspect", "--offline", "[::zz]/x"),
    ("inspect", "--offline", "localhost:99999/x"),
    ("inspect", "--offline", "x@sha256:../../../etc"),
    ("inspect", "--offline", "xn--a.b/x"),
    ("inspect", "--offline", f"{LONG}.b/x:1"),
    ("inspect", "--insecure-registry", "\0", "--offline", "a.b/x:1"),
    ("diff", "a\0b", "HEAD"),
    ("diff", "x", "--output=y"),
    ("graph", "--why", "\0", "x"),
    ("--\udcff",),
    ("\0",),
    ("",),
    ("build", "--", "--all"),
    ("build", "--color", LONG, "x"),
)

HEAD = '# /// script\n# requires-python = ">=3.11"\n# dependencies = []\n'
TOOL = f'{HEAD}# [tool.onedigest]\n# platforms = ["linux/amd64"]\n'
END = "# ///\n"

SCRIPTS: dict[str, bytes] = {
    "not UTF-8": b"\xff\xfe" + HEAD.encode(),
    "a surrogate": HEAD.encode() + b"# x = '\xed\xa0\x80'\n" + END.encode(),
    "NUL": HEAD.encode() + b"# x = '\0'\n" + END.encode(),
    "no bytes": b"",
    "nested": f"{HEAD}# x = {'[' * 3000}{']' * 3000}\n{END}".encode(),
    "a long number": f"{TOOL}# max-layers = {'9' * 5000}\n{END}".encode(),
    "an odd Python": f"{HEAD.replace('>=3.11', '>=' + '9' * 5000)}{END}".encode(),
    "a deep marker": HEAD.replace("[]", '["a; ' + "(" * 3000 + 'x"]').encode() + END.encode(),
    "a date for text": f"{TOOL}# labels = {{ a = 2020-01-01 }}\n{END}".encode(),
    "a name of controls": f'{TOOL}# "non\\u001b[31msense" = 1\n{END}'.encode(),
    "a base of controls": f'{TOOL}# base = "x\\u001b[31m/y"\n{END}'.encode(),
    "a user of other digits": f'{TOOL}# user = "٣:٣"\n{END}'.encode(),
    "a list for a table": b"# /// script\n# tool = [1]\n# ///\n",
    "flyte that is no Python": b"import flyte\nImage.from_uv_script(\n",
    "flyte with NUL": b"import flyte\nx = flyte.Image.from_debian_base(name='a')\n\0",
}

PROJECTS: dict[str, bytes] = {
    "not UTF-8": b"\xff",
    "nested": b"x = " + b"[" * 3000 + b"]" * 3000,
    "a long number": b"x = " + b"9" * 5000,
    "a table for a name": b"[name]\nx = 1",
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project, with a folder and a link to itself that are called like scripts."""
    root = tmp_path / "project"
    (root / "folder.py").mkdir(parents=True)
    (root / "loop.py").symlink_to("loop.py")
    (root / "onedigest.toml").write_text("")
    monkeypatch.chdir(root)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return root


def check_words(code: int, out: str, err: str) -> None:
    assert code in (1, 2, 3, 4, 5), err
    assert out == ""
    assert "Traceback" not in err
    assert "internal error" not in err
    assert err.startswith(("error: ", "Usage: "))
    assert len(err) < 20_000


@pytest.mark.parametrize("arguments", ARGUMENTS, ids=lambda each: ascii(" ".join(each))[:60])
def test_odd_arguments(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    code = run(list(arguments))

    check_words(code, *capsys.readouterr())


@pytest.mark.parametrize("name", SCRIPTS)
def test_odd_scripts(name: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "app.py").write_bytes(SCRIPTS[name])
    code = run(["generate", "--offline", "--check", "app.py"])

    check_words(code, *capsys.readouterr())


@pytest.mark.parametrize("name", PROJECTS)
def test_odd_projects(name: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "onedigest.toml").write_bytes(PROJECTS[name])
    code = run(["generate", "--check", "--all"])

    check_words(code, *capsys.readouterr())


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (RecursionError("maximum recursion depth exceeded"), "error: something that was read is nested too deeply"),
        (MemoryError(), "error: there is not enough memory"),
        (
            UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
            "error: something that was read is not UTF-8: ",
        ),
        (
            OSError(24, "Too many open files", "a"),
            "error: Too many open files: a\nhint: allow more open files, such as by `ulimit -n 1024`\n",
        ),
        (
            OSError(28, "No space left on device", "a"),
            "error: No space left on device: a\nhint: free some space, or set ",
        ),
        (
            OSError(30, "Read-only file system", "lockfiles/.inputs/a"),
            "error: Read-only file system: lockfiles/.inputs/a\nhint: work in a checkout that may be written; ",
        ),
        (OSError(36, "File name too long", LONG), f"error: File name too long: {LONG[:297]}...\n"),
        (PermissionError(13, "Permission denied", b"a\xff"), "error: Permission denied: a\\xff\n"),
        (
            RuntimeError("can't start new thread"),
            "error: this machine allows no more threads",
        ),
        (zlib.error("Error -3"), "error: something that was read is broken: Error -3"),
        (
            json.JSONDecodeError("Expecting value", "x", 0),
            "error: something that was read is broken: Expecting value: line 1 column 1 (char 0)",
        ),
        (BrokenProcessPool("x"), "error: a worker process was killed\nhint: it may have had too little memory\n"),
        (KeyError("x"), "error: internal error: KeyError: 'x'"),
        (AssertionError(), "error: internal error: AssertionError: it gives no reason"),
        (GeneratorExit(), "error: internal error: GeneratorExit: it gives no reason"),
    ],
)
def test_whatever_is_raised_is_told(
    error: BaseException, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("onedigest.cli.Commands.get_command", fail)
    code = run(["build", "x"])
    err = capsys.readouterr().err

    assert err.startswith(said)
    assert "Traceback" not in err
    assert code == (70 if "internal error" in said else 5 if "memory" in said else 1)


def test_the_traceback_of_a_fault_is_shown_on_demand(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise KeyError("\x1b[31m https://u:secret@h")

    monkeypatch.setattr("onedigest.cli.Commands.get_command", fail)
    run(["build", "-v", "x"])
    err = capsys.readouterr().err

    assert err.startswith("Traceback (most recent call last):\n  File ")
    assert err.splitlines()[-1] == "hint: please report it with what --verbose shows"
    assert "\x1b" not in err
    assert "secret" not in err


def start(command: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Run a shell command in which "$@" is the program."""
    return subprocess.run(
        ["sh", "-c", command, "sh", sys.executable, "-m", "onedigest"],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ('"$@" --help >&-', 0),
        ('"$@" build x 2>&-', 1),
        ('"$@" build x <&- >&- 2>&-', 1),
        ('"$@" --version >/dev/full', 1),
        ('"$@" --help >/dev/full', 1),
        ('"$@" build x 2>/dev/full', 1),
        ('("$@" --help; echo $? >code) | true; exit $(cat code)', 0),
        ('mkdir gone; cd gone; rmdir ../gone; "$@" build x', 1),
        ('ulimit -n 16; "$@" build x', 1),
        ('umask 777; "$@" inspect x', 1),
        ('COLUMNS=0 TERM=dumb "$@" --help >/dev/null; "$@" build x', 1),
        ('unset HOME XDG_CACHE_HOME; "$@" build x', 1),
        ('HOME=/proc/none TMPDIR=/proc/none "$@" build x', 1),
        ('LC_ALL=C PYTHONUTF8=0 PYTHONCOERCECLOCALE=0 "$@" build größe', 1),
        ('PYTHONIOENCODING=ascii:strict "$@" build größe', 1),
        ('PYTHONOPTIMIZE=2 PYTHONWARNINGS=error PYTHONDEVMODE=1 "$@" build x', 1),
        ('cd "$(printf "odd\\377")" && "$@" build x', 1),
    ],
)
def test_odd_machines(command: str, code: int, folder: Path) -> None:
    (folder / os.fsdecode(b"odd\xff")).mkdir()
    done = start(command, folder)

    assert b"Traceback" not in done.stderr
    assert b"Exception ignored" not in done.stderr
    assert b"internal error" not in done.stderr
    assert done.returncode in ((0, 1) if "| true" in command else (code,)), done.stderr


def test_the_words_do_not_end_in_a_file_that_was_opened_later(folder: Path) -> None:
    """A closed stderr has the number that the next file gets: words would be written to a lock."""
    (folder / "app.py").write_text(f"{TOOL}# nonsense = 1\n{END}")
    done = start('"$@" generate app.py <&- >&- 2>&-', folder)

    assert done.returncode == 1
    assert [
        path
        for path in folder.rglob("*")
        if path.is_file() and b"nonsense" in path.read_bytes() and path.name != "app.py"
    ] == []


def test_little_memory_is_told(folder: Path) -> None:
    soft = 60 << 20
    done = subprocess.run(
        [sys.executable, "-m", "onedigest", "inspect", "--offline", "a.b/c:1"],
        cwd=folder,
        capture_output=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (soft, soft)),
        check=False,
        timeout=60,
    )

    assert b"Traceback" not in done.stderr
    assert done.returncode in (1, 4, 5)
