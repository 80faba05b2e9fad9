"""Registries for tests: Debian's docker-registry, open, behind a password, a token service or TLS; and odd ones."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self
from urllib.parse import parse_qs, urlsplit

import pytest

USER, SECRET = "deborah", "s3cret-pässword"


@dataclass(frozen=True)
class Served:
    """A registry that runs: its host and port, and the file of its own authority where it has one."""

    host: str
    authority: Path | None = None


@contextmanager
def serve_registry(
    folder: Path,
    *,
    password: bool = False,
    tls: bool = False,
    tokens: TokenService | None = None,
    read_only: bool = False,
    caches: str = "",
) -> Iterator[Served]:
    """Run docker-registry on a port of loopback while the context lasts; `caches` is a registry it is a cache of."""
    program = shutil.which("docker-registry")
    if program is None:
        pytest.skip("docker-registry is not installed (Debian package docker-registry)")
    folder.mkdir(parents=True, exist_ok=True)
    port = _free_port()
    settings: dict[str, object] = {
        "version": 0.1,
        "log": {"level": "error", "accesslog": {"disabled": True}},
        "storage": {
            "filesystem": {"rootdirectory": str(folder / "data")},
            "delete": {"enabled": True},
            "maintenance": {"readonly": {"enabled": read_only}},
        },
    }
    if caches:
        settings["proxy"] = {"remoteurl": f"http://{caches}"}
    http: dict[str, object] = {"addr": f"127.0.0.1:{port}"}
    authority = None
    if tls:
        authority, certificate, key = certificates(folder)
        http["tls"] = {"certificate": str(certificate), "key": str(key)}
    if password:
        settings["auth"] = {"htpasswd": {"realm": "tests", "path": str(_password_file(folder))}}
    if tokens:
        settings["auth"] = {
            "token": {
                "realm": tokens.realm,
                "service": "tests",
                "issuer": "onedigest-tests",
                "rootcertbundle": str(tokens.certificate),
            }
        }
    config = folder / "config.yml"
    config.write_text(json.dumps({**settings, "http": http}))  # JSON is YAML
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([program, "serve", str(config)], stdout=log, stderr=log)
    try:
        _await_port(port, process, folder / "log")
        yield Served(f"127.0.0.1:{port}", authority)
    finally:
        process.terminate()
        process.wait(20)


class TokenService:
    """Gives tokens that docker-registry accepts, signed with a key of its own; `lifetime` is in seconds.

    `granted` says what a user may do: each repository with `pull` or `pull,push`; without a user that of "".
    """

    def __init__(self, folder: Path, granted: Mapping[str, Mapping[str, str]], lifetime: int = 300) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.granted = granted
        self.lifetime = lifetime
        self.requests: list[str] = []
        self.identity = "an-identity-token"
        self.certificate, self._key = folder / "token.crt", folder / "token.key"
        openssl(
            *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=onedigest-tests", "-days", "2"),
            *("-keyout", str(self._key), "-out", str(self.certificate)),
        )
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                query = parse_qs(urlsplit(self.path).query)
                service.requests.append(self.path)
                given = self.headers.get("authorization", "")
                user = ""
                if given:
                    name, _, secret = base64.b64decode(given.partition(" ")[2]).decode().partition(":")
                    if (name, secret) != (USER, SECRET):
                        service.answer(self, 401, {"details": "incorrect username or password"})
                        return
                    user = name
                service.answer(self, 200, {"token": service.token(user, query.get("scope", []))})

            def do_POST(self) -> None:
                form = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
                service.requests.append("POST")
                if form.get("refresh_token") != [service.identity]:
                    service.answer(self, 401, {})
                    return
                scopes = [scope for text in form.get("scope", []) for scope in text.split()]
                service.answer(self, 200, {"access_token": service.token(USER, scopes)})

            def log_message(self, *_: object) -> None:
                """Keep quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def realm(self) -> str:
        """The address that registries name."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/token"

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()

    def token(self, user: str, scopes: list[str]) -> str:
        """Return a signed token (RFC 7515) that grants what the user may do of what is asked for."""
        access = []
        for scope in scopes:
            kind, name, actions = scope.split(":")
            allowed = self.granted.get(user, {}).get(name, "").split(",")
            access.append(
                {"type": kind, "name": name, "actions": [each for each in actions.split(",") if each in allowed]}
            )
        now = int(time.time())
        der = base64.b64encode(
            subprocess.run(
                ["openssl", "x509", "-in", self.certificate, "-outform", "DER"], capture_output=True, check=True
            ).stdout
        ).decode()
        head = {"typ": "JWT", "alg": "RS256", "x5c": [der]}
        claims = {
            "iss": "onedigest-tests",
            "sub": user,
            "aud": "tests",
            "exp": now + self.lifetime,
            "nbf": now - 60,
            "iat": now,
            "jti": str(len(self.requests)),
            "access": access,
        }
        text = b".".join(_url64(json.dumps(part).encode()) for part in (head, claims))
        signed = subprocess.run(
            ["openssl", "dgst", "-sha256", "-sign", self._key], input=text, capture_output=True, check=True
        )
        return (text + b"." + _url64(signed.stdout)).decode()

    @staticmethod
    def answer(request: BaseHTTPRequestHandler, status: int, document: object) -> None:
        """Answer with JSON."""
        data = json.dumps(document).encode()
        request.send_response(status)
        request.send_header("content-type", "application/json")
        request.send_header("content-length", str(len(data)))
        request.end_headers()
        request.wfile.write(data)


def login(folder: Path, host: str, user: str = USER, secret: str = SECRET) -> dict[str, str]:
    """Write what `docker login` leaves; return the variables by which it is found."""
    folder.mkdir(parents=True, exist_ok=True)
    auth = base64.b64encode(f"{user}:{secret}".encode()).decode()
    (folder / "config.json").write_text(json.dumps({"auths": {host: {"auth": auth}}}))
    return {"DOCKER_CONFIG": str(folder)}


def _password_file(folder: Path) -> Path:
    command = shutil.which("htpasswd")
    if command is None:
        pytest.skip("htpasswd is not installed (Debian package apache2-utils)")
    done = subprocess.run([command, "-Bbn", USER, SECRET], capture_output=True, check=True)
    path = folder / "htpasswd"
    path.write_bytes(done.stdout)
    return path


def certificates(folder: Path) -> tuple[Path, Path, Path]:
    """Make an authority, and a certificate of 127.0.0.1 that it signs."""
    authority, key = folder / "authority.crt", folder / "authority.key"
    request, own_key, own = folder / "own.csr", folder / "own.key", folder / "own.crt"
    extensions = folder / "extensions"
    extensions.write_text("subjectAltName=IP:127.0.0.1\nkeyUsage=digitalSignature\nextendedKeyUsage=serverAuth\n")
    openssl(
        *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=tests", "-days", "2"),
        *("-addext", "keyUsage=critical,keyCertSign", "-keyout", str(key), "-out", str(authority)),
    )
    openssl(
        "req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1", "-keyout", str(own_key), "-out", str(request)
    )
    openssl(
        *("x509", "-req", "-in", str(request), "-CA", str(authority), "-CAkey", str(key), "-CAcreateserial"),
        *("-days", "2", "-extfile", str(extensions), "-out", str(own)),
    )
    return authority, own, own_key


def openssl(*arguments: str) -> None:
    if not shutil.which("openssl"):
        pytest.skip("openssl is not installed")
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


def _free_port() -> int:
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        return int(opened.getsockname()[1])


def _await_port(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.02)
        else:
            return


def _url64(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


@dataclass
class Manner:
    """What is odd about a registry, as real ones are."""

    immutable: int = 0
    """The status with which a tag that is there is refused, whatever it would become: ECR 400, Quay 409, Harbor 412."""
    silent: int = 0
    """The status, 403 or 401, that whoever shows nothing gets, without a challenge; Basic is taken."""
    pings: bool = False
    """Only /v2/ has a challenge."""
    hides: bool = False
    """Whoever shows nothing gets 404."""
    writes_only: bool = False
    """A user may push, and not look."""
    look: int = 0
    """The status of such a look, if it is not the usual one."""
    tokens: bool = False
    """Challenges are those of a token service, which this registry is itself; `scope` is in them."""
    scope: str = ""
    no_head: bool = False
    """HEAD is answered with 405."""
    refused: int = 0
    """The status that every request has, with `headers` and `body`, as often as `times` says."""
    times: int = 1 << 30
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    location: str = ""
    """What stands before the path of a place to upload to, such as `http://HOST:80`."""
    no_mount: int = 0
    """The status of a mount."""
    dropped: int = 0
    """How many bytes of a blob come before the connection breaks, if it does."""


class OddRegistry:
    """A registry in memory, with the manners of real ones; `seen` has each request: method, address, headers."""

    def __init__(self, manner: Manner | None = None, context: ssl.SSLContext | None = None) -> None:
        self.manner = manner or Manner()
        self.blobs: dict[str, bytes] = {}
        self.manifests: dict[str, tuple[str, bytes]] = {}
        self.seen: list[tuple[str, str, Mapping[str, str]]] = []
        registry = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                registry.answer(self)

            do_HEAD = do_POST = do_PUT = do_PATCH = do_GET

            def log_message(self, *_: object) -> None:
                """Keep quiet."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                """Keep quiet where the other side goes away."""

        self._server = Server(("127.0.0.1", 0), Handler)
        if context:
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def host(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    def requests(self, method: str, part: str = "") -> list[str]:
        """Return the addresses that were asked by a method and have this in them."""
        return [path for kind, path, _ in self.seen if kind == method and part in path]

    def shown(self) -> set[str]:
        """Return the credentials that were shown."""
        return {headers["authorization"] for _, _, headers in self.seen if headers.get("authorization")}

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """Answer a request in this registry's manner."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        body = request.rfile.read(int(headers.get("content-length") or 0))
        self.seen.append((request.command, request.path, headers))
        address = urlsplit(request.path)
        status, found, data = self._refusal(request.command, address.path, bool(headers.get("authorization"))) or (
            self._served(request.command, address.path, parse_qs(address.query), headers, body)
        )
        request.send_response(status)
        for name, value in {"content-length": str(len(data)), **found}.items():
            request.send_header(name, value)
        request.end_headers()
        if request.command != "HEAD":
            cut = self.manner.dropped if status == 200 and "/blobs/" in request.path else 0
            request.wfile.write(data[:cut] if cut else data)
            request.close_connection = bool(cut)

    def _refusal(self, method: str, path: str, known: bool) -> tuple[int, Mapping[str, str], bytes] | None:
        manner, ask = self.manner, {"www-authenticate": 'Basic realm="tests"'}
        if manner.tokens:
            scope = f',scope="{manner.scope}"' if manner.scope else ""
            ask = {"www-authenticate": f'Bearer realm="http://{self.host}/token",service="tests"{scope}'}
            if path == "/token":
                return 200, {}, b'{"token": "t0ken"}'
        if manner.refused and manner.times > 0:
            manner.times -= 1
            return manner.refused, manner.headers, manner.body
        stranger = not known and bool(manner.silent or manner.hides or manner.pings or manner.writes_only)
        if stranger and (manner.writes_only or manner.tokens or (manner.pings and path == "/v2/")):
            return 401, ask, b""
        if stranger and path != "/v2/":
            return (404 if manner.hides else manner.silent or 403), {}, _error("DENIED", "denied")
        if manner.writes_only and method in ("GET", "HEAD"):
            return manner.look or (401 if manner.tokens else 403), ask, _error("DENIED", "no permission to read")
        return (405, {}, b"") if manner.no_head and method == "HEAD" else None

    def _served(
        self, method: str, path: str, query: Mapping[str, list[str]], headers: Mapping[str, str], body: bytes
    ) -> tuple[int, Mapping[str, str], bytes]:
        unknown = _error("NOT_FOUND", "unknown")
        found = (200, dict[str, str](), b"{}") if path == "/v2/" else (404, {}, unknown)
        name = path.rpartition("/")[2]
        if method in ("POST", "PATCH"):
            refused = self.manner.no_mount if "mount" in query else 0
            end = "place" if method == "POST" else ""
            found = (refused or 202, {"location": f"{self.manner.location}{path}{end}"}, b"")
        elif method == "PUT" and "digest" in query:
            self.blobs[query["digest"][0]] = body
            found = (201, {}, b"")
        elif method == "PUT" and self.manner.immutable and name in self.manifests and ":" not in name:
            found = (self.manner.immutable, {}, _error("TAG_INVALID", "the tag is immutable"))
        elif method == "PUT":
            digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
            self.manifests[name] = self.manifests[digest] = (headers.get("content-type", ""), body)
            found = (201, {"docker-content-digest": digest}, b"")
        elif "/blobs/" in path and name in self.blobs:
            found = (200, {}, self.blobs[name])
        elif "/manifests/" in path and name in self.manifests:
            kind, data = self.manifests[name]
            digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
            found = (200, {"content-type": kind, "docker-content-digest": digest}, data)
        return found


def _error(code: str, message: str) -> bytes:
    return json.dumps({"errors": [{"code": code, "message": message}]}).encode()
