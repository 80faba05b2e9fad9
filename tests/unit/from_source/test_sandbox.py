from __future__ import annotations

import _thread
import os
import sys
import threading
import time
from pathlib import Path

import pytest

from onedigest.errors import EngineError
from onedigest.from_source import sandbox
from onedigest.from_source.sandbox import Limits, ProcessResult, SandboxFolder
from onedigest.remove_folder import remove

PYTHON = str(Path(sys.executable).resolve())
QUICK = Limits(seconds=30)


def run(tmp_path: Path, code: str, limits: Limits = QUICK, *, isolated: bool) -> ProcessResult:
    enclosure = SandboxFolder(folder=tmp_path.resolve() / "run", user="tester", number=1234)
    (enclosure.folder / "tmp").mkdir(parents=True, exist_ok=True)
    command = [PYTHON, "-I", "-S", "-c", code]
    return sandbox.run(command, enclosure.folder, {"A": "b"}, enclosure, limits, isolated=isolated)


def test_this_machine_has_namespaces() -> None:
    """Where it has none, the tests below prove less than they say."""
    assert sandbox.isolation_obstacle() == ""
    assert sandbox.isolation_warning() == []


def test_where_there_are_none_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "isolation_obstacle", lambda: "unshare: Operation not permitted")

    (problem,) = sandbox.isolation_warning()

    assert problem.message == (
        "wheels are built without isolation: unshare: Operation not permitted; a backend can reach your files and the network"
    )


@pytest.mark.parametrize("isolated", [True, False])
def test_a_program_has_its_variables_and_no_input(tmp_path: Path, isolated: bool) -> None:
    code = "import os, sys; print(sorted(os.environ), repr(sys.stdin.read()), os.getcwd() == sys.argv[0]); sys.exit(3)"

    ended = run(tmp_path, code, isolated=isolated)

    assert ended.code == 3
    assert ended.output.startswith("['A'")
    assert " '' " in ended.output


