"""The command `onedigest build`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from onedigest.cli.documents import Document, make_document
from onedigest.cli.options import open_context, shared_options
from onedigest.terminal.output import put
from onedigest.workspace.build import build_images
from onedigest.workspace.build_options import BuildOptions
from onedigest.workspace.images import find_images


@click.command()
@click.argument("names", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All images of the project.")
@click.option("--engine", default="embedded", show_default=True, help="What builds: embedded, buildx, bazel or nix.")
@click.option("--builder", default="", metavar="NAME", help="The builder of buildx [the current one].")
@click.option("--locked", is_flag=True, help="Exit 3 unless the result is exactly what image.toml records.")
@click.option("--platform", "platforms", multiple=True, metavar="OS/ARCH", help="Build for this platform only.")
@click.option("--output", type=click.Path(path_type=Path), help="OCI layout, or an archive: FILE.tar [dist/NAME].")
@click.option("--load", is_flag=True, help="Load the image into docker or podman too.")
@click.option("--debug", is_flag=True, help="Build the image with a shell inside, as NAME:debug; nothing is recorded.")
@click.option("--push", is_flag=True, help="Push the image, and write no layout unless --output is given.")
@click.option("--attest", is_flag=True, help="With --push: attach a bill of materials and provenance.")
@click.option("--repository", default="", metavar="HOST/NAME", help="Use this one, instead of the script's.")
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="With --output, --load or --push: tag it so.")
@shared_options
def command(names: tuple[str, ...], everything: bool, engine: str, builder: str, **options: Any) -> int | Document:
    """Build images and record their digests.

    NAMES are images, scripts, or folders with the pyproject.toml of a project. What has no lock, or was edited since,
    is locked first, except with --locked or --offline. Inputs that are missing are fetched.
    """
    asked = BuildOptions(**{field: options.pop(field) for field in BuildOptions.__slots__})
    context = open_context(**options)
    results = build_images(context, lambda: find_images(context, names, everything=everything), asked, engine, builder)
    if options["as_json"]:
        return make_document(context, {"images": results})
    for each in results:
        what = each.pushed.reference if each.pushed else each.digest
        put(what if len(results) == 1 else f"{each.name} {what}")
    return 0
