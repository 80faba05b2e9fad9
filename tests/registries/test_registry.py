"""The registry client against real registries: open, behind a password, a token service, TLS, and a bad line."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from fault_proxy import FaultProxy, Seen, faults
from onedigest.assembler.image import INDEX_TYPE, MANIFEST_TYPE
from onedigest.digest import of_bytes
from onedigest.errors import InputError, NetworkError
from onedigest.net.connection import Connection, Pools
from onedigest.net.encryption import Trust
from onedigest.oci.read import read_from
from onedigest.oci.reference import parse_reference
from onedigest.registry.credentials import RegistryCredentials
from onedigest.registry.host_choice import RegistryHosts
from onedigest.registry.push import put_tags
from onedigest.registry.remote import Remote
from onedigest.registry.repository import Repository
from onedigest.registry.transport import Access
from onedigest.store import Store
from registry_server import SECRET, USER, Served, TokenService, login, serve_registry

DATA = bytes(range(256)) * 4096
DIGEST = of_bytes(DATA)
NAME = "acme/app"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve_registry(tmp_path_factory.mktemp("registry")) as registry:
        yield registry


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve_registry(tmp_path_factory.mktemp("password"), password=True) as registry:
        yield registry


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TokenService]:
    granted = {USER: {NAME: "pull,push", "acme/read": "pull", "acme/base": "pull"}, "": {"acme/read": "pull"}}
    service = TokenService(tmp_path_factory.mktemp("tokens"), granted)
    yield service
    service.close()


@pytest.fixture(scope="module")
def granting(service: TokenService, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve_registry(tmp_path_factory.mktemp("token"), tokens=service) as registry:
        yield registry


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve_registry(tmp_path_factory.mktemp("tls"), tls=True) as registry:
        yield registry


def access(variables: dict[str, str] | None = None, **options: object) -> Access:
    files = (Path(variables["DOCKER_CONFIG"]) / "config.json",) if variables else ()
    connection = Connection(trust=Trust(bundle=options.pop("authority", None)))  # type: ignore[arg-type]
    pauses: dict[str, object] = {"pause": lambda _: None}
    return Access(pools=Pools(connection), credentials=RegistryCredentials(files, {}), **{**pauses, **options})  # type: ignore[arg-type]


def repository(host: str, reach: Access | None = None, name: str = NAME, mode: str = "pull,push") -> Repository:
    return Repository(parse_reference(f"{host}/{name}"), reach or access(), mode)


def push(to: Repository, data: bytes = DATA, counted: list[int] | None = None) -> None:
    to.upload(of_bytes(data), len(data), data, "", (counted if counted is not None else []).append)


def put_small_image(
    to: Repository, tag: str = "v1", *, config: object = None, layer: dict[str, object] | None = None
) -> str:
    """Put an image with one layer, whatever they are; return the digest of its manifest."""
    text = json.dumps(
        config
        or {"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": [DIGEST]}, "config": {}}
    ).encode()
    push(to, text)
    push(to)
    described = {"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": DIGEST, "size": len(DATA)}
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json", "digest": of_bytes(text), "size": len(text),
        },
        "layers": [{**described, **(layer or {})}],
    }  # fmt: skip
    data = json.dumps(manifest).encode()
    to.put_manifest(tag, MANIFEST_TYPE, data)
    return of_bytes(data)


def failure(work: Callable[[], object], kind: type[NetworkError | InputError] = NetworkError) -> str:
    with pytest.raises(kind) as caught:
        work()
    return str(caught.value)


class TestOpen:
    def test_what_was_uploaded_is_there_whole(self, served: Served, tmp_path: Path) -> None:
        counted: list[int] = []
        to = repository(served.host, name="open/upload")
        before = to.has(DIGEST)
        push(to, counted=counted)
        store = Store(tmp_path / "store")
        Remote(parse_reference(f"{served.host}/open/upload"), access(), store)

        assert (before, to.has(DIGEST), to.blob(DIGEST)) == (False, True, DATA)
        assert sum(counted) == len(DATA)

    def test_manifest_keeps_its_bytes(self, served: Served) -> None:
        to = repository(served.host, name="open/manifest")
        digest = put_small_image(to)

        assert to.resolve("v1") == digest
        assert to.resolve("v2") is None
        assert to.manifest(digest) == to.manifest("v1")
        assert of_bytes(to.manifest("v1").data) == digest

    def test_blob_is_mounted_without_its_bytes(self, served: Served) -> None:
        push(repository(served.host, name="open/first"))
        with faults(served.host) as proxy:
            second = repository(proxy.host, name="open/second")
            place = second.begin(DIGEST, "open/first")

            assert (place, second.has(DIGEST), proxy.sent) == ("", True, 0)

    def test_blob_that_is_not_there_is_not_mounted(self, served: Served) -> None:
        to = repository(served.host, name="open/third")
        place = to.begin(of_bytes(b"other"), "open/nowhere")
        to.upload(of_bytes(b"other"), 5, b"other", place, lambda _: None)

        assert to.has(of_bytes(b"other"))

    def test_existence_is_one_request(self, served: Served) -> None:
        put_small_image(repository(served.host, name="open/one"))
        with faults(served.host) as proxy:
            repository(proxy.host, name="open/one").resolve("v1")

            assert [(seen.method, seen.path) for seen in proxy.seen] == [("HEAD", "/v2/open/one/manifests/v1")]

    def test_mirror_is_asked_for_what_is_read(self, served: Served) -> None:
        put_small_image(repository(served.host, name="hub/library/python"), "3.13")
        reach = access(mirrors=(("docker.io", f"{served.host}/hub"),))

        assert repository("docker.io", reach, "library/python", "pull").resolve("3.13")
        assert repository("docker.io", reach, "library/python").reference.registry == "docker.io"

    def test_cache_that_hosts_toml_names_is_read_and_not_pushed_to(self, served: Served, tmp_path: Path) -> None:
        digest = put_small_image(repository(served.host, name="open/cached"))
        with serve_registry(tmp_path / "cache", caches=served.host) as cache, faults(cache.host) as proxy:
            folder = tmp_path / "certs.d" / served.host.replace(":", "_").join(("", "_"))
            folder.mkdir(parents=True)
            (folder / "hosts.toml").write_text(f'[host."http://{proxy.host}"]\ncapabilities = ["pull", "resolve"]\n')
            reach = access(places=RegistryHosts(folders=(tmp_path / "certs.d",)))
            remote = Remote(parse_reference(f"{served.host}/open/cached:v1"), reach, Store(tmp_path / "store"))
            image = read_from(remote)
            path = remote.layers([image.platforms[0].layers[0].descriptor], lambda _: None)[0]
            put_small_image(repository(served.host, reach, name="open/pushed"))

        assert path.read_bytes() == DATA
        assert {seen.path.partition("?")[2] for seen in proxy.seen} == {f"ns={served.host}"}
        assert [seen.method for seen in proxy.seen] == ["GET"] * 3, "a manifest, a configuration and a layer"
        assert repository(served.host, name="open/pushed").resolve("v1") == digest

    def test_tag_that_is_there_is_left_alone(self, served: Served) -> None:
        index = json.dumps({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": []}).encode()
        with faults(served.host) as proxy:
            to = repository(proxy.host, name="open/tags")
            put_tags(to, index, ["v1", "v2"])
            put_tags(to, index, ["v1", "v2", "v3"])

            assert [seen.path.rpartition("/")[2] for seen in proxy.seen if seen.method == "PUT"] == ["v1", "v2", "v3"]

    def test_unknown_tag(self, served: Served) -> None:
        to = repository(served.host, name="open/none")

        assert failure(lambda: to.manifest("v9")) == (
            f"there is no image {served.host}/open/none:v9\nhint: correct the tag or the digest"
        )

    def test_offline_reaches_nothing(self, served: Served) -> None:
        reach = Access(pools=Pools(Connection(offline=True)), credentials=RegistryCredentials((), {}))
        to = repository(served.host, reach)

        assert failure(lambda: to.manifest("v1")) == (
            f"https://{served.host}/v2/acme/app/manifests/v1: not reached: `--offline` is set"
        )

    def test_read_only_registry_is_said(self, tmp_path: Path) -> None:
        with serve_registry(tmp_path / "closed", read_only=True) as closed:
            to = repository(closed.host)

            assert failure(lambda: push(to)) == f"{closed.host} answered 405 to: push to {closed.host}/acme/app"


class TestPassword:
    def test_login_of_docker_just_works(self, guarded: Served, tmp_path: Path) -> None:
        to = repository(guarded.host, access(login(tmp_path, guarded.host)))
        push(to)

        assert to.blob(DIGEST) == DATA

    def test_wrong_password_names_its_source_and_not_itself(self, guarded: Served, tmp_path: Path) -> None:
        to = repository(guarded.host, access(login(tmp_path, guarded.host, secret="wr0ng")))
        said = failure(lambda: push(to))

        assert said == (
            f"{guarded.host} refuses the credential from {tmp_path}/config.json\nhint: docker login {guarded.host}"
        )

    def test_no_password(self, guarded: Served) -> None:
        to = repository(guarded.host)

        assert failure(lambda: push(to)) == (
            f"{guarded.host} asks for a login, and there is no credential for it\nhint: docker login {guarded.host}"
        )


class TestTokens:
    def test_token_is_asked_for_once(self, granting: Served, service: TokenService, tmp_path: Path) -> None:
        asked = len(service.requests)
        to = repository(granting.host, access(login(tmp_path, granting.host)))
        push(to)
        assert to.has(DIGEST)

        assert service.requests[asked:] == ["/token?service=tests&scope=repository%3Aacme%2Fapp%3Apull%2Cpush"]

    def test_identity_token_is_exchanged(self, granting: Served, service: TokenService, tmp_path: Path) -> None:
        (tmp_path / "config.json").write_text(
            json.dumps({"auths": {granting.host: {"identitytoken": service.identity}}})
        )
        asked = len(service.requests)
        push(repository(granting.host, access({"DOCKER_CONFIG": str(tmp_path)})), b"by identity")

        assert service.requests[asked:] == ["POST"]

    def test_identity_token_that_is_refused(self, granting: Served, tmp_path: Path) -> None:
        (tmp_path / "config.json").write_text(json.dumps({"auths": {granting.host: {"identitytoken": "0ld"}}}))
        to = repository(granting.host, access({"DOCKER_CONFIG": str(tmp_path)}))

        assert failure(lambda: push(to)) == (
            f"{granting.host} refuses the credential from {tmp_path}/config.json\nhint: docker login {granting.host}"
        )

    def test_anonymous_may_read_what_is_public(self, granting: Served) -> None:
        assert repository(granting.host, name="acme/read", mode="pull").resolve("v1") is None

    @pytest.mark.parametrize("known", [True, False])
    def test_no_permission_says_who_asked(self, known: bool, granting: Served, tmp_path: Path) -> None:
        variables = login(tmp_path, granting.host) if known else None
        to = repository(granting.host, access(variables), name="acme/read")
        by = f"with the credential from {tmp_path}/config.json" if known else "without a login"
        said = failure(lambda: push(to))

        assert said.startswith(f"{granting.host} does not permit to push to {granting.host}/acme/read {by}")
        assert said.endswith(f"\nhint: docker login {granting.host}")

    def test_wrong_password_is_told_by_the_token_service(self, granting: Served, tmp_path: Path) -> None:
        to = repository(granting.host, access(login(tmp_path, granting.host, secret="wr0ng")))

        assert failure(lambda: push(to)) == (
            f"{granting.host} refuses the credential from {tmp_path}/config.json\nhint: docker login {granting.host}"
        )

    def test_token_that_expires_midway_is_renewed(
        self, granting: Served, service: TokenService, tmp_path: Path
    ) -> None:
        revoked: list[str] = []

        def fault(seen: Seen) -> str:
            """Take each token for expired once it was used for an upload."""
            if seen.authorization in revoked:
                return ""
            if seen.method == "PUT" and seen.authorization:
                revoked.append(seen.authorization)
            return ""

        with faults(granting.host, fault) as proxy:

            def expire(
                seen: Seen, status: int, headers: dict[str, str], body: bytes
            ) -> tuple[int, dict[str, str], bytes]:
                if seen.authorization in revoked[:-1] or (seen.method == "POST" and seen.authorization in revoked):
                    challenge = f'Bearer realm="{service.realm}",service="tests",scope="repository:{NAME}:pull,push"'
                    return 401, {"www-authenticate": challenge}, b"{}"
                return status, headers, body

            proxy.rewrite = expire
            to = repository(proxy.host, access(login(tmp_path, proxy.host)))
            for number in range(3):
                push(to, b"piece %d" % number)
            assert all(to.has(of_bytes(b"piece %d" % number)) for number in range(3))
            assert len(revoked) == 3

    def test_mount_asks_for_both_repositories(self, granting: Served, service: TokenService, tmp_path: Path) -> None:
        asked = len(service.requests)
        to = repository(granting.host, access(login(tmp_path, granting.host)))
        assert to.begin(of_bytes(b"nothing"), "acme/base")

        assert service.requests[asked:] == [
            "/token?service=tests&scope=repository%3Aacme%2Fapp%3Apull%2Cpush&scope=repository%3Aacme%2Fbase%3Apull"
        ]

    def test_nothing_of_a_secret_is_in_any_request_path(self, service: TokenService) -> None:
        assert not [path for path in service.requests if SECRET in path or service.identity in path]


class TestTls:
    def test_own_authority_is_trusted(self, encrypted: Served) -> None:
        to = repository(encrypted.host, access(authority=encrypted.authority))
        push(to)

        assert to.has(DIGEST)

    def test_unknown_authority_is_refused(self, encrypted: Served) -> None:
        to = repository(encrypted.host)

        assert failure(lambda: push(to)) == (
            f"no trusted connection to {encrypted.host}: unable to get local issuer certificate\n"
            "hint: name your authority's certificates with SSL_CERT_FILE"
        )

    def test_plain_http_goes_to_loopback_alone(self, served: Served) -> None:
        with tunnel(served.host) as proxy:
            to = repository("registry.example.com", proxied(proxy))
            said = failure(lambda: push(to))

        assert said == (
            "no trusted connection to registry.example.com: wrong version number\n"
            "hint: --insecure-registry registry.example.com allows plain HTTP"
        )

    def test_plain_http_where_it_is_asked_for(self, served: Served) -> None:
        with tunnel(served.host) as proxy:
            to = repository("registry.example.com", proxied(proxy, insecure=("registry.example.com",)))
            push(to)

            assert to.has(DIGEST)


def proxied(proxy: str, insecure: tuple[str, ...] = ()) -> Access:
    """Reach hosts by a proxy, so that a registry on loopback can have another name."""
    connection = Connection(proxies=(("http", proxy), ("https", proxy)))
    return Access(
        pools=Pools(connection), credentials=RegistryCredentials((), {}), insecure=insecure, pause=lambda _: None
    )


@contextmanager
def tunnel(target: str) -> Iterator[str]:
    """Run an HTTP proxy that leads to one host, whatever it is asked for."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_CONNECT(self) -> None:
            self.send_response(200)
            self.end_headers()
            host, _, port = target.partition(":")
            with socket.create_connection((host, int(port))) as other:
                other.sendall(self.connection.recv(4096))
                self.connection.sendall(other.recv(4096))
            self.close_connection = True

        def do_GET(self) -> None:
            self.path = self.path.removeprefix("http://registry.example.com")
            plain.answer(self)

        do_HEAD = do_POST = do_PUT = do_GET

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    plain = FaultProxy(target)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        plain.close()


