"""A server sends slowly, or without end, or something that swells: each ends in a message, soon and in little memory."""

from __future__ import annotations

import gzip
import time
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from listener import listening, respond
from onedigest.errors import NetworkError
from onedigest.net.answer_limits import AnswerLimits
from onedigest.net.connection import Connection, Pools
from onedigest.net.download import Client, Download, download
from onedigest.net.retries import Retries, seconds_of
from onedigest.oci.reference import parse_reference
from onedigest.registry.credentials import RegistryCredentials
from onedigest.registry.repository import Repository
from onedigest.registry.transport import Access
from onedigest.store import Store

Answer = Callable[[BaseHTTPRequestHandler], None]
QUICK = AnswerLimits(seconds=0.3, rate=1024)
LIMIT = 1 << 20
BOMB = gzip.compress(bytes(64 << 20))


def trickle(request: BaseHTTPRequestHandler, data: bytes = b"x") -> None:
    """Send a byte now and then."""
    for _ in range(60):
        request.wfile.write(data)
        request.wfile.flush()
        time.sleep(0.1)


def slow_body(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.send_header("content-length", "1000")
    request.end_headers()
    trickle(request)


def slow_headers(request: BaseHTTPRequestHandler) -> None:
    request.wfile.write(b"HTTP/1.1 200 OK\r\nx: ")
    trickle(request)


def slow_chunks(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.send_header("transfer-encoding", "chunked")
    request.end_headers()
    trickle(request, b"1\r\nx\r\n")


def endless(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.send_header("connection", "close")
    request.end_headers()
    request.close_connection = True
    flood(request, b"\0" * LIMIT)


def flood(request: BaseHTTPRequestHandler, data: bytes) -> None:
    """Send the same again and again, more than anybody has room for."""
    with suppress(OSError):
        for _ in range((1 << 32) // len(data)):
            request.wfile.write(data)


def endless_headers(request: BaseHTTPRequestHandler) -> None:
    request.wfile.write(b"HTTP/1.1 200 OK\r\n")
    flood(request, b"x: y\r\n" * 1000)


def endless_early_answers(request: BaseHTTPRequestHandler) -> None:
    flood(request, b"HTTP/1.1 100 Continue\r\n\r\n" * 1000)


def endless_chunk_size(request: BaseHTTPRequestHandler) -> None:
    request.wfile.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1;")
    flood(request, b"x" * LIMIT)


def endless_chunk_extensions(request: BaseHTTPRequestHandler) -> None:
    request.wfile.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    flood(request, b"1;" + b"x" * 60_000 + b"\r\nx\r\n")


def endless_chunk_of_less_than_no_bytes(request: BaseHTTPRequestHandler) -> None:
    """Begin a chunk of -1 bytes, which a file reads as all that is left."""
    request.wfile.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n-1\r\n")
    with suppress(OSError):
        for _ in range(256):
            request.wfile.write(b"\0" * LIMIT)
    request.close_connection = True


def chunk_of_less_than_no_bytes(request: BaseHTTPRequestHandler) -> None:
    request.wfile.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n-5\r\nabc\r\n")
    request.close_connection = True


def endless_trailers(request: BaseHTTPRequestHandler) -> None:
    request.wfile.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n")
    flood(request, b"x: y\r\n" * 1000)


def bomb(request: BaseHTTPRequestHandler) -> None:
    respond(request, 200, BOMB, content_encoding="gzip")


def error_without_end(request: BaseHTTPRequestHandler) -> None:
    request.send_response(503)
    request.send_header("connection", "close")
    request.end_headers()
    request.close_connection = True
    flood(request, b"\0" * LIMIT)


CRAWLING = [slow_body, slow_headers, slow_chunks]
FLOODING = [
    *(endless, endless_headers, endless_early_answers, endless_chunk_size, endless_chunk_extensions),
    *(endless_trailers, bomb, error_without_end, endless_chunk_of_less_than_no_bytes, chunk_of_less_than_no_bytes),
]


def measured(doing: Callable[[], object]) -> tuple[str, float, int]:
    """Return the error that something ends in, the seconds that it took, and the most memory that it had, in bytes."""
    tracemalloc.start()
    begun = time.monotonic()
    try:
        with pytest.raises(NetworkError) as caught:
            doing()
        return str(caught.value), time.monotonic() - begun, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def client(**settings: object) -> Client:
    return Client(Connection(pace=QUICK, pause=lambda _: None, **settings))  # type: ignore[arg-type]  # of any kind


@pytest.mark.parametrize("answer", CRAWLING)
def test_document_that_crawls(answer: Answer) -> None:
    with listening(answer) as server:
        said, seconds, _ = measured(lambda: client().get(f"{server.address}/InRelease", most=LIMIT))

    assert said == f"{server.address}/InRelease: the server sends less than 1024 bytes a second"
    assert seconds < 3


@pytest.mark.parametrize("answer", FLOODING)
def test_document_without_end(answer: Answer) -> None:
    with listening(answer) as server:
        said, seconds, memory = measured(lambda: client().get(f"{server.address}/InRelease", most=LIMIT))

    assert said.startswith(f"{server.address}/InRelease: ")
    assert seconds < 5
    assert memory < 8 * LIMIT


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (endless, f"the server sends more than {LIMIT} bytes"),
        (endless_trailers, "the server sends headers without end"),
        (bomb, "the server encoded what was asked for as it is (gzip)"),
        (error_without_end, "the server answered 503"),
        (chunk_of_less_than_no_bytes, "the server sends a chunk of less than no bytes"),
    ],
)
def test_what_is_said_about_it(answer: Answer, said: str) -> None:
    with listening(answer) as server, pytest.raises(NetworkError) as caught:
        client().get(f"{server.address}/x", most=LIMIT)

    assert str(caught.value) == f"{server.address}/x: {said}"


@pytest.mark.parametrize("answer", [*CRAWLING, *FLOODING])
def test_file_with_a_digest(answer: Answer, tmp_path: Path) -> None:
    with listening(answer) as server:
        file = Download(name="file", digest="sha256:" + "0" * 64, size=1000, urls=(f"{server.address}/file",))
        said, seconds, memory = measured(lambda: download(client(), Store(tmp_path), [file]))

    assert said.startswith(f"{server.address}/file: ")
    assert seconds < 8
    assert memory < 8 * LIMIT
    assert not Store(tmp_path).path(file.digest).exists()


@pytest.mark.parametrize("answer", [slow_body, endless])
def test_file_of_which_nothing_is_known(answer: Answer, tmp_path: Path) -> None:
    with listening(answer) as server:
        said, seconds, _ = measured(
            lambda: client().fetch_unknown(f"{server.address}/file", Store(tmp_path), most=LIMIT)
        )

    assert said.startswith(f"{server.address}/file: the server sends ")
    assert seconds < 3
    assert [path for path in tmp_path.rglob("*") if path.is_file() and path.stat().st_size] == []


@pytest.mark.parametrize("answer", [*CRAWLING, *FLOODING])
def test_registry(answer: Answer) -> None:
    with listening(answer) as server:
        pools = Pools(Connection(pace=QUICK))
        access = Access(
            pools=pools, credentials=RegistryCredentials((), {}), insecure=(server.host,), pause=lambda _: None
        )
        repository = Repository(parse_reference(f"{server.host}/acme/app:v1"), access)
        repository._endpoints[-1].transport._scheme = "http"
        said, seconds, memory = measured(lambda: repository.manifest("v1"))

    assert server.host in said
    assert seconds < 8
    assert memory < 32 * LIMIT


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"SSH-2.0-x\r\n", "what answers does not speak HTTP"),
        (b"HTTP/2 200 OK\r\n\r\n", "what answers does not speak HTTP"),
        (b"", "Remote end closed connection without response"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx", "the answer broke off"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", "the answer broke off"),
    ],
)
def test_server_that_sends_something_else(data: bytes, said: str) -> None:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.wfile.write(data)
        request.close_connection = True

    with listening(answer) as server:
        with pytest.raises(NetworkError) as caught:
            client().get(f"{server.address}/x")
        access = Access(pools=Pools(Connection()), credentials=RegistryCredentials((), {}), pause=lambda _: None)
        repository = Repository(parse_reference(f"{server.host}/acme/app:v1"), access)
        repository._endpoints[-1].transport._scheme = "http"
        with pytest.raises(NetworkError) as also:
            repository.manifest("v1")

    assert str(caught.value).splitlines()[0] == f"{server.address}/x: cannot be reached: {said}"
    assert str(also.value).splitlines()[0] == f"the registry {server.host} cannot be reached: {said}"


