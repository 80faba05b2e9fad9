"""Documents of images by strangers: each value is checked, and all that is wrong is told at once."""

from __future__ import annotations

from typing import Any

import pytest

from onedigest.errors import InputError
from onedigest.oci.documents import (
    DOCUMENT_BYTES,
    check_config,
    check_descriptor,
    check_kind,
    list_rows,
    parse,
    platform_of,
    stated_platform,
)

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
ROW = {"mediaType": MANIFEST, "digest": f"sha256:{'a' * 64}", "size": 7}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"[]", "x.json: not a JSON object"),
        (b" " * (DOCUMENT_BYTES + 1), f"x.json: larger than {DOCUMENT_BYTES} bytes"),
        (b'{"a": "\\ud800"}', "x.json: not JSON: it holds half a character, or a number that is none"),
    ],
)
def test_what_is_no_document_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(InputError) as caught:
        parse(data, "x.json")
    assert str(caught.value) == message


@pytest.mark.parametrize("data", [b"{", b'{"a": 1, "a": 2}', b"\xff", b"[" * 100_000])
def test_what_readers_may_read_differently_is_no_json(data: bytes) -> None:
    with pytest.raises(InputError, match=r"^x\.json: not JSON: "):
        parse(data, "x.json")


def test_whole_characters_by_escapes_are_taken() -> None:
    assert parse(b'{"a": "\\ud83d\\ude00"}', "x") == {"a": "\U0001f600"}


@pytest.mark.parametrize(
    ("found", "message"), [(None, "no `layers`"), ([], "no `layers`"), ({}, "no `layers`"), ([1] * 3, "3 `layers`; 2 are the most")]
)  # fmt: skip
def test_rows_are_a_few(found: Any, message: str) -> None:
    with pytest.raises(InputError, match=f"^x: {message}$"):
        list_rows("x", {"layers": found}, "layers", 2)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (None, "not a descriptor: None"),
        ({**ROW, "digest": "sha256:../x"}, "not a descriptor: "),
        ({**ROW, "size": -1}, "not a descriptor: "),
        ({**ROW, "size": True}, "not a descriptor: "),
        ({**ROW, "mediaType": "text/plain"}, "media type 'text/plain' is not known"),
        ({**ROW, "mediaType": ["x"]}, "media type "),
        ({**ROW, "size": DOCUMENT_BYTES + 1}, "a document of "),
    ],
)
def test_descriptor_that_is_none_is_refused(row: Any, message: str) -> None:
    with pytest.raises(InputError) as caught:
        check_descriptor("x", row, [MANIFEST])
    assert str(caught.value).startswith(f"x: {message}")


def test_descriptor_is_taken_as_it_is() -> None:
    assert check_descriptor("x", ROW, [MANIFEST]) is ROW


@pytest.mark.parametrize("document", [{"mediaType": MANIFEST}, {"config": {}}, {"layers": []}])
def test_index_that_is_a_manifest_to_others_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"^x: it is called an index, and is a manifest$"):
        check_kind(document, "x", index=True)
    check_kind(document, "x", index=False)


def test_manifest_that_is_an_index_to_others_is_refused() -> None:
    with pytest.raises(InputError, match=r"^x: it is called a manifest, and is an index$"):
        check_kind({"manifests": []}, "x", index=False)


@pytest.mark.parametrize(
    ("stated", "name"),
    [
        ({"os": "linux", "architecture": "amd64"}, "linux/amd64"),
        ({"os": "linux", "architecture": "arm64", "variant": "v8"}, "linux/arm64"),
        ({"os": "linux"}, ""),
        ({"os": "unknown", "architecture": "unknown"}, ""),
        ({"os": "linux", "architecture": "a b"}, ""),
        ({"os": "linux", "architecture": ["amd64"]}, ""),
    ],
)
def test_platform_has_one_name(stated: dict[str, Any], name: str) -> None:
    assert platform_of(stated) == name


def test_row_may_state_no_platform_or_one_for_no_plain_machine() -> None:
    special = {"os": "linux", "architecture": "amd64", "os.features": ["erofs"]}

    assert stated_platform("x", {}) is None
    assert stated_platform("x", {"platform": special}) == ""
    with pytest.raises(InputError, match=r"^x: a `platform` is not an object$"):
        stated_platform("x", {"platform": "linux/amd64"})


def test_configuration_is_told_all_that_is_wrong_with_it() -> None:
    config = {
        "os": 1,
        "architecture": "amd64",
        "history": [{"created_by": 1}],
        "config": {"Env": ["A=1", "B C=2", "D"], "Cmd": "x", "Labels": {"a": 1}},
    }
    with pytest.raises(InputError) as caught:
        check_config(config, "x")

    assert [each.message for each in caught.value.problems][1:] == [
        "`history[0]` is not what was done for a layer",
        "`config.Cmd` is not a list of strings",
        "`config.Labels` is not an object of strings",
        "`config.Env` has 'B C=2', which is not NAME=value",
        "`config.Env` has 'D', which is not NAME=value",
    ]


def test_configuration_states_its_platform() -> None:
    config = {"os": "linux", "architecture": "arm64", "config": {"Env": ["A="], "Cmd": None}, "history": None}
    assert check_config(config, "x") == "linux/arm64"
