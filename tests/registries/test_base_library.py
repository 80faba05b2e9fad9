"""The standard library of base images, from the lock to the layer of its bytecode: real ones, and all that a lock does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from base_images import MACHINES, Made, debian_base, put_image, python_files
from conftest import Project
from image_layers import File, folder, store_layers
from onedigest.bytecode.library import library_of_image
from onedigest.bytecode_path import bytecode_path
from onedigest.header import add_header
from onedigest.lock import text
from onedigest.lock.base.image import ImageBase
from onedigest.lock.base.probe import EXAMINER, list_pythons
from onedigest.lock.base.standard_library import find_uncompiled_library
from onedigest.oci.read import read_image
from onedigest.oci.rootfs import read_rootfs
from onedigest.store import Store, link
from registry_server import Served, serve_registry

pytestmark = pytest.mark.network

LIBRARY = "usr/local/lib/python3.12"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve_registry(tmp_path_factory.mktemp("registry")) as registry:
        yield registry


def test_library_of_a_real_base_and_of_one_above_it(project: Project, tmp_path: Path) -> None:
    """Debian's Python as its packages have it; above it somebody ran a program as the superuser, and added a module."""
    layout = debian_base(project)
    store = Store(tmp_path / "store")
    layers = tuple(each.descriptor for each in read_image(layout).platforms[0].layers)
    for each in layers:
        path = store.path(each.digest)
        path.parent.mkdir(parents=True, exist_ok=True)
        link(layout / "blobs" / "sha256" / path.name, path)
    root = read_rootfs([(each, store.path(each.digest)) for each in layers], EXAMINER, store)
    (python,) = list_pythons(root, "/usr/bin")

    library = find_uncompiled_library(root, python.path, python.version)
    assert (library, python.version) == ("/usr/lib/python3.11", "3.11.2")
    found = library_of_image(layers, library, python.version, store)
    paths = [each.path for each in found.sources]
    assert 500 < len(paths) < 600
    assert {"usr/lib/python3.11/os.py", "usr/lib/python3.11/json/decoder.py"} <= set(paths)
    assert paths == sorted(paths)
    assert not [path for path in paths if "/test/" in path or "-packages/" in path or path.endswith("sitecustomize.py")]
    texts = {each.path: each.read for each in found.sources}
    assert b"\ndef makedirs(" in texts["usr/lib/python3.11/os.py"]()
    assert {(each.mode, each.uid, each.gid) for each in found.folders.values()} == {(0o755, 0, 0)}

    run = ("usr/lib/python3.11/os.py", "usr/lib/python3.11/json/decoder.py")
    above = [
        folder("usr/lib/python3.11/__pycache__"),
        *(File(bytecode_path(path, python.version), b"") for path in run),
        File("usr/lib/python3.11/added.py", b"added"),
    ]
    later = library_of_image((*layers, *store_layers(store, above)), library, python.version, store)
    assert sorted({each.path for each in later.sources} ^ set(paths)) == sorted((*run, "usr/lib/python3.11/added.py"))


def base_of(project: Project) -> ImageBase:
    found = text.loads(project.read("lockfiles/app/pylock.toml"), "").base
    assert isinstance(found, ImageBase)
    return found


def use(project: Project, base: str, *lines: str) -> None:
    project.script("app.py", 'requires-python = ">=3.11"', "[tool.onedigest]", f'base = "{base}"', *lines)


def test_lock_states_the_library_of_each_platform(served: Served, project: Project) -> None:
    """Of one the bytecode is there, as where each was built by itself; what is asked for moves nothing of that."""
    compiled = {f"{LIBRARY}/os.py": b"", f"{LIBRARY}/__pycache__/os.cpython-312.pyc": b""}
    made = {each: Made([{**python_files(each), f"{LIBRARY}/os.py": b""}]) for each in MACHINES}
    made["linux/arm64"] = Made([python_files("linux/arm64"), compiled])
    put_image(served.host, "library/two", "3", made)
    for lines in ((), ("bytecode = false", 'workdir = "/work"', 'user = "7:7"')):
        use(project, f"{served.host}/library/two:3", *lines)
        project.ok("generate", "app.py")

        assert [each.uncompiled_library for each in base_of(project).images] == [f"/{LIBRARY}", ""]


def test_lock_of_before_is_good_until_its_base_is_looked_at_again(served: Served, project: Project) -> None:
    made = {each: Made([{**python_files(each), f"{LIBRARY}/os.py": b""}]) for each in MACHINES}
    put_image(served.host, "library/old", "3", made)
    use(project, f"{served.host}/library/old:3", "bytecode = false")
    project.ok("generate", "app.py")
    new = project.read("lockfiles/app/pylock.toml")
    old = add_header("app.py", "".join(f"{line}\n" for line in new.splitlines()[2:] if "uncompiled-" not in line))
    assert new.count("uncompiled-library") == 2

    project.write("lockfiles/app/pylock.toml", old)
    project.ok("generate", "--check", "app.py")
    project.ok("build", "app.py")
    project.ok("generate", "app.py")
    assert project.read("lockfiles/app/pylock.toml") == old
    for argument in ("--upgrade", "--upgrade-base"):
        project.write("lockfiles/app/pylock.toml", old)
        project.ok("generate", argument, "app.py")
        assert project.read("lockfiles/app/pylock.toml") == new, argument


def test_lock_that_names_another_library_is_refused(served: Served, project: Project) -> None:
    made = {each: Made([{**python_files(each), f"{LIBRARY}/os.py": b""}]) for each in MACHINES}
    put_image(served.host, "library/forged", "3", made)
    use(project, f"{served.host}/library/forged:3", "bytecode = false")
    project.ok("generate", "app.py")
    lines = project.read("lockfiles/app/pylock.toml").replace(f'"/{LIBRARY}"', '"/etc"').splitlines()[2:]
    project.write("lockfiles/app/pylock.toml", add_header("app.py", "".join(f"{line}\n" for line in lines)))
    result = project.run("build", "--locked", "app.py")

    said = (
        f"error: the base {served.host}/library/forged:3: linux/amd64: the standard library in the lock is not its own"
    )
    assert (result.code, said in result.err.replace("lockfiles/app/pylock.toml: ", "")) == (1, True), result.err
