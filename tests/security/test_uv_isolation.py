"""Uv runs where no folder above has a say, with the user's own settings and credentials and nobody else's."""

from __future__ import annotations

import subprocess
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from onedigest.errors import NetworkError, OnedigestError
from onedigest.tools import git, uv
from resolving import Checkout

WORKSPACE = (
    '[project]\nname = "root"\nversion = "0"\n[tool.uv.workspace]\nmembers = ["*", "*/*", "evil", "**/project"]\n'
)
PROGRAM = "#!/bin/sh\necho ran > RAN\nexit 1\n"


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def take_over(checkout: Checkout, folder: Path) -> None:
    """Make a folder the root of a workspace of a stranger, with settings and a Python of theirs."""
    folder.mkdir(parents=True, exist_ok=True)
    checkout.evil(folder / "evil")
    (folder / "pyproject.toml").write_text(WORKSPACE)
    (folder / "uv.toml").write_text(
        f'cache-dir = "{checkout.root / "victim"}"\nindex-url = "http://127.0.0.1:9/evil"\n'
    )
    (folder / ".env").write_text(f"UV_CACHE_DIR={checkout.root / 'victim'}\n")
    python = folder / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(PROGRAM.replace("RAN", str(checkout.ran)))
    python.chmod(0o755)
    (folder / ".venv" / "pyvenv.cfg").write_text("home = /usr/bin\n")
    (folder / ".python-version").write_text(f"{python}\n")


def test_folder_for_temporary_files_has_no_say(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    """Anybody may write into it, and so a pyproject.toml in it is anybody's."""
    folder = checkout.root / "temporary"
    take_over(checkout, folder)
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    found = checkout.locate(*checkout.here())

    assert list(found) == ["alpha-1.0-py3-none-any.whl"]
    assert not checkout.ran.exists()
    assert not (checkout.root / "victim").exists()


@pytest.mark.parametrize("above", [".", "onedigest", "onedigest/scratch"])
def test_cache_inside_a_checkout_has_no_say(above: str, checkout: Checkout) -> None:
    """A cache is often kept in the checkout, where a runner is to save it."""
    cache = checkout.folder / ".cache"
    take_over(checkout, cache / above)
    found = checkout.locate(*checkout.here(), store=cache / "onedigest")

    assert list(found) == ["alpha-1.0-py3-none-any.whl"]
    assert not checkout.ran.exists()
    assert not (checkout.root / "victim").exists()


def test_uv_runs_in_a_private_folder_of_the_store(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[Path, int]] = []
    run = subprocess.run

    def noted(*arguments: Any, **named: Any) -> Any:
        folder = Path(named["cwd"])
        seen.append((folder, (folder.stat().st_mode | folder.parent.stat().st_mode) & 0o077))
        return run(*arguments, **named)

    monkeypatch.setattr(subprocess, "run", noted)
    checkout.locate(*checkout.here())

    assert [(folder.parent.parent, others) for folder, others in seen] == [(checkout.root / "store" / "scratch", 0)]
    assert not seen[0][0].exists()


@pytest.mark.parametrize("place", ["home", "variable", "machine"])
def test_own_settings_of_the_user_count(place: str, checkout: Checkout) -> None:
    settings = checkout.root / "etc" / "uv" / "uv.toml"
    own = {"XDG_CONFIG_DIRS": str(checkout.root / "etc")}
    if place == "home":
        settings, own = checkout.home / ".config" / "uv" / "uv.toml", {}
    elif place == "variable":
        own = {"UV_CONFIG_FILE": str(settings)}
    settings.parent.mkdir(parents=True)
    settings.write_text(f'no-index = true\nfind-links = ["{checkout.wheels}"]\n')

    assert list(checkout.locate(own=own)) == ["alpha-1.0-py3-none-any.whl"]


def test_uv_that_hangs_is_stopped(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uv, "LONGEST_RUN", 1)

    class Dribbling(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            for _ in range(40):
                time.sleep(0.1)
                try:
                    self.wfile.write(b" ")
                except OSError:
                    return

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Dribbling)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    own = {"UV_DEFAULT_INDEX": f"http://127.0.0.1:{server.server_address[1]}/simple"}
    try:
        with pytest.raises(NetworkError) as caught:
            checkout.locate(own=own)
    finally:
        server.shutdown()
        server.server_close()

    assert str(caught.value) == (
        "job.py: uv took more than 0 minutes, so it was stopped\nhint: an index may be slow: try it again"
    )


def test_folder_that_looks_like_a_repository_is_none(checkout: Checkout) -> None:
    """A bare repository can be checked in: its settings would name programs that git runs."""
    lock = checkout.write("lockfiles/app/pylock.toml", "one\n")

    def run(*arguments: str) -> str:
        command = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", *arguments]
        return subprocess.run(command, cwd=checkout.folder, check=True, capture_output=True, text=True).stdout.strip()

    run("init", "-q")
    run("add", "-A")
    run("commit", "-qm", "x")
    fake = lock.parent
    subprocess.run(["cp", "-r", *map(str, sorted((checkout.folder / ".git").iterdir())), str(fake)], check=True)
    blob = run("rev-parse", "HEAD:lockfiles/app/pylock.toml")
    (fake / "objects" / blob[:2] / blob[2:]).unlink()
    (fake / "config").write_text(
        f"[core]\nrepositoryformatversion = 1\nbare = false\nworktree = {checkout.folder}\n[extensions]\npartialClone = evil\n"
        f'[remote "evil"]\nurl = ext::sh -c "touch% {checkout.ran}"\npromisor = true\n[protocol "ext"]\nallow = always\n'
    )
    lock.write_text("two\n")

    assert git.read_committed(lock, "HEAD") == "one\n"
    assert not checkout.ran.exists()


@pytest.mark.parametrize("revision", ["--output=/tmp/x", "-h", "HEAD:lockfiles", "HEAD HEAD", ""])
def test_revision_is_no_option(revision: str, checkout: Checkout) -> None:
    lock = checkout.write("lockfiles/app/pylock.toml", "one\n")
    subprocess.run(["git", "init", "-q"], cwd=checkout.folder, check=True)

    with pytest.raises(OnedigestError, match="neither an image nor a revision of git"):
        git.read_committed(lock, revision)
