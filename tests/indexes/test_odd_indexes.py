"""Indexes as they are: digests of other algorithms, names that are encoded, addresses with queries, pages of HTML."""

from __future__ import annotations

import hashlib
import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from locking import Locking
from odd_index import OddIndex, Row
from wheel_builder import build_wheel

pytest_plugins = ("built_app",)


def stated(algorithm: str, path: Path) -> str:
    data = path.read_bytes()
    return (
        hashlib.blake2b(data, digest_size=32) if algorithm == "blake2b" else hashlib.new(algorithm, data)
    ).hexdigest()


def hashes(*algorithms: str) -> Callable[[Path], Row]:
    return lambda path: {"hashes": {each: stated(each, path) for each in algorithms}}


def with_size(path: Path) -> Row:
    return {**hashes("sha512")(path), "size": path.stat().st_size, "upload-time": "2026-01-02T03:04:05Z"}


STATED: dict[str, Callable[[Path], Row]] = {
    "sized": with_size,
    "longest": hashes("sha512"),
    "long": hashes("sha384"),
    "old": hashes("md5"),
    "blake": hashes("blake2b"),
    "several": hashes("md5", "sha512"),
    "both": hashes("sha512", "sha256"),
    "none": hashes(),
    "capitals": lambda path: {"hashes": {"sha256": stated("sha256", path).upper()}},
    "usual": hashes("sha256"),
}
PLUS = {
    "plain": "{}",
    "encoded": "%2B",
    "small": "%2b",
    "query": "%2B?X-Amz-Signature=a%2Fb.whl&x=y",
    "absolute": "+",
}


@pytest.fixture
def serve(locking: Locking, monkeypatch: pytest.MonkeyPatch) -> Callable[..., OddIndex]:
    """Return what starts an index that is the only one, over the wheels of `locking`."""

    def start(state: Callable[[Path], Row], *, as_json: bool = True) -> OddIndex:
        index = OddIndex(locking.index.folder, state, as_json=as_json)
        monkeypatch.setenv("UV_DEFAULT_INDEX", index.address)
        return index

    return start


def pinned(locking: Locking) -> dict[str, tuple[str, int]]:
    """Return sha256 and size of each wheel of the lock."""
    document = tomllib.loads(locking.read("lockfiles/app/pylock.toml"))
    rows = [wheel for package in document["packages"] for wheel in package["wheels"]]
    return {row["name"]: (row["hashes"]["sha256"], row["size"]) for row in rows}


def files(locking: Locking, *names: str) -> dict[str, tuple[str, int]]:
    """Return sha256 and size of the wheels of an index."""
    found = [path for path in locking.index.folder.iterdir() if path.name.partition("-")[0] in names]
    return {path.name: (stated("sha256", path), path.stat().st_size) for path in found}


def forget(locking: Locking) -> None:
    """Remove all that was downloaded."""
    shutil.rmtree(locking.root.parent / "cache" / "onedigest")
    shutil.rmtree(locking.root / "lockfiles" / ".inputs", ignore_errors=True)


@pytest.mark.parametrize("as_json", [True, False])
def test_lock_has_the_sha256_of_each_file_whatever_is_stated(
    locking: Locking, serve: Callable[..., OddIndex], as_json: bool
) -> None:
    for name in STATED:
        build_wheel(locking.index.folder, name, "1.0")
    serve(lambda path: STATED[path.name.partition("-")[0]](path), as_json=as_json)
    locking.ask(*STATED)
    locking.ok("generate", "app.py")

    assert pinned(locking) == files(locking, *STATED)
    forget(locking)
    locking.ok("fetch", "app.py")


def test_digest_of_any_algorithm_is_checked(locking: Locking, serve: Callable[..., OddIndex]) -> None:
    for name in STATED:
        build_wheel(locking.index.folder, name, "1.0")

    def lie(path: Path) -> Row:
        row = STATED[path.name.partition("-")[0]](path)
        return {**row, "hashes": {name: value[1:] + value[:1] for name, value in row.get("hashes", {}).items()}}

    locking.ask("longest", "long", "old", "none")
    serve(lie)

    assert locking.run("generate", "app.py").err.splitlines() == [
        f"error: the content of `{name}-1.0-py3-none-any.whl` does not have the {algorithm} that its index states"
        for name, algorithm in (("long", "sha384"), ("longest", "sha512"), ("old", "md5"))
    ]
    serve(hashes("sha256"))
    locking.ok("generate", "app.py")
    serve(lie)
    for _ in range(2):
        forget(locking)

        assert locking.run("fetch", "app.py").err.splitlines()[0] in [
            f"error: the index has another `{name}-1.0-py3-none-any.whl`: the locked one does not have its {algorithm}"
            for name, algorithm in (("long", "sha384"), ("longest", "sha512"), ("old", "md5"))
        ]
    serve(hashes("sha512"))
    locking.ok("fetch", "app.py")


def test_names_and_addresses_however_they_are_encoded(locking: Locking, serve: Callable[..., OddIndex]) -> None:
    for name in PLUS:
        build_wheel(locking.index.folder, name, "1.0+cu1")

    def address(path: Path) -> Row:
        how = PLUS[path.name.partition("-")[0]]
        name, _, query = how.partition("?")
        place = path.name.replace("+", name if name != "{}" else "+")
        return {**hashes("sha256")(path), "url": f"../../files/{place}{'?' + query if query else ''}"}

    locking.ask(*PLUS)
    for as_json, head in ((True, ""), (False, ""), (False, '<base href="{}/x/y/">')):
        index = serve(address, as_json=as_json)
        index.head = head.format(index.address.removesuffix("/simple"))
        shutil.rmtree(locking.root / "lockfiles" / "app", ignore_errors=True)
        locking.ok("build", "app.py")

        assert pinned(locking) == files(locking, *PLUS)


@pytest.mark.parametrize("as_json", [True, False])
def test_what_was_taken_back_is_left(locking: Locking, serve: Callable[..., OddIndex], as_json: bool) -> None:
    """One file of a version, whose name is encoded, and all files of another version."""
    for tag in ("py3-none-any", "cp312-cp312-manylinux2014_x86_64.manylinux2014_aarch64"):
        build_wheel(locking.index.folder, "gamma", "1.0+cu1", tag=tag)
        build_wheel(locking.index.folder, "gamma", "2.0", tag=tag)

    def state(path: Path) -> Row:
        yanked = "a > b" if "cp312" in path.name or "2.0" in path.name else False
        return {**hashes("sha512")(path), "url": f"/files/{path.name.replace('+', '%2b')}?x=y", "yanked": yanked}

    serve(state, as_json=as_json)
    locking.ask("gamma")
    locking.ok("generate", "app.py")

    assert list(pinned(locking)) == ["gamma-1.0+cu1-py3-none-any.whl"]