def test_a_program_in_a_namespace_sees_nothing_of_the_machine(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hunter2")
    code = f"""\
import os, pwd, socket
print(os.path.exists({str(tmp_path / "secret")!r}), os.getpid() < 9, os.getuid(), pwd.getpwuid(os.getuid())[0],
      socket.gethostname(), sorted(set(os.listdir("/")) - {{"root", "home", "nix", "gnu", "work", "opt"}}), os.listdir("/tmp"))
for path in ("/x", "/usr/x", "/etc/x", "/dev/x"):
    try:
        open(path, "w")
    except OSError as error:
        print(error)
open("/tmp/x", "w").write("1")
"""

    lines = run(tmp_path, code, isolated=True).output.splitlines()

    assert lines[0].startswith("False True 1234 tester tester ['bin', 'dev', 'etc',")
    assert lines[1:] == [f"[Errno 30] Read-only file system: '{path}'" for path in ("/x", "/usr/x", "/etc/x", "/dev/x")]
    assert (tmp_path / "run" / "tmp" / "x").read_text() == "1"


def test_a_program_in_a_namespace_has_no_network(tmp_path: Path) -> None:
    code = """\
import socket
for host in ("127.0.0.1", "192.0.2.1"):
    try:
        socket.create_connection((host, 9), 5)
    except OSError as error:
        print(error)
"""

    assert run(tmp_path, code, isolated=True).output == "[Errno 101] Network is unreachable\n" * 2


def assert_gone(tmp_path: Path) -> None:
    """What writes a file again and again does so no more."""
    alive = tmp_path / "run" / "alive"
    alive.unlink()
    time.sleep(0.1)
    assert not alive.exists()


STAYS = """\
import os, sys, time
if not os.fork():
    os.setsid()
    if not os.fork():
        for each in (0, 1, 2):
            os.close(each)
        while True:
            open("alive", "w").close()
            time.sleep(0.02)
    os._exit(0)
while not os.path.exists("alive"):
    time.sleep(0.01)
"""


@pytest.mark.parametrize("isolated", [True, False])
def test_what_forks_and_stays_has_ended(tmp_path: Path, isolated: bool) -> None:
    ended = run(tmp_path, STAYS, isolated=isolated)

    assert (ended.code, ended.stopped) == (0, "")
    assert_gone(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("isolated", [True, False])
def test_what_never_ends_is_stopped_with_all_that_it_started(tmp_path: Path, isolated: bool) -> None:
    code = f"import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('waiting', flush=True)\n{STAYS}\ntime.sleep(999)"

    ended = run(tmp_path, code, Limits(seconds=1.5), isolated=isolated)

    assert ended.stopped == "took more than 1.5 seconds"
    assert ended.output == "waiting\n"
    assert_gone(tmp_path)


@pytest.mark.parametrize("isolated", [True, False])
def test_an_interrupt_ends_all_of_it(tmp_path: Path, isolated: bool) -> None:
    def interrupt() -> None:
        while not (tmp_path / "run" / "alive").exists():
            time.sleep(0.01)
        _thread.interrupt_main()

    threading.Thread(target=interrupt).start()

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, f"{STAYS}\ntime.sleep(999)", isolated=isolated)

    assert_gone(tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize("isolated", [True, False])
def test_of_what_is_printed_the_end_is_kept(tmp_path: Path, isolated: bool) -> None:
    code = "import os\nfor _ in range(300): os.write(1, b'x' * (1 << 20))\nos.write(2, b'the end')"

    ended = run(tmp_path, code, Limits(seconds=60, output_bytes=100), isolated=isolated)

    assert ended.output == "x" * 93 + "the end"


def test_a_file_has_a_largest_size(tmp_path: Path) -> None:
    code = "open('big', 'wb').write(b'x' * 100_000)"

    ended = run(tmp_path, code, Limits(seconds=30, file_bytes=50_000), isolated=True)

    assert ended.output.endswith("OSError: [Errno 27] File too large\n")


def test_all_files_together_have_a_largest_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "_MEASURED_EACH", 0.05)
    code = "import time\nfor each in range(9):\n    open(str(each), 'wb').write(b'x' * (1 << 20))\ntime.sleep(999)"

    ended = run(tmp_path, code, Limits(seconds=30, folder_bytes=5 << 20), isolated=True)

    assert ended.stopped == "wrote more than 5 MiB"


@pytest.mark.parametrize("isolated", [True, False])
def test_a_signal_is_a_negative_code(tmp_path: Path, isolated: bool) -> None:
    assert run(tmp_path, "import os\nos.kill(os.getpid(), 9)", isolated=isolated).code == -9


def test_a_program_in_a_namespace_cannot_end_what_watches_it(tmp_path: Path) -> None:
    code = "import os, signal\nos.kill(os.getppid(), signal.SIGTERM)\nimport time\ntime.sleep(0.2)\nprint('here')"

    assert run(tmp_path, code, isolated=True) == ProcessResult(code=0, output="here\n")


@pytest.mark.parametrize("number", ["SIGTERM", "SIGKILL"])
def test_a_program_that_ends_what_watches_it_ends_too(tmp_path: Path, number: str) -> None:
    code = f"""\
import os, signal, time
open("alive", "w").close()
os.kill(os.getppid(), signal.{number})
while True:
    open("alive", "w").close()
    time.sleep(0.01)
"""

    with pytest.raises(EngineError, match="a build ended without a word"):
        run(tmp_path, code, isolated=False)

    assert_gone(tmp_path)


def test_a_program_that_is_not_there_is_an_end(tmp_path: Path) -> None:
    enclosure = SandboxFolder(folder=tmp_path / "run")
    (tmp_path / "run" / "tmp").mkdir(parents=True)

    ended = sandbox.run(["/no/such"], enclosure.folder, {}, enclosure, QUICK, isolated=False)

    assert ended.code == 127
    assert "No such file or directory: '/no/such'" in ended.output


def test_a_program_in_a_namespace_cannot_set_the_machine(tmp_path: Path) -> None:
    """Of all that is in /proc/sys: a program to which the kernel hands the memory of what crashed runs as root."""
    code = """\
import os
for path in ("sys/kernel/core_pattern", "sys/vm/overcommit_memory", "self/oom_score_adj", "self/uid_map"):
    try:
        os.close(os.open(f"/proc/{path}", os.O_WRONLY))
    except OSError as error:
        print(error.strerror)
print(open("/proc/self/oom_score_adj").read())
"""

    lines = run(tmp_path, code, isolated=True).output.split()

    assert " ".join(lines) == f"{'Read-only file system ' * 4}1000"


@pytest.mark.slow
def test_folders_too_deep_to_be_measured_end_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "_MEASURED_EACH", 0.1)
    code = """\
import os, time
for _ in range(5000):
    os.mkdir("d")
    os.chdir("d")
time.sleep(20)
"""

    assert run(tmp_path, code, isolated=True).stopped == "made folders with paths of more than 3500 bytes"

    remove(tmp_path / "run")
    assert os.listdir(tmp_path) == []
