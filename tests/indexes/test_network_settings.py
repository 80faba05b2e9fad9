"""Indexes, Debian's archives and registries are reached as the user's variables and files say, with uv the same way."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from debian_archive import NOW, DebianArchives, make_signer, served, stanza
from index_server import IndexServer
from listener import Listener, listening
from onedigest.cli.options import open_context
from onedigest.debian.archive import Archive
from onedigest.debian.mirror import Mirrors
from onedigest.errors import NetworkError
from onedigest.net.connection import Connection, Pools
from onedigest.net.download import Client
from onedigest.oci.reference import parse_reference
from onedigest.registry.credentials import RegistryCredentials
from onedigest.registry.repository import Repository
from onedigest.registry.transport import Access
from onedigest.store import Store
from onedigest.tools import uv
from onedigest.workspace.context import Context
from onedigest.workspace.image_sources import sources
from onedigest.workspace.machine import Machine
from onedigest.workspace.network import variables_for_programs
from own_authority import Authority
from proxy_server import proxying
from registry_server import serve_registry
from wheel_builder import build_wheel

SECRET = "p@ss:w/rd#1"
QUOTED = "p%40ss%3Aw%2Frd%231"
PROJECT = """\
[project]
name = "job"
version = "0"
requires-python = ">=3.11"
dependencies = ["alpha"]
[tool.uv]
package = false
index = [{{ url = "{index}", default = true }}]
"""
KINDS = ("http", "socks5h", "socks5")


@pytest.fixture(autouse=True)
def _machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a machine say nothing of the network, and uv give up at once."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name.startswith(("SSL_", "GIT_", "UV_")) or name.endswith("CA_BUNDLE"):
            monkeypatch.delenv(name)
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "UV_CACHE_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IndexServer]:
    folder = tmp_path_factory.mktemp("index")
    build_wheel(folder, "alpha", "1.0")
    server = IndexServer(folder)
    yield server
    server.close()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def encrypted(index: IndexServer, authority: Authority) -> Iterator[Listener]:
    """The index with TLS, as `index.example`."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        index.answer(request)

    with listening(answer, authority.serving("index", "DNS:index.example")) as server:
        yield server


def programs(connection: Connection) -> dict[str, str]:
    return variables_for_programs(os.environ, connection)


def connection() -> Connection:
    return Machine.from_environment().connection


def session() -> Context:
    return open_context(
        lockfiles=None, offline=False, insecure=(), as_json=False, quiet=True, verbose=False, color="auto"
    )


def lock_and_fetch(address: str, folder: Path) -> bytes:
    """Have uv lock a package, and fetch it, by what this machine says."""
    found = sources(session())
    lock = uv.lock(
        PROJECT.format(index=address),
        "",
        store=Store(folder),
        where="job.py",
        environment=found.environment,
        offline=False,
    )
    wheel = next(package for package in lock["package"] if package["name"] == "alpha")["wheels"][0]
    return found.client.get(wheel["url"])


def failure(address: str, folder: Path) -> tuple[str, str]:
    """Return what uv says of an index, and what the download does."""
    with pytest.raises(NetworkError) as of_uv:
        lock_and_fetch(address, folder)
    with pytest.raises(NetworkError) as of_ours:
        Client(connection()).get(f"{address}/x")
    return str(of_uv.value), str(of_ours.value)


