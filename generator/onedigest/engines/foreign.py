"""The comparison of an image that another program wrote with its plan, before it becomes ours."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

from onedigest.assembler.image import Annotations, PlatformImage, assemble_index, assemble_platform
from onedigest.digest import of_file
from onedigest.engines.engine import Built
from onedigest.errors import DifferenceError, EngineError
from onedigest.oci.local_image import Layout
from onedigest.oci.read import ReadPlatform, read_image
from onedigest.plan.layers import Plan, PlatformPlan
from onedigest.store import Store


def adopt(plan: Plan, layout: Path, store: Store, builder: str, made: tuple[str, ...]) -> Built:
    """Take the platforms of a plan from an OCI layout, keep their layers, and return their image.

    `builder` is what messages call the program that wrote it. Raises `DifferenceError` where it is not what is planned,
    and `EngineError` where a layer has not the digest that its manifest states.
    """
    found = {each.platform: each for each in read_image(layout).platforms}
    annotations = dict(plan.annotations)
    images, lines = [], []
    for planned in plan.platforms:
        built = found.get(planned.platform.oci)
        if built is None:
            lines.append(f"{planned.platform}: {builder} built no image")
            continue
        differing = list(_differences(planned, built))
        lines += [f"{planned.platform}: {line}" for line in differing]
        if not differing:
            images.append(_assembled(planned, built, annotations))
    if lines:
        raise DifferenceError.of(
            f"{plan.name}: {builder} built an image that differs from the plan\n"
            + "\n".join(f"  {line}" for line in lines),
            hint="run `onedigest generate`; if that changes nothing, please report it",
        )
    image = assemble_index(images, annotations)
    for layer in image.layers():
        _add(Layout(layout).blob(layer.digest), layer.digest, layer.size, store, builder)
    return Built(image=image, blobs={each.digest: store.path(each.digest) for each in image.layers()}, made=made)


def _differences(planned: PlatformPlan, built: ReadPlatform) -> Iterator[str]:
    if len(planned.layers) != len(built.layers):
        yield f"{len(built.layers)} layers built, {len(planned.layers)} planned"
        return
    expected = json.loads(planned.config)
    for key in sorted(expected.keys() | built.config.keys() - {"rootfs"}):
        if built.config.get(key) != expected.get(key):
            yield f"{key} is {built.config.get(key)!r}, {expected.get(key)!r} planned"
    for layer, found in zip(planned.layers, built.layers, strict=True):
        if layer.base_layer and layer.base_layer != found.descriptor:
            yield f"{layer.holds}: {found.digest} built, {layer.base_layer.digest} planned"


def _assembled(planned: PlatformPlan, built: ReadPlatform, annotations: Annotations) -> PlatformImage:
    """Return the documents of a platform as we write them, which must be what was built."""
    image = assemble_platform(
        planned.platform.oci, json.loads(planned.config), [layer.descriptor for layer in built.layers], annotations
    )
    if image.manifest_digest != built.manifest:
        raise DifferenceError.of(
            f"{planned.platform}: the manifest is {built.manifest}, {image.manifest_digest} planned"
        )
    return image


def _add(blob: Path, digest: str, size: int, store: Store, builder: str) -> None:
    if store.has(digest, size):
        return
    with store.scratch() as folder:
        copy = folder / "layer"
        shutil.copyfile(blob, copy)
        if of_file(copy) != digest:
            raise EngineError.of(f"{builder} wrote a layer that has not the digest {digest}")
        store.add_file(copy, digest)