class TestBadLine:
    @pytest.mark.parametrize("word", ["503", "429", "500", "reset", "slow"])
    def test_reading_goes_on(self, word: str, served: Served, tmp_path: Path) -> None:
        put_small_image(repository(served.host, name="bad/read"))
        with faults(served.host, lambda seen: word if seen.number == 0 else "") as proxy:
            remote = Remote(parse_reference(f"{proxy.host}/bad/read:v1"), access(), Store(tmp_path / "store"))
            image = read_from(remote)
            path = remote.layers([image.platforms[0].layers[0].descriptor], lambda _: None)[0]

            assert path.read_bytes() == DATA

    def test_layer_that_is_cut_short_is_gone_on_with(self, served: Served, tmp_path: Path) -> None:
        put_small_image(repository(served.host, name="bad/cut"))
        cut = f"/v2/bad/cut/blobs/{DIGEST}"
        broken: list[Seen] = []

        def fault(seen: Seen) -> str:
            if seen.path == cut and seen.method == "GET" and not broken:
                broken.append(seen)
                return "truncated"
            return ""

        with faults(served.host, fault) as proxy:
            remote = Remote(parse_reference(f"{proxy.host}/bad/cut:v1"), access(), Store(tmp_path / "store"))
            image = read_from(remote)
            path = remote.layers([image.platforms[0].layers[0].descriptor], lambda _: None)[0]

            assert path.read_bytes() == DATA
            assert proxy.requests("GET", cut) == 2

    @pytest.mark.parametrize(
        ("method", "word"),
        [
            *(("POST", word) for word in ("503", "429", "500", "reset")),
            *(("PUT", word) for word in ("503", "429", "500", "404", "reset", "cut upload", "lost answer")),
        ],
    )
    def test_upload_goes_on(self, method: str, word: str, served: Served) -> None:
        data = f"{method} {word}".encode() * 5000

        def hurt(seen: Seen) -> str:
            return word if (seen.method, seen.number) == (method, 0) else ""

        counted: list[int] = []
        with faults(served.host, hurt) as proxy:
            push(repository(proxy.host, name="bad/write"), data, counted)

        assert repository(served.host, name="bad/write").blob(of_bytes(data)) == data
        assert sum(counted) == len(data)

    def test_upload_whose_answer_was_lost_is_not_sent_again(self, served: Served) -> None:
        data = b"lost answer" * 9999
        with faults(
            served.host, lambda seen: "lost answer" if (seen.method, seen.number) == ("PUT", 0) else ""
        ) as proxy:
            push(repository(proxy.host, name="bad/lost"), data)

            assert proxy.sent == len(data)

    def test_blob_that_is_not_taken_whole_is_sent_in_pieces(self, served: Served) -> None:
        data = DATA * 40  # more than two pieces
        with faults(served.host, lambda seen: "413" if seen.method == "PUT" and seen.body else "") as proxy:
            push(repository(proxy.host, name="bad/pieces"), data)

            assert proxy.requests("PATCH") == 3
        assert repository(served.host, name="bad/pieces").has(of_bytes(data))

    def test_manifest_whose_blobs_are_not_seen_yet_is_put_again(self, served: Served) -> None:
        def blind(seen: Seen, status: int, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
            if "/manifests/" in seen.path and seen.number < 2:
                return 400, {}, b'{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN","message":"blob unknown to registry"}]}'
            return status, headers, body

        with faults(served.host) as proxy:
            proxy.rewrite = blind
            put_small_image(repository(proxy.host, name="bad/blind"))

        assert repository(served.host, name="bad/blind").resolve("v1")

    def test_manifest_whose_blobs_are_missing_is_refused(self, served: Served) -> None:
        to = repository(served.host, name="bad/missing")
        row = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": of_bytes(b"none"), "size": 4}
        data = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": row, "layers": []}).encode()

        assert failure(lambda: to.put_manifest("v1", MANIFEST_TYPE, data)) == (
            f"{served.host} answered 400 to: push {served.host}/bad/missing:v1"
            " (MANIFEST_BLOB_UNKNOWN: blob unknown to registry)"
        )
        assert to.resolve("v1") is None

    def test_registry_that_stays_down_is_said(self, served: Served) -> None:
        with faults(served.host, lambda _: "503") as proxy:
            to = repository(proxy.host)

            assert failure(lambda: push(to)) == f"{proxy.host} answered 503 to: push to {proxy.host}/acme/app"

    def test_pauses_are_what_the_registry_asks_for_and_grow_else(self, served: Served) -> None:
        pauses: list[float] = []
        with faults(served.host, lambda _: "reset") as proxy:
            to = repository(proxy.host, access(pause=pauses.append))
            failure(lambda: to.resolve("v1"))
        grown, pauses[:] = list(pauses), []
        with faults(served.host, lambda _: "429") as proxy:
            to = repository(proxy.host, access(pause=pauses.append))
            failure(lambda: to.resolve("v1"))

        assert grown == [0.25, 0.5, 1.0, 2.0, 4.0]
        assert pauses == [0, 0, 0, 0, 0]


class TestHostile:
    def hostile(
        self, served: Served, rewrite: Callable[[Seen, int, dict[str, str], bytes], tuple[int, dict[str, str], bytes]]
    ) -> FaultProxy:
        put_small_image(repository(served.host, name="hostile/app"))
        proxy = FaultProxy(served.host)
        proxy.rewrite = rewrite
        return proxy

    def test_manifest_with_a_wrong_digest(self, served: Served) -> None:
        def other(seen: Seen, status: int, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
            return status, headers, body + b" " if "/manifests/" in seen.path else body

        proxy = self.hostile(served, other)
        said = failure(lambda: repository(proxy.host, name="hostile/app").manifest("v1"))
        proxy.close()

        assert said.startswith(
            f"{proxy.host}/hostile/app:v1: {proxy.host} gave another manifest than the one that it states: "
        )

    def test_web_page(self, served: Served) -> None:
        proxy = self.hostile(
            served, lambda *_: (200, {"content-type": "text/html; charset=utf-8"}, b"<html>hello</html>")
        )
        said = failure(lambda: repository(proxy.host, name="hostile/app").manifest("v1"))
        proxy.close()

        assert said == f"{proxy.host} answered with a web page where a registry was expected\nhint: correct the host"

    def test_redirect_to_another_host_gets_no_credentials(self, served: Served, tmp_path: Path) -> None:
        with elsewhere(DATA) as (address, seen):

            def lead(
                request: Seen, status: int, headers: dict[str, str], body: bytes
            ) -> tuple[int, dict[str, str], bytes]:
                if "/blobs/" in request.path and request.method == "GET":
                    return (307, {"location": f"{address}/there?signature=x"}, b"") if request.authorization else ask
                return status, headers, body

            ask = (401, {"www-authenticate": 'Basic realm="x"'}, b"")
            proxy = self.hostile(served, lead)
            to = repository(proxy.host, access(login(tmp_path, proxy.host)), "hostile/app", "pull")
            found = to.blob(DIGEST)
            proxy.close()

        assert found == DATA
        assert [(path, header) for path, header in seen] == [("/there?signature=x", None)]

    def test_redirect_away_from_tls_is_refused(self, served: Served) -> None:
        proxy = self.hostile(served, lambda *_: (307, {"location": "http://plain.example.com/x"}, b""))
        said = failure(lambda: repository(proxy.host, name="hostile/app").blob(DIGEST))
        proxy.close()

        assert said == f"http://plain.example.com/x: {proxy.host} leads to an address without TLS"

    def test_redirect_in_circles(self, served: Served) -> None:
        proxy = self.hostile(served, lambda *_: (307, {"location": "/v2/x"}, b""))
        said = failure(lambda: repository(proxy.host, name="hostile/app").blob(DIGEST))
        proxy.close()

        assert said == f"http://{proxy.host}/v2/x: {proxy.host} redirects in circles"

    def test_token_service_without_tls_is_not_asked(self, served: Served) -> None:
        challenge = {"www-authenticate": 'Bearer realm="http://tokens.example.com/token",service="x"'}
        proxy = self.hostile(served, lambda *_: (401, challenge, b""))
        said = failure(lambda: repository(proxy.host, name="hostile/app").manifest("v1"))
        proxy.close()

        assert said == f"http://tokens.example.com/token: {proxy.host} names a token service without TLS"

    def test_endless_document_is_cut_off(self, served: Served) -> None:
        proxy = self.hostile(served, lambda *_: (200, {"content-type": MANIFEST_TYPE}, b"x" * ((4 << 20) + 1)))
        said = failure(lambda: repository(proxy.host, name="hostile/app").manifest("v1"))
        proxy.close()

        assert said == f"{proxy.host} answers with more than 4194304 bytes"

    @pytest.mark.parametrize(
        ("layer", "said"),
        [
            ({"digest": "sha256:../../../etc/passwd"}, "not a descriptor: "),
            ({"size": "12"}, "not a descriptor: "),
            ({"size": -1}, "not a descriptor: "),
            ({"mediaType": "application/vnd.example"}, "media type 'application/vnd.example' is not known"),
        ],
    )
    def test_descriptor_that_is_none(self, layer: dict[str, object], said: str, served: Served, tmp_path: Path) -> None:
        to = repository(served.host, name="hostile/rows")
        put_small_image(to)
        document = json.loads(to.manifest("v1").data)
        document["layers"][0].update(layer)
        text = json.dumps(document).encode()
        headers = {"content-type": MANIFEST_TYPE, "docker-content-digest": of_bytes(text)}
        proxy = self.hostile(
            served,
            lambda seen, *rest: (200, headers, text) if "/manifests/" in seen.path else rest,
        )
        remote = Remote(parse_reference(f"{proxy.host}/hostile/rows:v1"), access(), Store(tmp_path))
        found = failure(lambda: read_from(remote), InputError)
        proxy.close()

        assert found.startswith(f"{proxy.host}/hostile/rows:v1: {said}")

    def test_document_of_four_gigabytes_is_not_asked_for(self, served: Served, tmp_path: Path) -> None:
        to = repository(served.host, name="hostile/large")
        put_small_image(to)
        document = json.loads(to.manifest("v1").data)
        document["config"]["size"] = 4 << 30
        text = json.dumps(document).encode()
        headers = {"content-type": MANIFEST_TYPE, "docker-content-digest": of_bytes(text)}
        proxy = self.hostile(
            served,
            lambda seen, *rest: (200, headers, text) if "/manifests/" in seen.path else rest,
        )
        remote = Remote(parse_reference(f"{proxy.host}/hostile/large:v1"), access(), Store(tmp_path))
        found = failure(lambda: read_from(remote), InputError)
        asked = proxy.requests("GET", "/blobs/")
        proxy.close()

        assert found == f"{proxy.host}/hostile/large:v1: a document of 4294967296 bytes; 4194304 are the most"
        assert asked == 0

    @pytest.mark.parametrize("size", [len(DATA) - 1, len(DATA) + 1, 4 << 30])
    def test_layer_with_a_wrong_size(self, size: int, served: Served, tmp_path: Path) -> None:
        to = repository(served.host, name="hostile/size")
        put_small_image(to)
        remote = Remote(parse_reference(f"{served.host}/hostile/size:v1"), access(), Store(tmp_path))
        layer = read_from(remote).platforms[0].layers[0].descriptor
        said = failure(lambda: remote.layers([replace(layer, size=size)], lambda _: None))
        reason = "the content does not have the expected size and sha256" if size < len(DATA) else "the server"

        assert said.startswith(f"{served.host}/hostile/size:v1: layer {DIGEST[7:19]}: {reason}")
        assert not Store(tmp_path).path(DIGEST).exists()


@contextmanager
def elsewhere(data: bytes) -> Iterator[tuple[str, list[tuple[str, str | None]]]]:
    """Run another host; yield its address, and the paths and credentials that it is shown."""
    seen: list[tuple[str, str | None]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append((self.path, self.headers.get("authorization")))
            self.send_response(200)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", seen
    finally:
        server.shutdown()
        server.server_close()
