"""An OCI layout on disk, as a folder or as one archive: writing, recognising and reading it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from onedigest.assembler.descriptor import Descriptor
from onedigest.assembler.image import LAYOUT, Image
from onedigest.assembler.refusal import Refused
from onedigest.checkout import read_bytes, refuse_links
from onedigest.digest import hex_of, of_file
from onedigest.errors import InputError
from onedigest.oci.name_annotations import named_index
from onedigest.store import Store, is_stamped, link

ARCHIVE = ".tar"
"""How the name of an output ends that is one archive."""


def write(
    image: Image, blobs: Mapping[str, Path], output: Path, root: Path | None = None, *, names: Sequence[str] = ()
) -> None:
    """Write an image as an OCI layout, or as one archive where the name ends in `.tar`. Raises `InputError`.

    `names` are what it is called there, with their tags; its digest is the same whatever they are.
    No link is followed below `root`; without one the output is a place that the user named, and may be behind links.
    """
    from onedigest.assembler.layout import write_layout

    if root is not None:
        refuse_links(root, output.relative_to(root).as_posix())
    try:
        if output.suffix == ARCHIVE:
            _write_archive(image, blobs, output, names)
        else:
            _refuse_other_folder(output)
            write_layout(image, blobs, output, link, named_index(image, names))
    except Refused as refused:
        raise InputError.of(refused.reason) from None
    except OSError as error:
        error.filename = error.filename or str(output)
        raise


def holds(output: Path, image: Image, store: Store, *, names: Sequence[str] = (), prove: bool = False) -> bool:
    """Tell whether a layout is that of an image with these names, byte for byte; no link below it is followed.

    A layer that is the store's own file is not hashed again, unless `prove` wants it; any other is.
    """
    if output.suffix == ARCHIVE or output.is_symlink():
        return False
    documents = {f"blobs/sha256/{hex_of(digest)}": data for digest, data in image.documents().items()}
    documents |= {"index.json": named_index(image, names), "oci-layout": LAYOUT}
    try:
        return all(read_bytes(output, path) == data for path, data in documents.items()) and all(
            _is_layer(output / "blobs" / "sha256" / hex_of(layer.digest), layer, store, prove=prove)
            for layer in image.layers()
        )
    except (OSError, InputError):
        return False


def _is_layer(path: Path, layer: Descriptor, store: Store, *, prove: bool) -> bool:
    if is_stamped(path, layer.size) and path.samefile(store.path(layer.digest)):
        return not prove or store.prove(layer.digest, layer.size)
    return not path.is_symlink() and path.stat().st_size == layer.size and of_file(path) == layer.digest


def _write_archive(image: Image, blobs: Mapping[str, Path], output: Path, names: Sequence[str]) -> None:
    from onedigest.assembler.layout import scratch_beside
    from onedigest.oci.docker_archive import write_docker_archive

    if output.is_dir():
        raise InputError.of("the output is a folder", where=str(output), hint="name a file, or a folder without .tar")

    output.parent.mkdir(parents=True, exist_ok=True)
    with scratch_beside(output) as folder:
        new = folder / "archive"
        with new.open("wb") as file:
            write_docker_archive(image, blobs, names, "", file)
            file.flush()
            os.fsync(file.fileno())
        new.replace(output)


def _refuse_other_folder(output: Path) -> None:
    """Refuse to replace a folder that is no layout: a user may have named the wrong one."""
    if output.is_dir() and any(output.iterdir()) and not (output / "oci-layout").is_file():
        raise InputError.of(
            "the output folder is not empty, and no OCI layout", where=str(output), hint="name another folder"
        )
    if output.exists() and not output.is_dir():
        raise InputError.of(
            "the output is a file", where=str(output), hint="name a folder, or a file that ends in .tar"
        )
