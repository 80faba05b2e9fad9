"""Python files without bytecode are told once, and warned of where they are likely to be imported."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from onedigest.assembler.descriptor import Descriptor
from onedigest.bytecode.sources import LeftOut
from onedigest.definition.script import parse
from onedigest.definition.spec import Spec
from onedigest.digest import of_bytes
from onedigest.engines.kept_layers import add_layer
from onedigest.errors import Problem
from onedigest.plan.layers import Bytecode, Layer, Plan, PlatformPlan
from onedigest.platforms import AMD64, ARM64
from onedigest.store import Store
from onedigest.workspace.context import Context
from onedigest.workspace.events import Events
from onedigest.workspace.machine import Machine
from onedigest.workspace.results import UncompiledFile
from onedigest.workspace.script_image import ScriptImage
from onedigest.workspace.uncompiled import tell_uncompiled

TEMPLATE = LeftOut("/opt/venv/lib/python3.13/site-packages/a/template.py", "invalid syntax")
OLD = LeftOut("/opt/venv/lib/python3.13/site-packages/a/old.py", "Missing parentheses in call to 'print'")
LARGE = LeftOut("/opt/venv/lib/python3.13/site-packages/a/data.py", "it has more than 8 MiB", unusual=True)
CRASH = LeftOut("/opt/venv/lib/python3.13/site-packages/b/deep.py", "the compiler crashed", unusual=True)


class Told(Events):
    """Keeps what is told."""

    def __init__(self) -> None:
        self.details: list[str] = []

    def detailed(self, text: str) -> None:
        self.details.append(text)


def layer(store: Store, number: int, left_out: Sequence[LeftOut] | None) -> Layer:
    """Return a layer of bytecode that the store has, unless it is told nothing of it."""
    made = Layer(holds="bytecode of a 1", name="b", content=Bytecode(python=f"3.13.{number}", of=()))
    if left_out is not None:
        with store.scratch() as folder:
            (folder / "layer").write_bytes(b"x")
            descriptor = Descriptor(digest=of_bytes(b"x"), diff_id=of_bytes(b"y"), size=1)
            add_layer(made, folder / "layer", descriptor, store, left_out)
    return made


def test_each_file_is_told_once_with_its_reason(tmp_path: Path) -> None:
    told, warned = Told(), list[Problem]()
    context = Context(Machine.from_environment({"XDG_CACHE_HOME": str(tmp_path), "HOME": str(tmp_path)}), told)
    both, one = layer(context.store, 1, [TEMPLATE, LARGE]), layer(context.store, 2, [CRASH, OLD, TEMPLATE])
    elsewhere, plain = layer(context.store, 3, None), layer(context.store, 4, [])
    plan = Plan(
        name="app",
        platforms=(
            PlatformPlan(platform=AMD64, layers=(both, one, elsewhere), config=b"{}"),
            PlatformPlan(platform=ARM64, layers=(both, plain), config=b"{}"),
        ),
    )
    script = parse(b"# /// script\n# dependencies = []\n# ///\n", "app.py")
    spec = Spec(name="app", script="app.py", entrypoint=())
    image = ScriptImage(script=script, spec=spec, script_folder=tmp_path, folder=tmp_path, warn=warned.append)

    found = tell_uncompiled(context, image, plan)

    assert told.details == [f"  no bytecode: {each.path}: {each.reason}" for each in (OLD, TEMPLATE)]
    assert [str(each) for each in warned] == [
        f"app.py: {each.path} has no bytecode, and is compiled at every start: {each.reason}" for each in (LARGE, CRASH)
    ]
    assert found == tuple(UncompiledFile(path=each.path, reason=each.reason) for each in (LARGE, OLD, TEMPLATE, CRASH))
