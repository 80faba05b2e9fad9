"""The assembler's command line: the contract of every engine."""

from __future__ import annotations

import gzip
import hashlib
import json
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from deb_builder import entry, make_deb
from onedigest import zipapp
from onedigest.assembler.descriptor import Descriptor
from onedigest.assembler.image import assemble_platform
from onedigest.oci.read import read_image
from onedigest.oci.validate import validate
from wheel_builder import build_wheel

CONFIG = {"architecture": "amd64", "os": "linux", "created": "1980-01-02T00:00:00Z", "config": {}}


def assemble(*arguments: str | Path, code: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "onedigest.assembler", *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stderr
    return done.stdout if code == 0 else done.stderr


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    return build_wheel(tmp_path / "wheels", "alpha", "1", entry_points="[console_scripts]\nalpha = alpha:main\n")


def listing(folder: Path) -> list[tuple[str, int, float, str]]:
    """Return path, mode, time and content or target of everything below a folder."""
    found = []
    for path in sorted(folder.rglob("*")):
        content = str(path.readlink()) if path.is_symlink() else path.read_bytes().hex() if path.is_file() else ""
        status = path.lstat()
        found.append((path.relative_to(folder).as_posix(), status.st_mode & 0o7777, status.st_mtime, content))
    return found


def test_layer_prints_one_line_and_writes_it_to_a_file(wheel: Path, tmp_path: Path) -> None:
    output, descriptor = tmp_path / "layer.tar.gz", tmp_path / "layer.json"
    line = assemble("wheels", "--python", "3.13", "--wheel", wheel, "--output", output, "--descriptor", descriptor)
    found = json.loads(line)

    assert line.count("\n") == 1
    assert descriptor.read_text() == line
    assert found["digest"] == f"sha256:{hashlib.sha256(output.read_bytes()).hexdigest()}"
    assert found["size"] == output.stat().st_size


def test_tar_has_the_diff_id(wheel: Path, tmp_path: Path) -> None:
    blob = json.loads(assemble("wheels", "--python", "3.13", "--wheel", wheel, "--output", tmp_path / "a"))
    assemble("wheels", "--tar", "--python", "3.13", "--wheel", wheel, "--output", tmp_path / "b")

    assert f"sha256:{hashlib.sha256((tmp_path / 'b').read_bytes()).hexdigest()}" == blob["diff_id"]


def test_tree_has_the_entries_of_the_layer(wheel: Path, tmp_path: Path) -> None:
    assemble("wheels", "--python", "3.13", "--wheel", wheel, "--output", tmp_path / "layer.tar.gz")
    with tarfile.open(tmp_path / "layer.tar.gz") as archive:
        archive.extractall(tmp_path / "extracted", filter="fully_trusted")
    assemble("wheels", "--tree", "--python", "3.13", "--wheel", wheel, "--output", tmp_path / "tree")
    assemble("wheels", "--tree", "--python", "3.13", "--wheel", wheel, "--output", tmp_path / "again")

    assert listing(tmp_path / "tree") == listing(tmp_path / "again")
    assert [row for row in listing(tmp_path / "tree") if row[3]] == [
        row for row in listing(tmp_path / "extracted") if row[3]
    ]
    assert {row[2] for row in listing(tmp_path / "tree")} == {315619200.0}


def test_runtime_tree(tmp_path: Path) -> None:
    assemble(
        "virtual-environment",
        "--tree",
        "--interpreter",
        "/usr/bin/python3.13",
        "--version",
        "3.13.5",
        "--output",
        tmp_path / "tree",
    )

    assert str((tmp_path / "tree/opt/venv/bin/python").readlink()) == "/usr/bin/python3.13"
    assert (tmp_path / "tree/opt/venv/pyvenv.cfg").read_text() == (
        "home = /usr/bin\ninclude-system-site-packages = false\nversion = 3.13.5\n"
    )


def test_application_keeps_execute_bits_alone(tmp_path: Path) -> None:
    (tmp_path / "run.sh").write_text("#!/bin/sh\n")
    (tmp_path / "run.sh").chmod(0o711)
    (tmp_path / "data").write_text("x")
    (tmp_path / "data").chmod(0o600)
    copies = ["--copy=bin/run=run.sh", "--files=data"]
    assemble("application", "--tree", "--project", tmp_path, *copies, "--output", tmp_path / "tree")

    assert [(path, oct(mode)) for path, mode, _, content in listing(tmp_path / "tree") if content] == [
        ("app/bin/run", "0o755"),
        ("app/data", "0o644"),
    ]


def test_image_is_a_valid_layout(wheel: Path, tmp_path: Path) -> None:
    blob, descriptor, config = tmp_path / "layer.tar.gz", tmp_path / "layer.json", tmp_path / "config.json"
    assemble("wheels", "--python", "3.13", "--wheel", wheel, "--output", blob, "--descriptor", descriptor)
    config.write_text(json.dumps({**CONFIG, "history": [{"created_by": "onedigest wheels: alpha 1"}]}))
    arguments = ["image", f"--config=linux/amd64={config}", f"--layer=linux/amd64={descriptor}"]
    printed = assemble(*arguments, "--blob", blob, "--output", tmp_path / "layout", "--digests", tmp_path / "digests")

    assert validate(tmp_path / "layout") == []
    assert read_image(tmp_path / "layout").platforms[0].layers[0].holds == "alpha 1"
    assert json.loads(printed)["index"] == read_image(tmp_path / "layout").digest
    assert (tmp_path / "digests").read_text() == printed
    assert assemble(*arguments) == printed, "digests need no blobs"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"history": []}, "refused: linux/amd64: 1 layers, but 0 lines of history [image]\n"),
        ({"history": [{"created_by": "x"}]}, "refused: no --blob has the digest sha256:"),
    ],
)
def test_image_that_does_not_fit_is_refused(
    change: dict[str, object], expected: str, wheel: Path, tmp_path: Path
) -> None:
    descriptor, config = tmp_path / "layer.json", tmp_path / "config.json"
    assemble("wheels", "--python", "3.13", "--wheel", wheel, "--output", tmp_path / "x", "--descriptor", descriptor)
    config.write_text(json.dumps({**CONFIG, **change}))
    text = assemble(
        "image",
        f"--config=linux/amd64={config}",
        f"--layer=linux/amd64={descriptor}",
        "--output",
        tmp_path / "out",
        code=1,
    )

    assert text.startswith(expected)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("wheels", "--python", "3", "--wheel", "a-1-py3-none-any.whl"), "refused: '3' is not a Python version of the form 3.N [python]\n"),
        (("wheels", "--python", "3.13", "--wheel", "a.whl"), "refused: a.whl: not the file name of a wheel [identity]\n"),
        (("wheels", "--python", "3.13", "--wheel", "a-1-py3-none-any.whl"), "error: No such file or directory: a-1-py3-none-any.whl\n"),
        (("virtual-environment", "--interpreter", "python", "--version", "3.13.5"), "refused: 'python' '3.13.5': an absolute path and a version 3.N.P are needed [python]\n"),
        (("application", "--project", "none", "--files", "x"), "refused: `files` pattern 'x' matches nothing [application]\n"),
        (("debian-root", "--user", "1:1", "--deb", "/dev/null"), "refused: null: not a Debian package [deb]\n"),
        (("debian-packages", "--deb", "/dev/null", "sha256:0"), "refused: null: not the file of the lock, whose digest is sha256:0 [changed]\n"),
    ],
)  # fmt: skip
def test_bad_input_is_told_and_leaves_nothing(arguments: tuple[str, ...], expected: str, tmp_path: Path) -> None:
    assert assemble(*arguments, "--output", tmp_path / "out", code=1) == expected
    assert list(tmp_path.iterdir()) == []


