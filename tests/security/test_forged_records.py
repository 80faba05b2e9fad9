"""Records, layouts and stores that say what no build gave: `build --locked` proves every layer by its content."""

from __future__ import annotations

import gzip
import io
import os
import re
import shutil
import tarfile
from pathlib import Path

import pytest

from conftest import Project
from onedigest.digest import of_bytes
from onedigest.oci.read import read_image
from onedigest.plan import record as records
from onedigest.store import STAMP

pytest_plugins = ("built_app",)

RECORD = "lockfiles/app/image.toml"


def application_of(project: Project) -> bytes:
    """Return the script in the image of dist/app."""
    layout = project.root / "dist" / "app"
    layer = read_image(layout).platforms[0].layers[-1]
    blob = layout / "blobs" / "sha256" / layer.digest.removeprefix("sha256:")
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(blob.read_bytes()))) as archive:
        content = archive.extractfile("app/app.py")
        assert content
        return content.read()


def evil_build(project: Project) -> tuple[str, Path]:
    """Build another script with the same lock; return the record and the layout."""
    honest = project.read("app.py")
    record = project.read(RECORD)
    project.write("app.py", honest.replace("honest", "evil"))
    project.ok("build", "app", "--output", "evil")
    evil = project.read(RECORD)
    project.write("app.py", honest)
    project.write(RECORD, record)
    return evil, project.root / "evil"


def with_plan_of(record: str, honest: str) -> str:
    plan = re.search(r'(?m)^plan = "sha256:\w+"$', honest)
    assert plan
    return re.sub(r'(?m)^plan = "sha256:\w+"$', plan[0], record)


@pytest.mark.parametrize("fresh", [True, False], ids=["fresh machine", "same machine"])
def test_layout_and_record_of_another_script(app: Project, tmp_path: Path, fresh: bool) -> None:
    evil, layout = evil_build(app)
    app.write(RECORD, with_plan_of(evil, app.read(RECORD)))
    shutil.rmtree(app.root / "dist")
    shutil.copytree(layout, app.root / "dist" / "app")
    if fresh:
        app.environment |= {"XDG_CACHE_HOME": str(tmp_path / "own"), "XDG_STATE_HOME": str(tmp_path / "state")}

    locked = app.run("build", "--locked", "app")
    assert locked.code == 3
    assert "app: the image is not the recorded one" in locked.err
    assert "linux/amd64 app.py" in locked.err

    plain = app.ok("build", "app")
    assert "did not say what its plan gives" in plain.err
    assert application_of(app).endswith(b"print('honest')\n")


