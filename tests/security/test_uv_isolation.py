"""Uv runs where no folder above has a say, with the user's own settings and credentials and nobody else's."""

from __future__ import annotations

import base64
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from onedigest.errors import InputError, NetworkError, OnedigestError
from onedigest.inputs import git, uv
from resolving import Checkout

HASH = "a" * 64
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


class Private:
    """Indexes that want a password, by the first part of the path, and note what they are shown."""

    def __init__(self, wheels: Path, accounts: dict[str, str]) -> None:
        self.shown: list[str] = []
        private = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                _, index, kind, name = self.parts()
                given = base64.b64decode(self.headers.get("authorization", "Basic ")[6:]).decode()
                private.shown.append(f"{index} {given}")
                if given != accounts[index]:
                    self.answer(401, b"", "text/plain")
                elif kind == "simple":
                    link = f'<a href="/{index}/files/{name}-1.0-py3-none-any.whl">{name}-1.0-py3-none-any.whl</a>'
                    self.answer(200, link.encode(), "text/html")
                else:
                    self.answer(200, (wheels / name).read_bytes(), "application/octet-stream")

            do_HEAD = do_GET

            def parts(self) -> tuple[str, str, str, str]:
                index, kind, name = self.path.strip("/").split("/")
                return "", index, kind, name

            def answer(self, status: int, data: bytes, content_type: str) -> None:
                self.send_response(status)
                if status == 401:
                    self.send_header("www-authenticate", "Basic realm=x")
                self.send_header("content-type", content_type)
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                """Keep quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.place = f"127.0.0.1:{self.server.server_address[1]}"


@pytest.fixture
def private(checkout: Checkout) -> Iterator[Callable[[dict[str, str]], Private]]:
    served: list[Private] = []

    def serve(accounts: dict[str, str]) -> Private:
        served.append(Private(checkout.wheels, accounts))
        return served[-1]

    yield serve
    for each in served:
        each.server.shutdown()
        each.server.server_close()


@pytest.mark.parametrize(
    "kind", ["address", "plain address", "variables", "password alone", "script", "settings", "netrc", "store"]
)
def test_credentials_reach_their_index(
    kind: str, checkout: Checkout, private: Callable[[dict[str, str]], Private]
) -> None:
    """However a user states them; none of them stands in a variable that uv fills into an address."""
    account = {"password alone": ":s3cr:t/%41", "plain address": "robot:s3cret"}.get(kind, "rob@t:s3cr:t/%41")
    index = private({"a": account})
    plain = f"http://{index.place}/a/simple"
    named = {"UV_INDEX_CORP_USERNAME": "rob@t", "UV_INDEX_CORP_PASSWORD": "s3cr:t/%41"}
    lines: tuple[str, ...] = ()
    own: dict[str, str] = {}
    if kind == "address":
        own = {"UV_DEFAULT_INDEX": f"http://rob%40t:s3cr%3At%2F%2541@{index.place}/a/simple"}
    elif kind == "plain address":
        own = {"UV_DEFAULT_INDEX": f"http://robot:s3cret@{index.place}/a/simple"}
    elif kind == "variables":
        own = {"UV_DEFAULT_INDEX": f"corp={plain}", **named}
    elif kind == "password alone":
        own = {"UV_DEFAULT_INDEX": f"corp={plain}", "UV_INDEX_CORP_PASSWORD": "s3cr:t/%41"}
    elif kind == "script":
        lines, own = (f'index = [{{ name = "corp", url = "{plain}", default = true }}]',), named
    elif kind == "settings":
        settings = checkout.home / ".config" / "uv" / "uv.toml"
        settings.parent.mkdir(parents=True)
        settings.write_text(f'[[index]]\nname = "corp"\nurl = "{plain}"\ndefault = true\n')
        own = named
    elif kind == "netrc":
        (checkout.home / ".netrc").write_text('machine 127.0.0.1 login "rob@t" password "s3cr:t/%41"\n')
        own = {"UV_DEFAULT_INDEX": plain}
    else:
        store = checkout.home / ".local" / "share" / "uv" / "credentials" / "credentials.toml"
        store.parent.mkdir(parents=True)
        store.write_text(
            f'[[credential]]\nservice = "http://{index.place}/"\nusername = "rob@t"\nscheme = "basic"\n'
            'password = "s3cr:t/%41"\n'
        )
        own = {"UV_DEFAULT_INDEX": plain}
    found = checkout.locate(*lines, own=own)

    assert list(found) == ["alpha-1.0-py3-none-any.whl"]

    assert {each.split(" ", 1)[1] for each in index.shown} <= {"", account}


def test_two_indexes_of_a_host_have_their_own_credentials(
    checkout: Checkout, private: Callable[[dict[str, str]], Private]
) -> None:
    (checkout.wheels / "beta-1.0-py3-none-any.whl").write_bytes(
        (checkout.wheels / "alpha-1.0-py3-none-any.whl").read_bytes()
    )
    index = private({"a": "robot:one!", "b": "robot:two!"})
    own = {
        "UV_INDEX": f"one=http://{index.place}/a/simple",
        "UV_DEFAULT_INDEX": f"http://robot:two%21@{index.place}/b/simple",
        "UV_INDEX_ONE_USERNAME": "robot",
        "UV_INDEX_ONE_PASSWORD": "one!",
    }

    assert list(checkout.locate(own=own)) == ["alpha-1.0-py3-none-any.whl"]
    assert "a robot:two!" not in index.shown


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


PROJECT = '[project]\nname = "app"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = ["alpha"]\n'
LOCK = f"""\
version = 1
revision = 3
requires-python = ">=3.11"

