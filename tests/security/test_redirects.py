"""A server leads elsewhere: out of TLS, into this machine or to the cloud's metadata, and with what it was shown."""

from __future__ import annotations

import ssl
import subprocess
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from listener import Listener, listening, respond
from onedigest.errors import NetworkError
from onedigest.net import index_credentials, redirects
from onedigest.net.connection import Connection, Pools
from onedigest.net.download import Client, Download, download
from onedigest.net.encryption import Trust
from onedigest.oci.reference import parse_reference
from onedigest.registry.credentials import RegistryCredentials
from onedigest.registry.repository import Repository
from onedigest.registry.transport import Access, Transport
from onedigest.store import Store

METADATA = b"SECRET metadata"


@pytest.fixture
def metadata() -> Iterator[Listener]:
    """A service of this machine that nobody outside may reach."""
    with listening(lambda request: respond(request, 200, METADATA)) as found:
        yield found


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    """TLS for 127.0.0.1 and localhost, and the certificate that vouches for it."""
    folder = tmp_path_factory.mktemp("authority")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    names = "subjectAltName=IP:127.0.0.1,DNS:localhost"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1", "-addext", names]
    subprocess.run([*command, "-days", "2", "-keyout", key, "-out", certificate], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context, certificate


def get(url: str, **settings: object) -> bytes:
    return Client(Connection(pause=lambda _: None, **settings)).get(url)  # type: ignore[arg-type]  # settings of any kind


def refusal(url: str, **settings: object) -> str:
    with pytest.raises(NetworkError) as caught:
        get(url, **settings)
    return str(caught.value)


class TestIndexAndMirror:
    def test_lead_to_no_other_service_without_tls(self, metadata: Listener) -> None:
        place = f"{metadata.address}/latest/meta-data/iam"
        with listening(lambda request: respond(request, 302, location=place)) as server:
            said = refusal(f"{server.address}/dists/InRelease")

        assert said == f"{server.address}/dists/InRelease: the server leads to an address without TLS ('{place}')"
        assert metadata.seen == []

    @pytest.mark.parametrize("place", ["file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://x/", "data:,x"])
    def test_lead_to_no_other_scheme(self, place: str) -> None:
        with listening(lambda request: respond(request, 302, location=place)) as server:
            said = refusal(f"{server.address}/x")

        assert said.startswith(f"{server.address}/x: the server leads to ")

    def test_lead_out_of_tls_nowhere(self, metadata: Listener, authority: tuple[ssl.SSLContext, Path]) -> None:
        context, certificate = authority
        place = f"{metadata.address}/alpha-1.0-py3-none-any.whl"
        with listening(lambda request: respond(request, 302, location=place), context) as server:
            url = f"https://u:SECRET@{server.host}/files/alpha"
            said = refusal(url, trust=Trust(bundle=certificate))

        assert said == f"https://{server.host}/files/alpha: the server leads to an address without TLS ('{place}')"
        assert server.credentials() == {"u:SECRET"}
        assert metadata.seen == []

    def test_take_what_they_were_shown_to_no_other_host(self, authority: tuple[ssl.SSLContext, Path]) -> None:
        context, certificate = authority
        with listening(lambda request: respond(request, 200, b"file"), context) as other:
            place = f"https://x:y@{other.host}/there?signature=1"
            with listening(lambda request: respond(request, 307, location=place), context) as server:
                row = index_credentials.IndexCredential(url=f"https://{server.host}", user="u", password="SECRET")
                found = get(
                    f"https://{server.host}/x",
                    trust=Trust(bundle=certificate),
                    credentials=index_credentials.IndexCredentials(stated=[row]),
                )

        assert found == b"file"
        assert server.credentials() == {"u:SECRET"}
        assert other.seen == [("/there?signature=1", "")]

    def test_show_no_secret_of_where_they_lead_to(self) -> None:
        place = "http://user:SECRET@elsewhere.example/x?token=SECRET#SECRET"
        with listening(lambda request: respond(request, 302, location=place)) as server:
            said = refusal(f"{server.address}/x")

        assert "SECRET" not in said

    def test_lead_in_circles_not_for_long(self) -> None:
        with listening(lambda request: respond(request, 302, location=f"{request.path}x")) as server:
            said = refusal(f"{server.address}/x")

        assert said == f"{server.address}/x: the server redirects in circles"
        assert len(server.seen) == redirects.MOST + 1

    def test_lead_from_place_to_place_on_the_same_host(self, tmp_path: Path) -> None:
        def answer(request: BaseHTTPRequestHandler) -> None:
            if request.path == "/moved/file":
                respond(request, 200, b"file")
            else:
                respond(request, 301, location="/moved/file")

        digest = "sha256:3b9c358f36f0a31b6ad3e14f309c7cf198ac9246e8316f9ce543d5b19ac02b80"
        with listening(answer) as server:
            urls = (f"{server.address.replace('//', '//u:p@')}/file",)
            download(Client(Connection()), Store(tmp_path), [Download(name="file", digest=digest, size=4, urls=urls)])

        assert server.seen == [("/file", "u:p"), ("/moved/file", "u:p")]


class TestAddresses:
    @pytest.mark.parametrize(
        "host",
        [
            *("localhost", "LOCALHOST.", "a.localhost", "127.0.0.1", "127.1", "0x7f000001", "2130706433", "0.0.0.0"),
            *("169.254.169.254", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:a9fe:a9fe]", "[fe80::1]"),
            *("[64:ff9b::a9fe:a9fe]", "[2002:7f00:1::]", "0.1.2.3"),
        ],
    )
    def test_of_this_machine_and_its_link_are_not_led_to_from_outside(self, host: str) -> None:
        with pytest.raises(ValueError, match=r"^leads to an address of this machine or its link$"):
            redirects.target_of(f"https://{host}:8443/x", "https://index.example/simple")

    @pytest.mark.parametrize("place", ["http://[", "https://x:port/", "//[::1"])
    def test_that_are_none_are_refused(self, place: str) -> None:
        with pytest.raises(ValueError, match=r"^leads to what is no address$"):
            redirects.target_of(place, "https://index.example/simple")

    @pytest.mark.parametrize(
        ("place", "origin", "target"),
        [
            ("/y", "http://mirror.example/x", "http://mirror.example/y"),
            ("https://files.example/y", "http://mirror.example/x", "https://files.example/y"),
            ("https://10.0.0.5/y", "https://mirror.example/x", "https://10.0.0.5/y"),
            ("http://10.0.0.6:8080/y", "http://10.0.0.5/x", "http://10.0.0.6:8080/y"),
            ("https://localhost:8443/y", "https://127.0.0.1/x", "https://localhost:8443/y"),
            ("https://files.example/y#part", "https://mirror.example/x", "https://files.example/y"),
        ],
    )
    def test_of_honest_servers_are_followed(self, place: str, origin: str, target: str) -> None:
        assert redirects.target_of(place, origin) == target

    @pytest.mark.parametrize(
        ("place", "origin"),
        [
            ("http://10.0.0.6/y", "https://10.0.0.5/x"),
            ("http://10.0.0.6/y", "http://192.0.2.1/x"),
            ("http://index.example/y", "https://index.example/x"),
            ("http://127.0.0.1:9/y", "http://10.0.0.5/x"),
        ],
    )
    def test_without_tls_are_not(self, place: str, origin: str) -> None:
        with pytest.raises(ValueError, match=r"^leads to an address without TLS$"):
            redirects.target_of(place, origin)

    def test_that_a_name_stands_for_are_looked_at(self, metadata: Listener) -> None:
        """A name of an outside server may be that of this machine: so the connection itself is looked at."""
        with pytest.raises(Exception, match="the name is that of an address of this machine or its link"):
            Pools(Connection()).of(metadata.address, outside=True).request("GET", metadata.address, retries=False)
        assert metadata.seen == []


class TestRegistry:
    """A registry elsewhere has another name here, since one on loopback may lead to loopback."""

    def transport(self) -> Transport:
        access = Access(pools=Pools(Connection()), credentials=RegistryCredentials((), {}), pause=lambda _: None)
        return Transport("registry.example", access)

    @pytest.mark.parametrize(
        ("place", "said"),
        [
            ("https://169.254.169.254/latest/meta-data", "leads to an address of this machine or its link"),
            ("http://127.0.0.1:9/x", "leads to an address without TLS"),
            ("file:///etc/passwd", "leads to what is no address"),
            ("http://[", "leads to what is no address"),
        ],
    )
    def test_leads_from_outside_to_nothing_near(self, place: str, said: str) -> None:
        with pytest.raises(NetworkError) as caught:
            self.transport().absolute(place, "https://registry.example/v2/x/blobs/uploads/")

        assert str(caught.value) == f"{place}: registry.example {said}"

    @pytest.mark.parametrize(
        ("realm", "said"),
        [
            ("http://127.0.0.1:9/token", "registry.example names a token service without TLS"),
            ("http://tokens.example/token", "registry.example names a token service without TLS"),
            (
                "https://localhost/token",
                "registry.example names a token service at an address of this machine or its link",
            ),
            ("file:///etc/passwd", "registry.example names a token service at what is no address"),
            ("https://[::1", "registry.example names a token service at what is no address"),
        ],
    )
    def test_names_from_outside_no_token_service_near(self, realm: str, said: str) -> None:
        with pytest.raises(NetworkError) as caught:
            self.transport()._ask_token("GET", realm, {"authorization": "Basic SECRET"}, None)

        assert str(caught.value) == f"{realm}: {said}"

    def test_shows_nothing_of_a_login_to_a_mirror(self, tmp_path: Path) -> None:
        (tmp_path / "config.json").write_text('{"auths": {"registry.example": {"auth": "dTpTRUNSRVQ="}}}')
        ask = 'Basic realm="mirror"'
        with listening(lambda request: respond(request, 401, www_authenticate=ask)) as mirror:
            access = Access(
                pools=Pools(Connection()),
                credentials=RegistryCredentials((tmp_path / "config.json",), {}),
                mirrors=(("registry.example", f"{mirror.host}/hub"),),
                pause=lambda _: None,
            )
            with pytest.raises(NetworkError) as caught:
                Repository(parse_reference("registry.example/acme/app:v1"), access).manifest("v1")

        assert str(caught.value).startswith(f"{mirror.host} asks for a login, and there is no credential for it")
        assert mirror.credentials() == set()
