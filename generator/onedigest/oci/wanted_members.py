"""Some members of the layers of an image: each layer is read as far as the last one that is wanted of it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from onedigest.assembler.descriptor import Descriptor
from onedigest.errors import InputError
from onedigest.oci.compression import InflatedStream, most_inflated
from onedigest.oci.media import LAYERS
from onedigest.oci.rootfs import Blob, Member
from onedigest.oci.tar_members import TarMember, read_members


def read_wanted(
    layers: Sequence[tuple[Descriptor, Blob]], wanted: Collection[Member]
) -> Iterator[tuple[Member, TarMember]]:
    """Yield members of layers, in their order; the content of each is there until the next one is asked for.

    Raises `InputError` for a layer that is none.
    """
    for number, (descriptor, blob) in enumerate(layers):
        numbers = {each.number for each in wanted if each.layer == number}
        if numbers:
            yield from ((Member(number, count), each) for count, each in _read(descriptor, blob, numbers))


def _read(descriptor: Descriptor, blob: Blob, numbers: Collection[int]) -> Iterator[tuple[int, TarMember]]:
    last = max(numbers)
    with blob.open("rb") as file:
        stream = InflatedStream(file, LAYERS[descriptor.media_type], most_inflated(descriptor.size))
        try:
            for count, member in enumerate(read_members(stream)):
                if count in numbers:
                    yield count, member
                if count == last:
                    return
        except InputError as error:
            raise InputError.of(f"the layer {descriptor.digest} is {error.problems[0].message}") from None
