"""The command `onedigest graph`."""

from __future__ import annotations

from typing import Any

import click

from onedigest.cli.documents import Document, make_document
from onedigest.cli.options import open_context, shared_options
from onedigest.errors import InputError
from onedigest.terminal.output import put_document
from onedigest.wording import shown
from onedigest.workspace.images import find_image
from onedigest.workspace.locks import read_lock


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
def command(name: str, shape: str, package: str | None, **options: Any) -> int | Document:
    """Show what an image depends on, and why.

    NAME is an image, a script, or the folder of a project. Needs its lock and no network.
    """
    from onedigest.lock import drawing
    from onedigest.lock.graph import from_lock, paths_to

    as_json = options["as_json"] = options["as_json"] or shape == "json"
    context = open_context(**options)
    image = find_image(context, name)
    graph = from_lock(read_lock(image))
    if package is None:
        if as_json:
            return make_document(context, drawing.document(graph, image.spec.name))
        put_document(drawing.FORMATS[shape](graph, image.spec.name))
        return 0
    paths = paths_to(graph, package)
    if not paths:
        raise InputError.of(f"{image.spec.name} does not need `{package}`", where=shown(image.lock_path))
    if as_json:
        steps = [[{"name": each[0] or image.spec.name, "version": each[1]} for each in path] for path in paths]
        return make_document(context, {"paths": steps})
    put_document(drawing.why(paths, image.spec.name))
    return 0
