"""A varied build makes everything anew, but for what its condition cannot be about."""

from __future__ import annotations

from pathlib import Path

from onedigest.assembler.descriptor import Descriptor
from onedigest.bytecode.sources import LeftOut
from onedigest.digest import of_bytes
from onedigest.engines.kept_layers import add_layer, cached_layer, left_out, lend_layer
from onedigest.engines.variations import list_variations
from onedigest.plan.layers import Bytecode, Layer
from onedigest.store import Store

LIBRARY = Layer(
    holds="bytecode of debian:trixie", name="b", content=Bytecode(python="3.13.5", of=(), library="/usr/lib")
)
ODD = LeftOut("/usr/lib/odd.py", "SyntaxError")


def test_bytecode_is_compiled_anew_under_what_it_could_depend_on() -> None:
    assert [each.name for each in list_variations("/usr/bin/faketime") if each.compiles_all] == [
        "hash seed",
        "directory order",
        "number of processors",
    ]


def test_layer_that_is_lent_counts_in_the_other_store(tmp_path: Path) -> None:
    store, other = Store(tmp_path / "store"), Store(tmp_path / "other", tmp_path / "state" / "key")
    with store.scratch() as folder:
        (folder / "layer").write_bytes(b"x")
        descriptor = Descriptor(digest=of_bytes(b"x"), diff_id=of_bytes(b"y"), size=1)
        add_layer(LIBRARY, folder / "layer", descriptor, store, [ODD])
    lend_layer(LIBRARY, store, other)

    assert cached_layer(LIBRARY, Store(other.root, tmp_path / "state" / "key"), prove=True) == descriptor
    assert left_out(LIBRARY, other) == (ODD,)
    assert cached_layer(LIBRARY, store) == descriptor
    assert cached_layer(LIBRARY, Store(other.root)) is None, "its notes are sealed by a key of its own"


def test_layer_that_is_not_there_is_not_lent(tmp_path: Path) -> None:
    other = Store(tmp_path / "other")
    lend_layer(LIBRARY, Store(tmp_path / "store"), other)

    assert cached_layer(LIBRARY, other) is None
