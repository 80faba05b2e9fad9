from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from onedigest.assembler.wheel import wheel_entries
from onedigest.errors import InputError
from onedigest.from_source import canonical_wheel
from onedigest.from_source.canonical_wheel import write_canonical
from onedigest.tools import uv
from wheel_builder import build_wheel, wheel_bytes, zip_bytes

CODE = {"demo/__init__.py": b"X = 1\n", "demo/é.txt": b"", "demo-data/a,b.txt": b'"'}


def canonical(wheel: Path, stated: Path | None = None) -> Path:
    target = wheel.parent / "canonical"
    target.mkdir(exist_ok=True)
    return write_canonical(wheel, target, stated)


def refusal(wheel: Path, stated: Path | None = None) -> str:
    with pytest.raises(InputError) as raised:
        canonical(wheel, stated)
    return str(raised.value)


def test_its_bytes_are_these(tmp_path: Path) -> None:
    """What is in locks: whoever moves this moves the digest of every wheel that was ever built."""
    wheel = canonical(build_wheel(tmp_path, "demo", "1.0", files=CODE))

    assert hashlib.sha256(wheel.read_bytes()).hexdigest() == GOLDEN


GOLDEN = "b5be63303a276b92344c59e926630e2b1a297cd850edd14d8dc2cd0e8a5315a2"


def test_members_are_stored_sorted_and_of_one_date(tmp_path: Path) -> None:
    wheel = canonical(build_wheel(tmp_path, "demo", "1.0", files=CODE))

    with zipfile.ZipFile(wheel) as file:
        assert file.testzip() is None
        members = file.infolist()
        record = file.read("demo-1.0.dist-info/RECORD").decode()
    assert [each.filename for each in members] == [
        "demo-data/a,b.txt",
        "demo/__init__.py",
        "demo/é.txt",
        "demo-1.0.dist-info/METADATA",
        "demo-1.0.dist-info/WHEEL",
        "demo-1.0.dist-info/RECORD",
    ]
    assert {(each.compress_type, each.date_time, each.external_attr >> 16, each.extra) for each in members} == {
        (zipfile.ZIP_STORED, (1980, 1, 2, 0, 0, 0), 0o100644, b"")
    }
    assert [row.rsplit(",", 2)[0] for row in record.split("\n")] == [
        "demo-1.0.dist-info/METADATA",
        "demo-1.0.dist-info/RECORD",
        "demo-1.0.dist-info/WHEEL",
        '"demo-data/a,b.txt"',
        "demo/__init__.py",
        "demo/é.txt",
        "",
    ]
    assert "\ndemo-1.0.dist-info/RECORD,,\n" in record


