"""The indexes of a Flyte image as settings of uv, and the credentials that their addresses hold."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

from onedigest.definition.flyte.requirements import FlyteRequirements
from onedigest.errors import InputError
from onedigest.net.redirects import origin_of

_NAMED = re.compile(r"^[A-Za-z0-9._-]+=(?=[a-z]+://)")
"""How uv takes a name with an address; names are given here."""
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")


@dataclass(frozen=True, kw_only=True, slots=True)
class SecretCredential:
    """User and password of an index, which may hold `$NAME` of a secret."""

    index: str
    host: str
    origin: str
    user: str
    password: str

    def variables(self) -> tuple[str, ...]:
        """Return the names of the variables that user and password hold, each once."""
        found = (match[1] or match[2] for text in (self.user, self.password) for match in _VARIABLE.finditer(text))
        return tuple(dict.fromkeys(found))

    def filled(self, environment: Mapping[str, str]) -> tuple[str, str]:
        """Return user and password with the values of variables. Raises KeyError with the one that is not set."""
        return _fill(self.user, environment), _fill(self.password, environment)


def settings_of(
    own: Mapping[str, Any], wanted: FlyteRequirements, where: str
) -> tuple[dict[str, Any], tuple[SecretCredential, ...]]:
    """Return settings of uv with the indexes that are wanted, whose addresses hold no credentials any more."""
    rows: list[dict[str, Any]] = []
    credentials: list[SecretCredential] = []
    default = [wanted.default_index] if wanted.default_index else []
    taken = {_plain_name(each) for each in own.get("index", [])}
    for number, url in enumerate([*dict.fromkeys(wanted.indexes), *default], 1):
        name = f"flyte-{number}"
        if f"flyte_{number}" in taken:
            hint = "give the index of the script another name"
            raise InputError.of(f"[tool.uv] has an index `{name}`, a name that is needed", where=where, hint=hint)
        plain, credential = _split(url, name, where)
        credentials += [credential] if credential else []
        rows.append({"name": name, "url": plain})
    found = {**own, **wanted.settings}
    kept = list(own.get("index", []))
    if default:
        rows[-1]["default"] = True
        kept = [{key: value for key, value in each.items() if key != "default"} for each in kept]
    if rows:
        found["index"] = [*rows[: len(rows) - len(default)], *kept, *rows[len(rows) - len(default) :]]
    for key, added in (("constraint-dependencies", wanted.constraints), ("find-links", wanted.find_links)):
        if added:
            found[key] = [*own.get(key, []), *added]
    return found, tuple(credentials)


def _split(url: str, name: str, where: str) -> tuple[str, SecretCredential | None]:
    url = _NAMED.sub("", url)
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise InputError.of("the address of an index cannot be read", where=where, hint="correct it") from None
    user, _, password = parts.netloc.rpartition("@")[0].partition(":")
    plain = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    if match := _VARIABLE.search(plain):
        raise InputError.of(
            f"the address of an index has `{match[0]}` outside of user and password",
            where=where,
            hint="a lock cannot hold it: write that part out",
        )
    if not (user or password):
        return plain, None
    host, origin = (parts.hostname or "").rstrip("."), origin_of(plain)
    if not origin:
        raise InputError.of("the address of an index is none of https://", where=where, hint="correct it")
    return plain, SecretCredential(index=name, host=host, origin=origin, user=unquote(user), password=unquote(password))


def _plain_name(index: Any) -> str:
    """Return the name of an index as variables have it, where two names may be one."""
    name = index.get("name", "") if isinstance(index, dict) else ""
    return re.sub(r"[^a-z0-9]", "_", str(name).lower())


def _fill(text: str, environment: Mapping[str, str]) -> str:
    return _VARIABLE.sub(lambda match: environment[match[1] or match[2]], text)