def test_blob_of_the_layout_with_other_bytes(app: Project) -> None:
    blob = max((app.root / "dist/app/blobs/sha256").iterdir(), key=lambda path: path.stat().st_size)
    data = bytearray(blob.read_bytes())
    data[len(data) // 2] ^= 1
    blob.unlink()
    blob.write_bytes(data)

    for arguments in (("--locked",), ()):
        app.ok("build", *arguments, "app")
        assert of_bytes(blob.read_bytes()) == f"sha256:{blob.name}", arguments
        blob.unlink()
        blob.write_bytes(data)


def with_diff_id(project: Project, old: str, new: str) -> str:
    """Return the record with another diff ID, and the digests that every document has then."""
    layout, record = project.root / "dist" / "app", project.read(RECORD).replace(old, new)
    image = read_image(layout)
    moved = {old: new}
    for digest in (*[p.config_digest for p in image.platforms], *[p.manifest for p in image.platforms], image.digest):
        document = (layout / "blobs" / "sha256" / digest.removeprefix("sha256:")).read_text()
        for before, after in moved.items():
            document = document.replace(before, after)
        moved[digest] = of_bytes(document.encode())
    for before, after in moved.items():
        record = record.replace(before, after)
    return record


def test_diff_id_that_no_layer_has(app: Project, tmp_path: Path) -> None:
    old = re.search(r'holds = "alpha 1.0".*diff-id = "(sha256:\w+)"', app.read(RECORD))
    assert old
    app.write(RECORD, with_diff_id(app, old[1], f"sha256:{'ab' * 32}"))
    shutil.rmtree(app.root / "dist")
    app.environment |= {"XDG_CACHE_HOME": str(tmp_path / "own"), "XDG_STATE_HOME": str(tmp_path / "state")}

    result = app.run("build", "--locked", "app")
    assert result.code == 3
    assert "app: the image is not the recorded one" in result.err
    assert "linux/amd64 alpha 1.0" in result.err


@pytest.mark.parametrize(
    ("pattern", "other", "said"),
    [
        ('name = "app"', 'name = "other"', "is the record of another image, `other`"),
        (r'(?s)(holds = "alpha 1.0".*?encoding = )"[^"]+"', r'\1"rot13"', "linux/amd64 alpha 1.0"),
        (r'(?m)^(( *\{ holds = "alpha 1.0", size = )\d+(.*\n))', r"\g<2>0\3\1", "linux/amd64 layers"),
        (r"(?m)^size = (\d+)$", r"size = 1\1", "linux/amd64 layers"),
    ],
    ids=["name", "encoding", "layer twice", "size"],
)
def test_record_that_says_something_else_of_the_image(app: Project, pattern: str, other: str, said: str) -> None:
    app.write(RECORD, re.sub(pattern, other, app.read(RECORD)))
    result = app.run("build", "--locked", "app")
    assert result.code == 3
    assert said in result.err


def test_record_of_a_platform_that_the_image_has_not(app: Project) -> None:
    """With another platform the digests of the index were not compared."""
    app.write(
        "app.py", app.read("app.py").replace("[tool.onedigest]\n", '[tool.onedigest]\n# platforms = ["linux/amd64"]\n')
    )
    app.ok("generate", "app.py")
    app.ok("build", "app")
    text = app.read(RECORD)
    more = text[text.index("\n[[platforms]]") :].replace("linux/amd64", "linux/arm64")
    app.write(RECORD, re.sub(r'(?m)^index = "sha256:\w+"', f'index = "sha256:{"e" * 64}"', text) + more)

    result = app.run("build", "--locked", "app")
    assert result.code == 3
    assert "index" in result.err
    assert "linux/arm64 manifest" in result.err


def stored(project: Project, digest: str) -> Path:
    name = digest.removeprefix("sha256:")
    return Path(project.environment["XDG_CACHE_HOME"]) / "onedigest" / "sha256" / name[:2] / name


def poison(path: Path) -> None:
    """Change a byte of a stored file, and leave its size and its time stamp."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)
    path.chmod(0o444)
    os.utime(path, (STAMP, STAMP))


@pytest.mark.parametrize("what", ["wheel", "layer"])
def test_stored_file_with_other_bytes_is_found_and_made_anew(app: Project, what: str) -> None:
    lock, record = app.read("lockfiles/app/pylock.toml"), app.read(RECORD)
    found = {
        "wheel": re.search(r'\.whl", size.*sha256 = "(\w+)"', lock),
        "layer": re.search(r'holds = "alpha 1.0".*?digest = "(sha256:\w+)"', record),
    }[what]
    assert found
    path = stored(app, found[1])
    poison(path)

    result = app.ok("build", "--locked", "app")
    assert f"had another content under sha256:{path.name}, which was removed" in result.err
    assert app.ok("build", "--locked", "app").err == "app: unchanged\n"
    app.ok("fetch", "app")
    assert of_bytes(path.read_bytes()) == f"sha256:{path.name}"
    assert of_bytes((app.root / "lockfiles/.inputs/alpha-1.0-py3-none-any.whl").read_bytes()) in lock_digests(lock)


def lock_digests(lock: str) -> set[str]:
    return {f"sha256:{each}" for each in re.findall(r'sha256 = "(\w{64})"', lock)}


@pytest.fixture
def notes(app: Project) -> dict[Path, bytes]:
    folder = Path(app.environment["XDG_CACHE_HOME"]) / "onedigest" / "layers"
    return {path: path.read_bytes() for path in sorted(folder.iterdir())}


def test_note_of_another_layer_does_not_count(app: Project, notes: dict[Path, bytes]) -> None:
    contents = list(notes.values())
    for path, other in zip(notes, contents[1:] + contents[:1], strict=True):
        path.write_bytes(other)
    result = app.ok("build", "--locked", "--json", "app")

    assert '"made": []' not in result.out
    assert {path: path.read_bytes() for path in notes} == notes


def test_note_of_another_machine_does_not_count(app: Project, notes: dict[Path, bytes], tmp_path: Path) -> None:
    app.environment["XDG_STATE_HOME"] = str(tmp_path / "another")
    result = app.ok("build", "--locked", "--json", "app")

    assert '"made": []' not in result.out
    assert not {path: path.read_bytes() for path in notes}.items() & notes.items()


def test_layers_that_the_base_does_not_have(host: str, app: Project, tmp_path: Path) -> None:
    """The lock pins an honest base by digest, and states layers of another image in its place."""
    path = "lockfiles/app/pylock.toml"
    text = app.read(path)
    old = re.search(r'diff-id = "(sha256:\w+)"', text)
    assert old
    head, _, body = text.replace(old[1], f"sha256:{'ab' * 32}").partition("\n")[2].partition("\n")
    assert head
    first = text.partition("\n")[0]
    app.write(path, f"{first}\n# Content {of_bytes(body.encode())}\n{body}")
    said = f"error: {path}: the base {host}/tiny:3: linux/amd64: `layers` in the lock is not its own"

    for arguments in (("fetch", "app"), ("build", "--locked", "app"), ("build", "app")):
        for cache in (app.environment["XDG_CACHE_HOME"], str(tmp_path / "fresh")):
            result = app.run(*arguments, XDG_CACHE_HOME=cache)
            assert (result.code, result.err.splitlines()[0]) == (1, said)


def test_layer_of_somebody_else_is_not_mounted(host: str, app: Project, tmp_path: Path) -> None:
    """The record names a layer that lies in a repository of the attacker, on the same registry."""
    evil, _ = evil_build(app)
    honest, record = app.read("app.py"), app.read(RECORD)
    app.write("app.py", honest.replace("honest", "evil"))
    app.ok("build", "--push", "--repository", f"{host}/attacker/public", "app")
    app.write("app.py", honest)
    app.write(RECORD, with_plan_of(evil, record))
    app.write("lockfiles/zz/pylock.toml", f'repository = "{host}/attacker/public"\n')
    app.write("lockfiles/zz/image.toml", evil)
    shutil.rmtree(app.root / "dist")
    fresh = {"XDG_CACHE_HOME": str(tmp_path / "own"), "XDG_STATE_HOME": str(tmp_path / "state")}

    result = app.run("build", "--push", "--locked", "--repository", f"{host}/acme/app", "app", **fresh)
    assert result.code == 3
    assert "app: the image is not the recorded one" in result.err
    pushed = app.ok("build", "--push", "--repository", f"{host}/acme/app", "app", **fresh).out.strip()
    assert records.loads(evil, "evil").index not in pushed
