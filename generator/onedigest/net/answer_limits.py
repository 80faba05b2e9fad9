"""The limits on how slow an answer may be and how long its lines, counted where bytes come from a socket."""

from __future__ import annotations

import http.client
import io
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError

from onedigest.net.proxies import Proxy
from onedigest.net.redirects import is_near
from onedigest.net.socks import reach

_LONGEST_LINE = 1 << 16
_MOST_LINES = 1 << 18
"""Bytes of headers, of the sizes of chunks and of trailers, before there must be a body for them."""
_LINES_FOR_BODY = 16
"""How many times as long as the body those lines may be: a chunk of one byte has a line of three."""


class SlowAnswer(HTTPError):
    """An answer, or a host, that no further try makes better."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AnswerLimits:
    """What is waited for an answer: so many seconds, and one more for every `rate` bytes that came."""

    seconds: float = 60
    rate: int = 1024


USUAL = AnswerLimits()


def pools_by_scheme(
    pace: AnswerLimits,
    *,
    outside: bool,
    proxy: Proxy | None = None,
    context: Callable[[], ssl.SSLContext] | None = None,
) -> dict[str, type[HTTPConnectionPool]]:
    """Return pools whose answers keep a pace, behind a proxy of SOCKS if one is given.

    `outside` refuses hosts that turn out to be this machine, or its link; what a proxy reaches is the proxy's matter.
    `context` makes what TLS begins with for each connection, where none may be shared.
    """

    def connect(connection: HTTPConnection, usual: Callable[[], Any]) -> Any:
        if proxy is None:
            return _checked(usual(), outside=outside and connection.proxy is None)
        seconds = connection.timeout
        limit = seconds if isinstance(seconds, int | float) else None
        return reach(proxy, connection.host, connection.port, limit)

    class Answer(http.client.HTTPResponse):
        def __init__(self, sock: Any, *arguments: Any, **named: Any) -> None:
            super().__init__(_Source(sock, pace), *arguments, **named)  # type: ignore[arg-type]  # makes its file alone

    class Plain(HTTPConnection):
        response_class = Answer

        def _new_conn(self) -> Any:
            return connect(self, super()._new_conn)

    class Encrypted(HTTPSConnection):
        response_class = Answer

        def _new_conn(self) -> Any:
            return connect(self, super()._new_conn)

        def connect(self) -> None:
            if context and self.ssl_context is None:
                self.ssl_context = context()
            super().connect()
            self.is_verified = True  # it is, or the user wants none of it, and urllib3 has nothing to warn of

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class EncryptedPool(HTTPSConnectionPool):
        ConnectionCls = Encrypted

    return {"http": PlainPool, "https": EncryptedPool}


def _checked(sock: Any, *, outside: bool) -> Any:
    try:
        near = outside and is_near(str(sock.getpeername()[0]))
    except OSError:  # it is gone already
        sock.close()
        raise
    if near:
        sock.close()
        raise SlowAnswer("the name is that of an address of this machine or its link")
    return sock


class _Source:
    """What an answer is read from: the only part of a socket that it needs."""

    def __init__(self, sock: Any, pace: AnswerLimits) -> None:
        self._sock = sock
        self._pace = pace

    def makefile(self, _: str) -> io.BufferedReader:
        return _Lines(_Paced(self._sock, self._pace))


class _Paced(io.RawIOBase):
    """A socket that is read as long as enough comes; what the reader does meanwhile does not count."""

    def __init__(self, sock: Any, pace: AnswerLimits) -> None:
        self._sock = sock
        self._file = sock.makefile("rb", buffering=0)
        self._pace = pace
        self._longest = sock.gettimeout()
        self._waited = 0.0
        self.came = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._pace.seconds + self.came / self._pace.rate - self._waited
        if left <= 0:
            raise self._too_slow()
        self._sock.settimeout(left if self._longest is None else min(self._longest, left))
        begun = time.monotonic()
        try:
            count: int | None = self._file.readinto(buffer)
        except TimeoutError:
            if self.came:
                raise self._too_slow() from None
            raise
        self._waited += time.monotonic() - begun
        self.came += count or 0
        return count

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()

    def _too_slow(self) -> SlowAnswer:
        return SlowAnswer(f"the server sends less than {self._pace.rate} bytes a second")


class _Lines(io.BufferedReader):
    """A buffered reader whose lines are short, and few for what is between them."""

    def __init__(self, raw: _Paced) -> None:
        super().__init__(raw)
        self._paced = raw
        self._length = 0

    def read(self, size: int | None = -1, /) -> bytes:
        """Return some bytes, never all there are: only a chunk that states a size below zero asks for them."""
        if size is None or size < 0:
            raise SlowAnswer("the server sends a chunk of less than no bytes")
        return super().read(size)

    def readline(self, size: int | None = -1, /) -> bytes:
        limit = _LONGEST_LINE + 1 if size is None or size < 0 else size
        line = super().readline(limit)
        self._length += len(line)
        body = self._paced.came - self._length
        if (limit > _LONGEST_LINE and len(line) > _LONGEST_LINE) or self._length > _MOST_LINES + _LINES_FOR_BODY * body:
            raise SlowAnswer("the server sends headers without end")
        return line
