"""Values out of text that anybody may have written."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from datetime import UTC, datetime

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
        (untrusted.absolute_path, "/home/linuxbrew/.linuxbrew/opt/python@3.13/bin/python3.13"),
        (untrusted.relative_path, "my tools/größe.py"),
        (untrusted.debian_path, "pool/main/g/gcc-12/libgcc-s1_12.2.0-14+deb12u1_amd64.deb"),
        (untrusted.prose, "two\nlines\tand a tab"),
        (untrusted.array, ["x"]),
        (untrusted.table, {"x": 1}),
        (untrusted.flag, False),
        (untrusted.plain, {"a": [1, True, {"b": ["x"]}]}),
        (untrusted.moment, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        (untrusted.normalized_name, "zope-interface"),
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
        (untrusted.absolute_path, "/"),
        (untrusted.absolute_path, "/usr/bin/python3 -c evil"),
        (untrusted.relative_path, "../x.py"),
        (untrusted.relative_path, "/x.py"),
        (untrusted.relative_path, "a\\b.py"),
        (untrusted.relative_path, "a//b.py"),
        (untrusted.relative_path, "ä" * 128 + ".py"),
        (untrusted.relative_path, ""),
        (untrusted.debian_path, "pool/main/assemble-0123456789ab.pyz"),
        (untrusted.debian_path, "pool/main/../x.deb"),
        (untrusted.prose, "\x1b[31m"),
        (untrusted.array, {}),
        (untrusted.table, []),
        (untrusted.flag, 1),
        (untrusted.plain, {"a": [1.5]}),
        (untrusted.plain, datetime(2026, 1, 1, tzinfo=UTC)),
        (untrusted.moment, datetime(2026, 1, 1)),  # noqa: DTZ001  what is tested
        (untrusted.moment, datetime(1, 1, 1, tzinfo=UTC)),
        (untrusted.moment, datetime(9999, 1, 1, tzinfo=UTC)),
        (untrusted.moment, "2026-01-01T00:00:00Z"),
        (untrusted.normalized_name, "Zope.Interface"),
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
