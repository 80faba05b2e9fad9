"""The standard library in images as they are really built: where it is, and which sources have no bytecode."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from full_case import LOCK
from golden import expected_files
from image_layers import File, folder, rootfs_of, store_layers
from onedigest.lock import text as lock_text
from onedigest.lock.base import standard_library
from onedigest.lock.base.image import ImageBase, read_image_base
from onedigest.lock.base.proof import other_files
from onedigest.lock.base.standard_library import find_library, find_uncompiled_library, uncompiled_sources
from onedigest.lock.model import Lock
from onedigest.lock.table import InvalidValue, Table
from onedigest.oci.rootfs import Rootfs, Row
from onedigest.store import Store

IMAGE: Lock = lock_text.loads(expected_files("image")["pylock.toml"], "pylock.toml")
SLIM = "usr/local/lib/python3.13"
NAMES = ("os", "re/__init__", "json/decoder")


def files(library: str, *names: str, tag: str = "cpython-313") -> list[Row]:
    """Return the sources of a library, those with bytecode ending in `+`."""
    rows: list[Row] = []
    for name in names:
        path, plus, _ = f"{library}/{name}".partition("+")
        rows.append([f"{path}.py", "file", 0o644, 0, "", None])
        if plus:
            above, _, stem = path.rpartition("/")
            rows.append([f"{above}/__pycache__/{stem}.{tag}.pyc", "file", 0o644, 0, "", None])
    return rows


def link(path: str, target: str) -> Row:
    return [path, "link", 0o777, 0, target, None]


def other(path: str, kind: str) -> Row:
    return [path, kind, 0o644, 0, "", None]


def compiled(library: str) -> list[Row]:
    return files(library, *(f"{name}+" for name in NAMES))


def removed(library: str, *names: str) -> list[Row]:
    """Return what `find -name '*.pyc' -delete` leaves in a layer."""
    return [other(f"{library}/{name}", "whiteout") for name in names]


ALL = [f"{name}.py" for name in ("json/decoder", "os", "re/__init__")]

IMAGES = {
    # docker's own images remove all bytecode of /usr/local
    "slim": ([files(SLIM, *NAMES)], "/usr/local/bin/python3.13", f"/{SLIM}", ALL),
    # RPMs ship it, that of two optimizations as hard links
    "fedora": (
        [
            [
                link("lib64", "usr/lib64"),
                other("usr/lib/python3.13/site-packages/a.py", "file"),
                *compiled("usr/lib64/python3.13"),
                ["usr/lib64/python3.13/abc.py", "file", 0o644, 0, "", None],
                ["usr/lib64/python3.13/__pycache__/abc.cpython-313.opt-1.pyc", "file", 0o644, 0, "", None],
                [
                    "usr/lib64/python3.13/__pycache__/abc.cpython-313.pyc", "hardlink", 0o644, 0,
                    "usr/lib64/python3.13/__pycache__/abc.cpython-313.opt-1.pyc", None,
                ],
            ]
        ],
        "/usr/bin/python3.13", "/usr/lib64/python3.13", [],
    ),
    # conda has it, and a link to the folder by another name; a layer above removes it
    "conda": (
        [
            [*compiled("opt/conda/lib/python3.13"), link("opt/conda/lib/python3.1", "python3.13")],
            removed("opt/conda/lib/python3.13", "__pycache__", "re/__pycache__/__init__.cpython-313.pyc"),
        ],
        "/opt/conda/bin/python3.13", "/opt/conda/lib/python3.13", ["os.py", "re/__init__.py"],
    ),
    # packages of Debian compile it when they are installed, also what is a link out of it
    "debian": (
        [
            [
                link("lib", "usr/lib"),
                *compiled("usr/lib/python3.13"),
                link("usr/lib/python3.13/sitecustomize.py", "/etc/python3.13/sitecustomize.py"),
                other("etc/python3.13/sitecustomize.py", "file"),
            ]
        ],
        "/usr/bin/python3.13", "/usr/lib/python3.13", [],
    ),
    # uv brings Pythons without any, in folders that say their version
    "uv": (
        [
            [
                *files("opt/python/cpython-3.13.5-linux-x86_64-gnu/lib/python3.13", *NAMES),
                link("opt/python/cpython-3.13-linux-x86_64-gnu", "cpython-3.13.5-linux-x86_64-gnu"),
            ]
        ],
        "/opt/python/cpython-3.13.5-linux-x86_64-gnu/bin/python3.13",
        "/opt/python/cpython-3.13.5-linux-x86_64-gnu/lib/python3.13", ALL,
    ),
    # `RUN pip install` as the superuser compiles what pip imports
    "derived": (
        [files(SLIM, *NAMES), [other(f"{SLIM}/__pycache__/os.cpython-313.pyc", "file")]],
        "/usr/local/bin/python3.13", f"/{SLIM}", ["json/decoder.py", "re/__init__.py"],
    ),
    # a patched source above bytecode of the text before
    "patched": (
        [compiled(SLIM), files(SLIM, "json/decoder")],
        "/usr/local/bin/python3.13", f"/{SLIM}", ["json/decoder.py"],
    ),
    "patched and compiled": ([compiled(SLIM), files(SLIM, "os+")], "/usr/local/bin/python3.13", f"/{SLIM}", []),
    # a folder of bytecode that was removed and made again in one command
    "opaque": (
        [compiled(SLIM), [other(f"{SLIM}/__pycache__", "opaque"), other(f"{SLIM}/__pycache__/x.cpython-313.pyc", "file")]],
        "/usr/local/bin/python3.13", f"/{SLIM}", ["os.py"],
    ),
    # `lib64` is a link to `lib`
    "arch": (
        [[link("usr/lib64", "lib"), *files("usr/lib/python3.13", "os")]],
        "/usr/bin/python3.13", "/usr/lib/python3.13", ["os.py"],
    ),
    "nix": (
        [compiled("nix/store/0c-python3-3.13.5/lib/python3.13")],
        "/nix/store/0c-python3-3.13.5/bin/python3.13", "/nix/store/0c-python3-3.13.5/lib/python3.13", [],
    ),
    # the folder itself is a link, as /usr/local on a volume of its own is
    "linked": (
        [[link(SLIM, "../../../opt/py/stdlib"), *files("opt/py/stdlib", "os")]],
        "/usr/local/bin/python3.13", "/opt/py/stdlib", ["os.py"],
    ),
    "other version's": (
        [files(SLIM, "os+", tag="cpython-312")], "/usr/local/bin/python3.13", f"/{SLIM}", ["os.py"],
    ),
    "optimized alone": (
        [files(SLIM, "os+", tag="cpython-313.opt-1")], "/usr/local/bin/python3.13", f"/{SLIM}", ["os.py"],
    ),
    "top": ([files("lib/python3.13", "os")], "/bin/python3.13", "/lib/python3.13", ["os.py"]),
}  # fmt: skip


@pytest.mark.parametrize(("layers", "interpreter", "library", "expected"), IMAGES.values(), ids=IMAGES)
def test_library_of_images_as_they_are_built(
    layers: list[list[Row]], interpreter: str, library: str, expected: list[str]
) -> None:
    root = Rootfs(layers)

    assert find_library(root, interpreter, "3.13.5") == library
    found = sorted(uncompiled_sources(root, library, "3.13.5"))
    assert [each.removeprefix(f"{library[1:]}/") for each in found] == expected
    assert find_uncompiled_library(root, interpreter, "3.13.5") == (library if expected else "")


@pytest.mark.parametrize(
    "rows",
    [
        [],
        files(SLIM, "re/__init__"),
        files("usr/local/lib/python3.12", "os"),
        [other("usr/local/lib/python313.zip", "file")],
        [*files(SLIM, "os"), *files("usr/local/lib64/python3.13", "os")],
        files("usr/share/python3.13", "os"),
        [link(SLIM, "python3.13")],
        [*files("usr/local/a b/lib", "os"), link(SLIM, "../a b/lib")],
        [other(f"{SLIM}/os.py/x", "file")],
    ],
    ids=["none", "no landmark", "other version", "archive", "two", "elsewhere", "loop", "odd name", "folder"],
)
def test_library_that_is_not_known(rows: list[Row]) -> None:
    assert find_uncompiled_library(Rootfs([rows]), "/usr/local/bin/python3.13", "3.13.5") == ""


def test_sources_that_are_none_of_the_library_are_left_out() -> None:
    names = (
        "site-packages/pip/a",
        "dist-packages/b",
        "test/c",
        "unittest/test/d",
        "idlelib/idle_test/e",
        "__pycache__/f",
    )
    rows = files(SLIM, "os+", "ctypes/tests/g", *names)

    assert list(uncompiled_sources(Rootfs([rows]), f"/{SLIM}", "3.13.5")) == []


@pytest.mark.parametrize(
    "rows",
    [
        [*files(SLIM, "a"), other(f"{SLIM}/__pycache__", "file")],
        [*files(SLIM, "a"), link(f"{SLIM}/__pycache__", "../cache")],
        [*files(SLIM, "a"), other(f"{SLIM}/__pycache__/a.cpython-313.pyc", "dir")],
        [other(f"{SLIM}/a.py", "dir")],
        [link(f"{SLIM}/a.py", "nowhere")],
        [link(f"{SLIM}/a.py", "/etc/a.py"), other("etc/a.py", "file")],
        [["x", "file", 0o644, 0, "", None], [f"{SLIM}/a.py", "hardlink", 0o644, 0, "nowhere", None]],
        files(SLIM, "a\n"),
        files(SLIM, "a\\b"),
        files(SLIM, "a" * 240),
    ],
    ids=["file", "link", "folder", "no file", "no target", "link out", "no content", "line", "backslash", "long"],
)
def test_sources_that_can_have_no_bytecode_are_left_out(rows: list[Row]) -> None:
    assert list(uncompiled_sources(Rootfs([rows]), f"/{SLIM}", "3.13.5")) == []


def test_link_to_another_source_of_the_library_has_its_own() -> None:
    """As Debian's `_sysconfigdata`; Python looks for bytecode by the name that it finds."""
    rows = [*files(SLIM, "data+"), link(f"{SLIM}/_data.py", "data.py"), link(f"{SLIM}/abs.py", f"/{SLIM}/data.py")]

    found = [f"{SLIM}/_data.py", f"{SLIM}/abs.py"]
    assert list(uncompiled_sources(Rootfs([rows]), f"/{SLIM}", "3.13.5")) == found


