"""The requests to a registry: scheme, authorization, redirects, and what is worth another try."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import IO, TypeVar
from urllib.parse import urljoin, urlsplit

import urllib3
from urllib3.exceptions import HTTPError

from onedigest.errors import NetworkError, OnedigestError
from onedigest.net import redirects
from onedigest.net.connection import Pools, shown
from onedigest.net.download import discard, encoding_of
from onedigest.net.redirects import is_loopback
from onedigest.net.retries import BUSY, LIMITED, seconds_of
from onedigest.registry.authorization import Authorizer, RegistryAnswer
from onedigest.registry.credentials import RegistryCredentials
from onedigest.registry.host_choice import RegistryHosts, host_of, pools_for, registry_of
from onedigest.registry.hosts_toml import Host
from onedigest.registry.refusals import Refusing, has_no_tls, is_passing, is_put_off, noting_host, unreachable

ATTEMPTS = 6
"""How often a request is sent that no one answers, or a busy registry does."""
_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND = 401, 403, 404
_REFUSED = (_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND)
_MOST_REFUSALS, _FIRST_ERROR = 2, 400
_AS_IT_IS = (307, 308)
"""Redirects that keep the method (RFC 9110, sections 15.4.8 and 15.4.9)."""
MOST_DOCUMENT = 16 << 20
"""Bytes that a document of a registry may have."""
MOST_MANIFEST = 4 << 20
"""Bytes that a manifest may have (OCI distribution specification, "Pushing Manifests")."""
_MOST_TOKEN = 1 << 20
_SHORTEST_SECRET = 6
_MOST_ERROR = 1 << 16

R = TypeVar("R", RegistryAnswer, urllib3.BaseHTTPResponse)

Body = Callable[[], bytes | IO[bytes]]
"""Opens the body of a request anew for each try."""


@dataclass(frozen=True, kw_only=True)
class Access:
    """What registries are reached with. `insecure` are hosts that may be spoken to without TLS.

    `mirrors` are pairs of a registry and the HOST or HOST/PREFIX that is asked in its place for what is only read.
    """

    pools: Pools
    credentials: RegistryCredentials
    insecure: tuple[str, ...] = ()
    mirrors: tuple[tuple[str, str], ...] = ()
    places: RegistryHosts = field(default_factory=RegistryHosts)
    pause: Callable[[float], object] = field(default=time.sleep, repr=False)


class Transport:
    """One host of a registry; several threads may send. Without `host` it is the registry itself.

    `writes` tells whether something is pushed there, which no mirror is for.
    """

    def __init__(
        self, registry: str, access: Access, repository: str = "", host: Host | None = None, *, writes: bool = False
    ) -> None:
        self._host = host or Host(netloc=host_of(registry))
        self.registry = registry if host is None else registry_of(host.netloc)
        self._remedy = "" if writes else "a mirror" if self._host.netloc == host_of(registry) else "another mirror"
        self._access = access
        self._pools = pools_for(self._host, access.pools)
        hostname = urlsplit(f"//{self._host.netloc}").hostname or ""
        self._plain_allowed = self._host.scheme == "http" or (
            not self._host.scheme and (is_loopback(hostname) or self._is_insecure(f"http://{self._host.netloc}"))
        )
        self._scheme = "http" if self._host.scheme == "http" and not self._host.has_tls else "https"
        self._authorizer = Authorizer(
            self.registry, lambda: access.credentials.find(self.registry, repository), self._ask_token
        )
        self._offering = threading.Lock()
        self._offered = False

    def url(self, path: str) -> str:
        """Return the address of a path of the registry."""
        return f"{self._scheme}://{self._host.netloc}{path}"

    def send(
        self,
        method: str,
        path: str,
        *,
        scopes: Collection[str],
        headers: Mapping[str, str] | None = None,
        body: Body | None = None,
        attempts: int = ATTEMPTS,
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
        attempts: int = ATTEMPTS,
        most: int = MOST_DOCUMENT,
    ) -> RegistryAnswer:
        """Send a request, and return the whole answer, whose body has `most` bytes at most. Raises `NetworkError`."""
        return self._retried(
            lambda: self.whole(self._send_once(method, path, scopes, headers or {}, body), most), attempts
        )

    def waits(self, number: int, answer: RegistryAnswer | None = None) -> bool:
        """Wait after a try that failed, longer each time, or as an answer asks; tell whether to try again."""
        if answer and _is_put_off(answer):
            return False
        asked = answer.headers.get("retry-after") if answer else None
        return self._wait(seconds_of(number, asked), "is asked again", answer.status if answer else 0)

    def failure(self, answer: RegistryAnswer, doing: str) -> NetworkError:
        """Return the error for an answer that is none; `doing` says what was tried, such as `pull acme/app`."""
        return self.refusing.failure(answer, doing)

    @property
    def refusing(self) -> Refusing:
        """How it is said that the registry refuses."""
        source, remedy = self._authorizer.source, self._remedy
        return Refusing(registry=self.registry, shown_from=source, hidden_in=self._hidden_in, remedy=remedy)

    def _hidden_in(self, text: str) -> str:
        for _, value in self._host.headers:
            text = text.replace(value, "****") if len(value) >= _SHORTEST_SECRET else text
        return self._authorizer.hidden_in(text)

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
            if refusals == _MOST_REFUSALS or not self._is_own(target) or response.status not in _REFUSED:
                return response
            refusals += 1
            challenge = response.headers.get("www-authenticate", "")
            asks = response.status == _UNAUTHORIZED or (challenge and response.status == _FORBIDDEN and not used)
            if asks and (challenge or used):
                discard(response)
                if not self._authorizer.renew(challenge, scopes, used):
                    return response
            elif used or not self._offers(response.status, scopes):
                return response
            else:
                discard(response)

    def _offers(self, status: int, scopes: Collection[str]) -> bool:
        """Show the user's credential to a registry that asks for none; tell whether that is something new.

        As docker begins with, the registry is asked once what convinces it. One that says nothing is shown the
        credential as it is, where it refuses; one that has not what it is asked for may hide it.
        """
        with self._offering:
            if self._authorizer.header(scopes):
                return True  # another thread was here
            if self._offered:
                return False
            self._offered = True
            try:
                if not self._authorizer.knows_one():
                    return False
            except OnedigestError:
                if status == _NOT_FOUND:
                    return False
                raise
            if challenge := self._challenge():
                return self._authorizer.renew(challenge, scopes, "")
            return status != _NOT_FOUND and self._authorizer.insist()

    def _challenge(self) -> str:
        """Return what convinces the registry (OCI distribution specification, "Determining Support")."""
        try:
            response = self._once("GET", self.url(f"{self._host.path}/"), {}, None)
        except HTTPError:
            return ""
        discard(response)
        return response.headers.get("www-authenticate", "") if response.status == _UNAUTHORIZED else ""

    def _authorization(self, target: str, scopes: Collection[str]) -> str:
        return self._authorizer.header(scopes) if self._is_own(target) else ""

    def _is_own(self, target: str) -> bool:
        return redirects.origin_of(target) == redirects.origin_of(self.url("/"))

    def _is_insecure(self, target: str) -> bool:
        """Tell whether the user allows that a host is spoken to without TLS."""
        return any(redirects.are_same_host(target, f"http://{each}") for each in self._access.insecure)

    def _follow(
        self, method: str, target: str, headers: Mapping[str, str], authorization: str, body: Body | None
    ) -> urllib3.BaseHTTPResponse:
        """Send a request and follow where reading it leads; what convinces the registry goes to no other host."""
        leads = redirects.STATUSES if method in ("GET", "HEAD") else () if body else _AS_IT_IS
        for _ in range(redirects.MOST):
            own = {"authorization": authorization} if authorization and self._is_own(target) else {}
            response = self._once(method, target, {**headers, **own}, body)
            place = response.headers.get("location")
            if response.status not in leads or not place:
                return response
            discard(response)
            target = self.absolute(place, target)
        raise NetworkError.of(f"{self.registry} redirects in circles", where=shown(target))

    def absolute(self, place: str, origin: str) -> str:
        """Return an address that the registry gave. Raises `NetworkError` for one that it may not lead to."""
        try:
            target = urljoin(origin, place)
            if redirects.are_same_host(target, self.url("/")):
                # a proxy ends TLS before it, or names the port that goes without saying
                return urlsplit(target)._replace(scheme=self._scheme, netloc=self._host.netloc).geturl()
            return redirects.target_of(place, origin, self._plain_hosts(target))
        except ValueError as error:
            why = str(error) if str(error).startswith("leads ") else "leads to what is no address"
            raise NetworkError.of(f"{self.registry} {why}", where=_placed(place)) from None

    def _plain_hosts(self, target: str) -> tuple[str, ...]:
        """Return the hosts that may be led to without TLS: those that the user named, and from this machine its own."""
        parts = urlsplit(target)
        near = is_loopback(parts.hostname or "") and is_loopback(urlsplit(self.url("/")).hostname or "")
        named = near or self._is_insecure(target)
        return (parts.netloc.rpartition("@")[2],) if named else ()

    def _once(
        self, method: str, target: str, headers: Mapping[str, str], body: Body | None
    ) -> urllib3.BaseHTTPResponse:
        if self._pools.offline:
            raise NetworkError.of("not reached: `--offline` is set", where=shown(target))
        stated = dict(self._host.headers) if self._is_own(target) else {}
        sent = {"user-agent": "onedigest", **stated, "accept-encoding": "identity", **headers}
        content = body() if body else None
        try:
            outside = redirects.is_outside(target, self.url("/")) and not self._is_insecure(target)
            with noting_host(urlsplit(target).netloc):
                return self._pools.request(method, target, headers=sent, body=content, outside=outside)
        finally:
            if content is not None and not isinstance(content, bytes):
                content.close()

    def _ask_token(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> RegistryAnswer:
        """Ask a token service, which may be another host that the registry trusts with what is shown to it.

        It has TLS, as docker wants it, or is as near, or as much the user's choice, as the registry.
        """
        try:
            target = redirects.target_of(url, self.url("/"), self._plain_hosts(url))
        except ValueError as error:
            why = str(error) if str(error).startswith("leads ") else "leads to what is no address"
            why = why.replace("leads to", "names a token service at").replace("at an address without", "without")
            raise NetworkError.of(f"{self.registry} {why}", where=_placed(url)) from None
        content = (lambda: body) if body else None
        answer = self._retried(lambda: self.whole(self._once(method, target, headers, content), _MOST_TOKEN), ATTEMPTS)
        if answer.status == LIMITED:
            raise self.failure(answer, "give a token")
        return answer

    def _retried(self, once: Callable[[], R], attempts: int) -> R:
        """Send until what comes back is an answer, with a pause before each further try. Raises `NetworkError`."""
        for attempt in range(1, attempts + 1):
            try:
                found = once()
            except HTTPError as error:
                if attempt == attempts or not is_passing(error, attempt):
                    raise unreachable(error, self.registry) from None
                if not self._wait(seconds_of(attempt), "broke off"):
                    raise unreachable(error, self.registry) from None
            else:
                if attempt == attempts or found.status not in BUSY or _is_put_off(found):
                    return found
                if not self._wait(seconds_of(attempt, found.headers.get("retry-after")), "", found.status):
                    return found
                if isinstance(found, urllib3.BaseHTTPResponse):
                    discard(found)
        raise AssertionError("the last attempt returns or raises")

    def _wait(self, seconds: float, why: str, status: int = 0) -> bool:
        patience, said = self._pools.patience, f"answered {status}" if status else why
        return patience.wait(self._host.netloc, seconds, said, self._access.pause, limited=status == LIMITED)

    def whole(self, response: urllib3.BaseHTTPResponse, most: int = _MOST_ERROR) -> RegistryAnswer:
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
        return RegistryAnswer(response.status, headers, b"".join(pieces)[:most])

    def _falls_back(self, error: HTTPError, target: str) -> bool:
        """Go on without TLS where that is allowed, and the registry has none."""
        if not self._plain_allowed or not target.startswith("https:") or not has_no_tls(error, target):
            return False
        self._scheme = "http"
        return True


def _placed(place: str) -> str:
    return re.sub(r"[^\x21-\x7e]+", " ", shown(place))[:200]


def _is_put_off(found: RegistryAnswer | urllib3.BaseHTTPResponse) -> bool:
    headers = {name.lower(): value for name, value in found.headers.items()}
    return is_put_off(found.status, headers, found.body if isinstance(found, RegistryAnswer) else b"")
