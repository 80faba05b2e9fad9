"""The authorization at a registry: Basic (RFC 7617), and the token service that docker's registries name."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from onedigest.errors import NetworkError
from onedigest.registry.credentials import RegistryCredential, login_command
from onedigest.untrusted import load_json

_CHALLENGE = re.compile(r"(?:^|,)\s*(Basic|Bearer)\b\s*", re.IGNORECASE)
_PARAMETER = re.compile(r'(?<![a-zA-Z_])([a-zA-Z_]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')
_LONGEST_CHALLENGE = 1 << 13
_SCOPE = re.compile(r"[a-z]+(?:\([a-z]+\))?:[A-Za-z0-9._:/-]+:[a-z*]+(?:,[a-z*]+)*", re.ASCII)
"""What a token is for (distribution, "Token Scope Documentation"): a type, a name, and what may be done."""
_MOST_SCOPES = 4
_CLIENT = "onedigest"
_REFUSED = (400, 401, 403)
_NO_SUCH_WAY = (404, 405)


class Denied(NetworkError):
    """A registry, or its token service, does not take the credential, or wants one where there is none."""


@dataclass(frozen=True, slots=True)
class RegistryAnswer:
    """What came back, whole: the status, the headers by lower-case name, and the body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


Ask = Callable[[str, str, Mapping[str, str], bytes | None], RegistryAnswer]
"""Sends a request to a token service: method, address, headers, body."""


@dataclass(frozen=True, slots=True)
class _Service:
    """Where tokens are to be had, as a challenge says."""

    realm: str
    service: str


class Authorizer:
    """Holds what one registry gave, and asks for more when it is refused. Several threads may use it."""

    def __init__(self, registry: str, find: Callable[[], RegistryCredential | None], ask: Ask) -> None:
        self._registry = registry
        self._find = find
        self._ask = ask
        self._lock = threading.Lock()
        self._looked = False
        self._credential: RegistryCredential | None = None
        self._basic = False
        self._service: _Service | None = None
        self._tokens: dict[tuple[str, ...], str] = {}
        self._more: tuple[str, ...] = ()

    def header(self, scopes: Collection[str]) -> str:
        """Return the value of `Authorization` for a request, or nothing as long as nothing is asked for."""
        with self._lock:
            if self._basic and self._credential:
                return self._credential.basic
            key = tuple(sorted(scopes))
            if self._service and key not in self._tokens:
                self._tokens[key] = self._token(self._service, key)
            return f"Bearer {self._tokens[key]}" if key in self._tokens else ""

    def renew(self, challenge: str, scopes: Collection[str], used: str) -> bool:
        """Take a challenge (`WWW-Authenticate`); tell whether another try makes sense.

        `used` is the header that was refused. Raises `NetworkError` where a credential is refused, or none is there.
        """
        offered = _read_challenge(challenge)
        with self._lock:
            credential = self._look()
            if "bearer" in offered and "realm" in offered["bearer"]:
                key = tuple(sorted(scopes))
                if (known := self._tokens.get(key)) and used != f"Bearer {known}":
                    return True  # another thread was here
                self._service = _Service(offered["bearer"]["realm"], offered["bearer"].get("service", ""))
                self._more = _others(offered["bearer"].get("scope", ""), key)
                self._tokens[key] = self._token(self._service, key)
                return True
            if "basic" not in offered:
                return False
            if credential is None or not credential.user:
                raise self._needs_login()
            if used:
                raise self._refused(credential)
            self._basic = True
            return True

    def knows_one(self) -> bool:
        """Tell whether there is a credential for the registry. Raises as looking for one does."""
        with self._lock:
            return self._look() is not None

    def insist(self) -> bool:
        """Show the credential to a registry that refuses and asks for none; tell whether it can be shown as it is."""
        with self._lock:
            credential = self._look()
            if credential and credential.bearer:
                self._service = _Service("", "")
            self._basic = bool(credential and credential.user)
            return self._basic or self._service is not None

    @property
    def source(self) -> str:
        """Where the credential in use comes from, or nothing."""
        return self._credential.found_in if self._credential else ""

    def hidden_in(self, text: str) -> str:
        """Return a text of the registry without what it was shown."""
        for token in self._tokens.values():
            text = text.replace(token, "****")
        return self._credential.hidden_in(text) if self._credential else text

    def _look(self) -> RegistryCredential | None:
        if not self._looked:
            self._credential = self._find()
            self._looked = True
        return self._credential

    def _token(self, service: _Service, scopes: tuple[str, ...]) -> str:
        """Ask for a token (distribution, "Token Authentication"), by the way that the credential asks for."""
        credential = self._look()
        if credential and credential.bearer:
            return credential.bearer
        answer = self._exchange(service, scopes, credential)
        if answer.status in _REFUSED:
            raise self._refused(credential) if credential else self._needs_login()
        try:
            found = load_json(answer.body) if answer.status == 200 else {}
            token = found.get("token") or found.get("access_token")
        except (ValueError, AttributeError):
            token = None
        if not isinstance(token, str) or not re.fullmatch(r"[\x21-\x7e]+", token):
            raise NetworkError.of(f"{self._registry}: its token service answered {answer.status} and no token")
        return token

    def _exchange(
        self, service: _Service, scopes: tuple[str, ...], credential: RegistryCredential | None
    ) -> RegistryAnswer:
        asked = [("service", service.service)] if service.service else []
        scopes = (*scopes, *self._more)
        asked += [("scope", scope) for scope in scopes]
        if credential and credential.identity:
            form = [
                *asked[: len(asked) - len(scopes)],
                ("scope", " ".join(scopes)),
                ("grant_type", "refresh_token"),
                ("refresh_token", credential.identity),
                ("client_id", _CLIENT),
            ]
            headers = {"content-type": "application/x-www-form-urlencoded"}
            answer = self._ask("POST", service.realm, headers, urlencode(form).encode())
            if answer.status not in _NO_SUCH_WAY:
                return answer
        headers = {"authorization": credential.basic} if credential and credential.user else {}
        mark = "&" if "?" in service.realm else "?"
        return self._ask("GET", f"{service.realm}{mark}{urlencode(asked)}", headers, None)

    def _refused(self, credential: RegistryCredential | None) -> Denied:
        source = credential.found_in if credential else ""
        return Denied.of(f"{self._registry} refuses the credential from {source}", hint=login_command(self._registry))

    def _needs_login(self) -> Denied:
        return Denied.of(
            f"{self._registry} asks for a login, and there is no credential for it",
            hint=login_command(self._registry),
        )


def _others(stated: str, own: tuple[str, ...]) -> tuple[str, ...]:
    """Return the scopes of a challenge about other names than those that are asked for: a mirror may have its own."""
    known = {scope.rpartition(":")[0] for scope in own}
    found = (scope for scope in stated.split(" ") if _SCOPE.fullmatch(scope))
    return tuple(dict.fromkeys(scope for scope in found if scope.rpartition(":")[0] not in known))[:_MOST_SCOPES]


def _read_challenge(text: str) -> dict[str, dict[str, str]]:
    """Return the parameters of each scheme of a challenge (RFC 9110, section 11.6.1)."""
    text = text[:_LONGEST_CHALLENGE]
    starts = list(_CHALLENGE.finditer(text))
    found: dict[str, dict[str, str]] = {}
    for number, match in enumerate(starts):
        end = starts[number + 1].start() if number + 1 < len(starts) else len(text)
        pairs = _PARAMETER.findall(text[match.end() : end])
        found[match[1].lower()] = {
            key.lower(): re.sub(r"\\(.)", r"\1", quoted) or plain for key, quoted, plain in pairs
        }
    return found
