"""Recognizable secrets in every place that a user has for one: no message, file or value repeats them."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from index_requests import failed, make_project, script
from listener import Listener, asking_index, listening, respond
from onedigest.cli.options import open_context
from onedigest.errors import NetworkError, OnedigestError
from onedigest.net import index_credentials
from onedigest.net.connection import Connection, Pools, shown
from onedigest.net.download import Client
from onedigest.net.indexes import PackageIndex
from onedigest.net.request_credentials import RequestCredentials
from onedigest.oci.reference import parse_reference
from onedigest.registry.credentials import RegistryCredential, RegistryCredentials
from onedigest.registry.repository import Repository
from onedigest.registry.transport import Access
from onedigest.store import Store
from onedigest.tools.uv_environment import uv_input
from onedigest.workspace.context import Context
from onedigest.workspace.images import find_images
from onedigest.workspace.index_credentials import Bound

SECRET = "ZqSecretZq"
FORMS = (SECRET, base64.b64encode(f"u:{SECRET}".encode()).decode(), base64.b64encode(SECRET.encode()).decode()[:-3])


def repeats(text: str) -> bool:
    """Tell whether a text holds a secret, in one of its forms."""
    return any(form in text for form in FORMS)


def files_with_secrets(folder: Path, *known: str) -> list[str]:
    """Return the files below a folder that hold a secret, besides those that a test put it into."""
    found = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name not in known]
    return [path.name for path in found if repeats(path.read_bytes().decode("latin-1"))]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return make_project(tmp_path, monkeypatch)


def fails_with(status: int) -> Iterator[Listener]:
    """Serve an index that says back what it was shown."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        given = request.headers.get("authorization") or ""
        if not given:
            respond(request, 401, www_authenticate='Basic realm="x"')
        else:
            said = f"denied: {given} {base64.b64decode(given[6:]).decode()}"
            respond(request, status, json.dumps({"errors": [{"code": "DENIED", "message": said}]}).encode())

    with listening(answer) as found:
        yield found


@pytest.fixture(params=[401, 403, 404, 500])
def failing(request: pytest.FixtureRequest) -> Iterator[Listener]:
    yield from fails_with(request.param)


class TestIndex:
    def test_password_in_a_variable(
        self,
        folder: Path,
        failing: Listener,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capfd: pytest.CaptureFixture[str],
    ) -> None:
        monkeypatch.setenv("UV_HTTP_RETRIES", "0")
        monkeypatch.setenv("UV_DEFAULT_INDEX", f"http://u:{SECRET}@{failing.host}/simple")
        (folder / "job.py").write_text("# /// script\n# dependencies = ['alpha']\n# ///\n")
        said = failed()

        assert failing.credentials() == {f"u:{SECRET}"}
        assert not repeats(said + "".join(capfd.readouterr()))
        assert files_with_secrets(tmp_path) == []

    def test_password_in_a_netrc(
        self,
        folder: Path,
        failing: Listener,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capfd: pytest.CaptureFixture[str],
    ) -> None:
        (tmp_path / "netrc").touch(mode=0o600)
        (tmp_path / "netrc").write_text(f"machine 127.0.0.1 login u password {SECRET}\ndefault login u password x\n")
        monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
        monkeypatch.setenv("UV_HTTP_RETRIES", "0")
        script(folder, ("x", failing))
        said = failed()

        assert failing.credentials() == {f"u:{SECRET}"}
        assert not repeats(said + "".join(capfd.readouterr()))
        assert files_with_secrets(tmp_path, "netrc") == []

    def test_password_in_a_broken_netrc(self, tmp_path: Path) -> None:
        (tmp_path / "netrc").touch(mode=0o600)
        (tmp_path / "netrc").write_bytes(f"machine 127.0.0.1 login u {SECRET} \xff".encode("latin-1"))
        with listening(asking_index) as server, pytest.raises(NetworkError) as caught:
            Client(Connection(netrc=tmp_path / "netrc")).get(f"{server.address}/simple/")

        assert str(caught.value) == f"{server.address}/simple/: the server answered 401"

    def test_password_of_a_file_that_is_kept(self, tmp_path: Path) -> None:
        with listening(lambda request: respond(request, 200, b"wheel")) as server:
            Client(Connection()).fetch_unknown(f"http://u:{SECRET}@{server.host}/x?{SECRET}", Store(tmp_path), most=100)

        assert server.credentials() == {f"u:{SECRET}"}
        assert files_with_secrets(tmp_path) == []

    def test_nothing_listens(self) -> None:
        with pytest.raises(NetworkError) as caught:
            Client(Connection(pause=lambda _: None)).get(f"http://u:{SECRET}@127.0.0.1:9/x?{SECRET}#{SECRET}")

        assert not repeats(str(caught.value))


