"""The image that a name stands for: a built one, a layout, an archive or one in a registry."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from onedigest.cli.images import find_image
from onedigest.cli.progress import Progress
from onedigest.cli.project_image import names_project
from onedigest.cli.session import Session
from onedigest.cli.words import shown
from onedigest.errors import InputError, Problem

if TYPE_CHECKING:
    from onedigest.oci.local import Archive, Layout
    from onedigest.oci.read import ReadImage, ReadLayer
    from onedigest.oci.rootfs import Blob
    from onedigest.registry.remote import Remote


class Opened:
    """An image that can be read: its documents at once, its layers when they are asked for."""

    def __init__(self, session: Session, name: str, place: Layout | Archive | Remote) -> None:
        from onedigest.oci.read import read_from

        self.name = name
        self._session = session
        self._place = place
        self.image: ReadImage = read_from(place)

    def layer(self, layer: ReadLayer) -> Blob:
        """Return where the bytes of a layer are; a registry's layer is brought into the store."""
        from onedigest.registry.remote import Remote

        if not isinstance(self._place, Remote):
            return self._place.blob(layer.digest)
        with Progress(f"{self.name}: fetching", layer.size, quiet=self._session.silent) as progress:
            return self._place.layers([layer.descriptor], progress.advance)[0]

    def validate(self) -> list[Problem]:
        """Recompute every digest, size and diff ID; return all that is wrong."""
        from onedigest.oci.read import check_layer, distinct_layers, prove
        from onedigest.registry.remote import Remote

        if not isinstance(self._place, Remote):
            return prove(self._place)
        return [
            problem
            for layer in distinct_layers(self.image)
            for problem in check_layer(self.layer(layer), layer, self._place.where(layer.digest))
        ]


@contextmanager
def open_image(session: Session, what: str) -> Iterator[Opened]:
    """Open the image that a user named. Raises `InputError` where there is none."""
    from onedigest.oci.local import Archive, Layout

    path = Path(what)
    is_code = path.suffix == ".py" or names_project(what)
    built = _built(session, what) if is_code else session.lockfiles.parent / "dist" / what
    if path.is_file() and not is_code:
        yield Opened(session, what, Archive(path))
    elif (path / "oci-layout").is_file():
        yield Opened(session, what, Layout(path))
    elif (built / "oci-layout").is_file():
        yield Opened(session, what, Layout(built))
    elif is_reference(what):
        from onedigest.oci.reference import parse_reference
        from onedigest.registry.remote import Remote

        yield Opened(session, what, Remote(parse_reference(what), session.access, session.store))
    else:
        raise InputError.of(
            f"there is no built image `{what}`", where=shown(built), hint=f"run `onedigest build {what}`"
        )


def _built(session: Session, what: str) -> Path:
    """Return where the image of a script or of a project is built into."""
    image = find_image(session, what)
    return image.folder.parent.parent / "dist" / image.spec.name


def is_reference(what: str) -> bool:
    """Tell whether a name is one of a registry: it has a path, a tag or a digest, and is no file."""
    return any(mark in what for mark in "/:@") and not Path(what).exists() and not what.startswith((".", "/"))
