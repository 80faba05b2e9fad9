"""The commands: their names, how one is called, and how the program says what was wrong with a call."""

from __future__ import annotations

import importlib
import io
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from onedigest import __version__
from onedigest.cli.asked import asked_by
from onedigest.errors import Problem
from onedigest.terminal.ending import Signals, told
from onedigest.terminal.output import print_json, say

if TYPE_CHECKING:
    from onedigest.cli.documents import Document
    from onedigest.workspace.context import Context

COMMANDS = {
    "generate": "Lock scripts and write the files to review.",
    "fetch": "Bring the inputs of locks: the only step that needs the network.",
    "build": "Build images and record their digests.",
    "run": "Run an image with docker or podman, built where it is not.",
    "verify": "Build again under other conditions, or with other engines, and compare.",
    "graph": "Show what an image depends on, and why.",
    "inspect": "Show what is in an image.",
    "diff": "Show what differs between two images.",
    "schema": "Print the JSON schema of [tool.onedigest], for editors.",
}


class Commands(click.Group):
    """Imports a command when it is called; help texts come from the table."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click calls it so
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:  # noqa: ARG002  as above
        if name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"onedigest.cli.{name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  as above
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, message="onedigest %(version)s")
def group() -> None:
    """One script, one lock, one digest.

    Reads the PEP 723 metadata of a Python script, or the uv.lock of a project, locks everything it needs, and builds
    byte-identical images of it.
    """


def run(arguments: list[str]) -> int:
    """Run a command; return its exit code. Whatever happens is told in words, and with `--json` in one document."""
    call, signals, code = _Call(arguments), Signals(), 0
    try:
        with signals.caught():
            code = call.guarded()
    except (KeyboardInterrupt, click.Abort):
        say("interrupted")
        code = signals.exit_code
        call.fail([Problem("interrupted")], code)
    return code if signals.got is None else signals.exit_code


class _Call:
    """One call of a command, which prints one document at most."""

    def __init__(self, arguments: list[str]) -> None:
        self._arguments = arguments
        self._contexts: list[Context] = []
        self._answered = False

    def guarded(self) -> int:
        """Run the command; return its exit code, also where it failed."""
        try:
            code = self._run()
        except (KeyboardInterrupt, click.Abort, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001  the last line of defence
            known = told(error, verbose=asked_by(group, self._arguments).verbose)
            self.fail(known.problems, known.exit_code)
            code = known.exit_code
        return code if _is_written() else code or 1

    def fail(self, problems: Sequence[Problem], exit_code: int) -> None:
        """Print the document of a failure where one is asked for, unless nobody reads it any more."""
        if self._answered or not asked_by(group, self._arguments).as_json:
            return
        from onedigest.cli.documents import make_failure

        warnings = dict.fromkeys(each for context in self._contexts for each in context.warnings)
        with suppress(OSError, ValueError):  # it may be closed, too
            self._answer(make_failure(problems, exit_code, warnings))
            sys.stdout.flush()

    def _run(self) -> int:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):  # a locale may have too few letters
                stream.reconfigure(errors="backslashreplace")
        try:
            result = group.main(self._arguments, prog_name="onedigest", standalone_mode=False, obj=self._contexts)
            if result is not None and not isinstance(result, int):
                self._answer(result)
                result = result.exit_code
            sys.stdout.flush()
        except click.ClickException as error:
            _show(error)
            self.fail([Problem(error.format_message())], error.exit_code)
            return error.exit_code
        except BrokenPipeError:
            if _is_written():  # it was another pipe
                raise
            return 1
        return result if isinstance(result, int) else 0

    def _answer(self, document: Document) -> None:
        self._answered = True  # before it is: what was printed of it cannot be taken back
        print_json(document.fields)


def _is_written() -> bool:
    """Tell whether stdout takes what is still to be written; where it does not, that is dropped."""
    try:
        sys.stdout.flush()
    except OSError:
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return False
    return True


def _show(error: click.ClickException) -> None:
    """Print what click says of a wrong call; the arguments that it repeats may hold anything."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):  # its message is the whole help
        say(error.format_message())
        return
    shown, message = io.StringIO(), f"Error: {error.format_message()}"
    error.show(shown)
    for line in shown.getvalue().removesuffix(f"{message}\n").splitlines():
        say(line)
    say(message)
