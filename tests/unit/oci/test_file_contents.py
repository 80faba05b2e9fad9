"""The contents of files that layers leave: of the topmost layer that brings them, through hard links, in bounds."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable
from pathlib import Path

import pytest

from onedigest.assembler.descriptor import Descriptor
from onedigest.digest import of_bytes
from onedigest.errors import InputError
from onedigest.lock.base.probe import EXAMINER
from onedigest.oci import file_contents
from onedigest.oci.file_contents import read_contents
from onedigest.oci.rootfs import read_rootfs
from onedigest.store import Store

Member = tuple[str, bytes | str]
"""A path, and its content, or the path that it is a hard link to."""


def put(store: Store, members: Iterable[Member]) -> tuple[Descriptor, Path]:
    """Put a layer into a store."""
    text = io.BytesIO()
    with tarfile.open(fileobj=text, mode="w") as archive:
        for path, content in members:
            member = tarfile.TarInfo(path)
            if isinstance(content, str):
                member.type, member.linkname = tarfile.LNKTYPE, content
            else:
                member.size = len(content)
            archive.addfile(member, io.BytesIO(content) if isinstance(content, bytes) else None)
    tar = text.getvalue()
    digest = store.add(tar)
    descriptor = Descriptor(of_bytes(tar), digest, len(tar), "application/vnd.oci.image.layer.v1.tar")
    return descriptor, store.path(digest)


def read(store: Store, layers: Iterable[list[Member]], *paths: str, most: int = 99) -> dict[str, bytes]:
    return read_contents([put(store, each) for each in layers], paths, most, EXAMINER, store)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def test_the_topmost_layer_that_brings_a_file_counts(store: Store) -> None:
    layers: list[list[Member]] = [[("a", b"1"), ("./b", b"2")], [("/a", b"3"), ("c/../a", b"4")], [("d", b"5")]]

    assert read(store, layers, "a", "b", "gone") == {"a": b"4", "b": b"2"}


def test_a_hard_link_has_the_content_of_its_file_wherever_that_is(store: Store) -> None:
    layer: list[Member] = [("late", "link"), ("file", b"1"), ("link", "./file"), ("other", "gone"), ("loop", "loop")]

    assert read(store, [layer], "late", "link", "other", "loop") == {"late": b"1", "link": b"1"}


def test_chains_of_hard_links_end_somewhere(store: Store) -> None:
    layer: list[Member] = [(f"{number}", f"{number + 1}") for number in range(99)]

    assert read(store, [[*layer, ("99", b"1")]], "0", "97") == {"97": b"1"}


def test_contents_are_bounded_together(store: Store) -> None:
    layer: list[Member] = [("a", b"x" * 60), ("b", b"x" * 60), ("c", b"x" * 200)]

    assert len(read(store, [layer], "a")) == 1
    with pytest.raises(InputError) as raised:
        read(store, [layer[:1], layer[1:2]], "a", "b")
    assert str(raised.value) == "the files that are needed of it are too large"
    with pytest.raises(InputError):
        read(store, [layer], "c")


def test_layers_that_bring_nothing_are_not_read(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    layers = [put(store, [("a", b"1")]), put(store, [("b", b"2")])]
    read_rootfs(layers, EXAMINER, store)  # what they bring is noted
    opened: list[str] = []
    original = file_contents._read_layer

    def read_layer(descriptor: Descriptor, *rest: object) -> dict[str, bytes]:
        opened.append(descriptor.digest)
        return original(descriptor, *rest)  # type: ignore[arg-type]  # handed on as it came

    monkeypatch.setattr(file_contents, "_read_layer", read_layer)

    assert read_contents(layers, ["a"], 99, EXAMINER, store) == {"a": b"1"}
    assert opened == [layers[0][0].digest]
