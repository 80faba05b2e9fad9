"""What the store keeps of layers: what a stranger compiled is for images above that stranger's base alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from onedigest.assembler.descriptor import Descriptor
from onedigest.bytecode.sources import LeftOut
from onedigest.digest import of_bytes, of_file
from onedigest.engines.kept_layers import add_layer, cached_layer, left_out, lend_layer
from onedigest.plan.layers import Bytecode, Layer, Recipe
from onedigest.store import Store

WHEELS = Recipe(command="wheels")


def bytecode(base: str) -> Layer:
    """Return the bytecode of the same wheels above some base, or above Debian's packages."""
    digest = of_bytes(base.encode()) if base else ""
    return Layer(holds="bytecode", name="bytecode", content=Bytecode(python="3.13.5", of=(WHEELS,), base=digest))


def keep(store: Store, layer: Layer, text: bytes, *, stranger: bool, without: str = "") -> Descriptor:
    with store.scratch() as folder:
        file = folder / "layer"
        file.write_bytes(text)
        descriptor = Descriptor(of_bytes(text), of_file(file), len(text), "application/vnd.oci.image.layer.v1.tar+gzip")
        add_layer(layer, file, descriptor, store, [LeftOut(without, "no syntax")] if without else [], stranger=stranger)
    return replace(descriptor, media_type="")


def known(store: Store, *bases: str) -> list[str]:
    found = (cached_layer(bytecode(base), store) for base in bases)
    return [each.digest if each else "" for each in found]


def test_what_a_stranger_compiled_is_for_images_above_its_base_alone(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert len({bytecode(base).key() for base in ("", "evil", "good")}) == 1

    evil = keep(store, bytecode("evil"), b"evil", stranger=True, without="/a.py")

    assert known(store, "", "good", "evil") == ["", "", evil.digest]
    assert [left_out(bytecode(base), store) for base in ("good", "evil")] == [(), (LeftOut("/a.py", "no syntax"),)]


def test_what_others_compiled_is_for_all_images(tmp_path: Path) -> None:
    store = Store(tmp_path)
    evil = keep(store, bytecode("evil"), b"evil", stranger=True, without="/a.py")
    own = keep(store, bytecode("good"), b"own", stranger=False)

    assert known(store, "", "good", "evil") == [own.digest] * 3
    assert left_out(bytecode("evil"), store) == ()
    store.path(own.digest).unlink()
    assert known(store, "", "good", "evil") == ["", "", evil.digest]
    assert left_out(bytecode("evil"), store) == (LeftOut("/a.py", "no syntax"),)


def test_what_is_lent_is_known_to_the_same_images(tmp_path: Path) -> None:
    store, other = Store(tmp_path / "a"), Store(tmp_path / "b")
    evil = keep(store, bytecode("evil"), b"evil", stranger=True, without="/a.py")

    for base in ("good", "evil"):
        lend_layer(bytecode(base), store, other)

    assert known(other, "", "good", "evil") == ["", "", evil.digest]
    assert left_out(bytecode("evil"), other) == (LeftOut("/a.py", "no syntax"),)
