"""Layers of bytecode: which files they have, whose bytecode it is, and that each source is compiled once."""

from __future__ import annotations

import importlib.util
import marshal
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import CodeType

import pytest

from onedigest.assembler.descriptor import Descriptor
from onedigest.bytecode.compiler import Compiler
from onedigest.bytecode.interpreter import Interpreter
from onedigest.definition.files import File, selection_of
from onedigest.definition.spec import Spec
from onedigest.digest import of_bytes, of_file
from onedigest.engines import bytecode_layers
from onedigest.engines.bytecode_layers import make_compiled_layers, wheel_by_wheel
from onedigest.engines.kept_layers import cached_layer, left_out
from onedigest.engines.layers import make_layers
from onedigest.engines.recipe_entries import Materials
from onedigest.lock.model import LockedPackage, Wheel
from onedigest.plan import kinds
from onedigest.plan.layers import Layer
from onedigest.platforms import AMD64, ARM64
from onedigest.store import Store
from wheel_builder import build_wheel

VERSION = ".".join(map(str, sys.version_info[:3]))
MINOR = ".".join(map(str, sys.version_info[:2]))
TAG = sys.implementation.cache_tag
SITE = f"opt/venv/lib/python{MINOR}/site-packages"
INTERPRETER = Interpreter(command=(sys.executable,), variables=(), version=VERSION, origin="this")


class Bench:
    """A store, inputs, and the bytecode that is made of them."""

    def __init__(self, root: Path) -> None:
        self.store = Store(root / "store")
        self.inputs = root / "inputs"
        self.inputs.mkdir(parents=True)

    def wheels(self, files: Mapping[str, Mapping[str, bytes]], tag: str = "py3-none-any") -> Layer:
        """Return the layer of wheels with these files, by their projects."""
        locked = []
        for name, contents in files.items():
            path = build_wheel(self.inputs, name, "1", files=contents, tag=tag)
            wheel = Wheel(name=path.name, digest=of_file(path), size=path.stat().st_size)
            locked.append((LockedPackage(name=name, version="1", wheels=((AMD64, wheel),)), wheel))
        return kinds.wheels(locked, MINOR, AMD64)

    def make(self, *layers: Layer) -> list[Descriptor]:
        found, _ = make_layers(layers, inputs=self.inputs, store=self.store, workers=1, find=lambda: INTERPRETER)
        return [found[each.key()] for each in layers]

    def files(self, layer: Layer) -> dict[str, bytes]:
        """Return the files of a layer, which is made."""
        (descriptor,) = self.make(layer)
        with tarfile.open(self.store.path(descriptor.digest)) as archive:
            members = [each for each in archive if each.isfile()]
            assert {(each.mode, each.mtime) for each in members} <= {(0o644, 315619200)}
            return {each.name: archive.extractfile(each).read() for each in members}  # type: ignore[union-attr]  # a file


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def bytecode(layer: Layer) -> Layer:
    return kinds.layer_bytecode(layer, VERSION)


def code_of(content: bytes) -> CodeType:
    found = marshal.loads(content[16:])
    assert isinstance(found, CodeType)
    return found


def value_of(content: bytes) -> object:
    names: dict[str, object] = {}
    exec(code_of(content), names)
    return names["X"]


def test_bytecode_of_a_wheel_is_beside_its_sources(bench: Bench) -> None:
    source = b"X = 1\n"
    layer = bench.wheels({"one": {"one/__init__.py": source, "one/sub/a.py": b"X = 2", "one/data.txt": b"x"}})
    found = bench.files(bytecode(layer))

    assert sorted(found) == [
        f"{SITE}/one/__pycache__/__init__.{TAG}.pyc", f"{SITE}/one/sub/__pycache__/a.{TAG}.pyc",
    ]  # fmt: skip
    content = found[f"{SITE}/one/__pycache__/__init__.{TAG}.pyc"]
    assert content[:4] == importlib.util.MAGIC_NUMBER
    assert content[4:8] == b"\1\0\0\0"
    assert content[8:16] == importlib.util.source_hash(source)
    assert code_of(content).co_filename == f"/{SITE}/one/__init__.py"


def test_nothing_else_of_a_wheel_is_compiled(bench: Bench) -> None:
    layer = bench.wheels(
        {
            "one": {
                "one/own.py": b"X = 1",
                f"one/__pycache__/own.{TAG}.pyc": b"stale",
                "one/old.pyc": b"bytecode without a source",
                "one-1.data/scripts/tool.py": b"#!python\nX = 1",
                "one-1.data/data/share/x.py": b"X = 1",
                "one-1.data/purelib/pure.py": b"X = 1",
            }
        }
    )

    assert sorted(bench.files(bytecode(layer))) == [
        f"{SITE}/__pycache__/pure.{TAG}.pyc", f"{SITE}/one/__pycache__/own.{TAG}.pyc",
    ]  # fmt: skip