def test_it_depends_on_the_content_alone(tmp_path: Path) -> None:
    files = {"demo/a.py": b"1\n" * 50, "demo/b.py": b"2\n"}
    plain = build_wheel(tmp_path / "a", "demo", "1.0", files=files)
    other = tmp_path / "b" / plain.name
    other.parent.mkdir()
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile(other, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as target:
        target.mkdir("demo")
        for member in reversed(source.infolist()):
            copy = zipfile.ZipInfo(member.filename, (2020, 2, 2, 2, 2, 2))
            copy.external_attr = 0o100600 << 16
            copy.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(copy, source.read(member))
        target.writestr("demo-1.0.dist-info/RECORD.jws", "{}")

    assert canonical(plain).read_bytes() == canonical(other).read_bytes()


def test_canonical_wheels_stay_as_they_are(tmp_path: Path) -> None:
    once = canonical(build_wheel(tmp_path, "demo", "1.0", files=CODE))

    assert canonical(once).read_bytes() == once.read_bytes()


def test_what_may_be_run_stays_so(tmp_path: Path) -> None:
    wheel = build_wheel(tmp_path, "demo", "1.0")
    data = wheel.read_bytes()
    wheel.write_bytes(data.replace((0o100644 << 16).to_bytes(4, "little"), (0o100755 << 16).to_bytes(4, "little"), 1))

    with zipfile.ZipFile(canonical(wheel)) as file:
        assert [each.external_attr >> 16 for each in file.infolist()] == [0o100755, 0o100644, 0o100644, 0o100644]


def test_installers_take_it(tmp_path: Path) -> None:
    wheel = canonical(
        build_wheel(tmp_path, "demo", "1.0", files=CODE, entry_points="[console_scripts]\ndemo = demo:main\n")
    )

    uv.install(tmp_path / "environment", [wheel])

    assert list((tmp_path / "environment").glob("lib/*/site-packages/demo/__init__.py"))
    assert (tmp_path / "environment" / "bin" / "demo").is_file()
    assert "opt/venv/bin/demo" in {entry.path for entry in wheel_entries(wheel, "3.13")}


TAGS = {
    "cp311-cp311-linux_x86_64": (
        "`demo-1.0-cp311-cp311-linux_x86_64.whl` is not pure Python: it is for cp311-cp311-linux_x86_64, and holds `demo/fast.cpython-311-x86_64-linux-gnu.so`, `demo/old.so.1.2`\n"
        "hint: publish wheels of it for each platform to an index, built for example with cibuildwheel; where the compiled part may be"
        " left out, say so to its backend by `extra-build-variables` or `config-settings-package` of [tool.uv]"
    ),
    "py3-none-any": (
        "`demo-1.0-py3-none-any.whl` says that it runs anywhere, and holds libraries of one machine: `demo/fast.cpython-311-x86_64-linux-gnu.so`, `demo/old.so.1.2`\n"
        "hint: publish wheels of it for each platform to an index, built for example with cibuildwheel; where the compiled part may be"
        " left out, say so to its backend by `extra-build-variables` or `config-settings-package` of [tool.uv]"
    ),
}


@pytest.mark.parametrize("tag", TAGS)
def test_libraries_of_one_machine_are_named(tmp_path: Path, tag: str) -> None:
    files = {"demo/fast.cpython-311-x86_64-linux-gnu.so": b"", "demo/old.so.1.2": b"", "demo/also.py": b""}

    assert refusal(build_wheel(tmp_path, "demo", "1.0", files=files, tag=tag)) == TAGS[tag]


def test_a_platform_without_libraries_is_refused(tmp_path: Path) -> None:
    text = refusal(build_wheel(tmp_path, "demo", "1.0", tag="py3-none-manylinux_2_17_x86_64"))

    assert text.startswith(
        "`demo-1.0-py3-none-manylinux_2_17_x86_64.whl` is not pure Python: it is for py3-none-manylinux_2_17_x86_64\n"
    )


@pytest.mark.parametrize("tag", ["cp311-none-any", "pp310-none-any", "py2-none-any"])
def test_a_wheel_of_the_python_that_built_it_is_refused(tmp_path: Path, tag: str) -> None:
    assert refusal(build_wheel(tmp_path, "demo", "1.0", tag=tag)) == (
        f"`demo-1.0-{tag}.whl` is for {tag}, and not for any Python 3\nhint: have the backend make a wheel for `py3-none-any`"
    )


@pytest.mark.parametrize("tag", ["py3-none-any", "py311-none-any"])
def test_a_wheel_for_python_3_is_taken(tmp_path: Path, tag: str) -> None:
    assert canonical(build_wheel(tmp_path, "demo", "1.0", tag=tag)).name == f"demo-1.0-{tag}.whl"


def test_several_tags_are_taken(tmp_path: Path) -> None:
    data = wheel_bytes("demo", "1.0", tag="py2-none-any\nTag: py3-none-any")
    wheel = tmp_path / "demo-1.0-py2.py3-none-any.whl"
    wheel.write_bytes(data)

    assert canonical(wheel).name == wheel.name


def test_a_file_name_that_the_wheel_contradicts_is_refused(tmp_path: Path) -> None:
    wheel = build_wheel(tmp_path, "demo", "1.0", tag="py3-none-any")
    other = wheel.rename(tmp_path / "demo-1.0-py2.py3-none-any.whl")

    assert refusal(other) == (
        "`demo-1.0-py2.py3-none-any.whl` is for py2-none-any, py3-none-any by its name, and for py3-none-any by its WHEEL"
    )


def contents(**stated: str) -> Mapping[str, bytes]:
    return {
        "demo/__init__.py": b"",
        "demo-1.0.dist-info/METADATA": stated.get(
            "metadata", "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n"
        ).encode(),
        "demo-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nTag: py3-none-any\n",
        "demo-1.0.dist-info/RECORD": b"",
    }


def test_a_name_that_the_metadata_contradicts_is_refused(tmp_path: Path) -> None:
    wheel = tmp_path / "demo-1.0-py3-none-any.whl"
    wheel.write_bytes(zip_bytes(contents(metadata="Metadata-Version: 2.1\nName: other\nVersion: 2.0\n")))

    assert refusal(wheel) == (
        "the wheel that the backend made cannot be used: demo-1.0-py3-none-any.whl: holds other 2.0, demo 1.0 is expected"
    )


@pytest.mark.parametrize("version", ["1.0", "1.0.0", "v1"])
def test_a_version_of_the_source_may_be_spelled_otherwise(tmp_path: Path, version: str) -> None:
    stated = tmp_path / "PKG-INFO"
    stated.write_text(f"Metadata-Version: 2.1\nName: Demo\nVersion: {version}\n\nVersion: 9\n")

    assert canonical(build_wheel(tmp_path, "demo", "1.0"), stated).is_file()


def test_what_is_no_wheel_is_refused(tmp_path: Path) -> None:
    wheel = tmp_path / "demo-1.0-py3-none-any.whl"
    wheel.write_bytes(b"PK\3\4 not really")

    assert refusal(wheel).startswith("the wheel that the backend made cannot be used: demo-1.0-py3-none-any.whl: ")


@pytest.mark.parametrize("name", ["../evil.py", "/etc/evil", "demo/../../evil", "demo\\evil"])
def test_a_path_out_of_the_wheel_is_refused(tmp_path: Path, name: str) -> None:
    wheel = tmp_path / "demo-1.0-py3-none-any.whl"
    wheel.write_bytes(zip_bytes({**contents(), name: b""}))

    assert refusal(wheel).startswith("the wheel that the backend made cannot be used: ")


def test_a_wheel_has_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel = build_wheel(tmp_path, "demo", "1.0", files={"demo/big": bytes(3 << 20)})
    monkeypatch.setattr(canonical_wheel, "MOST_BYTES", 2 << 20)

    assert refusal(wheel) == (
        "the wheel that the backend made has 4 files with 3 MiB; one that is built may have 65000 with 2 MiB\n"
        "hint: leave out what is no part of the package, such as data sets and virtual environments"
    )


def test_a_wheel_that_cannot_be_installed_in_an_image_is_refused(tmp_path: Path) -> None:
    wheel = build_wheel(tmp_path, "demo", "1.0", entry_points="[console_scripts]\na/b = demo:main\n")

    assert "entry point" in refusal(wheel)