def test_bytecode_that_is_a_link_is_there() -> None:
    rows = [*files(SLIM, "os"), link(f"{SLIM}/__pycache__/os.cpython-313.pyc", "/cache/os.pyc")]

    assert list(uncompiled_sources(Rootfs([rows]), f"/{SLIM}", "3.13.5")) == []


@pytest.mark.parametrize(
    "rows",
    [files(SLIM, *(f"a/{number}+" for number in range(40))), [link(f"{SLIM}/{n}.py", "os.py") for n in range(40)]],
)
def test_what_is_beyond_the_bounds_is_not_looked_at(rows: list[Row], monkeypatch: pytest.MonkeyPatch) -> None:
    root = Rootfs([[*rows, *files(SLIM, "0/last", "os+")]])
    assert f"{SLIM}/0/last.py" in uncompiled_sources(root, f"/{SLIM}", "3.13.5")
    monkeypatch.setattr(standard_library, "_MOST_NAMES", 45)
    monkeypatch.setattr(standard_library, "_MOST_LINKS", 30)

    assert f"{SLIM}/0/last.py" not in uncompiled_sources(root, f"/{SLIM}", "3.13.5")


def test_source_below_very_many_folders_is_left_out() -> None:
    rows = files(SLIM, f"{'a/' * 100}b")

    assert list(uncompiled_sources(Rootfs([rows]), f"/{SLIM}", "3.13.5")) == []