def test_what_does_not_compile_is_left_out_and_noted(bench: Bench) -> None:
    layer = bytecode(bench.wheels({"one": {"one/a.py": b"print 1\n", "one/b.py": b"X = 1", "one/c.py": b"\0"}}))

    assert sorted(bench.files(layer)) == [f"{SITE}/one/__pycache__/b.{TAG}.pyc"]
    assert [(each.path, each.unusual) for each in left_out(layer, bench.store)] == [
        (f"/{SITE}/one/a.py", False), (f"/{SITE}/one/c.py", False),
    ]  # fmt: skip
    assert "Missing parentheses" in left_out(layer, bench.store)[0].reason


def test_layer_of_several_wheels_is_that_of_each_together(bench: Bench) -> None:
    several = bytecode(bench.wheels({"one": {"one/a.py": b"X = 1"}, "two": {"two/a.py": b"X = 2", "two/b.py": b"("}}))
    found = bench.files(several)

    assert sorted(found) == [f"{SITE}/one/__pycache__/a.{TAG}.pyc", f"{SITE}/two/__pycache__/a.{TAG}.pyc"]
    assert [each.path for each in left_out(several, bench.store)] == [f"/{SITE}/two/b.py"]
    assert all(cached_layer(each, bench.store) for each in wheel_by_wheel(several))


