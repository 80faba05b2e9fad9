"""The command `onedigest run`."""

from __future__ import annotations

import os
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from onedigest.cli.building import Job, bring_base, prepare, run_engine
from onedigest.cli.engines import make_engine
from onedigest.cli.image import Image
from onedigest.cli.images import find_image
from onedigest.cli.progress import Status
from onedigest.cli.session import Session, shared_options
from onedigest.cli.words import amount, say
from onedigest.digest import hex_of
from onedigest.errors import UsageError
from onedigest.platforms import meant, split

if TYPE_CHECKING:
    from onedigest.engines.containers import Containers

_HERE = "localhost/onedigest"
"""Where images are called so that no registry has them, and none of the user's own is replaced."""


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
    from onedigest.engines.containers import Wanted, find_containers

    given = {field: options.pop(field) for field in ("volumes", "variables", "ports")}
    named = options.pop("platform")
    asked = _one_platform(named)
    session = Session(**options)
    image = find_image(session, name)
    containers = find_containers(dict(os.environ))
    reference = _loaded(session, image, containers, asked or containers.platform())
    containers.run(
        Wanted(
            image=reference,
            platform=asked,
            terminal=sys.stdin.isatty() and sys.stdout.isatty(),
            arguments=arguments[1:] if arguments[:1] == ("--",) else arguments,
            **given,
        )
    )


def _one_platform(text: str) -> str:
    """Return the canonical name of the platform that is asked for, nothing where none is. Raises `UsageError`."""
    names = split(text)
    if len(set(map(meant, names))) > 1 or (text and not names):
        raise UsageError.of(f"`--platform {text}`: an image runs on one platform", hint="name one, such as linux/amd64")
    return meant(names[0]) or names[0] if names else ""


def _loaded(session: Session, image: Image, containers: Containers, platform: str) -> str:
    """Build an image for one platform, load it where it is not, and return its name there, which its digest is in."""
    from onedigest.oci.docker_archive import write_docker_archive

    engine = "buildx" if image.spec.run else "embedded"
    with Status(quiet=session.silent) as status:
        job: Job = prepare(session, image, engine, locked=False, platforms=(platform,))
        built = run_engine(session, job, make_engine(engine, session, "", status))
        status.clear()
        reference = f"{_HERE}/{image.spec.name}:{hex_of(built.image.digest)[:12]}"
        if containers.has(reference):
            return reference
        bring_base(session, job)
        status.show(f"{image.spec.name}: loading into {containers.name}")
        containers.load(lambda file: write_docker_archive(built.image, built.blobs, [reference], platform, file))
    if not session.silent:
        size = amount(sum(layer.size for layer in built.image.layers()))
        say(f"{image.spec.name}: {size} loaded into {containers.name} as {reference}")
    return reference
