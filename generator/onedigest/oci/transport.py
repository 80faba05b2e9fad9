"""Knows how a registry is spoken to: scheme, authorization, redirects, and what is worth another try."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import IO, TypeVar
from urllib.parse import urljoin, urlsplit

import urllib3
from urllib3.exceptions import (
    HTTPError,
    LocationValueError,
    NameResolutionError,
    NewConnectionError,
    ReadTimeoutError,
    SSLError,
)

from onedigest.errors import NetworkError
from onedigest.inputs import leading
from onedigest.inputs.download import discard, encoding_of
from onedigest.inputs.leading import is_loopback
from onedigest.inputs.pace import Refused
from onedigest.inputs.patience import BUSY, seconds_of
from onedigest.inputs.pools import Pools, shown
from onedigest.inputs.proxy_faults import ProxyFault
from onedigest.inputs.reasons import reason_of, tls_hint
from onedigest.oci.authorization import Answer, Authorizer
from onedigest.oci.credentials import Credentials
from onedigest.oci.reference import HUB
from onedigest.untrusted import load_json

_ATTEMPTS = 6
_CONNECTIONS = 3
"""How often a host that takes no connection is tried."""
_UNAUTHORIZED, _MOST_REFUSALS, _FIRST_ERROR = 401, 2, 400
MOST_DOCUMENT = 16 << 20
"""Bytes that a document of a registry may have."""
MOST_MANIFEST = 4 << 20
"""Bytes that a manifest may have (OCI distribution specification, "Pushing Manifests")."""
_MOST_TOKEN = 1 << 20
_MOST_ERROR = 1 << 16

R = TypeVar("R", Answer, urllib3.BaseHTTPResponse)

Body = Callable[[], bytes | IO[bytes]]
"""Opens the body of a request anew for each try."""


@dataclass(frozen=True, kw_only=True)
class Access:
    """What registries are reached with. `insecure` are hosts that may be spoken to without TLS.

    `mirrors` are pairs of a registry and the HOST or HOST/PREFIX that is asked in its place for what is only read.
    """

    pools: Pools
    credentials: Credentials
    insecure: tuple[str, ...] = ()
    mirrors: tuple[tuple[str, str], ...] = ()
    pause: Callable[[float], object] = field(default=time.sleep, repr=False)


class Transport:
    """One registry; several threads may send."""

    def __init__(self, registry: str, access: Access, repository: str = "") -> None:
        self.registry = registry
        self._access = access
        self._host = "registry-1.docker.io" if registry == HUB else registry
        hostname = urlsplit(f"//{self._host}").hostname or ""
        self._plain_allowed = is_loopback(hostname) or self._host in access.insecure
        self._scheme = "https"
        self._authorizer = Authorizer(registry, lambda: access.credentials.find(registry, repository), self._ask_token)

    def url(self, path: str) -> str:
        """Return the address of a path of the registry."""
        return f"{self._scheme}://{self._host}{path}"

    def send(
        self,
        method: str,
        path: str,
        *,
        scopes: Collection[str],
        headers: Mapping[str, str] | None = None,
        body: Body | None = None,
        attempts: int = _ATTEMPTS,
    ) -> urllib3.BaseHTTPResponse:
        """Send a request until it is answered; return the response, whose body is not read yet.

        `path` is one of the registry, or an address that it gave. With one attempt nothing but an authorization that
        is asked for is tried again. Raises `NetworkError`.
        """
        return self._retried(lambda: self._send_once(method, path, scopes, headers or {}, body), attempts)

    def ask(
        self,
        method: str,
        path: str,
        *,
        scopes: Collection[str],
        headers: Mapping[str, str] | None = None,
        body: Body | None = None,
        attempts: int = _ATTEMPTS,
        most: int = MOST_DOCUMENT,
    ) -> Answer:
        """Send a request, and return the whole answer, whose body has `most` bytes at most. Raises `NetworkError`."""
        return self._retried(
            lambda: self.whole(self._send_once(method, path, scopes, headers or {}, body), most), attempts
        )

    def pause(self, number: int) -> None:
        """Wait after a try that failed, longer each time."""
        self._wait(self._host, seconds_of(number), "is asked again")

    def failure(self, answer: Answer, doing: str) -> NetworkError:
        """Return the error for an answer that is none; `doing` says what was tried, such as `pull acme/app`."""
        said = _said(answer.body, self._authorizer.hidden_in)
        if answer.status in (401, 403):
            source = self._authorizer.source
            by = f"with the credential from {source}" if source else "without a login"
            return NetworkError.of(
                f"{self.registry} does not permit to {doing} {by}{said}", hint=f"docker login {self.registry}"
            )
        if "text/html" in answer.headers.get("content-type", "") and answer.status == 200:
            return NetworkError.of(
                f"{self.registry} answered with a web page where a registry was expected", hint="correct the host"
            )
        return NetworkError.of(f"{self.registry} answered {answer.status} to: {doing}{said}")

    def _send_once(
        self, method: str, path: str, scopes: Collection[str], headers: Mapping[str, str], body: Body | None
    ) -> urllib3.BaseHTTPResponse:
        """Send a request with what the registry asks for to be convinced, and without TLS where it may be so."""
        refusals = 0
        while True:
            target = path if "://" in path else self.url(path)
            used = self._authorization(target, scopes)
            try:
                response = self._follow(method, target, headers, used, body)
            except HTTPError as error:
                if "://" in path or not self._falls_back(error, target):
                    raise
                continue
            if response.status != _UNAUTHORIZED or refusals == _MOST_REFUSALS or not self._is_own(target):
                return response
            refusals += 1
            discard(response)
            if not self._authorizer.renew(response.headers.get("www-authenticate", ""), scopes, used):
                return response

    def _authorization(self, target: str, scopes: Collection[str]) -> str:
        return self._authorizer.header(scopes) if self._is_own(target) else ""

    def _is_own(self, target: str) -> bool:
        return urlsplit(target).netloc == self._host

    def _follow(
        self, method: str, target: str, headers: Mapping[str, str], authorization: str, body: Body | None
    ) -> urllib3.BaseHTTPResponse:
        """Send a request and follow where reading it leads; what convinces the registry goes to no other host."""
        for _ in range(leading.MOST):
            own = {"authorization": authorization} if authorization and self._is_own(target) else {}
            response = self._once(method, target, {**headers, **own}, body)
            place = response.headers.get("location")
            if method not in ("GET", "HEAD") or response.status not in leading.STATUSES or not place:
                return response
            discard(response)
            target = self.absolute(place, target)
        raise NetworkError.of(f"{self.registry} redirects in circles", where=shown(target))

    def absolute(self, place: str, origin: str) -> str:
        """Return an address that the registry gave. Raises `NetworkError` for one that it may not lead to."""
        own = urlsplit(self.url("/"))
        try:
            target = urljoin(origin, place)
            parts = urlsplit(target)
            if parts.netloc == own.netloc and parts.scheme in ("http", "https"):
                return parts._replace(scheme=self._scheme).geturl()  # a proxy ends TLS before it
            return leading.target_of(place, origin, self._plain_hosts(target))
        except ValueError as error:
            why = str(error) if str(error).startswith("leads ") else "leads to what is no address"
            raise NetworkError.of(f"{self.registry} {why}", where=_placed(place)) from None

    def _plain_hosts(self, target: str) -> tuple[str, ...]:
        """Return the hosts that may be led to without TLS: those that the user named, and from this machine its own."""
        parts = urlsplit(target)
        near = is_loopback(parts.hostname or "") and is_loopback(urlsplit(self.url("/")).hostname or "")
        return (*self._access.insecure, *((parts.netloc.rpartition("@")[2],) if near else ()))

    def _once(
        self, method: str, target: str, headers: Mapping[str, str], body: Body | None
    ) -> urllib3.BaseHTTPResponse:
        if self._access.pools.offline:
            raise NetworkError.of("not reached: `--offline` is set", where=shown(target))
        sent = {"accept-encoding": "identity", "user-agent": "onedigest", **headers}
        content = body() if body else None
        try:
            outside = leading.is_outside(target, self.url("/")) and urlsplit(target).netloc not in self._access.insecure
            return self._access.pools.request(method, target, headers=sent, body=content, outside=outside)
        finally:
            if content is not None and not isinstance(content, bytes):
                content.close()

    def _ask_token(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
        """Ask a token service, which may be another host that the registry trusts with what is shown to it.

        It has TLS, as docker wants it, or is as near, or as much the user's choice, as the registry.
        """
        try:
            target = leading.target_of(url, self.url("/"), self._plain_hosts(url))
        except ValueError as error:
            why = str(error) if str(error).startswith("leads ") else "leads to what is no address"
            why = why.replace("leads to", "names a token service at").replace("at an address without", "without")
            raise NetworkError.of(f"{self.registry} {why}", where=_placed(url)) from None
        content = (lambda: body) if body else None
        return self._retried(lambda: self.whole(self._once(method, target, headers, content), _MOST_TOKEN), _ATTEMPTS)

    def _retried(self, once: Callable[[], R], attempts: int) -> R:
        """Send until what comes back is an answer, with a pause before each further try. Raises `NetworkError`."""
        for attempt in range(1, attempts + 1):
            try:
                found = once()
            except HTTPError as error:
                if attempt == attempts or not _is_passing(error, attempt):
                    raise self._unreachable(error) from None
                if not self._wait(self._host, seconds_of(attempt), "broke off"):
                    raise self._unreachable(error) from None
            else:
                if attempt == attempts or found.status not in BUSY:
                    return found
                seconds = seconds_of(attempt, found.headers.get("retry-after"))
                if not self._wait(self._host, seconds, f"answered {found.status}"):
                    return found
                if isinstance(found, urllib3.BaseHTTPResponse):
                    discard(found)
        raise AssertionError("the last attempt returns or raises")

    def _wait(self, host: str, seconds: float, why: str) -> bool:
        return self._access.pools.patience.wait(host, seconds, why, self._access.pause)

    def whole(self, response: urllib3.BaseHTTPResponse, most: int = _MOST_ERROR) -> Answer:
        """Return an answer with its body. Raises `NetworkError` for one of more than `most` bytes, or encoded."""
        headers = {name.lower(): value for name, value in response.headers.items()}
        pieces: list[bytes] = []
        left = most
        try:
            for piece in response.stream(1 << 16, decode_content=False):
                pieces.append(piece)
                left -= len(piece)
                if left < 0 and response.status < _FIRST_ERROR:
                    raise NetworkError.of(f"{self.registry} answers with more than {most} bytes")
                if left < 0:
                    break
            else:
                response.release_conn()
        finally:
            response.close()
        if pieces and response.status < _FIRST_ERROR and (encoding := encoding_of(headers)):
            raise NetworkError.of(f"{self.registry} encoded what was asked for as it is ({encoding})")
        return Answer(response.status, headers, b"".join(pieces)[:most])

    def _falls_back(self, error: HTTPError, target: str) -> bool:
        """Go on without TLS where that is allowed, and the registry does not speak it."""
        if not self._plain_allowed or not target.startswith("https:") or not _speaks_no_tls(error):
            return False
        self._scheme = "http"
        return True

    def _unreachable(self, error: HTTPError) -> NetworkError:
        if isinstance(error, Refused):
            return NetworkError.of(f"the registry {self.registry} is given up: {error}")
        if isinstance(error, ProxyFault):
            return NetworkError.of(f"the registry {self.registry} cannot be reached: {error}", hint=error.hint)
        why = reason_of(error)
        if isinstance(error, SSLError) or "alert" in why:
            hint = tls_hint(why) or f"--insecure-registry {self.registry} allows plain HTTP"
            return NetworkError.of(f"no trusted connection to {self.registry}: {why}", hint=hint)
        if isinstance(error, NameResolutionError):
            return NetworkError.of(f"the registry {self.registry} is not known: its name has no address", hint=_CHECK)
        return NetworkError.of(f"the registry {self.registry} cannot be reached: {why}", hint=_CHECK)


_CHECK = "check the name and the network"


def _placed(place: str) -> str:
    return re.sub(r"[^\x21-\x7e]+", " ", shown(place))[:200]


def _speaks_no_tls(error: HTTPError) -> bool:
    text = str(error).upper().replace(" ", "_")
    return isinstance(error, SSLError) and any(
        mark in text for mark in ("WRONG_VERSION_NUMBER", "RECORD_LAYER", "UNEXPECTED_EOF", "HTTP_REQUEST", "PACKET")
    )


def _is_passing(error: HTTPError, attempt: int) -> bool:
    """Tell whether a fault may be gone the next time."""
    if isinstance(error, NewConnectionError | ProxyFault) and attempt >= _CONNECTIONS:
        return False
    if isinstance(error, ReadTimeoutError) and attempt > 1:
        return False
    return not isinstance(error, SSLError | NameResolutionError | Refused | LocationValueError)


def _said(body: bytes, hidden_in: Callable[[str], str]) -> str:
    """Return the codes and messages of an error (OCI distribution specification, "Error Codes")."""
    try:
        errors = load_json(body)["errors"]
        parts = [": ".join(filter(None, (str(each.get("code", "")), str(each.get("message", ""))))) for each in errors]
    except (ValueError, KeyError, TypeError, AttributeError):
        return ""
    text = re.sub(r"[^\x20-\x7e]+", " ", hidden_in("; ".join(parts)))[:200]
    return f" ({text})" if text else ""
