"""A small image for tests of archives: one layer of a wheel, for each platform that is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from onedigest.assembler import stream
from onedigest.assembler.image import Image, assemble_index, assemble_platform
from onedigest.assembler.layer import wheels_layer
from onedigest.store import Store
from wheel_builder import build_wheel


def small_image(folder: Path, platforms: Sequence[str]) -> tuple[Image, Mapping[str, Path]]:
    """Return an image, and where its layer is: in a store below `folder`."""
    store = Store(folder / "store")
    entries = wheels_layer([build_wheel(folder / "wheels", "alpha", "1")], "3.13")
    with (folder / "blob").open("wb") as file:
        layer = stream.write(entries, file)
    store.add_file(folder / "blob", layer.digest)
    configs = {
        platform: {
            "os": "linux",
            "architecture": platform.partition("/")[2],
            "config": {"Entrypoint": ["/opt/venv/bin/python"]},
            "history": [{"created_by": "onedigest layer: alpha 1"}],
        }
        for platform in platforms
    }
    image = assemble_index(assemble_platform(platform, config, [layer]) for platform, config in configs.items())
    return image, {layer.digest: store.path(layer.digest)}
