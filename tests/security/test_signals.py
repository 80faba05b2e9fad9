"""Attack: a signal at any moment. The program ends at once, with the signal's exit status, and leaves nobody behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

START = """\
import sys, time
from onedigest import cli
from onedigest.__main__ import main

def work():
{work}

def command(self, context, name):
    import click
    return click.Command("slow", callback=work)

cli.Commands.get_command = command
sys.argv[1:] = ["slow"]
main()
"""
READY = "print('ready', flush=True)"


def start(work: str, folder: Path) -> subprocess.Popen[bytes]:
    """Run a command that does some work, as the program does; return when it says that it is ready."""
    code = START.format(work="".join(f"    {line}\n" for line in work.splitlines()))
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return process


def check_gone(process: subprocess.Popen[bytes]) -> None:
    """Hold that nobody is left of the process's session."""
    for _ in range(40):
        left = []
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                state, _, _, session = path.read_text().rpartition(") ")[2].split()[:4]
            except OSError:
                continue
            if int(session) == process.pid and state != "Z":
                left.append(path.parent.name)
        if not left:
            return
        time.sleep(0.05)
    raise AssertionError(left)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_at_any_moment_the_exit_status_is_that_of_the_signal(number: signal.Signals, tmp_path: Path) -> None:
    (tmp_path / "onedigest.toml").write_text("")
    commands = [["--version"], ["--help"], ["build", "app"], ["generate", "--check", "app.py"]]
    for moment in range(8):
        arguments = commands[moment % len(commands)]
        process = subprocess.Popen(
            [sys.executable, "-m", "onedigest", *arguments],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        time.sleep(0.02 * moment)
        process.send_signal(number)
        _, err = process.communicate(timeout=20)

        if b"Traceback" in err and number is signal.SIGINT:
            assert b"onedigest/cli" not in err, "only Python's own start, before the program has its first word"
            continue
        assert b"Traceback" not in err
        assert process.returncode in (-number, 128 + number, 0 if arguments[0].startswith("-") else 1), err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_work_ends_at_once(number: signal.Signals, tmp_path: Path) -> None:
    process = start(f"{READY}\ntime.sleep(60)", tmp_path)
    process.send_signal(number)
    _, err = process.communicate(timeout=20)

    assert (process.returncode, err) == (128 + number, b"\ninterrupted\n")


def test_a_thread_that_waits_does_not_keep_the_program(tmp_path: Path) -> None:
    work = f"""\
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(2) as pool:
    waiting = [pool.submit(time.sleep, 60) for _ in range(2)]
    {READY}
    [each.result() for each in waiting]
"""
    process = start(work, tmp_path)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=20)

    assert process.returncode == 143
    assert b"Traceback" not in err


def test_an_interrupt_that_is_swallowed_still_ends_the_program(tmp_path: Path) -> None:
    work = f"""\
{READY}
while True:
    try:
        time.sleep(60)
    except BaseException:
        pass
"""
    process = start(work, tmp_path)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)

    assert process.returncode == 130


def test_a_second_signal_ends_the_program_at_once(tmp_path: Path) -> None:
    work = f"""\
import subprocess
subprocess.Popen(["sleep", "60"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # which cleaning up would wait for
{READY}
try:
    time.sleep(60)
finally:
    time.sleep(60)
"""
    process = start(work, tmp_path)
    process.send_signal(signal.SIGTERM)
    time.sleep(1.3)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=15)
    os.killpg(process.pid, signal.SIGKILL)

    assert process.returncode == 143


def test_programs_that_were_started_end_too(tmp_path: Path) -> None:
    work = f"""\
from pathlib import Path
from onedigest.tools.processes import running
with running(["sleep", "60"], {{"PATH": {os.environ["PATH"]!r}}}, folder=Path("."), take=print) as log:
    {READY}
    log.finish()
"""
    process = start(work, tmp_path)
    process.send_signal(signal.SIGHUP)
    _, err = process.communicate(timeout=15)

    assert (process.returncode, err) == (129, b"\ninterrupted\n")
    check_gone(process)


@pytest.mark.parametrize("whole", [False, True], ids=["the program", "all of its group"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_workers_end_too(number: signal.Signals, whole: bool, tmp_path: Path) -> None:
    work = f"""\
from onedigest.engines.workers import map_in_processes
for _ in map_in_processes(time.sleep, [0] * 4 + [60] * 4, 4):
    if _ is None and not hasattr(work, "said"):
        work.said = True
        {READY}
"""
    process = start(work, tmp_path)
    if whole:
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    _, err = process.communicate(timeout=15)

    assert process.returncode == 128 + number
    assert b"Traceback" not in err
    check_gone(process)


def test_a_signal_that_the_caller_has_us_ignore_is_ignored(tmp_path: Path) -> None:
    process = subprocess.Popen(
        ["nohup", sys.executable, "-c", START.format(work=f"    {READY}; time.sleep(0.5); print('done')")],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(signal.SIGHUP)
    out, _ = process.communicate(timeout=20)

    assert (process.returncode, out) == (0, b"done\n")
