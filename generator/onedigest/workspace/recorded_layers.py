"""The layers of a recorded image that its repository has, which a push of exactly that image need not make.

What a record says is believed of a layer that is made of downloads alone, and that the repository which is pushed to
has under the recorded digest. Whoever could put it there may also give any tag of that repository to any image. All
other layers are made: those of files of the checkout, and those that need no download. What the store has is hashed.
The image of all of them must be the recorded one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import TYPE_CHECKING

from onedigest.assembler.descriptor import Descriptor
from onedigest.digest import Digest

if TYPE_CHECKING:
    from onedigest.lock.model import Lock
    from onedigest.plan.layers import Layer, Plan
    from onedigest.plan.record import Record
    from onedigest.store import Store

HasBlobs = Callable[[Collection[Descriptor]], Collection[str]]
"""Returns the digests of those blobs that a repository has."""


def find_recorded(plan: Plan, record: Record, lock: Lock, store: Store, has: HasBlobs) -> dict[Digest, Descriptor]:
    """Return by their keys the layers of a plan that are not in the store, and that a repository has as recorded."""
    from onedigest.engines.kept_layers import cached_layer

    stated = {
        layer.key(): descriptor
        for layer, descriptor in _stated(plan, record)
        if _is_of_downloads(layer, lock) and not cached_layer(layer, store)
    }
    there = frozenset(has(tuple(stated.values()))) if stated else frozenset()
    return {key: descriptor for key, descriptor in stated.items() if descriptor.digest in there}


def _stated(plan: Plan, record: Record) -> Iterator[tuple[Layer, Descriptor]]:
    """Yield the layers of a plan with what a record says of them, where it is about the same ones."""
    recorded = {each.platform: each.layers for each in record.platforms}
    for planned in plan.platforms:
        rows = recorded.get(planned.platform.oci, ())
        for layer, row in zip(planned.layers, rows, strict=False):
            if (row.holds, row.encoding) == (layer.holds, layer.encoding):
                yield layer, row.descriptor


def _is_of_downloads(layer: Layer, lock: Lock) -> bool:
    """Tell whether a layer is made of inputs that are fetched, and of nothing that this machine has or built."""
    built = {wheel.name for package in lock.packages if package.origin for _, wheel in package.wheels}
    downloads = layer.inputs or (layer.bytecode and layer.base_layers)
    return bool(downloads) and not layer.files and not any(each.name in built for each in layer.inputs)
