"""The command `onedigest inspect`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from onedigest.cli.documents import Document, make_document
from onedigest.cli.options import open_context, shared_options
from onedigest.errors import DifferenceError
from onedigest.terminal.output import print_error, print_table, put
from onedigest.wording import amount, short_digest
from onedigest.workspace.open import OpenImage, open_image

if TYPE_CHECKING:
    from onedigest.oci.read import ReadPlatform

_SETTINGS = (
    *("User", "WorkingDir", "Entrypoint", "Cmd", "Env", "Labels"),
    *("StopSignal", "ExposedPorts", "Volumes", "Healthcheck"),
)


@click.command()
@click.argument("what", metavar="NAME|LAYOUT|REFERENCE")
@click.option("--files", is_flag=True, help="List the files of each layer.")
@click.option("--validate", "prove", is_flag=True, help="Recompute every digest, size and diff ID.")
@shared_options
def command(what: str, files: bool, prove: bool, **options: Any) -> int | Document:
    """Show what is in an image: its layers with what they hold, their sizes and digests.

    NAME is an image that was built into dist/NAME, or its script or project.
    LAYOUT is an OCI layout, a folder or an archive.
    REFERENCE is an image in a registry, such as ghcr.io/acme/penguins:1; its layers are fetched only for --files and
    --validate.
    """
    context = open_context(**options)
    with open_image(context, what) as opened:
        shown = _document(opened, files) if options["as_json"] else {}
        if not options["as_json"]:
            _show(opened, files)
        problems = opened.validate() if prove else []
    error = DifferenceError(problems) if problems else None
    if prove and not error:
        context.noticed("every digest, size and diff ID is right")
    if options["as_json"]:
        if error:
            print_error(error)
        return make_document(context, shown, [error] if error else [])
    if error:
        raise error
    return 0


def _show(opened: OpenImage, files: bool) -> None:
    put(f"index       {opened.image.digest}")
    for platform in opened.image.platforms:
        settings = platform.config.get("config", {})
        put("")
        put(platform.platform)
        put(f"manifest    {platform.manifest}")
        put(f"config      {platform.config_digest}")
        for key in _SETTINGS:
            if settings.get(key):
                put(f"{key.lower():<11} {_plain(settings[key])}")
        if platform.annotations:
            put(f"annotations {_plain(platform.annotations)}")
        _show_layers(opened, platform, files)


def _show_layers(opened: OpenImage, platform: ReadPlatform, files: bool) -> None:
    from onedigest.oci.read import list_files

    put("")
    if not files:
        rows = [
            (amount(layer.size), short_digest(layer.digest), short_digest(layer.diff_id), _short(layer.holds))
            for layer in platform.layers
        ]
        print_table(("size", "digest", "diff ID", "holds"), rows, frozenset({0}))
        return
    for layer in platform.layers:
        put(f"layer {layer.digest}: {layer.holds}, {amount(layer.size)}")
        for file in list_files(opened.layer(layer), layer):
            target = f" -> {file.target}" if file.target else ""
            put(f"  {file.kind:<8} {file.mode:04o} {file.size:>12} {file.path}{target}")


def _document(opened: OpenImage, files: bool) -> dict[str, Any]:
    from onedigest.oci.read import list_files

    platforms = []
    for platform in opened.image.platforms:
        layers = []
        for layer in platform.layers:
            row: dict[str, Any] = {
                "holds": layer.holds,
                "size": layer.size,
                "digest": layer.digest,
                "diff_id": layer.diff_id,
            }
            if files:
                row["files"] = [
                    {"path": each.path, "kind": each.kind, "mode": each.mode, "size": each.size, "target": each.target}
                    for each in list_files(opened.layer(layer), layer)
                ]
            layers.append(row)
        platforms.append(
            {
                "platform": platform.platform,
                "manifest": platform.manifest,
                "config": platform.config_digest,
                "settings": platform.config.get("config", {}),
                "annotations": platform.annotations,
                "layers": layers,
            }
        )
    return {"index": opened.image.digest, "platforms": platforms}


def _short(holds: str) -> str:
    """Return the first things that a layer holds, and how many more there are."""
    parts = holds.split(", ")
    return holds if len(parts) <= 4 else f"{', '.join(parts[:3])} and {len(parts) - 3} more"


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(f"{key}={item}" if item else key for key, item in value.items())
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