def test_wheel_that_is_known_is_not_compiled_for_another_layer(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.make(bytecode(bench.wheels({"one": {"one/a.py": b"X = 1"}})))
    asked = watched(monkeypatch)
    bench.make(bytecode(bench.wheels({"one": {"one/a.py": b"X = 1"}, "two": {"two/a.py": b"X = 2"}})))

    assert asked == [f"/{SITE}/two/a.py"]


def test_wheels_of_two_platforms_are_compiled_once(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    same, own = {"one/a.py": b"X = 1"}, "one/build.py"
    layers = [
        bytecode(bench.wheels({"one": {**same, own: text}}, tag=f"cp3-abi3-{each.machine}"))
        for each, text in ((AMD64, b"X = 2"), (ARM64, b"X = 3"))
    ]
    asked = watched(monkeypatch)
    bench.make(*layers)

    assert sorted(asked) == [f"/{SITE}/one/a.py", f"/{SITE}/one/build.py", f"/{SITE}/one/build.py"]


def watched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the paths that are compiled from now on."""
    asked: list[str] = []
    compile_ = Compiler.compile

    def compile_watched(self: Compiler, path: str, source: bytes, *, checked: bool = False) -> bytes:
        asked.append(path)
        return compile_(self, path, source, checked=checked)

    monkeypatch.setattr(Compiler, "compile", compile_watched)
    return asked


@pytest.mark.parametrize(("winner", "expected"), [(b"X = 2", 2), (b"print 2", None)])
def test_wheel_that_comes_last_has_the_bytecode_of_a_shared_path(
    bench: Bench, winner: bytes, expected: int | None
) -> None:
    """Also where its source has none: that of another wheel must never be run for it."""
    layer = bytecode(bench.wheels({"b-one": {"shared/x.py": winner}, "a-one": {"shared/x.py": b"X = 1"}}))
    found = bench.files(layer)

    assert {path: value_of(content) for path, content in found.items()} == (
        {f"{SITE}/shared/__pycache__/x.{TAG}.pyc": expected} if expected else {}
    )
    assert len(left_out(layer, bench.store)) == (0 if expected else 1)


@pytest.mark.parametrize("winner", [b"X = 2", b"print 2"])
def test_environment_has_the_bytecode_of_what_layers_share(bench: Bench, winner: bytes) -> None:
    below = [bench.wheels({"a-one": {"shared/x.py": b"X = 1"}}), bench.wheels({"b-one": {"shared/x.py": winner}})]
    layer = bytecode(kinds.virtual_environment("/usr/bin/python3", VERSION, below=below, platform=AMD64))
    content = bench.files(layer)[f"{SITE}/shared/__pycache__/x.{TAG}.pyc"]

    assert (value_of(content) if content else None) == (2 if winner == b"X = 2" else None)


def test_python_compiles_the_source_beside_empty_bytecode(tmp_path: Path) -> None:
    """This is what keeps the bytecode of another wheel away: nothing else can be put above it in a layer."""
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "sample.py").write_text("X = 5")
    (tmp_path / "__pycache__" / f"sample.{TAG}.pyc").touch()
    command = [sys.executable, "-B", "-c", "import sample; print(sample.X)"]

    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=True).stdout == b"5\n"


def application(owner: str, *files: tuple[str, bytes]) -> Layer:
    spec = Spec(name="app", script="app.py", entrypoint=(), files=("**",))
    found = [
        File(target=target, digest=of_bytes(content), executable=False, content=content) for target, content in files
    ]
    layer = kinds.application(found, selection_of(spec), root="/app", owner=owner)
    return kinds.application_bytecode(layer, VERSION, "app", checked=owner != kinds.ROOT)


def members(bench: Bench, layer: Layer) -> Iterator[tarfile.TarInfo]:
    (descriptor,) = bench.make(layer)
    with tarfile.open(bench.store.path(descriptor.digest)) as archive:
        yield from archive


def test_bytecode_of_an_application_has_its_owner(bench: Bench) -> None:
    layer = application("5:6", ("lib/tool.py", b"X = 1"), ("/srv/x/other.py", b"X = 2"), ("a.txt", b""))

    assert {each.name: (each.uid, each.gid, each.mode) for each in members(bench, layer)} == {
        "app": (5, 6, 0o755),
        "app/lib": (5, 6, 0o755),
        "app/lib/__pycache__": (5, 6, 0o755),
        f"app/lib/__pycache__/tool.{TAG}.pyc": (5, 6, 0o644),
        "srv": (5, 6, 0o755),
        "srv/x": (5, 6, 0o755),
        "srv/x/__pycache__": (5, 6, 0o755),
        f"srv/x/__pycache__/other.{TAG}.pyc": (5, 6, 0o644),
    }


def test_source_that_hides_one_of_the_base_hides_its_bytecode(bench: Bench) -> None:
    """Also where it does not compile. Below the application's own folder nothing is hidden."""
    layer = application("0:0", ("lib/old.py", b"print 1"), ("/usr/lib/python3/old.py", b"print 1"))

    assert bench.files(layer) == {f"usr/lib/python3/__pycache__/old.{TAG}.pyc": b""}


def test_bytecode_that_the_author_ships_stays(bench: Bench) -> None:
    layer = application("0:0", ("one.py", b"X = 1"), (f"__pycache__/one.{TAG}.pyc", b"own"), ("two.py", b"X = 2"))

    assert list(bench.files(layer)) == [f"app/__pycache__/two.{TAG}.pyc"]


@pytest.mark.parametrize(("owner", "flags"), [("0:0", 1), ("5:6", 3)])
def test_source_that_its_owner_may_change_is_checked(bench: Bench, owner: str, flags: int) -> None:
    (content,) = bench.files(application(owner, ("tool.py", b"X = 1"))).values()

    assert content[4] == flags


def test_layers_do_not_depend_on_the_number_of_workers(tmp_path: Path) -> None:
    found = []
    for workers in (1, 3):
        bench = Bench(tmp_path / str(workers))
        layers = [
            bytecode(bench.wheels({f"p{number}": {f"p{number}/a.py": b"X = {1, 2, 'a', 'b'}\n" * number}}))
            for number in range(5)
        ]
        materials = Materials(inputs=bench.inputs, store=bench.store, prove=False)
        made = make_compiled_layers(layers, materials, INTERPRETER, workers)
        found.append([made[each.key()] for each in layers])

    assert found[0] == found[1]
    assert not bytecode_layers._compilers


def test_layer_is_made_again_where_its_bytes_are_gone(bench: Bench) -> None:
    layer = bytecode(bench.wheels({"one": {"one/a.py": b"X = 1"}}))
    (first,) = bench.make(layer)
    bench.store.path(first.digest).unlink()

    assert bench.make(layer) == [first]


def test_nothing_is_asked_of_an_interpreter_where_all_is_there(bench: Bench) -> None:
    layer = bytecode(bench.wheels({"one": {"one/a.py": b"X = 1"}}))
    (first,) = bench.make(layer)

    def find() -> Interpreter:
        raise AssertionError

    found, made = make_layers([layer], inputs=bench.inputs, store=bench.store, workers=1, find=find)
    assert (found[layer.key()], made) == (first, ())


def test_layer_that_another_process_made_meanwhile_is_taken(bench: Bench) -> None:
    """Two builds at once: it was missing when this one began, and is there once its interpreter was found."""
    layers = [bytecode(bench.wheels({name: {f"{name}/a.py": b"X = 1"}})) for name in ("one", "two")]

    def find() -> Interpreter:
        bench.make(layers[0])
        return INTERPRETER

    found, _ = make_layers(layers, inputs=bench.inputs, store=bench.store, workers=1, find=find)

    assert [found[each.key()] for each in layers] == bench.make(*layers)


def test_stated_project_of_a_wheel_stays_with_it(bench: Bench) -> None:
    """The file name of such a wheel does not say what it is of."""
    layer = bench.wheels({"one": {"one/a.py": b"X = 1"}, "two": {"two/a.py": b"X = 2"}})
    recipe = layer.recipe
    assert recipe
    stated = ("stated", "one-1-py3-none-any.whl=one==1,two-1-py3-none-any.whl=two==1")
    odd = replace(layer, content=replace(recipe, options=(*recipe.options, stated)))

    assert [dict(each.bytecode.of[0].options)["stated"] for each in wheel_by_wheel(bytecode(odd)) if each.bytecode] == [  # type: ignore[union-attr]  # recipes
        "one-1-py3-none-any.whl=one==1", "two-1-py3-none-any.whl=two==1",
    ]  # fmt: skip
