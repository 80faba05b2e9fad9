"""The last answer of a build for Flyte counts as long as nothing that it came from is another one."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from onedigest.flyte_plugin.answers import Answer, ProjectFiles, recall_answer, remember
from onedigest.workspace.machine import Machine

DIGEST = f"sha256:{'ab' * 32}"


@dataclass
class Registry:
    """A registry on loopback that has one image, and what it was asked."""

    host: str = ""
    digest: str = DIGEST
    status: int = 200
    asked: list[tuple[str, str]] = field(default_factory=list)


@pytest.fixture
def registry() -> Iterator[Registry]:
    found = Registry()

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            found.asked.append((self.path, self.headers["accept"]))
            self.send_response(found.status)
            self.send_header("Docker-Content-Digest", found.digest)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found.host = f"127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield found
        server.shutdown()


@pytest.fixture(autouse=True)
def own_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("ONEDIGEST_LOCKED", raising=False)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    write(root / "job.py", "import flyte")
    write(root / "data" / "a.csv", "a,b")
    write(root / "venv" / "pyvenv.cfg", "")
    return root


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def request(root: Path, **others: Any) -> dict[str, Any]:
    same = {"definition": "{}", "locked": False, "force": False, "dry_run": False, "run": "1", "insecure": []}
    return {**same, "files": [str(root / "job.py")], **others}


def keep(root: Path, registry: Registry) -> None:
    """Answer a first build, which locks the image."""
    before = ProjectFiles(root, "lockfiles", [str(root / "job.py")])
    write(root / "lockfiles" / "x" / "pylock.toml", "lock")
    write(root / "lockfiles" / "x" / "image.toml", "record")
    answer = Answer(registry.host, "acme/x", "0123", DIGEST, "application/json", "x: pushed already")
    remember(Machine.from_environment().store, request(root), "x", before, answer)


def test_answer_is_given_again_after_one_request(
    root: Path, registry: Registry, capfd: pytest.CaptureFixture[str]
) -> None:
    keep(root, registry)

    assert recall_answer(request(root, run="2")) == f"{registry.host}/acme/x@{DIGEST}"
    assert registry.asked == [("/v2/acme/x/manifests/0123", "application/json")]
    assert capfd.readouterr().err == "x: pushed already\n"


def rewritten(path: Path, text: str) -> None:
    """Write as many bytes as there are, at what seems to be the same time."""
    found = path.stat()
    path.write_text(text)
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))


def linked(path: Path, elsewhere: Path) -> None:
    path.rename(elsewhere)
    path.symlink_to(elsewhere)


CHANGES: dict[str, Callable[[Path], object]] = {
    "an edited script": lambda root: rewritten(root / "job.py", "import fly_e"),
    "an edited lock": lambda root: rewritten(root / "lockfiles" / "x" / "pylock.toml", "l0ck"),
    "an edited record": lambda root: rewritten(root / "lockfiles" / "x" / "image.toml", "rec0rd"),
    "a lock that is gone": lambda root: (root / "lockfiles" / "x" / "pylock.toml").unlink(),
    "a new file": lambda root: write(root / "data" / "b.csv", ""),
    "an empty folder": lambda root: (root / "src").mkdir(),
    "a file that is gone": lambda root: (root / "data" / "a.csv").unlink(),
    "a file that may be run": lambda root: (root / "data" / "a.csv").chmod(0o755),
    "a link in the place of a file": lambda root: linked(root / "data" / "a.csv", root.parent / "a"),
    "settings in the folder above": lambda root: write(root.parent / "onedigest.toml", ""),
    "a repository in the folder above": lambda root: (root.parent / ".git").mkdir(),
    "a repository": lambda root: (root / ".git").mkdir(),
}


@pytest.mark.parametrize("change", CHANGES)
def test_all_is_looked_at_after(change: str, root: Path, registry: Registry) -> None:
    keep(root, registry)
    CHANGES[change](root)

    assert recall_answer(request(root)) == ""
    assert registry.asked == []


@pytest.mark.parametrize(
    "path",
    [
        "venv/lib/new.py",
        "__pycache__/job.pyc",
        "data/job.pyc",
        "lockfiles/other/pylock.toml",
        "lockfiles/.gitattributes",
        ".git/HEAD",
    ],
)
def test_answer_stays_with_a_new_file_that_no_build_reads(path: str, root: Path, registry: Registry) -> None:
    (root / ".git").mkdir()
    keep(root, registry)
    write(root / path, "new")

    assert recall_answer(request(root))


def test_database_that_flyte_writes_to_at_each_build_is_passed(root: Path, registry: Registry) -> None:
    database = write(root / "local-cache" / "cache.db", "1")
    keep(root, registry)
    database.write_text("22")

    assert recall_answer(request(root))


@pytest.mark.parametrize(
    "other", [{"definition": "{1}"}, {"insecure": ["x"]}, {"flyte": "flyte==2.8.0"}, {"files": []}]
)
def test_another_request_has_an_answer_of_its_own(other: dict[str, Any], root: Path, registry: Registry) -> None:
    keep(root, registry)

    assert recall_answer(request(root, **other)) == ""


@pytest.mark.parametrize("other", [{"locked": True}, {"force": True}, {"dry_run": True}])
def test_what_is_to_be_proven_or_made_is_never_recalled(other: dict[str, Any], root: Path, registry: Registry) -> None:
    keep(root, registry)

    assert recall_answer(request(root, **other)) == ""


def test_another_environment_or_folder_counts(root: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(root, registry)
    with monkeypatch.context() as other:
        other.setenv("ONEDIGEST_LOCKED", "1")
        assert recall_answer(request(root)) == ""
    with monkeypatch.context() as other:
        other.setenv("INDEX_PASSWORD", "s3cret")
        assert recall_answer(request(root)) == ""
    with monkeypatch.context() as other:
        other.chdir(root)
        assert recall_answer(request(root)) == ""
    monkeypatch.setenv("SHLVL", "7")

    assert recall_answer(request(root))


@pytest.mark.parametrize(
    ("status", "digest"), [(404, DIGEST), (401, DIGEST), (500, DIGEST), (200, f"sha256:{'cd' * 32}"), (200, "")]
)
def test_registry_without_the_image_is_asked_the_long_way(
    status: int, digest: str, root: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    monkeypatch.setattr("onedigest.flyte_plugin.answers._is_there", lambda *_: steps.append("asked"))
    keep(root, registry)
    registry.status, registry.digest = status, digest

    assert recall_answer(request(root), lambda: steps.append("modules found")) == ""
    assert steps == ["modules found", "asked"]


def test_nothing_is_kept_of_a_project_that_changed_meanwhile(root: Path, registry: Registry) -> None:
    before = ProjectFiles(root, "lockfiles", [])
    rewritten(root / "data" / "a.csv", "c,d")
    remember(
        Machine.from_environment().store,
        request(root),
        "x",
        before,
        Answer(registry.host, "acme/x", "0123", DIGEST, "", ""),
    )

    assert not list((Machine.from_environment().store.root / "flyte-answers").glob("*"))


def test_large_project_is_not_looked_at(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onedigest.flyte_plugin.answers._MOST_FILES", 2)

    assert not ProjectFiles(root, "lockfiles", []).is_whole


def test_note_of_another_machine_counts_for_nothing(
    root: Path, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(root, registry)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "other"))
    name = next((Machine.from_environment().store.root / "flyte-answers").iterdir()).name
    monkeypatch.setattr("onedigest.flyte_plugin.answers._name", lambda _: f"flyte-answers/{name}")

    assert recall_answer(request(root)) == ""
