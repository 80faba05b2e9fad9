"""What backends need: wheels alone, pinned for every machine that may build, and the same as long as they satisfy."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha512
from pathlib import Path
from typing import Any

import pytest
from packaging.tags import Tag

from index_server import IndexServer
from odd_index import OddIndex
from onedigest.digest import Digest, of_file
from onedigest.errors import InputError
from onedigest.from_source.compatible_wheels import BuildNeed, choose, may_build
from onedigest.from_source.declared_sources import read_declared
from onedigest.from_source.model import BuildRequirement, PinnedFile
from onedigest.from_source.requirements import BuildPins, fetch_requirements, resolve
from onedigest.sources import Sources
from source_trees import sources_in, write_files
from wheel_builder import build_wheel

HERE = [
    Tag("cp312", "cp312", "manylinux_2_28_x86_64"),
    Tag("cp312", "abi3", "manylinux_2_28_x86_64"),
    Tag("py3", "none", "any"),
]
OTHERS = ("cp311-cp311-win_amd64", "cp310-cp310-manylinux_2_17_x86_64", "pp311-pypy311_pp73-manylinux_2_17_x86_64")
BUILDING = ("cp312-cp312-manylinux_2_17_x86_64", "cp313-cp313-macosx_11_0_arm64", "cp314-cp314-musllinux_1_2_aarch64")


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IndexServer]:
    """An index with a backend in two versions, and what it needs."""
    folder = tmp_path_factory.mktemp("index")
    for version in ("1.0", "2.0"):
        build_wheel(folder, "maker", version, requires=["needed"])
    build_wheel(folder, "needed", "1.0")
    for tag in (*OTHERS, *BUILDING):
        build_wheel(folder, "compiled", "1.0", tag=tag)
    with tarfile.open(folder / "bare-1.0.tar.gz", "w:gz") as archive:
        data = b"Metadata-Version: 2.2\nName: bare\nVersion: 1.0\n"
        member = tarfile.TarInfo("bare-1.0/PKG-INFO")
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    server = IndexServer(folder)
    yield server
    server.close()


def need(**settings: Any) -> BuildNeed:
    return BuildNeed(name="core", where="app.py", settings=settings)


def reaching(tmp_path: Path, index: IndexServer, *, store: str = "store", offline: bool = False) -> Sources:
    return sources_in(
        tmp_path, store=store, offline=offline, UV_DEFAULT_INDEX=index.address, UV_CACHE_DIR=str(tmp_path / "uv")
    )


def versions(pins: BuildPins) -> dict[str, str]:
    return {each.name: each.version for each in pins.requires}


@pytest.mark.slow
def test_requirements_are_pinned_with_all_that_they_need_and_stay_while_they_satisfy(
    tmp_path: Path, index: IndexServer
) -> None:
    sources = reaching(tmp_path, index)
    old = resolve(need(), ["maker<2"], (), sources)
    index.requests.clear()

    assert versions(old) == {"maker": "1.0", "needed": "1.0"}
    assert versions(resolve(need(), ["maker"], old.requires, sources)) == versions(old)
    assert index.requests == []
    assert versions(resolve(need(), ["Maker>=2"], old.requires, sources))["maker"] == "2.0"
    assert versions(resolve(need(), ["maker", "compiled"], old.requires, sources))["maker"] == "1.0"
    assert versions(resolve(need(constraints=["maker>1"]), ["maker"], old.requires, sources))["maker"] == "2.0"
    assert versions(resolve(need(dependencies=["compiled"]), ["maker"], (), sources)).keys() == {
        "maker",
        "needed",
        "compiled",
    }


def test_wheels_of_machines_that_may_build_are_pinned_and_no_others(tmp_path: Path, index: IndexServer) -> None:
    pins = resolve(need(), ["compiled"], (), reaching(tmp_path, index))
    files = [
        PinnedFile(name=path.name, digest=of_file(path), size=path.stat().st_size)
        for path in index.folder.glob("compiled*")
        if path.name.endswith(tuple(f"{tag}.whl" for tag in BUILDING))
    ]

    assert pins.requires == (BuildRequirement(name="compiled", version="1.0", wheels=tuple(files)),)


def test_digest_of_another_algorithm_is_checked(tmp_path: Path) -> None:
    folder = tmp_path / "pages"
    build_wheel(folder, "maker", "1.0")
    digests = [sha512((folder / "maker-1.0-py3-none-any.whl").read_bytes()).hexdigest(), "0" * 128]
    index = OddIndex(folder, lambda path: {"hashes": {"sha512": digests[0]}})
    try:
        pins = resolve(need(), ["maker"], (), reaching(tmp_path, index))
        digests.reverse()
        with pytest.raises(InputError) as caught:
            resolve(need(), ["maker"], (), reaching(tmp_path / "other", index, store="other"))
    finally:
        index.close()

    assert pins.requires[0].wheels[0].digest == of_file(folder / "maker-1.0-py3-none-any.whl")
    assert str(caught.value) == (
        "the content of `maker-1.0-py3-none-any.whl` does not have the sha512 that its index states"
    )


def test_wheels_come_by_their_digest_from_where_they_are_now(tmp_path: Path, index: IndexServer) -> None:
    first = reaching(tmp_path, index)
    pins = resolve(need(), ["maker"], (), first)
    names = [path.name for path in fetch_requirements(need(), pins, HERE, first, tmp_path / "one")]
    again = BuildPins(requires=pins.requires)

    assert names == ["maker-2.0-py3-none-any.whl", "needed-1.0-py3-none-any.whl"]
    assert [
        path.name
        for path in fetch_requirements(need(), again, HERE, reaching(tmp_path, index, store="other"), tmp_path / "two")
    ] == names
    assert fetch_requirements(need(), again, HERE, reaching(tmp_path, index, offline=True), tmp_path / "three")


def test_a_wheel_that_no_index_has_any_more_is_named(tmp_path: Path, index: IndexServer) -> None:
    gone = PinnedFile(name="maker-2.0-py2-none-any.whl", digest=Digest(f"sha256:{'0' * 64}"), size=1)
    pins = BuildPins(requires=(BuildRequirement(name="maker", version="2.0", wheels=(gone,)),))
    with pytest.raises(InputError) as error:
        fetch_requirements(need(), pins, [Tag("py2", "none", "any")], reaching(tmp_path, index), tmp_path / "one")

    assert str(error.value) == (
        "app.py: the wheel `maker-2.0-py2-none-any.whl` that `core` was built with is in no index any more\n"
        "hint: generate it again with `--upgrade-package core`"
    )


def test_what_has_no_wheel_is_refused_by_name(tmp_path: Path, index: IndexServer) -> None:
    with pytest.raises(InputError) as error:
        resolve(need(), ["bare"], (), reaching(tmp_path, index))

    message, _, hint = str(error.value).rpartition("\nhint: ")
    assert message.startswith("app.py: the build requirements of `core` cannot be had: no solution found")
    assert "bare==1.0 has no usable wheels" in message
    assert hint == "a build requirement must have a wheel: publish one to an index, or ask for a version that has one"


def test_addresses_and_what_is_no_requirement_are_refused_all_at_once(tmp_path: Path, index: IndexServer) -> None:
    with pytest.raises(InputError) as error:
        resolve(need(), ["maker @ https://me:secret@git.test/x.whl", "a b", "maker"], (), reaching(tmp_path, index))

    assert str(error.value) == (
        "app.py: the build requirement `maker` of `core` is an address\n"
        "hint: state its version, as in `maker==1.0`: only wheels of an index are taken\n"
        "app.py: the build requirement 'a b' of `core` cannot be read"
    )


def test_an_index_of_the_project_counts_for_what_names_it(tmp_path: Path, index: IndexServer) -> None:
    (tmp_path / "empty").mkdir()
    empty = IndexServer(tmp_path / "empty")
    workspace = write_files(
        tmp_path / "workspace",
        {
            "pyproject.toml": f'[tool.uv.workspace]\nmembers = ["core"]\n[[tool.uv.index]]\nname = "own"\n'
            f'url = "{index.address}"\n[tool.uv.sources]\nNeeded = {{ index = "own" }}\n',
            "core/pyproject.toml": "",
        },
    )
    sources = sources_in(
        tmp_path, UV_DEFAULT_INDEX=empty.address, UV_INDEX_OWN_USERNAME="me", UV_INDEX_OWN_PASSWORD="secret"
    )
    asking = replace(need(), declared=read_declared(workspace / "core", workspace))
    pins = resolve(asking, ["needed"], (), sources)
    empty.close()

    assert versions(pins) == {"needed": "1.0"}
    assert [each.name for each in pins.requires[0].wheels] == ["needed-1.0-py3-none-any.whl"]


def test_an_index_may_be_a_folder_of_this_machine(tmp_path: Path, index: IndexServer) -> None:
    settings = {"no-index": True, "find-links": [str(index.folder)]}
    sources = sources_in(tmp_path, offline=True)
    pins = resolve(need(**settings), ["maker"], (), sources)
    tools = fetch_requirements(need(**settings), pins, HERE, sources, tmp_path / "tools")
    again = fetch_requirements(
        need(**settings), BuildPins(requires=pins.requires), HERE, sources_in(tmp_path, store="b"), tmp_path / "c"
    )

    assert versions(pins) == {"maker": "2.0", "needed": "1.0"}
    assert [of_file(path) for path in tools] == [of_file(index.folder / path.name) for path in again]


@pytest.mark.parametrize(
    "row", ['name = ["a"], url = "https://a.invalid"', 'name = "a", url = ["https://a.invalid"]', "name = {}", ""]
)
@pytest.mark.parametrize("source", ['{ index = ["a"] }', "{ index = {} }", "[[], 1]", "1979-01-01"])
def test_odd_values_of_a_strangers_project_name_no_index(tmp_path: Path, row: str, source: str) -> None:
    text = f"[tool.uv]\nindex = [{{ {row} }}, {{ name = 1 }}, 2]\n[tool.uv.sources]\nmaker = {source}\n"
    declared = read_declared(write_files(tmp_path, {"pyproject.toml": text}), tmp_path)

    assert declared.indexes == ()
    assert declared.chosen(["maker"]) == {}


def test_no_index_is_asked_for_what_a_project_has_elsewhere(tmp_path: Path, index: IndexServer) -> None:
    project = write_files(
        tmp_path,
        {
            "pyproject.toml": '[tool.uv.sources]\nmaker = { workspace = true }\nneeded = [{ path = "x", marker = "a" }]\n'
        },
    )
    index.requests.clear()
    with pytest.raises(InputError) as error:
        resolve(
            replace(need(), declared=read_declared(project, project)),
            ["Maker>=1", "needed"],
            (),
            reaching(tmp_path, index),
        )

    hint = "hint: publish a wheel of it to an index, and name that there: `{ index = … }`"
    assert str(error.value) == "\n".join(
        f"app.py: the build requirement `{name}` of `core` is in [tool.uv.sources], which names no index\n{hint}"
        for name in ("Maker", "needed")
    )
    assert index.requests == []


def test_nothing_is_asked_where_nothing_is_needed(tmp_path: Path, index: IndexServer) -> None:
    index.requests.clear()
    assert resolve(need(), [], (), reaching(tmp_path, index)) == BuildPins(requires=())
    assert fetch_requirements(need(), BuildPins(requires=()), HERE, reaching(tmp_path, index), tmp_path / "tools") == []
    assert index.requests == []


def requirement(name: str, version: str, *tags: str) -> BuildRequirement:
    wheels = tuple(
        PinnedFile(name=f"{name}-{version}-{tag}.whl", digest=Digest(f"sha256:{'1' * 64}"), size=1) for tag in tags
    )
    return BuildRequirement(name=name, version=version, wheels=wheels)


def test_a_machine_takes_the_best_wheel_of_each() -> None:
    requires = [
        requirement("a", "1.0", "py3-none-any"),
        requirement("b", "1.0", "cp39-abi3-manylinux_2_28_x86_64", "cp312-abi3-manylinux_2_28_x86_64", *BUILDING),
        requirement("mac", "1.0", "cp312-cp312-macosx_11_0_arm64"),
        requirement("both", "1.0", "cp312-cp312-macosx_11_0_arm64"),
        requirement("both", "2.0", "cp312-cp312-manylinux_2_28_x86_64"),
    ]

    assert [wheel.name for wheel in choose(need(), requires, HERE)] == [
        "a-1.0-py3-none-any.whl",
        "b-1.0-cp312-abi3-manylinux_2_28_x86_64.whl",
        "both-2.0-cp312-cp312-manylinux_2_28_x86_64.whl",
    ]


def test_a_requirement_without_a_wheel_for_this_python_is_named() -> None:
    with pytest.raises(InputError) as error:
        choose(need(), [requirement("b", "1.0", "cp311-cp311-manylinux_2_28_x86_64")], HERE)

    assert str(error.value) == (
        "app.py: the build requirement `b` 1.0 of `core` has no wheel for the Python that builds here"
        " (cp312, manylinux_2_28_x86_64)\n"
        "hint: run onedigest with another version of CPython"
    )


@pytest.mark.parametrize(
    ("tag", "is_taken"),
    [
        ("py2.py3-none-any", True),
        ("py3-none-manylinux2014_x86_64", True),
        ("cp39-abi3-musllinux_1_2_aarch64", True),
        ("cp311-cp311-macosx_10_9_universal2", True),
        ("cp315-cp315-manylinux_2_28_x86_64", True),
        ("cp311-none-macosx_11_0_arm64", True),
        ("py2-none-any", False),
        ("cp310-cp310-manylinux_2_28_x86_64", False),
        ("cp313-cp313t-manylinux_2_28_x86_64", False),
        ("cp312-cp312-win_amd64", False),
        ("cp312-cp312-manylinux_2_28_s390x", False),
        ("cp312-cp312-musllinux_1_2_armv7l", False),
    ],
)
def test_tags_tell_which_wheel_may_build(tag: str, *, is_taken: bool) -> None:
    assert may_build(f"a-1.0-{tag}.whl") == is_taken
