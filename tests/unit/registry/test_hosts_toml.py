"""containerd's hosts.toml: what is read, in which order, from where, and what is said of one that is none."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from onedigest.errors import InputError
from onedigest.net.connection import Connection, Pools
from onedigest.registry.host_choice import RegistryHosts, hosts_of, mirror_of
from onedigest.registry.hosts_toml import EVERYTHING, PULL, RESOLVE, Host, hosts_in
from onedigest.workspace.registries import make_access


def read(folder: Path, text: str) -> tuple[Host, ...]:
    (folder / "hosts.toml").write_text(text)
    return hosts_in(folder)


def refusal(folder: Path, text: str) -> str:
    with pytest.raises(InputError) as caught:
        read(folder, text)
    return str(caught.value)


# as in docs/hosts.md of containerd
LOCAL_MIRROR = """
server = "https://registry-1.docker.io"    # Exclude this to not use upstream

[host."https://public-mirror.example.com"]
  capabilities = ["pull"]                  # Requires less trust, won't resolve tag to digest from this host
[host."https://docker-mirror.internal"]
  capabilities = ["pull", "resolve"]
  ca = "docker-mirror.crt"                 # Or absolute path
"""
MANY = """
[host."https://mirror.registry"]
  capabilities = ["pull"]
  ca = "/etc/certs/mirror.pem"
  skip_verify = false
  [host."https://mirror.registry".header]
    x-custom-2 = ["value1", "value2"]

[host."https://mirror-bak.registry/us"]
  capabilities = ["PULL"]
  skip_verify = true
  dial_timeout = "1m1.5s"

[host."http://mirror.registry"]
  capabilities = ["pull"]
  proxy = "http://my-proxy:8080"

[host."https://test-1.registry"]
  capabilities = ["pull", "resolve", "push"]
  ca = ["/etc/certs/test-1-ca.pem", "/etc/certs/special.pem"]
  client = [["/etc/certs/client.cert", "/etc/certs/client.key"],["/etc/certs/client.pem", ""]]

[host."https://test-2.registry"]
  client = "client.pem"

[host."https://non-compliant-mirror.registry/v2/upstream"]
  capabilities = ["pull"]
  override_path = true
