"""Knows `onedigest inspect`."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from onedigest.cli.session import Session, shared_options
from onedigest.cli.words import amount, print_json, print_table, say, shown
from onedigest.errors import DifferenceError, InputError

if TYPE_CHECKING:
    from onedigest.oci.read import ReadImage, ReadPlatform


@click.command()
@click.argument("what", metavar="NAME|LAYOUT")
@click.option("--files", is_flag=True, help="List the files of each layer.")
@click.option("--validate", "prove", is_flag=True, help="Recompute every digest, size and diff ID.")
@shared_options
def command(what: str, files: bool, prove: bool, **options: Any) -> int:
    """Show what is in an image: its layers with what they hold, their sizes and digests.

    NAME is an image that was built into dist/NAME; LAYOUT is an OCI layout, a folder or an archive.
    """
    from onedigest.oci.read import read_image, validate

    session = Session(**options)
    with _layout(session, what) as layout:
        image = read_image(layout)
        if session.as_json:
            print_json(_document(layout, image, files))
        else:
            _show(layout, image, files)
        if prove:
            problems = validate(layout)
            if problems:
                raise DifferenceError(problems)
            if not session.quiet:
                say("every digest, size and diff ID is right")
    return 0


@contextmanager
def _layout(session: Session, what: str) -> Iterator[Path]:
    path = Path(what)
    if path.is_file():
        import tarfile

        with tempfile.TemporaryDirectory(prefix="onedigest-") as folder:
            try:
                with tarfile.open(path, "r:") as archive:
                    archive.extractall(folder, filter="data")
            except tarfile.TarError as error:
                raise InputError.of(f"not an OCI archive: {error}", where=what) from None
            yield Path(folder)
    elif (path / "oci-layout").is_file():
        yield path
    else:
        built = session.lockfiles.parent / "dist" / what
        if not (built / "oci-layout").is_file():
            raise InputError.of(
                f"there is no built image `{what}`", where=shown(built), hint=f"run `onedigest build {what}`"
            )
        yield built


def _show(layout: Path, image: ReadImage, files: bool) -> None:
    print(f"index       {image.digest}")
    for platform in image.platforms:
        settings = platform.config.get("config", {})
        print(f"\n{platform.platform}")
        print(f"manifest    {platform.manifest}\nconfig      {platform.config_digest}")
        for key in ("User", "WorkingDir", "Entrypoint", "Cmd", "Env", "Labels"):
            if key in settings:
                print(f"{key.lower():<12}{_plain(settings[key])}")
        _show_layers(layout, platform, files)


def _show_layers(layout: Path, platform: ReadPlatform, files: bool) -> None:
    from onedigest.oci.read import list_files

    print()
    if not files:
        rows = [
            (amount(layer.size), layer.digest[7:19], layer.diff_id[7:19], _short(layer.holds))
            for layer in platform.layers
        ]
        print_table(("size", "digest", "diff ID", "holds"), rows, frozenset({0}))
        return
    for layer in platform.layers:
        print(f"layer {layer.digest}: {layer.holds}, {amount(layer.size)}")
        for file in list_files(layout, layer):
            target = f" -> {file.target}" if file.target else ""
            print(f"  {file.kind:<8} {file.mode:04o} {file.size:>12} {file.path}{target}")


def _document(layout: Path, image: ReadImage, files: bool) -> dict[str, Any]:
    from onedigest.oci.read import list_files

    platforms = []
    for platform in image.platforms:
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
                    for each in list_files(layout, layer)
                ]
            layers.append(row)
        platforms.append(
            {
                "platform": platform.platform,
                "manifest": platform.manifest,
                "config": platform.config_digest,
                "settings": platform.config.get("config", {}),
                "layers": layers,
            }
        )
    return {"index": image.digest, "platforms": platforms}


def _short(holds: str) -> str:
    """Return the first things that a layer holds, and how many more there are."""
    parts = holds.split(", ")
    return holds if len(parts) <= 4 else f"{', '.join(parts[:3])} and {len(parts) - 3} more"


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(f"{key}={item}" for key, item in value.items())
    return " ".join(value) if isinstance(value, list) else str(value)
