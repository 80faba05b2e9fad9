"""Downloads: resumed, verified before a file gets its name, and honest about what went wrong."""

from __future__ import annotations

import gc
import hashlib
import socket
import struct
import threading
import warnings
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from index_server import IndexServer, send
from listener import listening, respond
from onedigest.errors import NetworkError
from onedigest.net.connection import Connection, Pools, shown
from onedigest.net.download import Client, Download, download
from onedigest.net.index_credentials import IndexCredential, IndexCredentials
from onedigest.store import Store

DATA = bytes(range(256)) * 20_000


class Faults:
    """Answers in turn as it is told, then normally."""

    def __init__(self, *kinds: str) -> None:
        self.kinds = list(kinds)
        self.seen: list[tuple[str, str]] = []

    def __call__(self, request: BaseHTTPRequestHandler, data: bytes) -> bool:
        kind = self.kinds.pop(0) if self.kinds else ""
        self.seen.append((kind, request.headers.get("range", "")))
        if kind.isdigit():
            request.send_response(int(kind))
            request.send_header("retry-after", "0")
            request.send_header("content-length", "0")
            request.end_headers()
        elif kind == "cut":
            request.send_response(200)
            request.send_header("content-length", str(len(data)))
            request.end_headers()
            request.wfile.write(data[: len(data) // 2])
            request.close_connection = True
        elif kind == "wrong":
            send(request, bytes(len(data)))
        elif kind == "longer":
            request.send_response(200)
            request.send_header("content-length", str(len(data) + 9))
            request.end_headers()
            request.wfile.write(data + b"x" * 9)
        elif kind == "ignores ranges":
            request.send_response(200)
            request.send_header("content-length", str(len(data)))
            request.end_headers()
            request.wfile.write(data)
        return bool(kind)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[IndexServer]:
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "data").write_bytes(DATA)
    opened = IndexServer(folder)
    yield opened
    opened.close()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def wanted(server: IndexServer, *, data: bytes = DATA, size: int = len(DATA)) -> Download:
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    url = server.address.replace("/simple", "/files/data")
    return Download(name="data", digest=digest, size=size, urls=(url,))


def bring(server: IndexServer, store: Store, *faults: str, file: Download | None = None) -> Faults:
    served = Faults(*faults)
    server.fault = served
    download(Client(Connection()), store, [file or wanted(server)])
    return served


def test_file_is_kept_read_only_under_its_digest(server: IndexServer, store: Store) -> None:
    bring(server, store)
    path = store.path(wanted(server).digest)

    assert path.read_bytes() == DATA
    assert path.stat().st_mode & 0o777 == 0o444
    assert store.has(wanted(server).digest, len(DATA))


def test_what_is_there_is_not_asked_for_again(server: IndexServer, store: Store) -> None:
    bring(server, store)
    asked = len(server.requests)
    bring(server, store)

    assert len(server.requests) == asked


def test_cut_connection_is_resumed_where_it_broke(server: IndexServer, store: Store) -> None:
    served = bring(server, store, "cut")

    assert served.seen == [("cut", ""), ("", f"bytes={len(DATA) // 2}-")]
    assert store.path(wanted(server).digest).read_bytes() == DATA


def test_server_that_ignores_ranges_starts_again(server: IndexServer, store: Store) -> None:
    bring(server, store, "cut", "ignores ranges")

    assert store.path(wanted(server).digest).read_bytes() == DATA


@pytest.mark.parametrize("status", ["429", "500", "503"])
def test_busy_server_is_asked_again(status: str, server: IndexServer, store: Store) -> None:
    bring(server, store, status, status)

    assert store.has(wanted(server).digest)


def test_wrong_content_that_does_not_last_is_fetched_again(server: IndexServer, store: Store) -> None:
    bring(server, store, "wrong", "longer")

    assert store.path(wanted(server).digest).read_bytes() == DATA


@pytest.mark.parametrize("data", [b"other", DATA[:-1] + b"!"])
def test_wrong_content_never_gets_the_name(data: bytes, server: IndexServer, store: Store) -> None:
    file = wanted(server, data=data)
    with pytest.raises(NetworkError) as caught:
        bring(server, store, file=file)

    assert str(caught.value) == f"{file.urls[0]}: data: the content does not have the expected size and sha256"
    assert not store.path(file.digest).exists()


def test_shorter_file_is_told(server: IndexServer, store: Store) -> None:
    file = wanted(server, size=len(DATA) + 1)
    with pytest.raises(NetworkError) as caught:
        bring(server, store, file=file)

    assert str(caught.value) == f"{file.urls[0]}: data: the server has no more bytes"


def test_next_address_is_tried(server: IndexServer, store: Store) -> None:
    file = wanted(server)
    missing = file.urls[0].replace("/data", "/missing")
    bring(server, store, file=Download(name=file.name, digest=file.digest, size=file.size, urls=(missing, *file.urls)))

    assert store.has(file.digest)


def test_all_failures_are_told_at_once(server: IndexServer, store: Store) -> None:
    file = wanted(server)
    address = file.urls[0].replace("/data", "/missing")
    both = [Download(name=name, digest=f"sha256:{name * 64}", size=1, urls=(address,)) for name in "ab"]
    with pytest.raises(NetworkError) as caught:
        download(Client(Connection()), store, both)

    assert str(caught.value) == f"{address}: a: the server answered 404\n{address}: b: the server answered 404"


def test_offline_uses_no_network(server: IndexServer, store: Store) -> None:
    with pytest.raises(NetworkError) as caught:
        download(Client(Connection(offline=True)), store, [wanted(server)])

    assert (
        str(caught.value) == f"{wanted(server).urls[0]}: not fetched: `--offline` is set\nhint: run `onedigest fetch`"
    )
    assert server.requests == []


@pytest.mark.slow
def test_unreachable_host_is_told(store: Store) -> None:
    file = Download(name="x", digest="sha256:" + "0" * 64, size=1, urls=("http://127.0.0.1:9/x",))
    with pytest.raises(NetworkError) as caught:
        download(Client(Connection()), store, [file])

    assert str(caught.value).startswith("http://127.0.0.1:9/x: cannot be reached: ")


def test_several_at_once_share_one_download(server: IndexServer, store: Store) -> None:
    file = wanted(server)
    threads = [threading.Thread(target=download, args=(Client(Connection()), store, [file])) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert store.path(file.digest).read_bytes() == DATA
    assert len(server.requests) == 1


def showing(url: str, user: str, password: str) -> IndexCredentials:
    return IndexCredentials(stated=[IndexCredential(url=url, user=user, password=password)])


def test_credentials_are_sent_and_never_shown(server: IndexServer, store: Store) -> None:
    seen: list[str | None] = []

    def note(request: BaseHTTPRequestHandler, data: bytes) -> bool:
        seen.append(request.headers.get("authorization"))
        send(request, data)
        return True

    server.fault = note
    file = wanted(server)
    secret = Download(
        name="data", digest=file.digest, size=file.size, urls=(file.urls[0].replace("//", "//me:s3cret@"),)
    )
    download(Client(Connection()), store, [secret])

    assert seen == ["Basic bWU6czNjcmV0"]
    assert "s3cret" not in shown(secret.urls[0])
    assert "s3cret" not in repr(Connection(credentials=showing("https://host", "me", "s3cret")))


@pytest.mark.parametrize("between", ["?@", "#@", "?x@", "@", "\\@", "%2f@", ":@"])
def test_credentials_go_to_the_host_that_they_are_for_however_an_address_is_written(between: str) -> None:
    with (
        listening(lambda request: respond(request, 200)) as own,
        listening(lambda request: respond(request, 200)) as other,
    ):
        client = Client(Connection(credentials=showing(own.address, "user", "SECRET")))
        with suppress(NetworkError):
            client.get(f"{own.address}{between}{other.host}/x")

    assert "user:SECRET" not in other.credentials()


def test_netrc_is_read(server: IndexServer, store: Store, tmp_path: Path) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password s3cret\n")
    seen: list[str | None] = []

    def note(request: BaseHTTPRequestHandler, data: bytes) -> bool:
        seen.append(request.headers.get("authorization"))
        return False

    server.fault = note
    download(Client(Connection(netrc=tmp_path / "netrc")), store, [wanted(server)])

    assert seen == ["Basic bWU6czNjcmV0"]


def test_connection_that_ends_before_tls_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        here = socket.create_connection(server.getsockname())
        there, _ = server.accept()
        there.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        there.close()
    pool = Pools(Connection()).of("https://index.example").connection_from_url("https://index.example")
    connection = pool._new_conn()
    monkeypatch.setattr(connection, "_new_conn", lambda: here)

    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        with pytest.raises(ConnectionResetError):
            connection.connect()
        gc.collect()

    assert [str(each.message) for each in warned] == []


@pytest.mark.parametrize("proxies", [(), (("http", "proxy.invalid"), ("https", "proxy.invalid"))])
@pytest.mark.parametrize(
    "url",
    [
        "http://u:SECRET@h:99999/x",
        "https://h:99999/x",
        "http://h:x/",
        "http://[/x",
        "https://[::1/x",
        "http://h\u2100/x",
    ],
)
def test_what_is_no_address_is_told(url: str, proxies: tuple[tuple[str, str], ...]) -> None:
    with pytest.raises(NetworkError) as caught:
        Client(Connection(proxies=proxies)).get(url)

    assert str(caught.value) == f"{url.replace('u:SECRET@', '')}: this is no address"
