"""The comparison of two images, by whatever names them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from onedigest.errors import InputError
from onedigest.formats import LOCK_FILE
from onedigest.wording import shown
from onedigest.workspace.context import Context
from onedigest.workspace.images import find_image
from onedigest.workspace.locks import read_lock
from onedigest.workspace.open import OpenImage, is_reference, open_image
from onedigest.workspace.project_image import names_project
from onedigest.workspace.script_image import ScriptImage

if TYPE_CHECKING:
    from onedigest.oci.read import ReadLayer
    from onedigest.workspace.changes import Change, Side, Versions


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """Two images, the older one first, and what differs between them.

    `equal` counts for each platform the layers that are the same, of those of the newer image; `bytes_to_move` are
    those of the newer image's layers that whoever has the older one lacks.
    """

    old: Side
    new: Side
    changes: tuple[Change, ...]
    equal: Mapping[str, tuple[int, int]]
    bytes_to_move: int


def compare_images(context: Context, first: str, second: str = "HEAD") -> Comparison:
    """Compare two images by what names them: an image, a layout, a reference, or for the second a revision of git."""
    from onedigest.workspace.changes import bytes_to_move, compare, equal_layers

    with ExitStack() as stack:
        old, new = _sides(context, first, second, stack)
        return Comparison(
            old=old,
            new=new,
            changes=tuple(compare(old, new)),
            equal=equal_layers(old, new),
            bytes_to_move=bytes_to_move(old, new),
        )


def _sides(context: Context, first: str, second: str, stack: ExitStack) -> tuple[Side, Side]:
    """Return the older side and the newer one."""
    one = _side(context, first, stack)
    other = _side(context, second, stack)
    if one and other:
        return one, other
    if one is None:
        raise InputError.of(
            f"there is no image `{first}`",
            where=shown(context.lockfiles),
            hint="name an image, a layout or a reference HOST/NAME:TAG",
        )
    return _committed(context, first, second), one


def _side(context: Context, what: str, stack: ExitStack) -> Side | None:
    """Return what a name stands for; None for what may be a revision."""
    path = context.path(what)
    if (context.lockfiles / what / LOCK_FILE).is_file() or path.suffix == ".py" or names_project(path):
        return _locked(context, find_image(context, what))
    if path.exists() or is_reference(what, path):
        return _opened(context, stack.enter_context(open_image(context, what)))
    return None


def _locked(context: Context, image: ScriptImage) -> Side:
    from onedigest.definition.files import collect
    from onedigest.plan import record as records
    from onedigest.plan.arrange import arrange
    from onedigest.rules.files import read
    from onedigest.workspace.changes import of_lock

    lock = read_lock(image)
    plan = arrange(image.spec, lock, collect(image.spec, image.script, image.script_folder))
    text = read(image.record_path)
    record = records.loads(text, shown(image.record_path)) if text else None
    if record is None:
        context.said(f"{shown(image.record_path)}: there is no record of a build")
    elif record.plan != plan.digest():
        context.said(f"{shown(image.record_path)} is not of the lock and the script as they are now")
    return of_lock(image.spec.name, lock, record, plan)


def _committed(context: Context, first: str, revision: str) -> Side:
    from onedigest.lock import text as codec
    from onedigest.plan import record as records
    from onedigest.tools.git import read_committed
    from onedigest.workspace.changes import of_lock

    image = find_image(context, first)
    text = read_committed(image.lock_path, revision)
    if text is None:
        raise InputError.of(f"{revision} has no lock of `{image.spec.name}`", where=shown(image.lock_path))
    record = read_committed(image.record_path, revision)
    return of_lock(
        f"{image.spec.name} at {revision}",
        codec.loads(text, f"{revision}:{shown(image.lock_path)}"),
        records.loads(record, f"{revision}:{shown(image.record_path)}") if record else None,
        None,
    )


def _opened(context: Context, opened: OpenImage) -> Side:
    from onedigest.debian.index import installed
    from onedigest.lock.base.probe import EXAMINER, dpkg_status
    from onedigest.oci.rootfs import read_rootfs
    from onedigest.workspace.changes import of_image

    def debian(layers: tuple[ReadLayer, ...]) -> Versions:
        paths = [(layer.descriptor, opened.layer(layer)) for layer in layers]
        found = installed(dpkg_status(read_rootfs(paths, EXAMINER, context.store)))
        return {name: stanza.version for name, stanza in found.items()}

    return of_image(opened.name, opened.image, debian)
