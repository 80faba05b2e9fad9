"""Layouts and archives of anybody: links, devices, names that lead outside, and documents of odd forms."""

from __future__ import annotations

import io
import json
import os
import tarfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from base_images import make_tar
from conftest import Project
from onedigest.digest import hex_of, of_bytes
from onedigest.errors import InputError
from onedigest.oci.read import distinct_layers, list_files, read_image
from onedigest.oci.validate import validate
from onedigest.workspace.changes import bytes_to_move, compare, equal_layers, of_image

TYPE = "application/vnd.oci.image."
TAR = make_tar({"etc/hostname": b"x"})
JUNK: tuple[object, ...] = (
    None,
    True,
    -1,
    10**30,
    1.5,
    "",
    "x",
    "sha256:" + "0" * 64,
    [],
    {},
    [[]],
    {"a": 1},
    "../../x",
    "a\nb",
)

Change = Callable[[dict[str, Any]], object]


def unchanged(_: dict[str, Any]) -> None:
    """Change nothing."""


def put(layout: Path, data: bytes, kind: str) -> dict[str, Any]:
    """Add a blob; return its descriptor."""
    path = layout / "blobs" / "sha256" / hex_of(of_bytes(data))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return {"mediaType": TYPE + kind, "digest": of_bytes(data), "size": len(data)}


