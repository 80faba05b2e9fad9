"""The messages for a registry that does not do what it is asked for, and what may help."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    LocationValueError,
    NameResolutionError,
    NewConnectionError,
    ReadTimeoutError,
    SSLError,
)

from onedigest.errors import NetworkError
from onedigest.net.answer_limits import SlowAnswer
from onedigest.net.failure_reasons import reason_of, tls_hint
from onedigest.net.proxy_faults import ProxyFault
from onedigest.net.retries import BUSY, LIMITED, LONGEST, stated_wait
from onedigest.oci.reference import MIRRORS
from onedigest.registry.authorization import RegistryAnswer
from onedigest.registry.credentials import login_command
from onedigest.registry.host_choice import host_of
from onedigest.untrusted import load_json

_CHECK = "check the name and the network"
_CONNECTIONS = 3
"""How often a host that takes no connection is tried."""
_NOT_FOUND, _UNAVAILABLE = 404, 503
_USED_UP = re.compile(rb"pull rate limit", re.IGNORECASE)
"""What Docker Hub says to whom it gives no image for hours."""


class Unreachable(NetworkError):
    """A registry gave no answer at all."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusing:
    """A registry that refuses: what a user calls it, and where the credential in use comes from, if there is one.

    `hidden_in` returns what the registry says without what it was shown.
    """

    registry: str
    shown_from: str
    hidden_in: Callable[[str], str]
    remedy: str = ""
    """What may be read from instead: a mirror, or another one."""

    def failure(self, answer: RegistryAnswer, doing: str) -> NetworkError:
        """Return the error for an answer that is none; `doing` says what was tried, such as `pull acme/app`."""
        said = self.said(answer.body)
        if answer.status == LIMITED or (answer.status == _UNAVAILABLE and is_put_off(answer.status, answer.headers)):
            return self._limit(answer, doing, said)
        if answer.status in (401, 403):
            by = f"with the credential from {self.shown_from}" if self.shown_from else "without a login"
            return NetworkError.of(
                f"{self.registry} does not permit to {doing} {by}{said}", hint=login_command(self.registry)
            )
        if "text/html" in answer.headers.get("content-type", "") and answer.status == 200:
            return NetworkError.of(
                f"{self.registry} answered with a web page where a registry was expected", hint="correct the host"
            )
        new = answer.status == _NOT_FOUND and "push" in doing
        hint = f"make the repository first: {self.registry} does not make one that is pushed to" if new else ""
        return NetworkError.of(f"{self.registry} answered {answer.status} to: {doing}{said}", hint=hint)

    def said(self, body: bytes) -> str:
        """Return the codes and messages of an error (OCI distribution specification, "Error Codes"), in brackets."""
        try:
            errors = load_json(body)["errors"]
            parts = [
                ": ".join(filter(None, (str(each.get("code", "")), str(each.get("message", ""))))) for each in errors
            ]
        except (ValueError, KeyError, TypeError, AttributeError):
            return ""
        text = re.sub(r"[^\x20-\x7e]+", " ", self.hidden_in("; ".join(parts)))[:200]
        return f" ({text})" if text else ""

    def _limit(self, answer: RegistryAnswer, doing: str, said: str) -> NetworkError:
        seconds = stated_wait(answer.headers)
        again = f"for {duration(seconds)}" if seconds else "for now"
        why = "limits how often it is asked" if answer.status == LIMITED else f"answered {answer.status}"
        remedy = []
        if answer.status == LIMITED and not self.shown_from:
            remedy.append(f"{login_command(self.registry)} (most registries let users ask more often)")
        if self.remedy:
            remedy.append(f"read from {self.remedy}: {MIRRORS}='REGISTRY=HOST'")
        return NetworkError.of(
            f"{self.registry} {why}, and does not {doing} {again}{said}",
            hint=", or ".join([*remedy, "wait and try again"]),
        )


def is_put_off(status: int, headers: Mapping[str, str], body: bytes = b"") -> bool:
    """Tell whether a busy registry asks to be left alone for longer than anybody waits; its headers are lower case."""
    seconds = stated_wait(headers) if status in BUSY else None
    if seconds is None:
        return status == LIMITED and bool(_USED_UP.search(body))
    return seconds > LONGEST


def duration(seconds: float) -> str:
    """Return a time in the words of people: `90 s`, `45 min`, `5 h 59 min`."""
    whole = int(min(seconds, 1e9)) + (seconds % 1 > 0)
    if whole <= 120:
        return f"{whole} s"
    minutes = -(-whole // 60)
    if minutes <= 120:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if rest else f"{hours} h"


@contextmanager
def noting_host(netloc: str) -> Iterator[None]:
    """Note in a fault which host it is of."""
    try:
        yield
    except HTTPError as error:
        error.add_note(netloc)
        raise


def unreachable(error: HTTPError, registry: str) -> NetworkError:
    """Return the error for a request that nobody answered, be it the registry or a host that it leads to."""
    noted = next(iter(getattr(error, "__notes__", ())), "")
    led = noted if noted != host_of(registry) else ""
    if isinstance(error, SlowAnswer):
        return Unreachable.of(f"{_whom(registry, led)} is given up: {error}")
    if isinstance(error, ProxyFault):
        return Unreachable.of(f"{_whom(registry, led)} cannot be reached: {error}", hint=error.hint)
    why = reason_of(error)
    if isinstance(error, SSLError) or "alert" in why:
        hint = tls_hint(why) or ("" if led else f"--insecure-registry {registry} allows plain HTTP")
        place = f"{led}, where {registry} leads to" if led else registry
        return Unreachable.of(f"no trusted connection to {place}: {why}", hint=hint)
    if isinstance(error, NameResolutionError):
        known = "is not known: its name has no address"
        return Unreachable.of(f"{_whom(registry, led)} {known}", hint=_CHECK)
    return Unreachable.of(f"{_whom(registry, led)} cannot be reached: {why}", hint=_CHECK)


def _whom(registry: str, led: str) -> str:
    return f"the registry {registry} leads to {led}, which" if led else f"the registry {registry}"


def has_no_tls(error: HTTPError, target: str) -> bool:
    """Tell whether what answers is no end of TLS, or nobody does at the port that goes without saying.

    Each scheme has its own then (containerd, httpFallback; docker, for registries that may be insecure).
    """
    if isinstance(error, NewConnectionError | ConnectTimeoutError):
        return urlsplit(target).port is None and not isinstance(error, NameResolutionError)
    text = str(error).upper().replace(" ", "_")
    return isinstance(error, SSLError) and any(
        mark in text for mark in ("WRONG_VERSION_NUMBER", "RECORD_LAYER", "UNEXPECTED_EOF", "HTTP_REQUEST", "PACKET")
    )


def is_passing(error: HTTPError, attempt: int) -> bool:
    """Tell whether a fault may be gone the next time."""
    if isinstance(error, NewConnectionError | ProxyFault) and attempt >= _CONNECTIONS:
        return False
    if isinstance(error, ReadTimeoutError) and attempt > 1:
        return False
    return not isinstance(error, SSLError | NameResolutionError | SlowAnswer | LocationValueError)