def test_server_that_is_slow_and_then_answers_is_waited_for() -> None:
    def late(request: BaseHTTPRequestHandler) -> None:
        time.sleep(0.2)
        respond(request, 200, b"here")

    with listening(late) as server:
        assert client().get(f"{server.address}/x") == b"here"


def test_large_file_at_a_modest_pace_is_waited_for() -> None:
    def modest(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("content-length", "12000")
        request.end_headers()
        for _ in range(12):
            request.wfile.write(b"x" * 1000)
            time.sleep(0.06)

    with listening(modest) as server:
        found = client().get(f"{server.address}/x")

    assert found == b"x" * 12_000


class TestWaits:
    def test_are_bounded_and_said(self) -> None:
        said: list[str] = []
        slept: list[float] = []
        with (
            listening(lambda request: respond(request, 503, retry_after="3600")) as server,
            pytest.raises(NetworkError),
        ):
            Client(Connection(said=said.append, pause=slept.append)).get(f"{server.address}/x")

        assert slept == [60.0] * 4
        assert said == [f"waiting 60 s: {server.host} answered 503"] * 4

    def test_are_said_for_a_registry_too(self) -> None:
        said: list[str] = []
        with listening(lambda request: respond(request, 429, retry_after="20")) as server:
            pools = Pools(Connection(said=said.append))
            access = Access(pools=pools, credentials=RegistryCredentials((), {}), pause=lambda _: None)
            with pytest.raises(NetworkError):
                Repository(parse_reference(f"{server.host}/acme/app:v1"), access).manifest("v1")

        assert said == [f"waiting 20 s: {server.host} answered 429"] * 5

    def test_for_one_host_end(self) -> None:
        now = [0.0]

        def sleep(seconds: float) -> None:
            now[0] += seconds

        patience = Retries(lambda _: None, most=300, clock=lambda: now[0])
        waits = [patience.wait("h", 60, "answered 429", sleep) for _ in range(7)]

        assert waits == [True] * 5 + [False] * 2
        assert patience.wait("other", 60, "answered 429", sleep)

    def test_of_several_threads_at_once_count_once(self) -> None:
        patience = Retries(lambda _: None, most=60, clock=lambda: 0.0)

        assert [patience.wait("h", 60, "answered 429", lambda _: None) for _ in range(8)] == [True] * 8

    @pytest.mark.parametrize(
        ("asked", "seconds"),
        [
            (None, 0.5),
            ("7", 7.0),
            ("3600", 60.0),
            ("9" * 5000, 60.0),
            ("-5", 0.5),
            ("soon", 0.5),
            ("Fri, 31 Dec 9999 23:59:59 GMT", 60.0),
            ("Wed, 01 Jan 2020 00:00:00 GMT", 0.0),
        ],
    )
    def test_are_what_a_server_asks_for_within_reason(self, asked: str | None, seconds: float) -> None:
        assert seconds_of(2, asked) == seconds