def write(
    layout: Path,
    *,
    config: Change = unchanged,
    manifest: Change = unchanged,
    index: Change = unchanged,
    top: Change = unchanged,
) -> Path:
    """Write the layout of a small image, each document changed."""

    def made(document: dict[str, Any], change: Change, kind: str) -> dict[str, Any]:
        change(document)
        return put(layout, json.dumps(document).encode(), kind)

    layer = put(layout, TAR, "layer.v1.tar")
    rootfs = {"type": "layers", "diff_ids": [layer["digest"]]}
    settings = {"Env": ["PATH=/bin"], "Labels": {"a": "b"}, "Cmd": ["sh"], "User": "0", "WorkingDir": "/"}
    history = [{"created_by": "onedigest layer: alpha 1"}]
    configured = {
        "architecture": "amd64",
        "os": "linux",
        "config": settings,
        "rootfs": rootfs,
        "history": history,
        "created": "2026-01-01T00:00:00Z",
    }
    row = made(configured, config, "config.v1+json")
    row = made({"schemaVersion": 2, "config": row, "layers": [layer]}, manifest, "manifest.v1+json")
    row["platform"] = {"os": "linux", "architecture": "amd64"}
    row = made({"schemaVersion": 2, "manifests": [row]}, index, "index.v1+json")
    document = {"schemaVersion": 2, "manifests": [row]}
    top(document)
    (layout / "index.json").write_text(json.dumps(document))
    (layout / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    return layout


def use(layout: Path) -> list[str]:
    """Do all that commands do with a layout; return what is wrong with it."""
    image = read_image(layout)
    problems = [str(each) for each in validate(layout)]
    side = of_image("one", image, lambda _: {})
    list(compare(side, of_image("other", image, lambda _: {})))
    equal_layers(side, side)
    bytes_to_move(side, side)
    for layer in distinct_layers(image):
        list(list_files(layout / "blobs" / "sha256" / hex_of(layer.digest), layer))
    return problems


def said(layout: Path) -> str:
    with pytest.raises(InputError) as caught:
        use(layout)
    return str(caught.value)


def test_good_layout_is_read(tmp_path: Path) -> None:
    assert use(write(tmp_path)) == []


def outcomes(folder: Path, document: str, change: Callable[[Any], Change], junk: tuple[object, ...]) -> Iterator[str]:
    """Use a layout with each kind of junk at a place; yield what is said. Nothing but `InputError` may come out."""
    for number, each in enumerate(junk):
        try:
            use(write(folder / str(number), **{document: change(each)}))
        except InputError as error:
            yield str(error)


@pytest.mark.parametrize("key", ["os", "architecture", "config", "rootfs", "history", "created"])
def test_configuration_of_odd_form_is_an_error_at_most(key: str, tmp_path: Path) -> None:
    found = list(outcomes(tmp_path, "config", lambda junk: lambda document: document.update({key: junk}), JUNK))

    assert len(found) >= 6
    assert all(each.startswith("blobs/sha256/") for each in found)


@pytest.mark.parametrize("key", ["Env", "Labels", "Cmd", "Entrypoint", "User", "WorkingDir", "OnBuild"])
def test_settings_of_odd_form_are_an_error_at_most(key: str, tmp_path: Path) -> None:
    junk = (*JUNK, ["a", 1], {"a": None})
    found = list(
        outcomes(tmp_path, "config", lambda each: lambda document: document["config"].update({key: each}), junk)
    )

    assert len(found) >= 8
    assert all(f"`config.{key}`" in each or "too many digits" in each for each in found)


@pytest.mark.parametrize("key", ["config", "layers"])
def test_manifest_of_odd_form_is_refused(key: str, tmp_path: Path) -> None:
    change = partial(_set, key)

    assert len(list(outcomes(tmp_path, "manifest", change, JUNK))) == len(JUNK)


@pytest.mark.parametrize("key", ["digest", "size", "mediaType", "platform", "artifactType"])
@pytest.mark.parametrize("document", ["index", "top"])
def test_rows_of_odd_form_are_an_error_at_most(key: str, document: str, tmp_path: Path) -> None:
    found = list(outcomes(tmp_path, document, partial(_set_row, key), JUNK))

    assert len(found) >= {
        ("top", "platform"): 1,
        ("top", "artifactType"): 1,
        ("index", "artifactType"): 8,
        ("index", "mediaType"): 8,
    }.get((document, key), 10)


def _set(key: str, junk: object) -> Change:
    return lambda document: document.update({key: junk})


def _set_row(key: str, junk: object) -> Change:
    return lambda document: document["manifests"][0].update({key: junk})


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"config": lambda each: each["config"].update(Env={"a": 1})}, "`config.Env` is not a list of strings"),
        ({"config": lambda each: each["config"].update(Env=["A"])}, "`config.Env` has 'A', which is not NAME=value"),
        ({"config": lambda each: each["config"].update(Labels={"a": 1})}, "`config.Labels` is not an object of strings"),
        ({"config": lambda each: each.update(history=[5])}, "`history[0]` is not what was done for a layer"),
        ({"config": lambda each: each["config"].update(User="a\nUSER 0")}, "`config.User` is 'a\\nUSER 0', which holds a control character"),
        ({"config": lambda each: each.update(os="li\x1b[31m")}, "`os` is 'li\\x1b[31m', which is not a plain name"),
        ({"config": lambda each: each.update(rootfs={"diff_ids": []})}, "the configuration has other layers than the manifest"),
        ({"config": lambda each: each.update(x="\ud800")}, "not JSON: it holds half a character, or a number that is none"),
        ({"config": lambda each: each.update(x="a" * (5 << 20))}, "bytes; 4194304 are the most"),
        ({"manifest": lambda each: each.update(layers=each["layers"] * 300)}, "300 `layers`; 256 are the most"),
        ({"manifest": lambda each: each["layers"][0].update(digest="sha256:../../x")}, "not a descriptor: "),
        ({"manifest": lambda each: each["layers"][0].update(mediaType="application/vnd.docker.image.rootfs.foreign.diff.tar.gzip")}, "is not in the image, but at an address of its own"),
        ({"index": lambda each: each.update(manifests=each["manifests"] * 2000)}, "2000 `manifests`; 1024 are the most"),
        ({"index": lambda each: each["manifests"][0].update(platform=[[]])}, "a `platform` is not an object"),
        ({"index": lambda each: each["manifests"][0].update(platform={"os": "linux", "architecture": "arm64"})}, "the index says another platform than the configuration, which is of linux/amd64"),
    ],
    ids=map(str, range(99)),
)  # fmt: skip
def test_what_is_wrong_is_said(changes: Mapping[str, Change], expected: str, tmp_path: Path) -> None:
    assert expected in said(write(tmp_path, **changes))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"\xff\xfe", "not JSON: 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"),
        (b'{"manifests": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "not JSON: nested more than 64 deep"),
        (b'{"manifests": [' + b"9" * 5000 + b"]}", "not JSON: "),
        (b'{"manifests": [], "manifests": []}', "not JSON: an object has a key twice"),
        (b'{"manifests": NaN}', "not JSON: `NaN` is no value"),
        (b" " * (5 << 20), "has more than 4194304 bytes"),
        (b"", "not JSON: "),
    ],
    ids=["no-utf-8", "deep", "number", "twice", "nan", "large", "empty"],
)
def test_index_that_is_no_document_is_refused(text: bytes, expected: str, tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "index.json").write_bytes(text)

    assert expected in said(tmp_path)


def test_layer_that_is_missing_is_told(project: Project) -> None:
    layout = write(project.root / "layout")
    (layout / "blobs" / "sha256" / hex_of(of_bytes(TAR))).unlink()
    result = project.run("inspect", "--files", "layout")

    assert result.code == 1
    assert result.err == f"error: blobs/sha256/{hex_of(of_bytes(TAR))}: the layer is missing\n"


def blob_of_configuration(layout: Path) -> Path:
    return layout / "blobs" / "sha256" / hex_of(read_image(layout).platforms[0].config_digest)


