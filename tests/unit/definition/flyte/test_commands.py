"""Commands of Flyte run as its own builder runs them, but that a pipeline fails with any part of it."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from onedigest.definition.flyte.commands import network_problems, run_line
from onedigest.definition.flyte.definition import Commands

SCRIPT = """\
image = base.with_commands(
    [
        "mkdir -p /opt/x",
        "curl -LsSf https://x.example/install.sh | sh",
        'echo "$A" && '
        "apt-get update",
    ]
)
"""


def test_commands_that_reach_for_a_network_are_told_with_their_line() -> None:
    commands = ("mkdir -p /opt/x", "curl -LsSf https://x.example/install.sh | sh", 'echo "$A" && apt-get update')
    found = list(network_problems(Commands(commands=commands, line=1), SCRIPT.split("\n")))

    assert [(line, str(problem)) for line, problem in found] == [
        (
            4,
            "`curl` reaches for a network, and commands of an image have none: the build fails there\n"
            "hint: fetch it beforehand, and add the file with `with_source_file`",
        ),
        (
            5,
            "`apt-get update` reaches for a network, and commands of an image have none: the build fails there\n"
            "hint: name the packages in `with_apt_packages`",
        ),
    ]


def test_line_of_the_step_where_a_command_is_not_written_out() -> None:
    ((line, problem),) = network_problems(Commands(commands=("pip install x",), line=1), SCRIPT.split("\n"))

    assert (line, problem.hint) == (1, "name the packages in `with_pip_packages`")


def run(command: str, path: str) -> tuple[int, str]:
    line = run_line(command).replace("exec /bin/sh -o", f"exec {path}/sh -o")
    words = shlex.split(line)
    done = subprocess.run(
        [f"{path}/sh", *words[1:]], env={"PATH": path}, capture_output=True, text=True, check=False, timeout=30
    )
    return done.returncode, done.stdout


@pytest.fixture(params=["dash", "bash"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A folder of programs, in which sh is one of the shells; bash is beside it, as Debian has it."""
    for name, program in (("sh", request.param), ("bash", "bash"), ("cat", "cat"), ("false", "false")):
        (tmp_path / name).symlink_to(str(shutil.which(program)))
    return str(tmp_path)


def test_a_command_without_its_program_fails_whatever_reads_from_it(path: str) -> None:
    assert run("curl -LsSf https://x.example | sh", path)[0] == 127
    assert run("x=$(false | cat) && echo done", path)[0] == 1
    assert run("(false | cat) && echo done", path) == (1, "")


def test_commands_are_read_as_by_the_shell_that_reads_those_without_a_pipeline(path: str) -> None:
    is_bash = Path(path, "sh").resolve().name == "bash"

    assert run(r'echo "a\tb" {1,2} $# | cat', path) == (0, "a\\tb 1 2 0\n" if is_bash else "a\tb {1,2} 0\n")
    assert run("echo a | cat; exit 7", path) == (7, "a\n")


def test_without_a_pipeline_nothing_is_put_around_a_command() -> None:
    assert run_line("false || echo 'a | b'") == shlex.join(("/bin/sh", "-c", "false || echo 'a | b'"))