class TestIndex:
    @pytest.mark.parametrize("kind", ["http", "socks5h", "noscheme", "all", "capitals"])
    def test_is_locked_and_fetched_through_a_proxy_with_a_password(
        self, kind: str, index: IndexServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        started: list[Any] = []
        run = subprocess.run

        def noted(*words: Any, **named: Any) -> Any:
            started.append(words)
            return run(*words, **named)

        monkeypatch.setattr(subprocess, "run", noted)
        with proxying({"index.example": _host(index)}, password=f"me:{SECRET}") as proxy:
            name, scheme = {
                "http": ("http_proxy", "http://"),
                "socks5h": ("http_proxy", "socks5h://"),
                "noscheme": ("http_proxy", ""),
                "all": ("all_proxy", "socks5h://"),
                "capitals": ("HTTP_PROXY", "HTTP://"),
            }[kind]
            monkeypatch.setenv(name, f" {scheme}me:{QUOTED}@{proxy.host} ")
            wheel = lock_and_fetch("http://index.example/simple", tmp_path / "store")

        assert wheel == (index.folder / "alpha-1.0-py3-none-any.whl").read_bytes()
        assert {shown for _, _, shown in proxy.seen} == {f"me:{SECRET}"}
        assert {target.partition(":")[0] for target in proxy.targets()} == {"index.example"}
        assert started
        assert SECRET not in str(started)
        assert QUOTED not in str(started)
        assert not holding(tmp_path, SECRET, QUOTED)

    @pytest.mark.parametrize("kind", ["http", "https", "socks5h"])
    def test_with_tls_of_an_own_authority_is_too(
        self,
        kind: str,
        encrypted: Listener,
        authority: Authority,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        own = authority.serving("proxy", "IP:127.0.0.1") if kind == "https" else None
        with proxying({"index.example": encrypted.host}, context=own) as proxy:
            monkeypatch.setenv("https_proxy", f"{kind}://{proxy.host}")
            monkeypatch.setenv("REQUESTS_CA_BUNDLE", os.path.relpath(authority.certificate))
            wheel = lock_and_fetch("https://index.example/simple", tmp_path / "store")

        assert len(wheel) > 100
        assert proxy.kinds() == {"socks5 by name" if kind == "socks5h" else "CONNECT"}

    def test_whose_certificate_the_user_will_not_look_at(
        self, encrypted: Listener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """`allow-insecure-host` is the user's own word; a checkout's uv.toml says nothing."""
        address = f"https://{encrypted.host}/simple"
        monkeypatch.setenv("UV_INSECURE_HOST", "other.example 127.0.0.1")
        assert lock_and_fetch(address, tmp_path / "store")
        monkeypatch.delenv("UV_INSECURE_HOST")
        Path("uv.toml").write_text('allow-insecure-host = ["127.0.0.1"]\n')
        of_uv, of_ours = failure(address, tmp_path / "other")
        assert of_uv.endswith(
            "invalid peer certificate: UnknownIssuer\nhint: name your authority's certificates with SSL_CERT_FILE,"
            " or trust those of the system: UV_SYSTEM_CERTS=true"
        )
        assert of_ours.endswith("\nhint: name your authority's certificates with SSL_CERT_FILE")
        _own_uv_toml('allow-insecure-host = ["127.0.0.1"]\n')
        assert lock_and_fetch(address, tmp_path / "third")

    def test_behind_a_proxy_of_uv_toml(
        self, index: IndexServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """uv reads no variable where its file names a proxy, and neither do we."""
        with proxying({"index.example": _host(index)}, password=f"me:{SECRET}") as proxy:
            _own_uv_toml(f'http-proxy = "http://me:{QUOTED}@{proxy.host}"\n')
            monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
            monkeypatch.setenv("no_proxy", "index.example")
            assert lock_and_fetch("http://index.example/simple", tmp_path / "store")

    def test_on_this_machine_is_behind_no_proxy(
        self, index: IndexServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")

        assert lock_and_fetch(index.address, tmp_path / "store")


class TestUvToml:
    def test_of_the_user_counts_before_the_first_of_the_machine(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("XDG_CONFIG_DIRS", f"{tmp_path / 'none'}:{tmp_path / 'one'}:{tmp_path / 'two'}")
        for name in ("one", "two"):
            (tmp_path / name / "uv").mkdir(parents=True)
        (tmp_path / "one" / "uv" / "uv.toml").write_text(
            'allow-insecure-host = ["b.example"]\nhttp-proxy = "machine.example"\nhttps-proxy = "machine.example"\n'
        )
        (tmp_path / "two" / "uv" / "uv.toml").write_text('no-proxy = ["x.example"]\n')
        _own_uv_toml('allow-insecure-host = ["a.example", 3]\nhttp-proxy = "user.example"\n')
        monkeypatch.setenv("UV_INSECURE_HOST", "c.example")
        found = connection()

        assert dict(found.proxies) == {"http-proxy": "user.example", "https-proxy": "machine.example"}
        assert found.unverified == ("c.example", "a.example", "b.example")

    def test_of_a_checkout_says_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        Path(".git").mkdir()
        Path("uv.toml").write_text('allow-insecure-host = ["*"]\nhttp-proxy = "evil.example"\n')
        monkeypatch.setenv("UV_CONFIG_FILE", "uv.toml")

        assert (connection().proxies, connection().unverified) == ((), ())


class TestMacos:
    def test_has_proxies_of_its_own_where_nothing_else_is_said(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "platform", "darwin")
        monkeypatch.setattr(urllib.request, "getproxies", lambda: {"https": "http://proxy.example:8080", "ftp": "x"})

        assert connection().proxies == (("https", "http://proxy.example:8080"),)
        monkeypatch.setenv("http_proxy", "other.example")
        assert connection().proxies == (("http", "other.example"),)


class TestFaults:
    @pytest.mark.parametrize("kind", ["http", "socks5h"])
    @pytest.mark.parametrize("scheme", ["http", "https"])
    @pytest.mark.parametrize("password", ["", "wrong-SECRET"])
    def test_of_a_proxy_that_wants_a_password_name_it_and_what_to_set(
        self, kind: str, scheme: str, password: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with proxying({}, password=f"me:{SECRET}") as proxy:
            held = f"me:{password}@" if password else ""
            monkeypatch.setenv(f"{scheme.upper()}_PROXY", f"{kind}://{held}{proxy.host}")
            of_uv, of_ours = failure(f"{scheme}://index.example/simple", tmp_path / "store")

        name = f"{scheme.upper()}_PROXY"
        said = f"the proxy {kind}://{proxy.host} asks for a user and a password\n"
        said += f"hint: write them into {name}: {kind}://USER:PASSWORD@{proxy.host}"
        if password:
            said = f"the proxy {kind}://{proxy.host} refuses the user and the password\n"
            said += f"hint: correct user and password in {name}; what is special in them is percent-encoded"
        assert of_ours == f"{scheme}://index.example/simple/x: {said}"
        assert of_uv.startswith("job.py: uv could not reach the package index: ")
        assert of_uv.endswith(f"\n{said}")
        assert "SECRET" not in of_uv + of_ours
        assert not holding(tmp_path, "SECRET")

    def test_of_a_proxy_of_uv_toml_name_the_key(self, tmp_path: Path) -> None:
        with proxying({}, password=f"me:{SECRET}") as proxy:
            _own_uv_toml(f'http-proxy = "http://me:wr%40ng-SECRET@{proxy.host}"\n')
            of_uv, of_ours = failure("http://index.example/simple", tmp_path / "store")

        said = f"the proxy http://{proxy.host} refuses the user and the password\n"
        said += "hint: correct user and password in `http-proxy` of your uv.toml; what is special in them is percent-encoded"
        assert of_uv.endswith(f"\n{said}")
        assert of_ours.endswith(f": {said}")
        assert "SECRET" not in of_uv + of_ours

    @pytest.mark.parametrize("kind", ["http", "socks5h"])
    def test_of_a_proxy_that_is_not_there_name_it(
        self, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HTTPS_PROXY", f"{kind}://me:SECRET@127.0.0.1:9")
        with pytest.raises(NetworkError) as caught:
            lock_and_fetch("https://index.example/simple", tmp_path / "store")
        of_uv = str(caught.value)
        with pytest.raises(NetworkError) as caught:
            quick().get("https://index.example/x")

        said = f"the proxy {kind}://127.0.0.1:9 cannot be reached: "
        hint = "hint: correct HTTPS_PROXY, or name the host in NO_PROXY"
        assert str(caught.value) == f"https://index.example/x: {said}Connection refused\n{hint}"
        assert of_uv.endswith(f"{hint}")
        assert said in of_uv
        assert "SECRET" not in of_uv

    def test_of_a_proxy_that_speaks_no_tls_name_it(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        with proxying({}) as proxy:
            monkeypatch.setenv("HTTPS_PROXY", f"https://{proxy.host}")
            of_uv, of_ours = failure("https://index.example/simple", tmp_path / "store")

        said = f"the proxy https://{proxy.host} speaks no TLS\nhint: write http://{proxy.host} in HTTPS_PROXY"
        assert of_ours == f"https://index.example/simple/x: {said}"
        assert of_uv.endswith(f"\n{said}")

    def test_of_a_proxy_that_is_not_trusted_name_it(
        self, authority: Authority, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with proxying({}, context=authority.serving("mine", "IP:127.0.0.1")) as proxy:
            monkeypatch.setenv("HTTPS_PROXY", f"https://{proxy.host}")
            with pytest.raises(NetworkError) as caught:
                quick().get("https://index.example/x")

        assert str(caught.value) == (
            f"https://index.example/x: the proxy https://{proxy.host} is not trusted: unable to get local issuer certificate\n"
            "hint: name your authority's certificates with SSL_CERT_FILE"
        )

    @pytest.mark.parametrize(("kind", "why"), [("http", "502"), ("socks5h", "Connection refused by destination host")])
    def test_of_a_proxy_that_leads_nowhere_name_it(self, kind: str, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
        with proxying({"index.example": "127.0.0.1:9"}) as proxy:
            monkeypatch.setenv("https_proxy", f"{kind}://{proxy.host}")
            with pytest.raises(NetworkError) as caught:
                quick().get("https://index.example/x")

        assert str(caught.value) == (
            f"https://index.example/x: the proxy {kind}://{proxy.host} does not lead to index.example: {why}\n"
            "hint: have it let index.example through, or name index.example in NO_PROXY"
        )

    def test_of_a_name_that_the_proxy_is_not_asked_for(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """`socks5` has names looked up here, and `socks5h` by the proxy, as for curl and uv."""
        with proxying({}) as proxy:
            monkeypatch.setenv("http_proxy", f"socks5://{proxy.host}")
            of_uv, of_ours = failure("http://index.invalid/simple", tmp_path / "store")

        said = f"the proxy socks5://{proxy.host} is given addresses alone, and index.invalid has none here\n"
        said += "hint: write socks5h in HTTP_PROXY: then the proxy looks names up"
        assert of_ours == f"http://index.invalid/simple/x: {said}"
        assert of_uv.endswith(f"\n{said}")
        assert proxy.seen == []


class TestDebian:
    @pytest.mark.parametrize("kind", KINDS)
    def test_is_read_through_a_proxy_with_a_password(
        self, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with served(make_signer(), tmp_path, monkeypatch) as archives:
            archives.publish_all(trixie=stanza("python3"))
            with proxying({"192.0.2.1": _place(archives)}, password=f"me:{SECRET}") as proxy:
                monkeypatch.setenv("http_proxy", f"{kind}://me:{QUOTED}@{proxy.host}")
                mirrors = Mirrors(debian=("http://192.0.2.1/debian",), security=("http://192.0.2.1/debian-security",))
                archive = Archive(Client(connection()), Store(tmp_path / "debian"), mirrors, lambda: NOW)
                assert archive.read("trixie", ("amd64",), security=True).name == "trixie"
                assert sum(path.endswith("/InRelease") for path in archives.asked) == 3

        assert {shown for _, _, shown in proxy.seen} == {f"me:{SECRET}"}
        assert not holding(tmp_path, SECRET, QUOTED)


class TestRegistry:
    @pytest.mark.parametrize("kind", KINDS)
    def test_is_reached_through_a_proxy_with_a_password(
        self, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with (
            serve_registry(tmp_path / "registry") as registry,
            proxying({"192.0.2.1": registry.host}, password=f"me:{SECRET}") as proxy,
        ):
            monkeypatch.setenv("ALL_PROXY", f"{kind}://me:{QUOTED}@{proxy.host}")
            reach = Access(
                pools=Pools(connection()),
                credentials=RegistryCredentials((), {}),
                insecure=("192.0.2.1",),
                pause=lambda _: None,
            )
            to = Repository(parse_reference("192.0.2.1/acme/app"), reach, "pull,push")
            assert not to.has(f"sha256:{'0' * 64}")

        assert {shown for _, _, shown in proxy.seen} == {f"me:{SECRET}"}

    def test_is_trusted_whatever_uv_is_to_overlook(
        self, encrypted: Listener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("UV_INSECURE_HOST", "*")
        with pytest.raises(NetworkError) as caught:
            Repository(parse_reference(f"{encrypted.host}/acme/app"), session().access, "pull").has(
                f"sha256:{'0' * 64}"
            )

        assert str(caught.value).startswith(f"no trusted connection to {encrypted.host}: ")

    @pytest.mark.parametrize("kind", ["http", "socks5h"])
    def test_behind_a_proxy_that_refuses_is_told(self, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
        with proxying({}, password=f"me:{SECRET}") as proxy:
            monkeypatch.setenv("https_proxy", f"{kind}://me:SECRET@{proxy.host}")
            reach = Access(pools=Pools(connection()), credentials=RegistryCredentials((), {}), pause=lambda _: None)
            with pytest.raises(NetworkError) as caught:
                Repository(parse_reference("registry.example/acme/app"), reach, "pull").has(f"sha256:{'0' * 64}")

        assert f"the proxy {kind}://{proxy.host} refuses the user and the password\n" in str(caught.value)
        assert "SECRET" not in str(caught.value)

    def test_behind_no_proxy_that_answers_is_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("https_proxy", "http://me:SECRET@127.0.0.1:9")
        reach = Access(pools=Pools(connection()), credentials=RegistryCredentials((), {}), pause=lambda _: None)
        with pytest.raises(NetworkError) as caught:
            Repository(parse_reference("registry.example/acme/app"), reach, "pull").has(f"sha256:{'0' * 64}")

        assert str(caught.value) == (
            "the registry registry.example cannot be reached: the proxy http://127.0.0.1:9 cannot be reached: "
            "Connection refused\nhint: correct HTTPS_PROXY, or name the host in NO_PROXY"
        )


class TestPrograms:
    def test_get_the_same_settings_in_one_form(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HTTPS_PROXY", " proxy.example:3128 ")
        monkeypatch.setenv("No_Proxy", "odd.example")
        monkeypatch.setenv("no_proxy", "*.corp b.example")
        monkeypatch.setenv("CURL_CA_BUNDLE", "other.pem")
        monkeypatch.setenv("SSL_CERT_FILE", "own.pem")
        monkeypatch.setenv("SSL_CERT_DIR", "")
        found = programs(connection())
        kept = {
            name: found[name] for name in found if name.lower().endswith("_proxy") or name.startswith(("SSL_", "GIT_"))
        }

        assert kept == {
            "https_proxy": "http://proxy.example:3128",
            "no_proxy": "corp,b.example,localhost,127.0.0.0/8,::1",
            "SSL_CERT_FILE": str(Path("own.pem").absolute()),
            "GIT_SSL_CAINFO": str(Path("own.pem").absolute()),
        }

    @pytest.mark.parametrize("how", ["UV_SYSTEM_CERTS", "uv.toml"])
    def test_get_no_bundle_of_requests_where_uv_is_to_trust_the_system(
        self, how: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", "own.pem")
        assert "SSL_CERT_FILE" in programs(connection())
        if how == "uv.toml":
            _own_uv_toml("system-certs = true\n")
        else:
            monkeypatch.setenv(how, "true")
        assert "SSL_CERT_FILE" not in programs(connection())

    @pytest.mark.parametrize("kind", ["http", "socks5h"])
    def test_git_is_one_that_is_led_by_them(
        self, kind: str, encrypted: Listener, authority: Authority, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with proxying({"index.example": encrypted.host}, password=f"me:{SECRET}") as proxy:
            monkeypatch.setenv("ALL_PROXY", f"{kind}://me:{QUOTED}@{proxy.host}")
            monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate))
            variables = programs(connection())
            command = ["git", "ls-remote", "https://index.example/acme/app.git"]
            done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)

        assert "repository 'https://index.example/acme/app.git/' not found" in done.stderr
        assert {shown for _, _, shown in proxy.seen if shown} == {f"me:{SECRET}"}

    def test_are_lent_no_proxy_that_is_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """uv would go on without it, past what was to be in between."""
        monkeypatch.setenv("ALL_PROXY", "socks://me:SECRET@proxy.example")
        with pytest.raises(NetworkError) as caught:
            programs(connection())
        assert str(caught.value).startswith("ALL_PROXY names a proxy of an unknown kind, `socks`\nhint: ")
        assert programs(Machine.from_environment(offline=True).connection)


def quick() -> Client:
    """Return a client that waits for nothing."""
    return Client(replace(connection(), pause=lambda _: None))


def holding(folder: Path, *secrets: str) -> list[Path]:
    """Return the files that hold a secret."""
    return [
        path
        for path in folder.rglob("*")
        if path.is_file() and any(each.encode() in path.read_bytes() for each in secrets)
    ]


def _host(index: IndexServer) -> str:
    return index.address.split("/")[2]


def _place(archives: DebianArchives) -> str:
    return archives.address.removeprefix("http://")


def _own_uv_toml(text: str) -> None:
    path = Path(os.environ["XDG_CONFIG_HOME"]) / "uv" / "uv.toml"
    path.parent.mkdir(parents=True)
    path.write_text(text)