def test_library_below_very_many_folders_is_none() -> None:
    above = "a/" * 100
    root = Rootfs([files(f"{above}lib/python3.13", "os")])

    assert find_library(root, f"/{above}bin/python3.13", "3.13.5") == ""


# what a lock says of it


def image() -> ImageBase:
    assert isinstance(IMAGE.base, ImageBase)
    return IMAGE.base


def stating(library: str) -> ImageBase:
    first, *others = image().images
    return replace(image(), images=(replace(first, uncompiled_library=library), *others))


def test_lock_states_a_library_that_wants_bytecode_alone() -> None:
    base = replace(image(), images=tuple(replace(each, uncompiled_library="") for each in image().images))
    stated = replace(base, images=tuple(replace(each, uncompiled_library=f"/{SLIM}") for each in base.images))
    old, new = (lock_text.dumps(replace(IMAGE, base=each)) for each in (base, stated))

    added = [line for line in new.splitlines() if line not in old.splitlines() and line[0] != "#"]
    assert added == [f'uncompiled-library = "/{SLIM}"'] * 2
    assert [lock_text.loads(each, "pylock.toml").base for each in (old, new)] == [base, stated]
    platform = IMAGE.platforms[0]
    assert (base.library(platform), stated.library(platform)) == ("", f"/{SLIM}")