[[package]]
name = "alpha"
version = "1.0"
source = {{ registry = "https://index.invalid/simple" }}
wheels = [{{ url = "https://index.invalid/alpha-1.0-py3-none-any.whl", hash = "sha256:{HASH}" }}]

[[package]]
name = "app"
version = "1"
source = {{ virtual = "." }}
dependencies = [{{ name = "alpha" }}]

[package.dev-dependencies]
dev = [{{ name = "beta" }}]

[package.optional-dependencies]
more = [{{ name = "beta" }}]

[[package]]
name = "beta"
version = "2.0"
source = {{ registry = "https://index.invalid/simple" }}
wheels = [{{ url = "https://index.invalid/beta-2.0-py3-none-any.whl", hash = "sha256:{HASH}" }}]

[[package]]
name = "lib"
version = "1"
source = {{ editable = "packages/lib" }}
dependencies = [{{ name = "beta" }}]
"""


def export(checkout: Checkout, *arguments: str, project: str = PROJECT, lock: str = LOCK) -> str:
    pyproject, known = checkout.write("pyproject.toml", project), checkout.write("uv.lock", lock)
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(checkout.home)}
    text = uv.export(pyproject, known, arguments, where="job.py:7", environment=environment)
    return " ".join(line.removesuffix(" \\") for line in text.splitlines() if not line.startswith(" "))


def test_settings_of_a_project_are_not_followed_when_its_lock_is_read(checkout: Checkout) -> None:
    settings = f'[tool.uv]\ncache-dir = "{checkout.root / "victim"}"\nrequired-version = ">99"\nlink-mode = 3\n'
    checkout.write("uv.toml", f'cache-dir = "{checkout.root / "victim"}"\n')
    take_over(checkout, checkout.root / "above")

    assert export(checkout, "--no-dev", project=PROJECT + settings) == "alpha==1.0"
    assert not (checkout.root / "victim").exists()
    assert not checkout.ran.exists()


@pytest.mark.parametrize(
    ("more", "arguments", "expected"),
    [
        ("", ("--no-default-groups",), "alpha==1.0"),
        ('[project.optional-dependencies]\nmore = ["beta"]\n', ("--extra", "more"), "alpha==1.0 beta==2.0"),
        ('[project.optional-dependencies]\nmore = ["beta"]\n', ("--all-extras",), "alpha==1.0 beta==2.0"),
        ('[dependency-groups]\ndev = ["beta"]\n', (), "alpha==1.0 beta==2.0"),
        ('[dependency-groups]\ndev = ["beta"]\n', ("--no-dev",), "alpha==1.0"),
        ('[dependency-groups]\ndev = ["beta"]\n[tool.uv]\ndefault-groups = []\n', (), "alpha==1.0"),
        ('[dependency-groups]\ndev = ["beta"]\n[tool.uv]\ndefault-groups = []\n', ("--group=dev",),
         "alpha==1.0 beta==2.0"),
        ('[tool.uv.workspace]\nmembers = ["packages/*"]\n', ("--package", "lib"), "beta==2.0"),
    ],
)  # fmt: skip
def test_project_says_what_of_its_lock_is_meant(
    more: str, arguments: tuple[str, ...], expected: str, checkout: Checkout
) -> None:
    checkout.write("packages/lib/pyproject.toml", PROJECT.replace('"app"', '"lib"').replace('"alpha"', '"beta"'))

    assert export(checkout, *arguments, project=PROJECT + more) == expected


@pytest.mark.parametrize("place", ["../outside", "/etc"])
def test_member_of_a_workspace_is_inside_the_project(place: str, checkout: Checkout) -> None:
    with pytest.raises(InputError) as caught:
        export(checkout, "--package", "lib", lock=LOCK.replace("packages/lib", place))

    assert str(caught.value) == (
        f"job.py:7: the place of `lib` in uv.lock is '{place}', which is not a plain path below the archive's root"
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
