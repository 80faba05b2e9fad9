"""The command `onedigest fetch`."""

from __future__ import annotations

from typing import Any

import click

from onedigest.cli.documents import Document, make_document
from onedigest.cli.options import open_context, shared_options
from onedigest.workspace.fetch import fetch_images
from onedigest.workspace.images import find_images


@click.command()
@click.argument("names", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All images of the project.")
@click.option("--platform", "platforms", multiple=True, metavar="OS/ARCH", help="Only the inputs of a platform.")
@shared_options
def command(names: tuple[str, ...], everything: bool, platforms: tuple[str, ...], **options: Any) -> int | Document:
    """Bring the inputs of locks: the only step that needs the network.

    Wheels, Debian packages and base layers are verified, kept in the user's store, and linked into lockfiles/.inputs.
    Wheels of which no image can be made are told together, when everything is there.
    """
    context = open_context(**options)
    results = fetch_images(context, find_images(context, names, everything=everything), platforms)
    if options["as_json"]:
        return make_document(context, {"images": results})
    return 0
