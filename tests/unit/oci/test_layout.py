"""Layouts: what is written can be proven, and what was tampered with is found."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from onedigest.assembler import stream
from onedigest.assembler.image import INDEX_TYPE, MANIFEST_TYPE, Image, assemble_index, assemble_platform
from onedigest.assembler.layer import wheels_layer
from onedigest.assembler.layout import replaced
from onedigest.digest import canonical_json, hex_of, of_bytes
from onedigest.errors import InputError
from onedigest.oci import libdeflate
from onedigest.oci.layout import holds, write
from onedigest.oci.local_image import Layout
from onedigest.oci.read import list_files, read_image
from onedigest.oci.validate import validate
from onedigest.plan import record as records
from onedigest.store import Store
from wheel_builder import build_wheel


@pytest.fixture
def image(tmp_path: Path) -> tuple[Image, dict[str, Path]]:
    store = Store(tmp_path / "store")
    entries = wheels_layer([build_wheel(tmp_path / "wheels", "alpha", "1")], "3.13")
    with (tmp_path / "blob").open("wb") as file:
        layer = stream.write(entries, file)
    store.add_file(tmp_path / "blob", layer.digest)
    platforms = []
    for architecture in ("arm64", "amd64"):
        config: dict[str, object] = {
            "os": "linux",
            "architecture": architecture,
            "config": {},
            "history": [{"created_by": "onedigest layer: alpha 1"}],
        }
        platforms.append(assemble_platform(f"linux/{architecture}", config, [layer]))
    return assemble_index(platforms), {layer.digest: store.path(layer.digest)}


@pytest.fixture
def layout(image: tuple[Image, dict[str, Path]], tmp_path: Path) -> Path:
    write(*image, tmp_path / "layout")
    return tmp_path / "layout"


def test_layout_is_right_in_every_digest(layout: Path, image: tuple[Image, dict[str, Path]]) -> None:
    read = read_image(layout)

    assert validate(layout) == []
    assert read.digest == image[0].digest
    assert [each.platform for each in read.platforms] == ["linux/amd64", "linux/arm64"]
    store = Store(layout.parent / "store")
    assert holds(layout, image[0], store)
    assert not holds(layout.parent, image[0], store)
    assert [
        file.path
        for file in list_files(Layout(layout).blob(read.platforms[0].layers[0].digest), read.platforms[0].layers[0])
    ][:2] == ["opt", "opt/venv"]


def test_archive_holds_the_same_bytes_each_time(image: tuple[Image, dict[str, Path]], tmp_path: Path) -> None:
    write(*image, tmp_path / "a.tar")
    write(*image, tmp_path / "b.tar")

    assert (tmp_path / "a.tar").read_bytes() == (tmp_path / "b.tar").read_bytes()


def test_writing_again_replaces_the_layout(image: tuple[Image, dict[str, Path]], layout: Path) -> None:
    (layout / "blobs" / "sha256" / ("0" * 64)).write_bytes(b"old")
    write(*image, layout)

    assert validate(layout) == []
    assert sorted(path.name for path in layout.parent.iterdir() if path.name.startswith(".")) == []


def tamper(path: Path, change: Callable[[bytes], bytes]) -> None:
    data = path.read_bytes()
    path.unlink()
    path.write_bytes(change(data))


def blob(layout: Path, digest: str) -> Path:
    return layout / "blobs" / "sha256" / hex_of(digest)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda data: data[:-1] + b"!", "the content has the digest"),
        (lambda data: data + b"!", "bytes, "),
        (lambda data: b"x" * len(data), "not gzip: Error -3 while decompressing data: incorrect header check"),
    ],
)
def test_tampered_layer_is_found(change: Callable[[bytes], bytes], expected: str, layout: Path) -> None:
    layer = read_image(layout).platforms[0].layers[0]
    tamper(blob(layout, layer.digest), change)

    assert any(expected in problem.message for problem in validate(layout))
    assert all(problem.where == f"blobs/sha256/{hex_of(layer.digest)}" for problem in validate(layout))


def test_missing_and_unused_blobs_are_found(layout: Path) -> None:
    blob(layout, read_image(layout).platforms[0].layers[0].digest).unlink()
    (layout / "blobs" / "sha256" / ("0" * 64)).write_bytes(b"")

    assert {problem.message for problem in validate(layout)} == {"the layer is missing", "no document refers to it"}


def keep(layout: Path, data: bytes, media_type: str) -> dict[str, object]:
    """Add a blob to a layout; return its descriptor."""
    blob(layout, of_bytes(data)).write_bytes(data)
    return {"mediaType": media_type, "digest": of_bytes(data), "size": len(data)}


def test_what_is_beside_images_is_proven_and_needs_not_all_be_there(layout: Path) -> None:
    """As BuildKit's attestations, and SOCI's index, of which a registry has the rest."""
    statement = keep(layout, b"{}", "application/vnd.in-toto+json")
    absent = {**statement, "digest": "sha256:" + "7" * 64}
    beside = {"config": keep(layout, b"{ }", "x/y"), "layers": [statement, absent, {"digest": ["?"]}, "?"]}
    attestation = keep(layout, canonical_json(beside), MANIFEST_TYPE)
    artifact = {**keep(layout, b"{  }", MANIFEST_TYPE), "artifactType": "application/vnd.amazon.soci.index.v2+json"}
    index = json.loads((layout / "index.json").read_text())
    top = json.loads(blob(layout, index["manifests"][0]["digest"]).read_text())
    top["manifests"] += [{**attestation, "platform": {"os": "unknown", "architecture": "unknown"}}, artifact, absent]
    before = read_image(layout)
    blob(layout, index["manifests"][0]["digest"]).unlink()
    index["manifests"] = [keep(layout, canonical_json(top), INDEX_TYPE)]
    (layout / "index.json").write_text(json.dumps(index))

    assert validate(layout) == []
    assert read_image(layout).platforms == before.platforms
    tamper(blob(layout, str(statement["digest"])), lambda _: b"{?")
    assert [(each.message[:24], each.where) for each in validate(layout)] == [
        ("the content has the dige", f"blobs/sha256/{hex_of(of_bytes(b'{}'))}")
    ]


def test_tampered_document_is_refused(layout: Path) -> None:
    tamper(blob(layout, read_image(layout).platforms[0].manifest), lambda data: data.replace(b"2", b"3", 1))
    with pytest.raises(InputError, match="the content has the digest"):
        read_image(layout)


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"manifests": []}, "no `manifests`"),
        ({"manifests": [{"digest": "sha256:../../x", "size": 1, "mediaType": "x"}]}, "not a descriptor"),
        ({"manifests": [{"digest": "sha256:" + "0" * 64, "size": 1, "mediaType": "x"}]}, "media type 'x'"),
        ([], "not a JSON object"),
    ],
)
def test_hostile_index_is_refused(document: object, expected: str, layout: Path) -> None:
    (layout / "index.json").write_text(json.dumps(document))
    with pytest.raises(InputError, match=expected):
        read_image(layout)


def test_wrong_diff_id_is_found(image: tuple[Image, dict[str, Path]], tmp_path: Path) -> None:
    first = image[0].platforms[0]
    layer = first.layers[0]
    lying = type(layer)("sha256:" + "0" * 64, layer.digest, layer.size)
    config = {**json.loads(first.config), "rootfs": None}
    write(assemble_index([assemble_platform("linux/amd64", config, [lying])]), image[1], tmp_path / "lying")

    assert [problem.message[:11] for problem in validate(tmp_path / "lying")] == ["the diff ID"]


def test_encoder_gives_its_known_answer() -> None:
    libdeflate.check()


def test_record_round_trip_and_differences() -> None:
    from golden import expected_files

    text = expected_files("full")["image.toml"]
    record = records.loads(text, "image.toml")

    assert records.dumps(record) == text
    assert records.differences(record, record) == records.other_statements(record, record) == []
    other = records.loads(text.replace("size = ", "size = 1", 1), "image.toml")
    assert records.differences(record, other) == []
    assert [row[0] for row in records.other_statements(record, other)] == ["linux/amd64 layers"]
    moved = records.loads(text.replace(record.platforms[0].config, "sha256:" + "0" * 64), "image.toml")
    assert [row[0] for row in records.differences(record, moved)] == ["linux/amd64 config"]


def test_folder_that_a_killed_run_left_is_removed_and_one_in_use_is_not(tmp_path: Path) -> None:
    left, users = tmp_path / ".onedigest-out-abandoned", tmp_path / ".out-notes"
    for folder in (left, users):
        (folder / "new").mkdir(parents=True)
    with replaced(tmp_path / "out") as first:
        assert not left.exists()
        with replaced(tmp_path / "out") as second:
            assert first.is_dir()
            (second / "file").touch()
        assert (tmp_path / "out" / "file").exists()

    assert [path.name for path in sorted(tmp_path.iterdir())] == [".out-notes", "out"]
