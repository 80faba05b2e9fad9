"""Knows the command line: words, flags, environment and exit codes. Each command is one file and one library call."""

from __future__ import annotations

import importlib
import os
import signal
import sys

import click

from onedigest import __version__
from onedigest.cli.words import print_error
from onedigest.errors import OnedigestError

COMMANDS = {
    "generate": "Lock scripts and write the files to review.",
    "fetch": "Bring the inputs of locks: the only step that needs the network.",
    "build": "Build images and record their digests.",
    "verify": "Build again under other conditions, or with other engines, and compare.",
    "graph": "Show what an image depends on, and why.",
    "inspect": "Show what is in an image.",
    "diff": "Show what differs between two images.",
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

    Reads the PEP 723 metadata of a Python script, locks everything it needs, and builds byte-identical images of it.
    """


def run(arguments: list[str]) -> int:
    """Run a command; return its exit code."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        result = group.main(arguments, prog_name="onedigest", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        print("interrupted", file=sys.stderr)
        return 130
    except OnedigestError as error:
        print_error(error)
        return error.exit_code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        print(f"error: {error.strerror or error}: {error.filename or ''}".rstrip(": "), file=sys.stderr)
        return 1
    return result if isinstance(result, int) else 0


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt
