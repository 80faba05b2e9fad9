"""Bytecode is the same bytes, whoever compiles it, how many do, and in whichever order."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from conftest import ROOT, machine_environment
from onedigest.assembler.descriptor import Descriptor
from onedigest.assembler.entry import file_entry
from onedigest.bytecode.bases_python import bases_python
from onedigest.bytecode.choose import installed
from onedigest.bytecode.compiler import Compiler
from onedigest.bytecode.interpreter import Interpreter
from onedigest.bytecode.layer import Compilation, bytecode_layer
from onedigest.bytecode.sources import source_of
from onedigest.digest import of_file
from onedigest.engines.bytecode_layers import make_compiled_layers
from onedigest.engines.recipe_entries import Materials
from onedigest.lock import text as lock_text
from onedigest.lock.model import LockedPackage, Wheel
from onedigest.oci import libdeflate
from onedigest.plan import kinds
from onedigest.platforms import AMD64
from onedigest.store import Store
from onedigest.tools.python_identity import read_version
from pythons import interpreters
from wheel_builder import build_wheel

pytestmark = pytest.mark.network

MODULES = ("_strptime", "ast", "calendar", "enum", "fractions", "locale", "signal", "tempfile", "textwrap", "uuid")
"""Modules of the standard library with constants of every kind: sets, tuples, big numbers, names that repeat."""

Sources = Mapping[str, bytes]


@pytest.fixture(scope="module")
def sources(arm64_root: Path) -> dict[str, bytes]:
    """Sources that every Python from 3.11 on compiles, by their paths in an image."""
    library = arm64_root / "usr" / "lib" / "python3.11"
    return {f"opt/one/{name}.py": (library / f"{name}.py").read_bytes() for name in MODULES}


def ours(**variables: str) -> Interpreter:
    return installed(sys.executable, sys.version.split()[0], variables, "the running")


def seeded(seed: str) -> Interpreter:
    one = ours()
    return Interpreter(
        command=one.command, variables=(*one.variables, ("PYTHONHASHSEED", seed)), version=one.version, origin=seed
    )


def made(interpreter: Interpreter, sources: Iterable[tuple[str, bytes]]) -> Descriptor:
    """Return the layer of what an interpreter compiles, one source after the other."""
    with Compiler(interpreter) as compiler:
        compilation = Compilation(compiler=compiler, python=interpreter.version)
        found, without = compilation.compile(
            source_of(file_entry(path, data, executable=False, origin="")) for path, data in sources
        )
    assert without == []
    return libdeflate.write(bytecode_layer(found), io.BytesIO())


def test_hash_seed_and_order_of_sources_move_no_byte(sources: Sources) -> None:
    """An object that something else holds, too, is marked in what `marshal` writes: what was compiled before counts."""
    forward = list(sources.items())
    expected = made(seeded("0"), forward)

    assert made(seeded("0"), reversed(forward)) == expected
    assert made(seeded("7"), forward[5:] + forward[:5]) == expected
    assert made(seeded("random"), forward[::2] + forward[1::2]) == expected


@pytest.mark.parametrize("python", interpreters())
def test_python_that_asks_the_compiler_moves_no_byte(python: str, sources: Sources, tmp_path: Path) -> None:
    """It puts the layer together, and may be another than the one that compiles."""
    for path, data in sources.items():
        (tmp_path / path.rpartition("/")[2]).write_bytes(data)
    code = (
        "import sys; from pathlib import Path; sys.path.insert(0, 'generator')\n"
        "from onedigest.assembler.entry import file_entry\n"
        "from onedigest.bytecode.compiler import Compiler; from onedigest.bytecode.interpreter import Interpreter\n"
        "from onedigest.bytecode.layer import Compilation, bytecode_layer\n"
        "from onedigest.bytecode.sources import source_of; from onedigest.assembler.stream import write_tar\n"
        "program, version, folder = sys.argv[1:]\n"
        "entries = [file_entry(f'opt/one/{path.name}', path.read_bytes(), executable=False, origin='')\n"
        "           for path in Path(folder).glob('*.py')]\n"
        "with Compiler(Interpreter(command=(program,), variables=(), version=version, origin='')) as compiler:\n"
        "    found, _ = Compilation(compiler=compiler, python=version).compile(map(source_of, entries))\n"
        "print(write_tar(bytecode_layer(found))[0])\n"
    )
    words = [sys.executable, ours().version, str(tmp_path)]
    done = subprocess.run([python, "-I", "-c", code, *words], cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == made(ours(), sources.items()).diff_id


def test_number_of_processes_and_order_of_wheels_move_no_byte(sources: Sources, tmp_path: Path) -> None:
    found = []
    for processes, step in ((1, 1), (8, -1)):
        store, inputs = Store(tmp_path / f"store{processes}"), tmp_path / f"inputs{processes}"
        inputs.mkdir()
        locked = []
        for number, (path, data) in enumerate(sources.items()):
            name = f"p{number}"
            wheel = build_wheel(inputs, name, "1", files={f"{name}/{path.rpartition('/')[2]}": data})
            pinned = Wheel(name=wheel.name, digest=of_file(wheel), size=wheel.stat().st_size)
            locked.append((LockedPackage(name=name, version="1", wheels=((AMD64, pinned),)), pinned))
        minor = ours().version.rpartition(".")[0]
        layers = [kinds.layer_bytecode(kinds.wheels([each], minor, AMD64), ours().version) for each in locked[::step]]
        materials = Materials(inputs=inputs, store=store, prove=False)
        layers_made = make_compiled_layers(layers, materials, ours(), processes)
        found.append([layers_made[each.key()] for each in layers[::step]])

    assert found[0] == found[1]


@pytest.mark.emulation
def test_who_compiles_moves_no_byte_where_the_version_is_the_same(
    arm64_root: Path, cache: Path, sources: Sources
) -> None:
    """The base's own out of its packages, the one of arm64, and those of this machine that have its version."""
    lock = lock_text.loads((arm64_root.parent / "project/lockfiles/tiny/pylock.toml").read_text(), "pylock.toml")
    version = lock.base.python
    key = cache / "state" / "onedigest" / "key"
    own = bases_python(lock.base, lock.platforms, Store(cache / "onedigest", key), lambda _: None)
    emulated = Interpreter(
        command=("qemu-aarch64-static", "-L", str(arm64_root), str(arm64_root / "usr/bin/python3.11")),
        variables=(("PATH", machine_environment(cache, cache)["PATH"]),),
        version=version,
        origin="that of arm64",
    )
    here = [installed(each, version, {}, each) for each in ("/usr/bin/python3", *interpreters()) if has(each, version)]
    expected = made(own, sources.items())

    assert [each.origin for each in (emulated, *here) if made(each, sources.items()) != expected] == []


def has(python: str, version: str) -> bool:
    """Tell whether a Python is there and is of a version."""
    try:
        return read_version([python], {}) == version
    except ValueError:
        return False