def test_inputs_with_their_digests_are_taken(wheel: Path, tmp_path: Path) -> None:
    digest = f"sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}"
    plain = assemble("wheels", "--python", "3.13", "--wheel", wheel, "--output", tmp_path / "a")

    assert assemble("wheels", "--python", "3.13", "--wheel", wheel, digest, "--output", tmp_path / "b") == plain


def test_script_has_its_canonical_text_and_no_execute_bit(tmp_path: Path) -> None:
    (tmp_path / "in=x").mkdir()
    (tmp_path / "in=x" / "a=b.py").write_bytes("\ufeffprint('ö')\r\n".encode())
    (tmp_path / "in=x" / "a=b.py").chmod(0o755)
    arguments = ("--project", tmp_path, "--folder=in=x", "--script=a=b.py", "--output", tmp_path / "tree")
    assemble("application", "--tree", *arguments)

    assert [row for row in listing(tmp_path / "tree") if row[0].endswith(".py")] == [
        ("app/a=b.py", 0o644, 315619200.0, "print('ö')\n".encode().hex())
    ]


def test_script_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(b"\xff")
    said = assemble("application", "--project", tmp_path, "--script=a.py", "--output", tmp_path / "x", code=1)

    assert said == "refused: application: a.py: not UTF-8 [application]\n"