class TestScript:
    """A password in the text of a script is known already: a user is warned, by a message that may go into a log."""

    def warned(self, folder: Path, text: str, capsys: pytest.CaptureFixture[str]) -> str:
        (folder / "job.py").write_text(text)
        try:
            find_images(make_session(), ["job.py"], everything=False)
        except OnedigestError as error:
            raise AssertionError(f"not read: {error}") from None
        return capsys.readouterr().err

    WARNING = "an address holds a password, which everybody who reads this file knows\nhint: "

    @pytest.mark.parametrize(
        ("lines", "number"),
        [
            (("dependencies = [", f"  'alpha @ https://u:{SECRET}@files.example/alpha-1.0-py3-none-any.whl',", "]"), 3),
            (("[tool.uv]", f"index = [{{ url = 'https://u:{SECRET}@index.example/simple' }}]"), 3),
            (("[[tool.uv.index]]", "name = 'x'", f"url = 'https://:{SECRET}@index.example/simple'"), 4),
            (("[tool.uv]", f"find-links = ['https://ghp_0123456789{SECRET}@index.example/links']"), 3),
        ],
    )
    def test_of_an_index_or_a_file(
        self, lines: tuple[str, ...], number: int, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        text = "".join(f"# {line}\n" for line in lines)
        said = self.warned(folder, f"# /// script\n{text}# ///\n", capsys)

        assert said == (
            f"warning: job.py:{number}: {self.WARNING}"
            "put it into a netrc, or the address into your uv.toml, and have another password\n"
        )

    def test_of_a_registry_in_the_project_file(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (folder / "onedigest.toml").write_text(
            f'platforms = ["linux/amd64"]\nrepository = "u:{SECRET}@ghcr.io/acme/x"\n'
        )
        (folder / "job.py").write_text("# /// script\n# dependencies = []\n# ///\n")
        with pytest.raises(OnedigestError):  # it is no reference either
            find_images(make_session(), ["job.py"], everything=False)

        assert capsys.readouterr().err == (
            f"warning: onedigest.toml:2: {self.WARNING}use `docker login`, and have another password\n"
        )

    def test_of_an_index_of_flyte(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        image = "flyte.Image.from_debian_base(name='job', registry='ghcr.io/acme', install_flyte=False)"
        call = f".with_pip_packages('flyte', index_url='https://u:{SECRET}@index.example/simple')"
        said = self.warned(folder, f"import flyte\nimage = {image}{call}\n", capsys)

        assert said == (
            f"warning: job.py:2: {self.WARNING}write `$NAME` in its place, name the secret in `secret_mounts`,"
            " and list it in ONEDIGEST_SECRETS, and have another password\n"
        )

    @pytest.mark.parametrize(
        "line",
        [
            "dependencies = ['alpha @ git+ssh://git@github.com/acme/alpha']",
            "dependencies = ['alpha @ https://files.example/a:b@c/alpha-1.0-py3-none-any.whl']",
            "[[tool.uv.index]]\n# url = 'https://reader@index.example/simple'",
            f"[tool.onedigest]\n# base = 'docker.io/library/python:3.13-slim@sha256:{'0' * 64}'",
            "[tool.onedigest]\n# env = { DATABASE = 'postgres://localhost:5432/app', MAIL = 'a@b.example' }",
        ],
    )
    def test_has_none(self, line: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert self.warned(folder, f"# /// script\n# {line}\n# ///\n", capsys) == ""

    def test_warning_about_an_unknown_index_repeats_no_password(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("UV_INDEX_INTERNAL_PASSWORD", SECRET)
        script(folder, ("internal", f"http://u:{SECRET}@127.0.0.1:9/simple"))
        monkeypatch.setenv("UV_HTTP_RETRIES", "0")
        said = failed()

        assert not repeats(said + capsys.readouterr().err)


class TestRegistry:
    def reach(self, host: str, home: Path) -> Repository:
        access = Access(
            pools=Pools(Connection()),
            credentials=RegistryCredentials((home / "config.json",), {"PATH": f"{home}:/usr/bin:/bin"}),
            pause=lambda _: None,
        )
        return Repository(parse_reference(f"{host}/acme/app:v1"), access)

    def test_answer_that_repeats_what_it_was_shown(self, failing: Listener, tmp_path: Path) -> None:
        auth = base64.b64encode(f"u:{SECRET}".encode()).decode()
        (tmp_path / "config.json").write_text(json.dumps({"auths": {failing.host: {"auth": auth}}}))
        with pytest.raises(NetworkError) as caught:
            self.reach(failing.host, tmp_path).manifest("v1")

        assert failing.credentials() == {f"u:{SECRET}"}
        assert not repeats(str(caught.value))

    @pytest.mark.parametrize(
        "does",
        [
            f"echo 'token {SECRET}' >&2; echo {SECRET}; exit 1",
            f"echo '{SECRET}'",
            f'echo \'{{"Username": 1, "Secret": "{SECRET}\'',
            f"printf '\\377{SECRET}'",
        ],
    )
    def test_helper_that_fails_and_prints_it(self, does: str, failing: Listener, tmp_path: Path) -> None:
        helper = tmp_path / "docker-credential-loud"
        helper.write_text(f"#!/bin/sh\n{does}\n")
        helper.chmod(0o755)
        (tmp_path / "config.json").write_text(json.dumps({"credHelpers": {failing.host: "loud"}}))
        with pytest.raises(OnedigestError) as caught:
            self.reach(failing.host, tmp_path).manifest("v1")

        assert not repeats(str(caught.value))

    @pytest.mark.parametrize(
        "text", [f'{{"auths": {{"x": "{SECRET}"', f'{{"auths": {{"HOST": {{"auth": "{SECRET}!"}}}}}}']
    )
    def test_file_that_is_broken(self, text: str, failing: Listener, tmp_path: Path) -> None:
        (tmp_path / "config.json").write_text(text.replace("HOST", failing.host))
        with pytest.raises(OnedigestError) as caught:
            self.reach(failing.host, tmp_path).manifest("v1")

        assert not repeats(str(caught.value))


def test_no_value_shows_what_it_holds() -> None:
    held = [
        Connection(
            credentials=index_credentials.IndexCredentials({"UV_INDEX": SECRET}),
            proxies=(("http", f"http://u:{SECRET}@proxy"),),
        ),
        index_credentials.IndexCredential(url="https://host", user=SECRET, password=SECRET, token=SECRET),
        uv_input({"UV_INDEX": f"https://u:{SECRET}@host/simple", "HTTPS_PROXY": f"http://u:{SECRET}@proxy"}),
        RequestCredentials(index_credentials.IndexCredentials(), None).credentials_for(
            f"https://u:{SECRET}@host/x.whl", ""
        ),
        RegistryCredential(found_in="x", user="u", secret=SECRET, identity=SECRET, bearer=SECRET),
        Bound(index="x", origin="https://host:443", user=SECRET, password=SECRET),
        PackageIndex(name="x", url=f"https://u:{SECRET}@host/simple"),
    ]

    assert not [type(each).__name__ for each in held if repeats(repr(each))]


@pytest.mark.parametrize(
    "url",
    [
        f"https://u:{SECRET}@host/x",
        f"https://u:{SECRET}@[::1/x",
        f"https://u:p@{SECRET}@host/x",
        f"https://host/x?token={SECRET}",
        f"https://host/x#{SECRET}",
    ],
)
def test_address_is_shown_without(url: str) -> None:
    assert not repeats(shown(url))


def make_session() -> Context:
    return open_context(
        lockfiles=None, offline=False, insecure=(), as_json=False, quiet=False, verbose=False, color="never"
    )
