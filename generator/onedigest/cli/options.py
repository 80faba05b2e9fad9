"""The options that all commands share, and the context that they ask for."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from onedigest.terminal.events import TerminalEvents
from onedigest.workspace.context import Context
from onedigest.workspace.machine import Machine

F = TypeVar("F", bound=Callable[..., Any])


def shared_options(command: F, verbose: tuple[str, ...] = ("-v", "--verbose")) -> F:
    """Add the options that all commands share; `verbose` is what saying more is called."""
    for option in (
        click.option("--lockfiles", type=click.Path(path_type=Path), help="Folder of the locks [lockfiles]."),
        click.option("--offline", is_flag=True, help="Use no network."),
        click.option("--insecure-registry", "insecure", multiple=True, metavar="HOST", help="Allow plain HTTP to it."),
        click.option("--json", "as_json", is_flag=True, help="Print one JSON document."),
        click.option("-q", "--quiet", is_flag=True, help="Print errors only."),
        click.option(*verbose, is_flag=True, help="Show details."),
        click.option(
            "--color", type=click.Choice(["auto", "always", "never"]), default="auto", help="When to use colour."
        ),
    ):
        command = option(command)
    return command


def open_context(
    *,
    lockfiles: Path | None = None,
    offline: bool = False,
    insecure: tuple[str, ...] = (),
    as_json: bool = False,
    quiet: bool = False,
    verbose: bool = False,
    color: str = "auto",
) -> Context:
    """Return the context that options ask for, on this machine and with its terminal.

    Where `obj` of click's context is a list, the context is put in it: the document of a failure has its warnings too.
    """
    if color != "auto":
        os.environ.pop("NO_COLOR", None)
        os.environ["FORCE_COLOR" if color == "always" else "NO_COLOR"] = "1"
    events = TerminalEvents(quiet, as_json, verbose)
    machine = Machine.from_environment(os.environ, offline=offline, insecure=insecure, said=events.noticed)
    context = Context(machine, events, lockfiles=lockfiles, at_length=verbose)
    call = click.get_current_context(silent=True)
    if call is not None and isinstance(call.obj, list):
        call.obj.append(context)
    return context