"""


def test_hosts_come_in_their_order_and_the_server_last(tmp_path: Path) -> None:
    public, internal, server = read(tmp_path, LOCAL_MIRROR)

    assert public == Host(netloc="public-mirror.example.com", scheme="https", capabilities=frozenset((PULL,)))
    assert internal.capabilities == {PULL, RESOLVE}
    assert internal.authorities == (tmp_path / "docker-mirror.crt",)
    assert server == Host(netloc="registry-1.docker.io", scheme="https", capabilities=EVERYTHING)


def test_every_key_of_a_host_is_read(tmp_path: Path) -> None:
    first, second, plain, third, fourth, fifth, own = read(tmp_path, MANY)

    assert first.headers == (("x-custom-2", "value1, value2"),)
    assert (first.verified, second.verified, second.path, second.seconds) == (True, False, "/us/v2", 61.5)
    assert (plain.scheme, plain.proxy) == ("http", "http://my-proxy:8080")
    assert third.authorities == (Path("/etc/certs/test-1-ca.pem"), Path("/etc/certs/special.pem"))
    assert third.own == (Path("/etc/certs/client.cert"), Path("/etc/certs/client.key"))
    assert fourth.own == (tmp_path / "client.pem", None)
    assert fifth.path == "/v2/upstream"
    assert own == Host(), "the registry itself, which is asked last"


@pytest.mark.parametrize(
    ("address", "netloc", "scheme", "path"),
    [
        ("mirror.example", "mirror.example", "https", "/v2"),
        ("mirror.example:5000/", "mirror.example:5000", "https", "/v2"),
        ("http://MIRROR.example:5000", "mirror.example:5000", "http", "/v2"),
        ("https://mirror.example/v2", "mirror.example", "https", "/v2"),
        ("https://mirror.example/v2/", "mirror.example", "https", "/v2"),
        ("https://mirror.example/v2/hub", "mirror.example", "https", "/v2/hub/v2"),
        ("https://mirror.example/a/../b//c", "mirror.example", "https", "/b/c/v2"),
        ("https://mirror.example//v2/", "mirror.example", "https", "/v2"),
        ("https://docker.io", "registry-1.docker.io", "https", "/v2"),
        ("https://[::1]:5000", "[::1]:5000", "https", "/v2"),
        ("httpd.example", "httpd.example", "https", "/v2"),
    ],
)
def test_address_of_a_host_is_read_as_containerd_reads_it(
    address: str, netloc: str, scheme: str, path: str, tmp_path: Path
) -> None:
    found = read(tmp_path, f'[host."{address}"]\n')[0]

    assert (found.netloc, found.scheme, found.path) == (netloc, scheme, path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[host."ftp://x"]', '`host."ftp://x"`: is no address such as https://mirror.example.com'),
        ('[host."https://u:secret@x"]', '`host."https://x"`: has a user, who belongs into the file of `docker login`'),
        ('[host."https://x/a b"]', '`host."https://x/a b"`: is no address such as https://mirror.example.com'),
        ('[host."https://x:99999"]', '`host."https://x:99999"`: is no address such as https://mirror.example.com'),
        ("server = 3", "`server` is not a string"),
        ('[host."x"]\ncapabilities = ["fly"]', "`host.\"x\"`: `capabilities` has 'fly'; they are pull, resolve and push"),
        ('[host."x"]\ncapabilities = 3', '`host."x"`: `capabilities` is no text or list of texts'),
        ('[host."x"]\nskip_verify = "yes"', '`host."x"`: `skip_verify` is not true or false'),
        ('[host."x"]\nca = [3]', '`host."x"`: `ca` is no text or list of texts'),
        ('[host."x"]\nclient = [["a"]]', '`host."x"`: `client` has what is no pair of a certificate and its key'),
        ('[host."x".header]\n"a b" = "c"', "`host.\"x\"`: `header` has 'a b', which is no header of HTTP"),
        ('[host."x".header]\na = "c\\r\\nd"', "`host.\"x\"`: `header` has 'a', which is no header of HTTP"),
        ('[host."x"]\ndial_timeout = "soon"', '`host."x"`: `dial_timeout` is no duration such as 5s or 500ms'),
        (
            '[host."x"]\nproxy = "ftp://x"',
            '`host."x"`: `proxy` is no address of a proxy such as http://proxy.example.com:8080',
        ),
        (
            '[host."x"]\nproxy = "http://"',
            '`host."x"`: `proxy` is no address of a proxy such as http://proxy.example.com:8080',
        ),
        ('[host]\n"x" = 3', '`host."x"` is no table'),
        ("host = 3", "`host` is no table of 64 hosts at most"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_place(text: str, said: str, tmp_path: Path) -> None:
    assert refusal(tmp_path, text) == (
        f"{tmp_path}/hosts.toml: no hosts.toml of containerd: {said}\nhint: correct it, or remove it"
    )


@pytest.mark.parametrize("text", ["[host", "\x00", "a = 1\na = 2", f"x = '{'y' * (1 << 20)}'", "[host.'" + "x." * 9999])
def test_what_is_no_toml_is_said(text: str, tmp_path: Path) -> None:
    assert refusal(tmp_path, text).startswith(f"{tmp_path}/hosts.toml: no hosts.toml of containerd: ")


@pytest.mark.parametrize(
    ("text", "seconds"), [("0", None), ("0s", None), (".5s", 0.5), ("1.s", 1.0), ("1h0m.5s", 600.0), ("200ms", 0.2)]
)
def test_duration_is_read_as_go_reads_it(text: str, seconds: float | None, tmp_path: Path) -> None:
    assert read(tmp_path, f'dial_timeout = "{text}"\n')[0].seconds == seconds


def test_capability_of_a_newer_containerd_is_known(tmp_path: Path) -> None:
    both, referrers, _ = read(
        tmp_path,
        '[host."a"]\ncapabilities = ["pull", "referrers"]\n[host."b"]\ncapabilities = ["referrers"]\n',
    )

    assert both.capabilities == {PULL}
    assert not referrers.capabilities, "it is asked for nothing else"


def test_headers_of_the_request_itself_are_not_those_of_a_file(tmp_path: Path) -> None:
    text = '[header]\nHost = "x"\nContent-Length = "5"\nTransfer-Encoding = "chunked"\nTrailer = "x"\nX-Own = "y"\n'

    assert read(tmp_path, text)[0].headers == (("x-own", "y"),)


K3S = """
# File generated by k3s. DO NOT EDIT.
server = "https://registry-1.docker.io/v2"
capabilities = ["pull", "resolve", "push"]

[host]
[host."https://mirror.example/v2"]
  capabilities = ["pull", "resolve"]
  [host."https://mirror.example/v2".rewrite]
    "^rancher/(.*)" = "mirror/$1"
"""
SPEGEL = """
[host.'http://127.0.0.1:30020']
capabilities = ['pull', 'resolve']
dial_timeout = '200ms'
"""
HARBOR = """
server = "https://registry-1.docker.io"
[host."https://harbor.example/v2/hub"]
  capabilities = ["pull", "resolve"]
  override_path = true
"""
AZURE = """
server = "mcr.example"
[host."https://acr.example".header]
    X-Forwarded-For = ["mcr.example"]
[host."https://acr.example"]
  capabilities = ["pull", "resolve"]
