"""Knows what of the user's environment uv gets: where an index is, and secrets where no address can name them.

uv fills variables into the addresses of requirements, those in the metadata of any wheel included. So a secret that
stands in a variable could be sent anywhere. It stands in a store of credentials of this run instead, each with the
address that it is for.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import SplitResult, quote, unquote, urlsplit

from onedigest.digest import canonical_json
from onedigest.untrusted import load_toml

_KEPT = re.compile(
    r"PATH|HOME|USER|TMPDIR|XDG_.*|NETRC|SSL_.*|(?:https?|all|no)_proxy|(?:HTTPS?|ALL|NO)_PROXY|SYSTEMROOT|"
    r"UV_(?:CACHE_DIR|DEFAULT_INDEX|INDEX|INDEX_URL|EXTRA_INDEX_URL|INDEX_.*_(?:USERNAME|PASSWORD)|FIND_LINKS|"
    r"KEYRING_PROVIDER|NATIVE_TLS|SYSTEM_CERTS|INSECURE_HOST|HTTP_.*|REQUEST_TIMEOUT|CONCURRENT_.*|CONFIG_FILE|CREDENTIALS_DIR|"
    r"OFFLINE)"
)
"""Where an index is and how it is reached. What would change the choice of versions is not among them."""

_ADDRESSES = ("UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS")
_PROXY = re.compile(r"(?:HTTPS?|ALL|NO)_PROXY")
_ADDRESS = re.compile(r"(?:(?P<name>[A-Za-z0-9._-]+)=)?(?P<url>https?://[^\s,]+)")
_VARIABLE = re.compile(r"UV_INDEX_(?P<stem>.+)_(?:USERNAME|PASSWORD)")
_SHORTEST = 4  # a shorter secret would stand in any text


@dataclass(frozen=True, kw_only=True, slots=True)
class Lent:
    """What uv gets: variables, and the text of a store of credentials, or nothing where the user's own does."""

    variables: Mapping[str, str]
    credentials: str = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)


class _Credential(NamedTuple):
    service: str
    user: str
    password: str


def lend(environment: Mapping[str, str], own_indexes: Any = None) -> Lent:
    """Return what uv gets of an environment. `own_indexes` are the indexes of the project that uv is to resolve."""
    kept = {name: text for name, text in environment.items() if _KEPT.fullmatch(name)}
    for name in [name for name in kept if _PROXY.fullmatch(name)]:
        # uv fills in names in capitals only, and every program reads the other form too
        kept.setdefault(name.lower(), kept.pop(name))
    held = {stem: _held(kept, stem) for stem in sorted(_stems(kept))}
    found: set[_Credential] = set()

    def bare(match: re.Match[str]) -> str:
        parts = _split(match["url"])
        if parts is None:
            return match[0]
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        if not (user or password) and match["name"]:
            user, password = held.get(_stem(match["name"]), ("", ""))
        if password:
            found.add(_Credential(_service(parts), user, password))
        place = parts.netloc.rpartition("@")[2]
        # beside a user in the address uv would try an empty password first, again and again
        if user and not password:
            place = f"{quote(user, safe='')}@{place}"
        url = parts._replace(netloc=place).geturl()
        return f"{match['name']}={url}" if match["name"] else url

    variables = {
        name: _ADDRESS.sub(bare, text) if name in _ADDRESSES else text
        for name, text in kept.items()
        if not _VARIABLE.fullmatch(name)
    }
    for row in [*_rows(own_indexes), *_settings_indexes(kept)]:
        stem, parts = _stem(str(row.get("name", ""))), _split(str(row.get("url", "")))
        if stem not in held or parts is None or not parts.hostname:
            continue
        user, password = held[stem]
        if password and not parts.password:
            found.add(_Credential(_service(parts), user, password))
        elif user:
            variables[f"UV_INDEX_{stem}_USERNAME"] = user
    secrets = {each.password for each in found}
    secrets |= {parts.password for text in variables.values() if (parts := _split(text)) and parts.password}
    return Lent(
        variables=variables,
        credentials=_store_text(found, kept) if found else "",
        secrets=tuple(sorted((each for each in secrets if len(each) >= _SHORTEST), key=len, reverse=True)),
    )


def hide(text: str, secrets: tuple[str, ...]) -> str:
    """Return a message in which no secret stands."""
    for secret in secrets:
        text = text.replace(secret, "****").replace(quote(secret, safe=""), "****")
    return text


def _store_text(found: set[_Credential], kept: Mapping[str, str]) -> str:
    """Return the user's own store of credentials, with what was found; where an origin has one, it is for all of it."""
    origins: dict[str, set[tuple[str, str]]] = {}
    for each in found:
        origins.setdefault(_origin(each.service), set()).add((each.user, each.password))
    rows = {
        _Credential(_origin(each.service), each.user, each.password)
        if len(origins[_origin(each.service)]) == 1
        else each
        for each in found
    }
    services = {each.service for each in rows}
    own = [row for row in _rows(_load(_own_store(kept)).get("credential")) if row.get("service") not in services]
    added = [{**each._asdict(), "username": each.user, "scheme": "basic"} for each in sorted(rows)]
    return "".join(
        "[[credential]]\n"
        + "".join(
            f"{key} = {canonical_json(row[key]).decode()}\n"
            for key in ("service", "username", "scheme", "password", "token")
            if isinstance(row.get(key), str)
        )
        for row in [*own, *added]
    )


def _settings_indexes(kept: Mapping[str, str]) -> Iterator[Mapping[str, Any]]:
    """Yield the indexes that the user and the machine have in settings of uv."""
    home = kept.get("XDG_CONFIG_HOME") or (f"{kept['HOME']}/.config" if "HOME" in kept else "")
    folders = [home, *(kept.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(":"), "/etc"]
    own = kept.get("UV_CONFIG_FILE")
    for path in [Path(own)] if own else [Path(folder) / "uv" / "uv.toml" for folder in folders if folder]:
        yield from _rows(_load(path).get("index"))


def _own_store(kept: Mapping[str, str]) -> Path:
    data = kept.get("XDG_DATA_HOME") or f"{kept.get('HOME', '')}/.local/share"
    return Path(kept.get("UV_CREDENTIALS_DIR") or f"{data}/uv/credentials") / "credentials.toml"


def _load(path: Path) -> Mapping[str, Any]:
    try:
        return load_toml(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return {}  # uv says what is wrong with it


def _rows(value: Any) -> list[Mapping[str, Any]]:
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def _stems(kept: Mapping[str, str]) -> Iterator[str]:
    """Yield the names of indexes, as variables spell them, that variables hold a credential of."""
    for name in kept:
        if match := _VARIABLE.fullmatch(name):
            yield match["stem"]


def _held(kept: Mapping[str, str], stem: str) -> tuple[str, str]:
    return kept.get(f"UV_INDEX_{stem}_USERNAME", ""), kept.get(f"UV_INDEX_{stem}_PASSWORD", "")


def _stem(name: str) -> str:
    return re.sub(r"[^A-Z0-9]", "_", name.upper())


def _split(url: str) -> SplitResult | None:
    try:
        return urlsplit(url)
    except ValueError:
        return None


def _service(parts: SplitResult) -> str:
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _origin(service: str) -> str:
    parts = urlsplit(service)
    return f"{parts.scheme}://{parts.netloc}/"
