"""Which assembler rules name: the one that they named, as long as nothing else of them moves."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from full_case import LOCK, SPEC, plan_of
from onedigest import formats, zipapp
from onedigest.definition.spec import Spec
from onedigest.digest import Digest, of_bytes
from onedigest.errors import InputError
from onedigest.rules.assemblers import named_assemblers
from onedigest.rules.files import read
from onedigest.rules.folder import stale_folder, write_folder
from onedigest.rules.image import render_rules, stale_files, write_rules
from onedigest.rules.model import Rules


def frozen(words: str, layers: int = formats.LAYERS) -> bytes:
    """Return what stands for a frozen assembler: it states its layer format."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        made = zipfile.ZipInfo("onedigest/assembler/__init__.py")
        archive.writestr(made, f"# {words}\nFORMAT = {layers}\n")
    return buffer.getvalue()


OLD, NEW = frozen("of an older release"), frozen("the newest")
OTHER = frozen("of another layer format", formats.LAYERS + 1)
KINDS = ("docker", "bazel", "nix")


@pytest.fixture
def ship(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Ship assemblers, of which the old one is the newest at first; `release` has the new one be that."""
    shipped = tmp_path / "shipped"
    shipped.mkdir()
    for data in (OLD, NEW, OTHER):
        (shipped / zipapp.file_name(of_bytes(data))).write_bytes(data)
    monkeypatch.setattr(zipapp, "shipped_folder", lambda _: shipped)
    monkeypatch.setattr(formats, "ASSEMBLER", of_bytes(OLD))
    forget()
    yield
    forget()


def forget() -> None:
    zipapp.names.cache_clear()
    zipapp.shipped_as.cache_clear()


def release(monkeypatch: pytest.MonkeyPatch, data: bytes = NEW) -> None:
    monkeypatch.setattr(formats, "ASSEMBLER", of_bytes(data))
    forget()


def rendered(folder: Path, spec: Spec) -> Rules:
    (folder / spec.name).mkdir(parents=True, exist_ok=True)
    return render_rules(spec, LOCK, plan_of(spec), folder)


def generate(folder: Path, spec: Spec) -> list[str]:
    """Write the files of an image; return the paths that changed."""
    rules = rendered(folder, spec)
    return [*write_rules(rules, folder)[0], *write_folder([rules], folder)[0]]


def check(folder: Path, spec: Spec) -> list[str]:
    """Return what is wrong, path and message."""
    rules = rendered(folder, spec)
    return [f"{each.path}: {each.message}" for each in (*stale_files(rules, folder), *stale_folder([rules], folder))]


def names(folder: Path, path: str) -> list[bytes]:
    """Return the assemblers that a file names by their digests."""
    return [data for data in (OLD, NEW) if of_bytes(data) in (read(folder / path) or "")]


@pytest.mark.usefixtures("ship")
def test_rules_go_on_naming_their_assembler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "lockfiles"
    generate(folder, SPEC)
    release(monkeypatch)

    assert check(folder, SPEC) == []
    assert generate(folder, SPEC) == []
    assert [names(folder, path) for path in ("full/Dockerfile", "internal.bzl", "onedigest.nix")] == [[OLD]] * 3
    assert named_assemblers(folder, ["full"]) == (of_bytes(OLD),)


@pytest.mark.usefixtures("ship")
def test_each_image_goes_to_the_newest_for_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "lockfiles"
    one, two = replace(SPEC, name="one"), replace(SPEC, name="two")
    for spec in (one, two):
        generate(folder, spec)
    release(monkeypatch)
    moved = replace(two, user="7:7")
    changed = generate(folder, moved)

    assert {"two/Dockerfile", "two/Dockerfile.dockerignore"} <= set(changed)
    assert names(folder, "one/Dockerfile") == [OLD]
    assert names(folder, "two/Dockerfile") == [NEW]
    assert names(folder, "internal.bzl") == [OLD]  # nothing of the shared files moved
    assert check(folder, one) == check(folder, moved) == []
    assert sorted(named_assemblers(folder, ["one", "two"])) == sorted(map(of_bytes, (OLD, NEW)))


@pytest.mark.usefixtures("ship")
def test_shared_files_go_to_the_newest_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "lockfiles"
    generate(folder, SPEC)
    release(monkeypatch)
    (folder / "defs.bzl").unlink()
    generate(folder, SPEC)

    assert [names(folder, path) for path in ("full/Dockerfile", "internal.bzl", "onedigest.nix")] == [
        [OLD],
        [NEW],
        [NEW],
    ]
    assert check(folder, SPEC) == []


@pytest.mark.usefixtures("ship")
def test_no_other_assembler_is_taken_for_a_shipped_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A digest that a pull request wrote beside the name of a shipped file."""
    folder = tmp_path / "lockfiles"
    generate(folder, SPEC)
    release(monkeypatch)
    for path in ("full/Dockerfile", "onedigest.nix"):
        text = (folder / path).read_text().replace(of_bytes(OLD), f"sha256:{'0' * 64}")
        (folder / path).write_text(text)

    assert check(folder, SPEC) == [
        "full/Dockerfile: was changed by hand",
        "full/Dockerfile.dockerignore: is out of date",
        "internal.bzl: is out of date",
        "onedigest.nix: was changed by hand",
    ]
    assert named_assemblers(folder, ["full"]) == (of_bytes(OLD),)


@pytest.mark.usefixtures("ship")
def test_assembler_that_is_not_shipped_any_more_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "lockfiles"
    generate(folder, SPEC)
    release(monkeypatch)
    name = zipapp.file_name(of_bytes(OLD))
    (tmp_path / "shipped" / name).unlink()
    forget()

    said = f"names `{name}`, an assembler that this version does not have"
    assert check(folder, SPEC)[:2] == [f"full/Dockerfile: {said}", f"full/Dockerfile.dockerignore: {said}"]
    with pytest.raises(InputError, match="an assembler that this version does not have"):
        named_assemblers(folder, ["full"])
    generate(folder, SPEC)
    assert check(folder, SPEC) == []
    assert named_assemblers(folder, ["full"]) == (Digest(formats.ASSEMBLER),)


@pytest.mark.usefixtures("ship")
def test_assembler_of_another_layer_format_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its layers are not those of the lock, though rules that name it are rendered the same."""
    folder = tmp_path / "lockfiles"
    release(monkeypatch, OTHER)
    generate(folder, SPEC)
    release(monkeypatch)

    assert "full/Dockerfile: is out of date" in check(folder, SPEC)
    generate(folder, SPEC)
    assert names(folder, "full/Dockerfile") == names(folder, "internal.bzl") == [NEW]


def test_layer_format_of_a_frozen_assembler_is_read() -> None:
    assert zipapp.layer_format(zipapp.newest()) == formats.LAYERS


@pytest.mark.usefixtures("ship")
def test_image_without_rules_names_no_assembler(tmp_path: Path) -> None:
    folder = tmp_path / "lockfiles"
    generate(folder, replace(SPEC, rules=()))

    assert named_assemblers(folder, ["full"]) == ()
