"""Values out of text that anybody may have written."""

from __future__ import annotations

import tomllib
from collections.abc import Callable

import pytest

from onedigest import untrusted

HEX = "ab" * 32


@pytest.mark.parametrize(
    ("check", "value"),
    [
        (untrusted.digest, f"sha256:{HEX}"),
        (untrusted.size, 0),
        (untrusted.file_name, "libc6_2.41-12+deb13u1%2b_amd64.deb"),
        (untrusted.wheel_name, "torch-2.9.1+cpu-cp311-cp311-manylinux_2_28_x86_64.whl"),
        (untrusted.wheel_name, "x-1!2.0-1_a-py3-none-any.whl"),
        (untrusted.inner_path, "pool/main/b/base-files/base-files_13.8_amd64.deb"),
        (untrusted.absolute_path, "/usr/bin/python3.13"),
        (untrusted.version, "1!2.0.post1+local.1"),
        (untrusted.project_name, "zope.interface"),
        (untrusted.python_version, "3.15.0b2"),
        (untrusted.libc_version, "2.41"),
        (untrusted.debian_name, "libstdc++6"),
        (untrusted.debian_version, "1:3.0~rc1-2+b1"),
        (untrusted.word, "trixie"),
        (untrusted.media_type, "application/vnd.oci.image.layer.v1.tar+gzip"),
    ],
)
def test_real_value_is_taken_as_it_is(check: Callable[[object], object], value: object) -> None:
    assert check(value) == value


@pytest.mark.parametrize(
    ("check", "value"),
    [
        (untrusted.digest, f"sha512:{HEX}"),
        (untrusted.digest, "sha256:/home/ci/.bashrc"),
        (untrusted.sha256, "/home/ci/.bashrc"),
        (untrusted.sha256, HEX.upper()),
        (untrusted.sha256, HEX + "\n"),
        (untrusted.size, -1),
        (untrusted.size, True),
        (untrusted.size, 1 << 50),
        (untrusted.size, 1.0),
        (untrusted.file_name, ".."),
        (untrusted.file_name, ".hidden"),
        (untrusted.file_name, "a/b"),
        (untrusted.file_name, "a\\b"),
        (untrusted.file_name, "x" * 256),
        (untrusted.wheel_name, "../x-1-py3-none-any.whl"),
        (untrusted.inner_path, "pool//config"),
        (untrusted.inner_path, "/pool"),
        (untrusted.absolute_path, "/usr/../etc"),
        (untrusted.absolute_path, "usr/bin/python3"),
        (untrusted.python_version, "3.13.5\nRUN evil"),
        (untrusted.word, "trixie\nRUN evil"),
        (untrusted.platform, "linux/s390x"),
        (untrusted.line, "a\u2028b"),
        (untrusted.text, None),
    ],
)
def test_other_value_is_refused(check: Callable[[object], object], value: object) -> None:
    with pytest.raises(ValueError):
        check(value)


def test_names_count_once_whatever_their_letters() -> None:
    with pytest.raises(ValueError, match=r"has `A.whl` twice"):
        untrusted.distinct(["a.whl", "b.whl", "A.whl"])


@pytest.mark.parametrize(
    "text", ["a = " + "[" * 5000, "a = " + "[" * 70 + "]" * 70, "a = " + "9" * 5000, "a = 99999999999999999999999"]
)
def test_toml_that_costs_too_much_is_no_toml(text: str) -> None:
    with pytest.raises(tomllib.TOMLDecodeError):
        untrusted.load_toml(text)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a": 1, "a": 2}', "NaN", "9" * 5000, "[" * 70 + "]" * 70])
def test_json_that_readers_could_read_differently_is_no_json(text: str) -> None:
    with pytest.raises(ValueError):
        untrusted.load_json(text)