def test_layer_of_the_working_directory_is_the_empty_layer_of_a_dockerfile(tmp_path: Path) -> None:
    found = json.loads(assemble("working-directory", "--output", tmp_path / "layer"))

    assert found["diff_id"] == f"sha256:{hashlib.sha256(bytes(1024)).hexdigest()}"


def test_configuration_is_written_as_go_writes_it() -> None:
    config = {**CONFIG, "config": {"Env": ["A=<&> ö \u2028"]}, "history": [{"created_by": "x"}]}
    image = assemble_platform("linux/amd64", config, [Descriptor("sha256:1", "sha256:2", 3)])

    assert image.config.decode() == (
        '{"architecture":"amd64","config":{"Env":["A=\\u003c\\u0026\\u003e ö \\u2028"]},'
        '"created":"1980-01-02T00:00:00Z","history":[{"created_by":"x"}],"os":"linux",'
        '"rootfs":{"type":"layers","diff_ids":["sha256:1"]}}'
    )


def test_usage_error(tmp_path: Path) -> None:
    assert "the following arguments are required: --wheel" in assemble(
        "wheels", "--python", "3.13", "--output", tmp_path / "x", code=2
    )


def test_input_is_read_under_the_name_that_is_given(wheel: Path, tmp_path: Path) -> None:
    """Nix stores files under names that begin with a hash."""
    digest = f"sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}"
    plain = assemble("wheels", "--python", "3.13", "--wheel", wheel, "--output", tmp_path / "a")
    stored = wheel.rename(tmp_path / f"0123-{wheel.name}")

    assert assemble(
        "wheels", "--python", "3.13", "--wheel", stored, digest, wheel.name, "--output", tmp_path / "b"
    ) == plain  # fmt: skip
    assert sorted(path.name for path in tmp_path.iterdir()) == [stored.name, "a", "b", "wheels"]


def test_list_of_an_image_below_and_packages_have_names_given_side_by_side(tmp_path: Path) -> None:
    package = make_deb(tmp_path / "some.deb", "some", [])
    listed = tmp_path / "files.json"
    listed.write_text('{"files":[["etc/passwd","file","",{"text":"root"}]],"format":1}')
    line = assemble("debian-configuration", "--deb", package, "--below", listed, "--output", tmp_path / "a")
    given: list[str | Path] = []
    for flag, path in (("--deb", package), ("--below", listed)):
        stored = path.rename(tmp_path / f"0123-{path.name}")
        given += [flag, stored, f"sha256:{hashlib.sha256(stored.read_bytes()).hexdigest()}", path.name]

    assert assemble("debian-configuration", *given, "--output", tmp_path / "b") == line


def test_modes_are_as_they_are_said_whatever_the_disk_has(tmp_path: Path) -> None:
    """A remote worker may have every file executable."""
    for name, mode in (("run", 0o600), ("data", 0o777)):
        (tmp_path / name).write_text("x")
        (tmp_path / name).chmod(mode)
    rows = [
        {"target": "bin/run", "path": "run", "role": "program"},
        {"target": "data", "path": "data", "role": "plain"},
    ]
    (tmp_path / "listing.json").write_text(json.dumps(rows))
    assemble("application", "--tree", "--listing", tmp_path / "listing.json", "--output", tmp_path / "tree")

    assert [(path, oct(mode)) for path, mode, _, content in listing(tmp_path / "tree") if content] == [
        ("app/bin/run", "0o755"),
        ("app/data", "0o644"),
    ]


