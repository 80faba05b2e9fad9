"""What BuildKit built is held against the plan, layer by layer."""

from __future__ import annotations

from pathlib import Path

import pytest

from base_images import make_tar
from onedigest.assembler.descriptor import Descriptor
from onedigest.digest import of_bytes
from onedigest.engines.buildx import _layers
from onedigest.oci.buildkit_export import ExportedPlatform
from onedigest.plan import kinds
from onedigest.plan.layers import PlatformPlan
from onedigest.platforms import AMD64
from onedigest.store import Store


@pytest.mark.parametrize("commands", [True, False])
def test_base_is_compared_unless_buildkit_writes_one_time_into_it(tmp_path: Path, commands: bool) -> None:
    store, tar, other = Store(tmp_path / "store"), make_tar({"x": b"1"}), tmp_path / "other"
    descriptor = Descriptor(digest=store.add(tar), size=len(tar), diff_id=of_bytes(tar), media_type="tar")
    base = kinds.base_layer("example.org/base:1", 1, 1, descriptor, AMD64)
    run = [kinds.command(1, "touch /y", of_bytes(tar))] if commands else []
    other.write_bytes(make_tar({"x": b"2"}))
    exported = ExportedPlatform(config={}, layers=tuple((of_bytes(b"other"), other) for _ in [base, *run]))
    plan = PlatformPlan(platform=AMD64, layers=(base, *run), config=b"{}")

    found = _layers(plan, {base.key(): descriptor}, exported, store)

    assert bool(found) != commands
