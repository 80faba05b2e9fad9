"""Frozen assemblers: each has the bytes of its name and makes the vectors, and the newest is the source of today."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import frozen
import make_assembler
import releases
from conftest import ROOT
from determinism.test_vectors import check_all, make_executable
from onedigest import formats, zipapp
from onedigest.digest import Digest, of_bytes
from pythons import interpreters

FILES = frozen.files()
OF_TODAY = [path for path in FILES if zipapp.layer_format(of_bytes(path.read_bytes())) == formats.LAYERS]
"""Those that the vectors are of; rules do not go on naming one of another layer format."""


def edited(old: str, new: str) -> bytes:
    """Return today's zipapp with something replaced in all of its modules."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(zipapp.pack())) as before, zipfile.ZipFile(buffer, "w") as after:
        for name in before.namelist():
            after.writestr(name, before.read(name).decode().replace(old, new))
    return buffer.getvalue()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_frozen_assembler_has_the_digest_of_its_name(path: Path) -> None:
    digest = of_bytes(path.read_bytes())

    assert path.name == zipapp.file_name(digest)
    assert zipapp.shipped_as(path.name) == digest
    assert zipapp.shipped(digest) == path.read_bytes()


@pytest.mark.parametrize("python", interpreters())
@pytest.mark.parametrize("path", OF_TODAY, ids=lambda path: path.name)
def test_frozen_assembler_makes_the_vectors(path: Path, python: str, tmp_path: Path) -> None:
    make_executable()
    check_all([python], path, tmp_path)


def test_newest_is_shipped() -> None:
    assert zipapp.file_name(Digest(formats.ASSEMBLER)) in {path.name for path in FILES}


def test_newest_is_the_source_of_today() -> None:
    differing = frozen.differing_modules(zipapp.shipped(zipapp.newest()), zipapp.pack())

    assert not differing, f"run `make assembler`: the newest frozen one has other code in {', '.join(differing)}"


def test_comments_and_docstrings_move_nothing() -> None:
    today = zipapp.pack()

    assert frozen.differing_modules(today, edited("Return the ", "Give the ")) == []
    assert frozen.differing_modules(today, edited("\nfrom __future__", "\n# a comment\nfrom __future__")) == []
    assert "onedigest/assembler/entry.py" in frozen.differing_modules(today, edited("0o644", "0o640"))


def test_what_is_not_shipped_is_not_had() -> None:
    with pytest.raises(LookupError):
        zipapp.shipped(Digest(f"sha256:{'0' * 64}"))
    own = zipapp.newest()
    with pytest.raises(LookupError):  # the name is that of a shipped file, and the digest is not
        zipapp.shipped(Digest(own[:19] + "0" * 52))
    assert zipapp.shipped_as("assemble-000000000000.pyz") is None


def test_nothing_is_frozen_anew_for_a_comment() -> None:
    before = formats.ASSEMBLER
    assert make_assembler.freeze().endswith("is the source of today but for comments: nothing to do")
    assert zipapp.newest() == before


def test_frozen_assemblers_of_releases_are_still_shipped() -> None:
    shipped = {path.name for path in FILES}
    for tag in releases.tags():
        assert releases.names_at(tag, "assemblers/") <= shipped, tag


def test_wheel_and_source_archive_have_the_assemblers() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")

    assert 'assemblers = "onedigest/assemblers"\n' in text
    assert '"/assemblers"' in text


def test_installed_package_finds_its_own(tmp_path: Path) -> None:
    """As a wheel lays them out: inside the package."""
    package = tmp_path / "onedigest"
    package.mkdir()
    for name in ("__init__.py", "formats.py", "digest.py", "shipped.py", "zipapp.py"):
        (package / name).write_bytes((ROOT / "generator" / "onedigest" / name).read_bytes())
    (package / "assembler").symlink_to(ROOT / "generator" / "onedigest" / "assembler")
    (package / "assemblers").symlink_to(ROOT / "assemblers")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from onedigest import zipapp; "
        "print(zipapp.__file__, len(zipapp.shipped(zipapp.newest())))"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == f"{package / 'zipapp.py'} {len(zipapp.shipped(zipapp.newest()))}\n"
