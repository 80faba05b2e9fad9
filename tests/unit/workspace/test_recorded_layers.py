"""What a record says is believed of layers of downloads alone, and only where a repository has them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from full_case import LOCK, SPEC
from onedigest.assembler.descriptor import Descriptor
from onedigest.definition.files import File
from onedigest.digest import of_bytes
from onedigest.engines.kept_layers import add_layer
from onedigest.from_source.model import Kind
from onedigest.lock.model import Lock
from onedigest.plan.arrange import arrange
from onedigest.plan.layers import Plan
from onedigest.plan.record import Record, RecordedLayer, RecordedPlatform
from onedigest.store import Store
from onedigest.workspace.recorded_layers import find_recorded
from unit.lock.test_built_from import GIT

SCRIPT = File(target="full.py", digest=of_bytes(b"0"), executable=False, content=b"")
MODULE = File(target="lib/tool.py", digest=of_bytes(b"1"), executable=False, content=Path("lib/tool.py"))
COMPILED = replace(SPEC, bytecode=True)


def descriptor(number: int) -> Descriptor:
    content = str(number).encode()
    return Descriptor(digest=of_bytes(content), diff_id=of_bytes(content + b"x"), size=len(content))


def recorded(plan: Plan) -> Record:
    """Return a record whose layers are known by the places that they have."""
    platforms = tuple(
        RecordedPlatform(
            platform=each.platform.oci,
            manifest=of_bytes(b"m"),
            config=of_bytes(b"c"),
            layers=tuple(
                RecordedLayer(holds=layer.holds, encoding=layer.encoding, descriptor=descriptor(number))
                for number, layer in enumerate(each.layers)
            ),
            size=1,
        )
        for each in plan.platforms
    )
    return Record(name="full", plan=plan.digest(), index=of_bytes(b"i"), platforms=platforms)


def all_of_them(blobs: Collection[Descriptor]) -> set[str]:
    return {each.digest for each in blobs}


def taken(plan: Plan, record: Record, lock: Lock, store: Store) -> set[str]:
    found = find_recorded(plan, record, lock, store, all_of_them)
    return {layer.holds for layer in plan.layers() if layer.key() in found}


def test_layers_of_downloads_are_taken_with_their_bytecode(tmp_path: Path) -> None:
    plan = arrange(COMPILED, LOCK, [SCRIPT, MODULE])
    made = {layer.holds for layer in plan.layers()} - taken(plan, recorded(plan), LOCK, Store(tmp_path))

    assert made == {
        "folder /app",
        "working directory /app",
        "full.py and further files in /app",
        "bytecode of full.py and further files in /app",
    }


def test_wheels_that_were_built_are_not_taken(tmp_path: Path) -> None:
    for kind in (Kind.DIRECTORY, Kind.GIT):
        built = replace(GIT, kind=kind)
        packages = tuple(replace(each, origin=built) if each.name == "native" else each for each in LOCK.packages)
        lock = replace(LOCK, packages=packages)
        plan = arrange(COMPILED, lock, [SCRIPT])
        found = taken(plan, recorded(plan), lock, Store(tmp_path))

        assert not any("native 1.0" in each or "virtual environment" in each for each in found)
        assert "bytecode of debian:bookworm" in found


def test_layer_of_the_store_is_not_asked_for(tmp_path: Path) -> None:
    plan, store = arrange(COMPILED, LOCK, [SCRIPT]), Store(tmp_path)
    layer = next(each for each in plan.layers() if each.holds == "bytecode of debian:bookworm")
    for each in [each for each in plan.layers() if each.holds == layer.holds]:
        with store.scratch() as folder:
            (folder / "layer").write_bytes(b"1")
            add_layer(each, folder / "layer", descriptor(1), store)

    assert layer.holds not in taken(plan, recorded(plan), LOCK, store)


def test_row_about_something_else_is_not_believed(tmp_path: Path) -> None:
    plan = arrange(COMPILED, LOCK, [SCRIPT])
    record = recorded(plan)
    first, *others = record.platforms
    swapped = replace(first, layers=(first.layers[1], first.layers[0], *first.layers[2:]))
    found = find_recorded(plan, replace(record, platforms=(swapped, *others)), LOCK, Store(tmp_path), all_of_them)

    assert not {layer.key() for layer in plan.platforms[0].layers[:2]} & found.keys()


def test_nothing_is_taken_that_the_repository_lacks(tmp_path: Path) -> None:
    plan = arrange(COMPILED, LOCK, [SCRIPT])

    assert find_recorded(plan, recorded(plan), LOCK, Store(tmp_path), lambda _: ()) == {}
