"""Bytecode that was compiled elsewhere: taken as it is, and of an application only if it is of the texts that are there."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bytecode_archives import bytecode_of, entries_of, pyc, write_archive
from onedigest.assembler.__main__ import main
from onedigest.assembler.bytecode_archive import source_path
from onedigest.assembler.entry import Entry, file_entry, merge

SITE = "opt/venv/lib/python3.11/site-packages"
LONG = f"{SITE}/{'a' * 60}/{'b' * 110}/{'ü' * 9}.py"
TEXTS = {f"{SITE}/alpha/__init__.py": b"", f"{SITE}/alpha/core.py": b"x = 1\n", LONG: b"y = 2\n"}


def run(*arguments: str | Path) -> int:
    return main([str(each) for each in arguments])


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    assert run(*arguments) == 1
    return capsys.readouterr().err


def test_archive_is_taken_byte_for_byte(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Long names and those that are not ASCII have a PAX header."""
    archive = write_archive(tmp_path / "a.tar.gz", entries_of(TEXTS))
    assert run("bytecode", "--encoded", archive, "--output", tmp_path / "layer") == 0
    found = json.loads(capsys.readouterr().out)

    assert (tmp_path / "layer").read_bytes() == archive.read_bytes()
    assert found["digest"] == f"sha256:{hashlib.sha256(archive.read_bytes()).hexdigest()}"


def test_tree_has_its_files_and_folders(tmp_path: Path) -> None:
    entries = [replace(each, mode=0o2775) if each.path == SITE else each for each in entries_of(TEXTS)]
    archive = write_archive(tmp_path / "a.tar.gz", entries)
    assert run("bytecode", "--tree", "--encoded", archive, "--output", tmp_path / "tree") == 0
    files = sorted(each for each in (tmp_path / "tree").rglob("*") if each.is_file())

    assert [each.relative_to(tmp_path / "tree").as_posix() for each in files] == sorted(map(pyc, TEXTS))
    assert {each.stat().st_mode & 0o7777 for each in files} == {0o644}
    assert {each.stat().st_mtime for each in files} == {315619200.0}
    assert (tmp_path / "tree" / SITE).stat().st_mode & 0o7777 == 0o2775  # as it is in the base


@pytest.mark.parametrize("texts", [{}, {"a.py": b""}])
def test_layer_may_have_no_bytecode_or_empty_files(texts: dict[str, bytes], tmp_path: Path) -> None:
    """An empty file stands for a source that did not compile, above a wheel's that did."""
    entries = merge(file_entry(pyc(path), b"", executable=False, origin="") for path in texts)
    archive = write_archive(tmp_path / "a.tar.gz", entries)

    assert run("bytecode", "--quiet", "--encoded", archive, "--output", tmp_path / "layer") == 0


def test_what_this_python_compiles_is_taken(tmp_path: Path) -> None:
    text = b"import sys\n"
    made = importlib._bootstrap_external._code_to_hash_pyc(  # type: ignore[attr-defined]
        compile(text, "/app/a.py", "exec"), importlib.util.source_hash(text), False
    )
    path = importlib.util.cache_from_source("app/a.py", optimization="")
    archive = write_archive(tmp_path / "a.tar.gz", merge([file_entry(path, bytes(made), executable=False, origin="")]))
    (tmp_path / "a.py").write_bytes(text)
    words = ("--project", tmp_path, "--script", "a.py", "--root", "/app")

    assert sys.version_info >= (3, 11)
    assert run("bytecode", "--quiet", "--encoded", archive, *words, "--output", tmp_path / "layer") == 0


def test_path_of_a_source_is_beside_the_folder_of_bytecode() -> None:
    assert source_path("a/b/__pycache__/c.d.cpython-313.pyc") == "a/b/c.d.py"
    assert source_path("__pycache__/c.cpython-39.pyc") == "c.py"
    for other in ("a/c.cpython-313.pyc", "__pycache__/c.pyc", "a/__pycache__/b/c.cpython-313.pyc", "__pycache__/c.py"):
        assert source_path(other) == ""
    assert source_path("a/__pycache__/c.cpython-313.opt-1.pyc") == ""


@pytest.fixture
def application(tmp_path: Path) -> Path:
    """A project with a script, whose text is canonical in the image, and modules beside it."""
    project = tmp_path / "project"
    (project / "lib").mkdir(parents=True)
    (project / "run.py").write_bytes(b"import lib\r\n")
    (project / "lib" / "__init__.py").write_bytes(b"ONE = 1\r\n")
    (project / "lib" / "data.txt").write_bytes(b"data")
    return project


WORDS: tuple[str, ...] = ("--script=run.py", "--files=lib/*", "--root", "/app")
OWN = {"app/run.py": b"import lib\n", "app/lib/__init__.py": b"ONE = 1\r\n"}


def taken(project: Path, archive: Path, *options: str) -> tuple[str | Path, ...]:
    output = project.parent / "out" / "layer"
    return ("bytecode", "--quiet", "--encoded", archive, "--project", project, *WORDS, *options, "--output", output)