def test_quiet_prints_nothing(wheel: Path, tmp_path: Path) -> None:
    assert assemble("wheels", "--quiet", "--python", "3.13", "--wheel", wheel, "--output", tmp_path / "a") == ""


@pytest.fixture
def packages(tmp_path: Path) -> list[Path]:
    return [make_deb(tmp_path / "tool.deb", "tool", [entry("./usr/bin/tool", b"tool\n" * 999, mode=0o755)])]


def test_layer_that_was_encoded_elsewhere_is_taken_byte_for_byte(packages: list[Path], tmp_path: Path) -> None:
    """Whatever compressor made it: the digest is that of its bytes, the diff ID that of the packages."""
    plain = json.loads(assemble("debian-packages", "--tar", "--deb", *packages, "--output", tmp_path / "tar"))
    archive = tmp_path / "archive.tar.gz"
    archive.write_bytes(gzip.compress((tmp_path / "tar").read_bytes(), 1, mtime=7))
    found = json.loads(
        assemble("debian-packages", "--deb", *packages, "--encoded", archive, "--output", tmp_path / "layer")
    )  # fmt: skip

    assert (tmp_path / "layer").read_bytes() == archive.read_bytes()
    assert found["diff_id"] == plain["diff_id"]
    assert found["digest"] == f"sha256:{hashlib.sha256(archive.read_bytes()).hexdigest()}"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (gzip.compress(b"something else", mtime=0), "its diff ID is sha256:"),
        (gzip.compress(b"x" * 99999)[:-9], "broken gzip stream ("),
        (b"no gzip", "broken gzip stream ("),
        (b"", "its diff ID is sha256:"),
    ],
)
def test_archive_with_another_content_is_refused(
    content: bytes, said: str, packages: list[Path], tmp_path: Path
) -> None:
    archive = tmp_path / "archive.tar.gz"
    archive.write_bytes(content)
    text = assemble(
        "debian-packages", "--deb", *packages, "--encoded", archive, "--output", tmp_path / "layer", code=1
    )  # fmt: skip

    assert text.startswith(f"refused: archive.tar.gz: {said}")
    assert not (tmp_path / "layer").exists()


RECORD = 'index = "sha256:1"\n[[platforms]]\nplatform = "linux/amd64"\nmanifest = "sha256:2"\nconfig = "sha256:3"\n'
DIGESTS = {"index": "sha256:1", "platforms": {"linux/amd64": {"manifest": "sha256:2", "config": "sha256:3"}}}


@pytest.mark.parametrize(
    ("record", "said"),
    [
        (RECORD, ""),
        (
            RECORD.replace(":1", ":9").replace(":3", ":8"),
            "refused: the image is not the one that image.toml records\n"
            "  index: sha256:1 built, sha256:9 recorded\n"
            "  linux/amd64 config: sha256:3 built, sha256:8 recorded [record]\n",
        ),
        (
            RECORD.replace("amd64", "arm64"),
            "refused: the image is not the one that image.toml records\n"
            "  linux/amd64 manifest: sha256:2 built, none recorded\n"
            "  linux/amd64 config: sha256:3 built, none recorded\n"
            "  linux/arm64 manifest: none built, sha256:2 recorded\n"
            "  linux/arm64 config: none built, sha256:3 recorded [record]\n",
        ),
        ("index = 1", "refused: image.toml: not a record of a build ('platforms') [record]\n"),
    ],
)
def test_digests_are_held_against_a_record(record: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "image.toml").write_text(record)
    (tmp_path / "digests").write_text(json.dumps(DIGESTS))
    arguments = ("check", "--digests", tmp_path / "digests", "--record", tmp_path / "image.toml")

    assert assemble(*arguments, code=1 if said else 0) == (said or "sha256:1\n")


def test_older_python_is_told_which_one_is_needed(tmp_path: Path) -> None:
    path = tmp_path / "assemble.pyz"
    path.write_bytes(zipapp.pack())
    code = "import runpy, sys; sys.version_info = (3, 9, 2); runpy.run_path(sys.argv[1])"
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (1, "error: the assembler needs Python 3.11 or newer, this is 3.9\n")
