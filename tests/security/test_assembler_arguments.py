"""What engines hand to the assembler is checked: names, owners, digests and documents end in a message, not a traceback."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import pytest

from deb_builder import entry, make_deb
from onedigest.assembler.__main__ import main
from wheel_builder import build_wheel

DIGEST = "sha256:" + "0" * 64
LAYER = {"diff_id": DIGEST, "digest": DIGEST, "size": 1}
CONFIG = '{"history": [{}]}'


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    assert main([str(each) for each in arguments]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err


@pytest.mark.parametrize(
    "name", ["../evil-1-py3-none-any.whl", "/tmp/evil-1-py3-none-any.whl", "a/b-1-py3-none-any.whl", "..", "a\nb"]
)
def test_name_of_an_input_leads_nowhere(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from onedigest.assembler.disk_file import file_digest

    wheel = build_wheel(tmp_path / "wheels", "alpha", "1")
    said = refusal(
        capsys,
        "wheels",
        "--python",
        "3.13",
        "--wheel",
        wheel,
        file_digest(wheel),
        name,
        "--output",
        tmp_path / "out" / "layer",
    )

    assert said == f"refused: {name!r} is not the name of an input [name]\n"
    assert [each.name for each in tmp_path.iterdir()] == ["wheels", "out"] or sorted(os.listdir(tmp_path)) == [
        "out",
        "wheels",
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("folder", "--path", "/x", "--owner", "a:b"), "'a:b' is not UID:GID, of numbers up to 2097151 [owner]"),
        (("folder", "--path", "/x", "--owner", "1"), "'1' is not UID:GID, of numbers up to 2097151 [owner]"),
        (
            ("folder", "--path", "/x", "--owner", "2097152:0"),
            "'2097152:0' is not UID:GID, of numbers up to 2097151 [owner]",
        ),
        (("folder", "--path", "/x", "--owner=-1:0"), "'-1:0' is not UID:GID, of numbers up to 2097151 [owner]"),
        (("folder", "--path", "etc"), "folder: path 'etc' is not absolute [name]"),
        (("folder", "--path", "/a/../b"), "folder: path 'a/../b' has an empty, '.' or '..' component [name]"),
        (("application", "--project", ".", "--root", "app"), "application: path 'app' is not absolute [name]"),
        (
            ("virtual-environment", "--interpreter", "/usr/bin/python3", "--version", "3.13.1\nhome = /evil"),
            "'/usr/bin/python3' '3.13.1\\nhome = /evil': an absolute path and a version 3.N.P are needed [python]",
        ),
    ],
)
def test_argument_is_checked(
    arguments: tuple[str, ...], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert refusal(capsys, *arguments, "--output", tmp_path / "layer") == f"refused: {said}\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("layer", "config", "said"),
    [
        ("", CONFIG, "layer.json: not JSON (Expecting value: line 1 column 1 (char 0)) [document]"),
        ("[" * 100_000, CONFIG, "layer.json: not JSON (nested too deeply) [document]"),
        ("[]", CONFIG, "layer.json: not a JSON object [document]"),
        ("{}", CONFIG, "layer.json: not what a layer is known by [document]"),
        (
            json.dumps({**LAYER, "digest": "sha256:/etc/passwd"}),
            CONFIG,
            "layer.json: not what a layer is known by [document]",
        ),
        (json.dumps({**LAYER, "size": True}), CONFIG, "layer.json: not what a layer is known by [document]"),
        (json.dumps({**LAYER, "evil": 1}), CONFIG, "layer.json: not what a layer is known by [document]"),
        (json.dumps(LAYER), "[]", "config.json: not a JSON object [document]"),
        (json.dumps(LAYER), '{"history": 1}', "config.json: not the configuration of an image [document]"),
    ],
)
def test_document_is_checked(
    layer: str, config: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "layer.json").write_text(layer)
    (tmp_path / "config.json").write_text(config)
    platform = "linux/amd64="

    assert (
        refusal(
            capsys,
            "image",
            "--config",
            f"{platform}{tmp_path}/config.json",
            "--layer",
            f"{platform}{tmp_path}/layer.json",
        )
        == f"refused: {said}\n"
    )


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ("x = " + "[" * 100_000, "image.toml: not a record of a build (maximum recursion depth exceeded"),
        ("index = 1\nplatforms = []", "image.toml: not a record of a build (a digest is no text) [record]\n"),
        ("index = 'a'\nplatforms = ['x']", "image.toml: not a record of a build ("),
        ("index = 'a'\n[[platforms]]\nplatform = 1", "image.toml: not a record of a build ("),
        ("index = " + "9" * 5000, "image.toml: not a record of a build ("),
        (
            'index = "\\u001b[2Jsha256:1"\nplatforms = []',
            "the image is not the one that image.toml records\n  index: a built, '\\x1b[2Jsha256:1' recorded [record]\n",
        ),
    ],
)
def test_record_is_checked(record: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "image.toml").write_text(record)
    (tmp_path / "digests").write_text('{"index": "a", "platforms": {}}')
    text = refusal(capsys, "check", "--digests", tmp_path / "digests", "--record", tmp_path / "image.toml")

    assert text.startswith(f"refused: {said}")


def test_descriptor_is_not_written_through_a_link(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "bashrc"
    target.write_text("mine")
    (tmp_path / "descriptor").symlink_to(target)
    said = refusal(
        capsys, "folder", "--path", "/x", "--output", tmp_path / "layer", "--descriptor", tmp_path / "descriptor"
    )

    assert said == f"refused: {tmp_path}/descriptor: a symbolic link is not followed [output]\n"
    assert target.read_text() == "mine"


@pytest.mark.parametrize("role", ["script", "plain", "program"])
def test_device_and_pipe_are_no_files(role: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (Path("/dev/zero"), tmp_path / "pipe"):
        listing = write_listing(tmp_path, target="x", path=str(path), role=role)
        said = refusal(capsys, "application", "--listing", listing, "--output", tmp_path / "layer")

        assert said == f"refused: {path.name}: not a regular file [type]\n"


def write_listing(folder: Path, **row: object) -> Path:
    path = folder / "listing.json"
    path.write_text(json.dumps([row]))
    return path


@pytest.mark.parametrize(
    "text", ["", "{", "[" * 100_000, "1", "null", "[1]", "[{}]", '[{"target": "a", "path": "a", "role": "x"}]', "\xff"]
)
def test_list_of_files_is_checked(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "listing.json").write_text(text, encoding="latin-1")
    said = refusal(capsys, "application", "--listing", tmp_path / "listing.json", "--output", tmp_path / "layer")

    assert said == "refused: listing.json: not a list of the files of an application [document]\n"


@pytest.mark.parametrize("copy", ["/etc/passwd", "../../../../../../../../etc/passwd", "link"])
def test_what_is_outside_the_project_is_not_read(copy: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "link").symlink_to("/etc/passwd")
    for command in ("select", "application"):
        said = refusal(capsys, command, "--project", tmp_path, f"--copy=x={copy}", "--output", tmp_path / "layer")

        assert said.startswith(f"refused: `copy` names {copy!r}, which is outside the project\nhint: move it below ")


@pytest.mark.parametrize("words", [("--script=../key",), ("--folder=..", "--script=key"), ("--script=link",)])
def test_script_outside_the_project_is_not_read(
    words: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (tmp_path / "key").write_text("secret")
    (project / "link").symlink_to(tmp_path / "key")

    said = refusal(capsys, "select", "--project", project, *words)

    assert said.endswith(": is not in the project [file]\n")
    assert "secret" not in said


def test_folder_is_no_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        refusal(capsys, "debian-packages", "--deb", tmp_path, "--output", tmp_path / "layer")
        == f"error: Is a directory: {tmp_path}\n"
    )


def test_archive_that_holds_more_is_given_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    package = make_deb(tmp_path / "x.deb", "xx", [entry("./usr/a", b"x")])
    archive = tmp_path / "encoded.gz"
    archive.write_bytes(gzip.compress(bytes(32 << 20), 1) * 3)
    arguments = ("debian-packages", "--deb", package, "--encoded", archive, "--output", tmp_path / "layer")

    assert refusal(capsys, *arguments) == "refused: encoded.gz: it holds more than its packages give [encoded]\n"
    archive.write_bytes(gzip.compress(b"x") + bytes(9))
    assert refusal(capsys, *arguments).startswith("refused: encoded.gz: broken gzip stream (")