"""


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        (K3S, ["https://mirror.example/v2", "https://registry-1.docker.io/v2"]),
        (SPEGEL, ["http://127.0.0.1:30020/v2", "://registry-1.docker.io/v2"]),
        (HARBOR, ["https://harbor.example/v2/hub", "https://registry-1.docker.io/v2"]),
        (AZURE, ["https://acr.example/v2", "https://mcr.example/v2"]),
    ],
)
def test_what_programs_write_is_read(text: str, addresses: list[str], tmp_path: Path) -> None:
    read(tmp_path, text)
    (tmp_path / "certs.d").mkdir()
    (tmp_path / "certs.d" / "docker.io").symlink_to(tmp_path)
    found = hosts_of("docker.io", RegistryHosts(folders=(tmp_path / "certs.d",)))

    assert [f"{host.scheme}://{host.netloc}{host.path}" for host in found] == addresses


def test_keys_of_a_newer_containerd_are_passed_over(tmp_path: Path) -> None:
    assert read(tmp_path, 'dial_addr = "unix:///x"\n[host."x"]\nnewer = {a = 1}\n')[0].netloc == "x"


def test_file_that_is_empty_leaves_the_certificates(tmp_path: Path) -> None:
    for name in ("b.crt", "a.crt", "a.cert", "a.key", "b.cert", "notes.txt"):
        (tmp_path / name).write_text("x")

    assert read(tmp_path, "\n") == (
        Host(authorities=(tmp_path / "a.crt", tmp_path / "b.crt"), own=(tmp_path / "a.cert", tmp_path / "a.key")),
    )


class TestPlaces:
    def stated(self, folder: Path, name: str, server: str) -> None:
        (folder / name).mkdir(parents=True)
        (folder / name / "hosts.toml").write_text(f'server = "https://{server}"\n')

    def test_folder_with_the_port_counts_first_and_the_default_last(self, tmp_path: Path) -> None:
        places = RegistryHosts(folders=(tmp_path,))
        found: list[list[str]] = []
        for name in ("_default", "r.example:5000", "r.example_5000_"):
            self.stated(tmp_path, name, f"{len(found)}.example")
            found.append([host.netloc for host in hosts_of("r.example:5000", places)])

        assert found == [["0.example"], ["1.example"], ["2.example"]]
        assert [host.netloc for host in hosts_of("other.example", places)] == ["0.example"]

    def test_first_place_that_knows_a_registry_counts(self, tmp_path: Path) -> None:
        self.stated(tmp_path / "own", "r.example", "own.example")
        self.stated(tmp_path / "machine", "r.example", "machine.example")
        places = RegistryHosts(folders=(tmp_path / "own", tmp_path / "machine"))

        assert [host.netloc for host in hosts_of("r.example", places)] == ["own.example"]

    def test_registry_that_nothing_is_said_of_is_asked_itself(self, tmp_path: Path) -> None:
        places = RegistryHosts(folders=(tmp_path / "none",), certificates=(tmp_path / "none",))

        assert hosts_of("docker.io", places) == (Host(netloc="registry-1.docker.io"),)
        assert hosts_of("r.example:5000", places) == (Host(netloc="r.example:5000"),)

    @pytest.mark.parametrize("name", ["docker.io", "registry-1.docker.io"])
    def test_certificates_of_docker_are_found_by_either_name(self, name: str, tmp_path: Path) -> None:
        (tmp_path / name).mkdir()
        (tmp_path / name / "ca.crt").write_text("x")

        assert hosts_of("docker.io", RegistryHosts(certificates=(tmp_path,)))[0].authorities == (
            tmp_path / name / "ca.crt",
        )
        assert mirror_of("m.example", RegistryHosts(certificates=(tmp_path,))) == Host(netloc="m.example")

    def test_what_only_a_daemon_may_read_is_passed_over(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "r.example").mkdir()

        def refuse(*_: object, **__: object) -> bool:
            raise PermissionError

        monkeypatch.setattr(Path, "is_dir", refuse)

        assert hosts_of("r.example", RegistryHosts(folders=(tmp_path,))) == (Host(netloc="r.example"),)


class TestSettings:
    def places(self) -> RegistryHosts:
        return make_access(os.environ, Pools(Connection()), ()).places

    def test_user_and_machine_are_asked(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
        monkeypatch.delenv("ONEDIGEST_REGISTRY_HOSTS", raising=False)

        assert self.places() == RegistryHosts(
            folders=(tmp_path / ".config/containerd/certs.d", Path("/etc/containerd/certs.d")),
            certificates=(
                tmp_path / ".config/containers/certs.d",
                tmp_path / ".config/docker/certs.d",
                tmp_path / ".docker/certs.d",
                Path("/etc/containers/certs.d"),
                Path("/etc/docker/certs.d"),
            ),
        )

    def test_variable_counts_in_their_place(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ONEDIGEST_REGISTRY_HOSTS", os.pathsep.join(("/a", "", "/b")))
        assert self.places() == RegistryHosts(folders=(Path("/a"), Path("/b")))
        monkeypatch.setenv("ONEDIGEST_REGISTRY_HOSTS", "")
        assert self.places() == RegistryHosts()
