"""Knows an OCI layout on disk, as a folder or as one archive: writing, recognising and reading it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from onedigest.assembler.descriptor import Descriptor
from onedigest.assembler.image import LAYOUT, Image, layout_index
from onedigest.assembler.refusal import Refused
from onedigest.checkout import read_bytes, refuse_links
from onedigest.digest import hex_of, of_file
from onedigest.errors import InputError
from onedigest.inputs.store import Store, is_stamped, link

if TYPE_CHECKING:
    from onedigest.assembler.stream import Output


def write(image: Image, blobs: Mapping[str, Path], output: Path, root: Path | None = None) -> None:
    """Write an image as an OCI layout, or as one archive where the name ends in `.tar`. Raises `InputError`.

    No link is followed below `root`; without one the output is a place that the user named, and may be behind links.
    """
    from onedigest.assembler.layout import write_layout

    if root is not None:
        refuse_links(root, output.relative_to(root).as_posix())
    try:
        if output.suffix == ".tar":
            _write_archive(image, blobs, output)
        else:
            _refuse_other_folder(output)
            write_layout(image, blobs, output, link)
    except Refused as refused:
        raise InputError.of(refused.reason) from None
    except OSError as error:
        error.filename = error.filename or str(output)
        raise


def write_archive(documents: Mapping[str, bytes], image: Image, blobs: Mapping[str, Path], file: Output) -> None:
    """Write a layout as one tar, with these documents at its top."""
    from onedigest.assembler import stream
    from onedigest.assembler.disk_file import DiskFile
    from onedigest.assembler.entry import Entry, file_entry, merge

    named = {f"blobs/sha256/{hex_of(digest)}": document for digest, document in image.documents().items()}
    entries = [
        file_entry(path, document, executable=False, origin="layout")
        for path, document in {**named, **documents, "oci-layout": LAYOUT}.items()
    ]
    for layer in image.layers():
        content = DiskFile(blobs[layer.digest], layer.size, hex_of(layer.digest))
        entries.append(Entry(f"blobs/sha256/{hex_of(layer.digest)}", "file", 0o644, layer.size, content))
    stream.write_tar(merge(entries), file)


def holds(output: Path, image: Image, store: Store, *, prove: bool = False) -> bool:
    """Tell whether a layout is that of an image, byte for byte; no link below it is followed.

    A layer that is the store's own file is not hashed again, unless `prove` wants it; any other is.
    """
    if output.suffix == ".tar" or output.is_symlink():
        return False
    documents = {f"blobs/sha256/{hex_of(digest)}": data for digest, data in image.documents().items()}
    documents |= {"index.json": layout_index(image), "oci-layout": LAYOUT}
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


def _write_archive(image: Image, blobs: Mapping[str, Path], output: Path) -> None:
    from onedigest.assembler.layout import scratch_beside

    output.parent.mkdir(parents=True, exist_ok=True)
    with scratch_beside(output) as folder:
        new = folder / "archive"
        with new.open("wb") as file:
            write_archive({"index.json": layout_index(image)}, image, blobs, file)
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
