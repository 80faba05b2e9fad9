"""The command `onedigest graph`."""

from __future__ import annotations

from typing import Any

import click

from onedigest.cli.images import find_image
from onedigest.cli.locks import read_lock
from onedigest.cli.session import Session, shared_options
from onedigest.cli.words import print_json, put_document, put_json, shown
from onedigest.errors import InputError


@click.command()
@click.argument("name")
@click.option(
    "--format",
    "shape",
    type=click.Choice(["text", "mermaid", "dot", "svg", "json"]),
    default="text",
    show_default=True,
    help="How the graph is drawn.",
)
@click.option("--why", "package", metavar="PACKAGE", help="Show the shortest ways from the script to a package.")
@shared_options
def command(name: str, shape: str, package: str | None, **options: Any) -> int:
    """Show what an image depends on, and why.

    NAME is an image, a script, or the folder of a project. Needs its lock and no network.
    """
    from packaging.utils import canonicalize_name

    from onedigest.lock import drawing
    from onedigest.lock.graph import from_lock, paths_to

    session = Session(**options)
    image = find_image(session, name)
    graph = from_lock(read_lock(image))
    if package is None:
        form = "json" if session.as_json else shape
        print_it = put_json if form == "json" else put_document
        print_it(drawing.FORMATS[form](graph, image.spec.name))
        return 0
    paths = paths_to(graph, canonicalize_name(package))
    if not paths:
        raise InputError.of(f"{image.spec.name} does not need `{package}`", where=shown(image.lock_path))
    if session.as_json:
        print_json(
            {"paths": [[{"name": each[0] or image.spec.name, "version": each[1]} for each in path] for path in paths]}
        )
    else:
        put_document(drawing.why(paths, image.spec.name))
    return 0
