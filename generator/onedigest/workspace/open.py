"""The image that a name stands for: a built one, a layout, an archive or one in a registry."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from onedigest.errors import InputError, Problem
from onedigest.wording import shown
from onedigest.workspace.context import Context
from onedigest.workspace.images import find_image
from onedigest.workspace.project_image import names_project

if TYPE_CHECKING:
    from onedigest.oci.local_image import Layout, LayoutArchive
    from onedigest.oci.read import ReadImage, ReadLayer
    from onedigest.oci.rootfs import Blob
    from onedigest.registry.remote import Remote


class OpenImage:
    """An image that can be read: its documents at once, its layers when they are asked for."""

    def __init__(self, context: Context, name: str, place: Layout | LayoutArchive | Remote) -> None:
        from onedigest.oci.read import read_from

        self.name = name
        self._context = context
        self._place = place
        self.image: ReadImage = read_from(place)

    def layer(self, layer: ReadLayer) -> Blob:
        """Return where the bytes of a layer are; a registry's layer is brought into the store."""
        from onedigest.registry.remote import Remote

        if not isinstance(self._place, Remote):
            return self._place.blob(layer.digest)
        with self._context.events.progress(f"{self.name}: fetching", layer.size) as progress:
            return self._place.layers([layer.descriptor], progress.advance)[0]

    def validate(self) -> list[Problem]:
        """Recompute every digest, size and diff ID; return all that is wrong."""
        from onedigest.oci.read import distinct_layers
        from onedigest.oci.validate import check_layer, prove
        from onedigest.registry.remote import Remote

        if not isinstance(self._place, Remote):
            return prove(self._place)
        return [
            problem
            for layer in distinct_layers(self.image)
            for problem in check_layer(self.layer(layer), layer, self._place.where(layer.digest))
        ]


@contextmanager
def open_image(context: Context, what: str) -> Iterator[OpenImage]:
    """Open the image that a user named. Raises `InputError` where there is none."""
    from onedigest.oci.local_image import Layout, LayoutArchive

    path = context.path(what)
    is_code = path.suffix == ".py" or names_project(path)
    built = _built(context, what) if is_code else context.lockfiles.parent / "dist" / what
    if path.is_file() and not is_code:
        yield OpenImage(context, what, LayoutArchive(path))
    elif (path / "oci-layout").is_file():
        yield OpenImage(context, what, Layout(path))
    elif (built / "oci-layout").is_file():
        yield OpenImage(context, what, Layout(built))
    elif is_reference(what, path):
        from onedigest.oci.reference import parse_reference
        from onedigest.registry.remote import Remote

        yield OpenImage(context, what, Remote(parse_reference(what), context.access, context.store))
    else:
        raise InputError.of(
            f"there is no built image `{what}`", where=shown(built), hint=f"run `onedigest build {what}`"
        )


def _built(context: Context, what: str) -> Path:
    """Return where the image of a script or of a project is built into."""
    image = find_image(context, what)
    return image.folder.parent.parent / "dist" / image.spec.name


def is_reference(what: str, path: Path) -> bool:
    """Tell whether a name is one of a registry: it has a path, a tag or a digest, and is no file."""
    return any(mark in what for mark in "/:@") and not path.exists() and not what.startswith((".", "/"))
