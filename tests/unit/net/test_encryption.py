"""TLS: whose certificates count, what is shown, and words for what is wrong with either."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from shutil import copy

import pytest

from listener import listening, respond
from onedigest.errors import NetworkError
from onedigest.net import encryption
from onedigest.net.connection import Connection
from onedigest.net.download import Client
from onedigest.net.encryption import Trust, for_programs, read_trust
from own_authority import Authority
from registry_server import openssl

HINT = "correct SSL_CLIENT_CERT, a file with a certificate and its key, both in PEM"


@dataclass(frozen=True)
class Servers:
    """Addresses with TLS: one that is right, one that ended, one of another host, and one that asks who comes."""

    right: str
    ended: str
    other: str
    asking: str


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def servers(authority: Authority) -> Iterator[Servers]:
    here = "IP:127.0.0.1"
    with (
        listening(_file, authority.serving("right", here)) as right,
        listening(_file, authority.serving("ended", here, days=-1)) as ended,
        listening(_file, authority.serving("other", "DNS:other.example")) as other,
        listening(_file, authority.serving("asking", here, asks=True)) as asking,
    ):
        yield Servers(*(f"https://{each.host}/x" for each in (right, ended, other, asking)))


def _file(request: BaseHTTPRequestHandler) -> None:
    respond(request, 200, b"file")


def get(url: str, trust: Trust | None = None, **options: object) -> bytes:
    return Client(Connection(trust=trust or Trust(), pause=lambda _: None, **options)).get(url)  # type: ignore[arg-type]


def failure(url: str, trust: Trust | None = None) -> str:
    with pytest.raises(NetworkError) as caught:
        get(url, trust)
    return str(caught.value)


class TestAuthorities:
    def test_of_a_file(self, authority: Authority, servers: Servers) -> None:
        assert get(servers.right, Trust(bundle=authority.certificate)) == b"file"

    @pytest.mark.parametrize("rehashed", [True, False])
    def test_of_a_folder_whatever_its_files_are_called(
        self, rehashed: bool, authority: Authority, servers: Servers, tmp_path: Path
    ) -> None:
        (tmp_path / "README").write_text("none")
        copy(authority.certificate, tmp_path / "own.crt")
        if rehashed:
            openssl("rehash", str(tmp_path))
            assert len(list(tmp_path.iterdir())) == 3
        folders = (tmp_path / "missing", tmp_path)

        assert get(servers.right, Trust(folders=folders, named="SSL_CERT_DIR")) == b"file"

    def test_of_a_folder_count_beside_a_file_that_is_none(
        self, authority: Authority, servers: Servers, tmp_path: Path
    ) -> None:
        copy(authority.certificate, tmp_path / "own.pem")

        assert get(servers.right, Trust(bundle=tmp_path / "missing.pem", folders=(tmp_path,))) == b"file"

    def test_may_be_signed_by_others(self, authority: Authority, tmp_path: Path) -> None:
        """An intermediate authority alone is trusted, as for uv, and one of Python 3.13's new rules is not asked of it."""
        between = authority.sign("between", days=2, signs=True)
        under = Authority(tmp_path, between)
        with listening(_file, under.serving("under", "IP:127.0.0.1")) as server:
            assert get(f"https://{server.host}/x", Trust(bundle=between)) == b"file"
        assert not encryption.encrypting(Trust()).verify_flags & ssl.VERIFY_X509_STRICT

    def test_of_the_machine_do_not_count_beside_those_of_a_user(self, authority: Authority, servers: Servers) -> None:
        assert failure(servers.right) == (
            f"{servers.right}: cannot be reached: unable to get local issuer certificate\n"
            "hint: name your authority's certificates with SSL_CERT_FILE"
        )
        context = encryption.encrypting(Trust(bundle=authority.certificate))
        assert [each["subject"] for each in context.get_ca_certs()] == [((("commonName", "tests"),),)]

    def test_come_from_certifi_where_a_machine_has_none(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """As on a Debian without ca-certificates, where uv goes on with the roots that it has inside."""
        nowhere = ssl.DefaultVerifyPaths("", "", "", str(tmp_path / "cert.pem"), "", str(tmp_path))
        monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: nowhere)
        monkeypatch.setattr(encryption, "_BUNDLES", ())

        assert len(encryption.encrypting(Trust()).get_ca_certs()) > 100

    def test_come_from_where_other_systems_have_them(
        self, authority: Authority, servers: Servers, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        """A Python that was made elsewhere looks where this system has nothing."""
        nowhere = ssl.DefaultVerifyPaths("", "", "", str(tmp_path / "cert.pem"), "", str(tmp_path / "certs"))
        monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: nowhere)
        monkeypatch.setattr(encryption, "_BUNDLES", ("/nowhere", str(authority.certificate)))

        assert get(servers.right) == b"file"

    def test_of_the_keychain_count_on_macos(
        self, authority: Authority, servers: Servers, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The library asks the keychain there, and here what variables of OpenSSL name."""
        monkeypatch.setattr("sys.platform", "darwin")
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate))
        assert get(servers.right) == b"file"
        monkeypatch.delenv("SSL_CERT_FILE")
        assert "hint: name your authority's certificates with SSL_CERT_FILE" in failure(servers.right)

    def test_do_not_count_for_a_host_that_the_user_lists(self, servers: Servers) -> None:
        host = servers.right.split("/")[2]
        for listed in ("127.0.0.1", host, "https://127.0.0.1", f"https://{host}", "*"):
            assert get(servers.right, unverified=("other.example", listed)) == b"file"
            assert get(servers.other, unverified=("127.0.0.1",)) == b"file"
        for listed in ("127.0.0.1:1", "http://127.0.0.1", "localhost", "127.*", "[", ""):
            with pytest.raises(NetworkError):
                get(servers.right, unverified=(listed,))


class TestFaults:
    def test_of_files_are_told(self, servers: Servers, tmp_path: Path) -> None:
        (tmp_path / "empty.pem").write_text("\n")
        (tmp_path / "text.pem").write_text("none")
        (tmp_path / "windows.cer").write_bytes(b"\x30\x82\x01\x0a\x00")
        (tmp_path / "broken.pem").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
        named = {
            "missing.pem": "there is no such file of certificates\nhint: correct SSL_CERT_FILE",
            "": "this is no file of certificates\nhint: correct SSL_CERT_FILE",
            "empty.pem": "the file of certificates is empty\nhint: name a file of certificates in PEM with SSL_CERT_FILE",
            "text.pem": "the file has no certificate in PEM, which begins with -----BEGIN CERTIFICATE-----\n"
            "hint: name a file of certificates in PEM with SSL_CERT_FILE",
            "windows.cer": "the file is a certificate in DER: `openssl x509 -inform DER -in IN -out OUT` writes it in PEM\n"
            "hint: name a file of certificates in PEM with SSL_CERT_FILE",
            "broken.pem": "the file of certificates has one that is broken\n"
            "hint: name a file of certificates in PEM with SSL_CERT_FILE",
        }

        for name, said in named.items():
            assert failure(servers.right, Trust(bundle=tmp_path / name)) == f"{tmp_path / name}: {said}"

    def test_of_folders_are_told(self, servers: Servers, tmp_path: Path) -> None:
        (tmp_path / "README").write_text("none")
        folders = (tmp_path, tmp_path / "missing")

        assert failure(servers.right, Trust(folders=folders, named="SSL_CERT_DIR")) == (
            f"{tmp_path}: the folder has no certificates\nhint: correct SSL_CERT_DIR\n"
            f"{tmp_path / 'missing'}: there is no such folder of certificates\nhint: correct SSL_CERT_DIR"
        )

    def test_of_a_server_are_told(self, authority: Authority, servers: Servers, tmp_path: Path) -> None:
        trust = Trust(bundle=authority.certificate)

        assert failure(servers.ended, trust) == (
            f"{servers.ended}: cannot be reached: certificate has expired\n"
            "hint: check the clock of this machine; else the certificate, or that of its authority, is to be renewed"
        )
        old = authority.sign("old", days=-1, signs=True)
        with listening(_file, Authority(tmp_path, old).serving("under", "IP:127.0.0.1")) as server:
            assert "cannot be reached: certificate has expired\nhint: " in failure(
                f"https://{server.host}/x", Trust(bundle=old)
            )
        assert failure(servers.other, trust) == (
            f"{servers.other}: cannot be reached: IP address mismatch, certificate is not valid for '127.0.0.1'.\n"
            "hint: the certificate is another host's: correct the host, or have its certificate name it"
        )


class TestOwnCertificate:
    def test_is_shown_to_who_asks(self, authority: Authority, servers: Servers) -> None:
        trust = Trust(bundle=authority.certificate, own=authority.sign("client"))

        assert get(servers.asking, trust) == b"file"
        with pytest.raises(NetworkError):
            get(servers.asking, Trust(bundle=authority.certificate))

    def test_that_is_none_is_told(self, authority: Authority, servers: Servers, tmp_path: Path) -> None:
        whole = authority.sign("named")
        alone, locked = tmp_path / "alone.pem", tmp_path / "locked.pem"
        alone.write_text(whole.read_text().partition("-----BEGIN PRIVATE")[0])
        openssl("ec", "-in", str(whole), "-aes256", "-passout", "pass:word", "-out", str(locked))
        locked.write_text(alone.read_text() + locked.read_text())
        trust = Trust(bundle=authority.certificate)
        said = {
            tmp_path / "missing.pem": f"there is no such file of an own certificate\nhint: {HINT}",
            alone: f"the file has no certificate with the key that belongs to it\nhint: {HINT}",
            tmp_path: f"the own certificate cannot be read: Is a directory\nhint: {HINT}",
            locked: "the key of the own certificate is encrypted, and nobody is there to be asked\n"
            "hint: name one without a password with SSL_CLIENT_CERT",
        }

        for path, words in said.items():
            assert failure(servers.right, Trust(bundle=trust.bundle, own=path)) == f"{path}: {words}"


class TestVariables:
    def test_of_openssl_and_uv_count_before_those_of_requests_and_curl(self, tmp_path: Path) -> None:
        both = {"REQUESTS_CA_BUNDLE": "/r", "CURL_CA_BUNDLE": "/c"}

        assert read_trust({}) == Trust()
        assert read_trust({"SSL_CERT_FILE": "", "SSL_CERT_DIR": ""}) == Trust()
        assert read_trust({"SSL_CERT_FILE": "/s", "SSL_CERT_DIR": "/a:/b", **both}) == Trust(
            bundle=Path("/s"), folders=(Path("/a"), Path("/b"))
        )
        assert read_trust({"SSL_CERT_DIR": "/a", **both}) == Trust(folders=(Path("/a"),), named="SSL_CERT_DIR")
        assert read_trust(both) == Trust(bundle=Path("/r"), named="REQUESTS_CA_BUNDLE", beside=True)
        assert read_trust({"CURL_CA_BUNDLE": str(tmp_path)}) == Trust(
            folders=(tmp_path,), named="CURL_CA_BUNDLE", beside=True
        )
        assert read_trust({"SSL_CLIENT_CERT": "own.pem"}) == Trust(own=Path.cwd() / "own.pem")

    def test_lead_uv_and_git_the_same_way_from_any_folder(self) -> None:
        trust = Trust(bundle=Path("/r"), folders=(Path("/a"), Path("/b")), own=Path("/o"))

        assert for_programs(trust) == {
            "SSL_CERT_FILE": "/r",
            "SSL_CERT_DIR": "/a:/b",
            "SSL_CLIENT_CERT": "/o",
            "GIT_SSL_CAINFO": "/r",
            "GIT_SSL_CAPATH": "/a",
            "GIT_SSL_CERT": "/o",
            "GIT_SSL_KEY": "/o",
        }
        assert for_programs(Trust()) == {}

    def test_of_requests_count_beside_those_of_the_machine(
        self, authority: Authority, servers: Servers, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        trust = read_trust({"REQUESTS_CA_BUNDLE": str(authority.certificate)})
        nowhere = ssl.DefaultVerifyPaths("", "", "", str(tmp_path / "cert.pem"), "", str(tmp_path))
        monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: nowhere)
        monkeypatch.setattr(encryption, "_BUNDLES", ())

        assert get(servers.right, trust) == b"file"
        assert len(encryption.encrypting(trust).get_ca_certs()) > 100
        assert for_programs(trust)["SSL_CERT_DIR"].endswith("/certifi")
        assert for_programs(trust)["SSL_CERT_FILE"] == str(authority.certificate)