def test_links_out_of_a_layout_are_not_followed(tmp_path: Path) -> None:
    layout = write(tmp_path / "layout")
    path = blob_of_configuration(layout)
    path.replace(tmp_path / "outside")
    path.symlink_to(tmp_path / "outside")

    assert "is a link that leaves the project" in said(layout)


def test_links_inside_a_layout_are_followed(tmp_path: Path) -> None:
    layout = write(tmp_path / "layout")
    path = blob_of_configuration(layout)
    path.replace(layout / "kept")
    path.symlink_to("../../kept")

    assert use(layout) == []


def test_layer_that_is_a_link_out_of_the_layout_is_not_read(tmp_path: Path) -> None:
    layout = write(tmp_path / "layout")
    path = layout / "blobs" / "sha256" / hex_of(of_bytes(TAR))
    path.replace(tmp_path / "outside")
    path.symlink_to(tmp_path / "outside")

    assert [str(each).partition(": ")[2] for each in validate(layout)] == [
        "is a link that leaves the layout\nhint: replace it by a real file"
    ]


@pytest.mark.parametrize("name", ["index.json", "blob"])
def test_pipes_do_not_make_a_command_wait(name: str, tmp_path: Path) -> None:
    layout = write(tmp_path)
    path = layout / "index.json" if name == "index.json" else blob_of_configuration(layout)
    path.unlink()
    os.mkfifo(path)

    assert "is not a regular file" in said(layout)


def test_layer_that_is_a_pipe_is_told(tmp_path: Path) -> None:
    layout = write(tmp_path)
    path = layout / "blobs" / "sha256" / hex_of(of_bytes(TAR))
    path.unlink()
    os.mkfifo(path)

    assert [each.message for each in validate(layout)] == ["is not a regular file"]


def archive(layout: Path, *more: tuple[str, bytes, str]) -> bytes:
    """Return the archive of a layout, with more members: name, type and content or target."""
    text = io.BytesIO()
    with tarfile.open(fileobj=text, mode="w") as opened:
        opened.add(layout, ".")
        for name, kind, content in more:
            info = tarfile.TarInfo(name)
            info.type, info.size = kind, len(content) if kind == tarfile.REGTYPE else 0
            info.linkname = "" if kind == tarfile.REGTYPE else content
            opened.addfile(info, io.BytesIO(content.encode()))
    return text.getvalue()


def test_archive_is_read_where_it_is(project: Project, tmp_path: Path) -> None:
    layout = write(tmp_path / "layout")
    (project.root / "image.tar").write_bytes(archive(layout))
    before = sorted(project.root.rglob("*"))
    result = project.ok("inspect", "--files", "--validate", "image.tar")

    assert "file     0755            1 etc/hostname" in result.out
    assert result.err == "every digest, size and diff ID is right\n"
    assert sorted(project.root.rglob("*")) == before


@pytest.mark.parametrize(
    ("member", "expected"),
    [
        (("../../outside", tarfile.REGTYPE, "x"), "it has '../../outside', which leads out of it"),
        (("/outside", tarfile.REGTYPE, "x"), "it has '/outside', which leads out of it"),
        (("blobs/sha256/x", tarfile.SYMTYPE, "/etc/passwd"), "'blobs/sha256/x' is no plain file in it"),
        (("blobs/sha256/x", tarfile.LNKTYPE, "index.json"), "'blobs/sha256/x' is no plain file in it"),
        (("blobs/sha256/x", tarfile.CHRTYPE, ""), "'blobs/sha256/x' is no plain file in it"),
        (("index.json", tarfile.REGTYPE, "{}"), "it has 'index.json' twice"),
    ],
)
def test_archive_with_odd_members_is_refused(
    member: tuple[str, bytes, str], expected: str, project: Project, tmp_path: Path
) -> None:
    from onedigest.oci.local_image import LayoutArchive

    layout = write(tmp_path / "layout")
    path = tmp_path / "image.tar"
    path.write_bytes(archive(layout, member))
    with pytest.raises(InputError) as caught:
        LayoutArchive(path)

    assert str(caught.value) == f"{path}: not an OCI archive: {expected}"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "not an OCI archive: no archive: it is empty"),
        (b"x" * 600, "not an OCI archive: no archive: a number in a header is broken"),
        (make_tar({"a": b"x" * 2000})[:1000], "not an OCI archive: no archive: it ends too early"),
        (make_tar({"a": b"x"}), "not an OCI archive: it has no `index.json`"),
    ],
    ids=["empty", "text", "cut", "other"],
)
def test_what_is_no_archive_is_told(data: bytes, expected: str, tmp_path: Path) -> None:
    from onedigest.oci.local_image import LayoutArchive

    path = tmp_path / "image.tar"
    path.write_bytes(data)
    with pytest.raises(InputError) as caught:
        LayoutArchive(path).top()

    assert str(caught.value) == f"{path}: {expected}"