@pytest.mark.parametrize(
    ("library", "name", "is_compiled"),
    [
        ("/usr/lib/python3.12", "libpython3.12-stdlib", False),
        ("/usr/lib/python3.12", "python3.12", False),
        ("/usr/lib/python3.12", "python3-tk", False),
        ("/usr/lib/python3.12", "libgomp1", True),
        ("/usr/lib/python3.12", "libpythonic", True),
        ("/usr/local/lib/python3.12", "libpython3.12-stdlib", True),
    ],
)
def test_library_that_packages_may_replace_is_left_alone(library: str, name: str, *, is_compiled: bool) -> None:
    """Python does not look whether the bytecode of a layer below is of their sources."""
    one = replace(LOCK.base.system_packages[0], name=name)
    base = replace(stating(library), system_packages=(one,), python="3.12.4")

    assert base.library(IMAGE.platforms[0]) == (library if is_compiled else "")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ('""', "is '', which is not a plain absolute path"),
        ("1", "is not a string"),
        ('"usr/lib"', "is 'usr/lib', which is not a plain absolute path"),
        ('"/usr/../etc"', "is '/usr/../etc', which is not a plain absolute path"),
        ('"/"', "is '/', which is not a plain absolute path"),
        ('"/a\\nb"', "is '/a\\nb', which is not a plain absolute path"),
    ],
)
def test_library_that_a_lock_states_is_a_plain_path(value: str, said: str) -> None:
    text = stating(f"/{SLIM}").to_toml(IMAGE.platforms).replace("[[tool.onedigest.base.images]]", "[[images]]")
    table = Table(tomllib.loads(text.replace(f'uncompiled-library = "/{SLIM}"', f"uncompiled-library = {value}", 1)))
    python = table.take("python", str)
    with pytest.raises(InvalidValue) as caught:
        read_image_base(table, python, IMAGE.platforms)

    assert [each for each in caught.value.messages if "uncompiled-library" in each] == [
        f"`images[0].uncompiled-library` {said}"
    ]


def test_library_that_a_lock_states_is_that_of_the_layers(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    library = f"usr/local/lib/python{image().python_minor}"
    layers = store_layers(store, [folder("etc"), File("etc/passwd"), File("etc/group"), File(f"{library}/os.py")])

    def said(stated: str, kept: Store) -> list[str]:
        from onedigest.lock.base.account import find_account

        account = find_account(rootfs_of(store, layers), "65532:65532")
        first = replace(image().images[0], layers=layers, account=account, uncompiled_library=stated)
        base = replace(image(), images=(first,), interpreter=f"/usr/local/bin/python{image().python_minor}")
        return list(other_files(base, "65532:65532", kept))

    assert (said(f"/{library}", store), said("", store)) == ([], [])
    assert said("/etc", store) == ["linux/amd64: the standard library in the lock is not its own"]
    assert said("/etc", Store(tmp_path / "other")) == []