def test_bytecode_of_the_texts_that_are_there_is_taken(application: Path, tmp_path: Path) -> None:
    """A source may have none: it may not compile."""
    for texts in (OWN, dict([*OWN.items()][:1]), {}):
        archive = write_archive(tmp_path / "a.tar.gz", entries_of(texts))
        assert run(*taken(application, archive)) == 0
        assert (tmp_path / "out" / "layer").read_bytes() == archive.read_bytes()


@pytest.mark.parametrize("form", [(), ("--tree",), ("--tar",)])
def test_bytecode_of_another_text_is_refused(
    form: tuple[str, ...], application: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archive = write_archive(tmp_path / "bytecode.tar.gz", entries_of(OWN))
    (application / "lib" / "__init__.py").write_bytes(b"ONE = 2\n")
    said = refusal(capsys, *taken(application, archive, *form))
    one = "the bytecode in bytecode.tar.gz is of another text of"
    assert said == f"refused: {one} /app/lib/__init__.py; run `onedigest fetch` [stale]\n"
    assert os.listdir(tmp_path / "out") == []
    (application / "run.py").write_bytes(b"")
    said = refusal(capsys, *taken(application, archive, *form))
    assert said == f"refused: {one} /app/run.py and 1 more; run `onedigest fetch` [stale]\n"


def test_bytecode_of_a_source_that_is_gone_is_refused(
    application: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archive = write_archive(tmp_path / "a.tar.gz", entries_of({**OWN, "app/lib/old.py": b"", "etc/x.py": b""}))
    said = refusal(capsys, *taken(application, archive))

    assert said == (
        "refused: the bytecode in a.tar.gz is of /app/lib/old.py and 1 more, which is not there; "
        "run `onedigest fetch` [stale]\n"
    )


def test_bytecode_of_a_source_that_no_one_compiles_is_refused(
    application: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = b"#" * ((8 << 20) + 1)
    (application / "run.py").write_bytes(text)
    archive = write_archive(tmp_path / "a.tar.gz", entries_of({"app/run.py": text}))

    assert "is of another text of /app/run.py" in refusal(capsys, *taken(application, archive))


def test_empty_bytecode_of_an_application_is_of_any_text(application: Path, tmp_path: Path) -> None:
    """Python compiles the source: it stands where a file of the base is hidden that has bytecode."""
    empty = merge([file_entry(pyc("app/run.py"), b"", executable=False, origin="")])
    archive = write_archive(tmp_path / "a.tar.gz", empty)

    assert run(*taken(application, archive)) == 0


def owned(entries: list[Entry]) -> list[Entry]:
    return [replace(each, uid=65532, gid=65532) for each in entries]


def test_files_that_their_user_may_change_have_bytecode_that_is_checked(
    application: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archive, mine = tmp_path / "a.tar.gz", ("--owner", "65532:65532")
    write_archive(archive, owned(entries_of(OWN, flags=3)))
    assert run(*taken(application, archive, *mine)) == 0
    write_archive(archive, owned(entries_of(OWN, flags=1)))
    said = refusal(capsys, *taken(application, archive, *mine))
    assert said == (
        "refused: the bytecode in a.tar.gz is not such that Python looks whether sources changed; "
        "run `onedigest fetch` [stale]\n"
    )
    write_archive(archive, entries_of(OWN, flags=3))
    said = refusal(capsys, *taken(application, archive))
    assert said == (
        "refused: the bytecode in a.tar.gz is not such that Python does not look whether sources changed; "
        "run `onedigest fetch` [stale]\n"
    )


def test_bytecode_belongs_to_the_owner_of_the_application(
    application: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = "the bytecode in a.tar.gz has another owner than the application; run `onedigest fetch`"
    archive = write_archive(tmp_path / "a.tar.gz", owned(entries_of(OWN)))
    assert refusal(capsys, *taken(application, archive)) == f"refused: {other} [stale]\n"

    shared = [replace(each, mode=0o1777) if each.path == "app" else each for each in entries_of(OWN)]
    write_archive(archive, shared)
    assert refusal(capsys, *taken(application, archive)) == f"refused: {other} [stale]\n"
    assert run(*taken(application, archive, "--known", "/app=1777:0:0")) == 0


def test_listing_says_which_texts_are_there(
    application: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archive = write_archive(tmp_path / "a.tar.gz", entries_of(OWN))
    rows = [{"target": "run.py", "path": "run.py", "role": "script"}]
    rows += [{"target": "lib/__init__.py", "path": "lib/__init__.py", "role": "plain"}]
    words = ("bytecode", "--quiet", "--encoded", archive, "--listing", application / "listing.json")
    output = ("--root", "/app", "--output", tmp_path / "layer")
    (application / "listing.json").write_text(json.dumps(rows))
    assert run(*words, *output) == 0
    (application / "listing.json").write_text(json.dumps(rows[:1]))
    assert "is of /app/lib/__init__.py, which is not there" in refusal(capsys, *words, *output)
    (application / "listing.json").write_text("[]")
    assert "is of /app/run.py and 1 more, which is not there" in refusal(capsys, *words, *output)


def test_hash_is_the_one_of_pep_552() -> None:
    """A known answer: that of CPython 3.11 to 3.14, whatever Python runs this."""
    assert bytecode_of(b"x = 1\n")[:16].hex() == "a70d0d0a010000004c0372aa93f75252"
