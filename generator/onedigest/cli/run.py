"""The command `onedigest run`."""

from __future__ import annotations

import sys
from functools import partial
from typing import Any

import click

from onedigest.cli.options import open_context, shared_options
from onedigest.workspace.images import find_image
from onedigest.workspace.run import one_platform, run_image


@click.command(context_settings={"allow_interspersed_args": False})
@click.argument("name")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.option("-v", "--volume", "volumes", multiple=True, metavar="FROM:TO", help="Mount a folder or a volume.")
@click.option(
    "-e", "--env", "variables", multiple=True, metavar="NAME=VALUE", help="Set a variable; NAME passes it on."
)
@click.option("-p", "--publish", "ports", multiple=True, metavar="PORT:PORT", help="Publish a port of the container.")
@click.option("--platform", default="", metavar="OS/ARCH", help="Run this platform [the one of docker or podman].")
@partial(shared_options, verbose=("--verbose",))
def command(name: str, arguments: tuple[str, ...], **options: Any) -> int:
    """Run an image with docker or podman, as `docker run --rm -it` does; it is built where it is not.

    NAME is an image, a script, or the folder of a project. What follows it belongs to the program, which gets signals
    and gives the exit code.
    """
    from onedigest.engines.containers import ContainerOptions

    given = {field: options.pop(field) for field in ("volumes", "variables", "ports")}
    asked = ContainerOptions(
        platform=one_platform(options.pop("platform")),
        terminal=sys.stdin.isatty() and sys.stdout.isatty(),
        arguments=arguments[1:] if arguments[:1] == ("--",) else arguments,
        **given,
    )
    context = open_context(**options)
    run_image(context, find_image(context, name), asked)
    return 0
