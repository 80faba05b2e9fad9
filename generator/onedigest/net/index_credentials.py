"""The credentials that this machine shows to indexes, each bound to an address and what is below it.

uv seeks in this order, and so does this: what an address itself holds, what variables hold for its name, and by address
a netrc, the store of `uv auth login`, the system's own store, and the program `keyring`. A file is shown what its index
is shown, also where it lies elsewhere on the same host, unless another index is there.
"""

from __future__ import annotations

import base64
import netrc
import re
import threading
import tomllib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from onedigest.errors import Problem
from onedigest.net.indexes import (
    VARIABLE,
    PackageIndex,
    held_by,
    indexes_in,
    indexes_of_variables,
    listed_in,
)
from onedigest.net.redirects import is_loopback, origin_of, split, without_user
from onedigest.net.uv_settings import load_settings, read_settings

if TYPE_CHECKING:
    from onedigest.net.keyring import Keyring

_SIMPLE = ("simple", "+simple")
"""Last part of the address of an index (PEP 503), beside which its files lie; the second is devpi's."""


@dataclass(frozen=True, kw_only=True, slots=True)
class IndexCredential:
    """What is shown at an address and below it. `token` stands in place of user and password."""

    url: str
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)

    @property
    def header(self) -> dict[str, str]:
        """Return it as a header of HTTP (RFC 7617, RFC 6750)."""
        if self.token:
            return {"authorization": f"Bearer {self.token}"}
        pair = f"{self.user}:{self.password}".encode()
        return {"authorization": "Basic " + base64.b64encode(pair).decode()}

    def covers(self, url: str) -> int:
        """Return how many parts of its path an address shares, all of them; -1 where it is elsewhere."""
        own, parts = _parts(self.url), _parts(url)
        return len(own) if origin_of(self.url) == origin_of(url) != "" and parts[: len(own)] == own else -1


class IndexCredentials:
    """What is shown to indexes, by address; programs are asked once, and for an index that is wanted alone."""

    def __init__(
        self,
        environment: Mapping[str, str] | None = None,
        asked: Iterable[PackageIndex] = (),
        stated: Iterable[IndexCredential] = (),
        *,
        offline: bool = False,
    ) -> None:
        self._environment = environment or {}
        self._offline = offline
        self._asked = tuple(asked)
        self._stated = tuple(stated)
        self._lock = threading.Lock()

    @cached_property
    def indexes(self) -> tuple[PackageIndex, ...]:
        """All that is named: by variables, by who asks, and by the user's settings."""
        own = [each for table in self._settings for each in (*indexes_in(table), *listed_in(table))]
        return tuple(dict.fromkeys((*indexes_of_variables(self._environment), *self._asked, *own)))

    @property
    def _places(self) -> list[str]:
        return [*(each.url for each in self._stated), *(each.url for each in self.indexes)]

    @property
    def rows(self) -> tuple[IndexCredential, ...]:
        """All that is shown, the first of an address being what counts. Raises `NetworkError` of a program."""
        with self._lock:  # several threads ask, and no program is to be asked twice
            return self._rows

    @cached_property
    def _rows(self) -> tuple[IndexCredential, ...]:
        found: dict[str, IndexCredential] = {}
        for each in filter(None, map(self._sought, self.indexes)):
            found.setdefault(each.url, each)
        shared = [origin_of(url) for url in found]
        for index in self.indexes:
            # beside an index with a password uv would show that one before it looks into a netrc
            is_beside = index.bare not in found and index.origin in shared and index.authenticate != "never"
            if is_beside and (row := self._of_netrc(index, "")):
                found[index.bare] = row
        return (*self._stated, *(each for each in found.values() if self.may_show(each.url)))

    def may_show(self, url: str) -> bool:
        """Tell whether a secret may travel to an address: with TLS, on this machine, or where the user says so."""
        parts = split(url)
        if parts is None or not parts.hostname:
            return False
        places = ("*", parts.hostname, f"{parts.hostname}:{parts.port}")
        return parts.scheme == "https" or is_loopback(parts.hostname) or bool({*places} & self._insecure)

    def at(self, url: str) -> IndexCredential | None:
        """Return what is shown at an address before it is asked for: that of the longest path above it."""
        return self._best(self._near(url), url)

    def asked_at(self, url: str, index: str) -> IndexCredential | None:
        """Return what is shown where a server refused: what is kept for the address, or what its index is shown."""
        if found := self._of_store(PackageIndex(url=url), ""):
            return found
        near = self._near(url)
        if index and origin_of(index) == origin_of(url) and (found := self._best(near, index)):
            return found
        # uv goes by scheme, host and port here, which is for sure where one alone is known
        return near[0] if len({each.header["authorization"] for each in near}) == 1 else None

    def refusal(self, url: str, index: str, status: int, shown: IndexCredential | None) -> Problem | None:
        """Return what is said where an index refuses a file or a page, None where the address is of no index."""
        named = next((each for each in self.indexes if each.bare.rstrip("/") == index.rstrip("/") != ""), None)
        near = [each for each in self.indexes if each.origin == origin_of(url) != ""]
        above = [each for each in near if _is_below(url, each.bare)]
        if above and named is None:
            named = max(above, key=lambda each: (len(_parts(each.bare)), each.name))
        elif named is None and len({each.bare for each in near}) == 1:
            named = near[0]
        if named is None and not index:
            return None
        return self.refused(named or PackageIndex(url=index), status, shown=shown is not None)

    def refused(self, index: PackageIndex, status: int, *, shown: bool) -> Problem:
        """Return what is said where an index refuses what it is shown, or asks for more."""
        url = _plain(index.bare)
        named = f"the index `{index.name}` ({url})" if index.name else f"the index {url}"
        if not self.may_show(index.bare) and not shown:
            return Problem(
                f"{named} answered {status}, and nothing is shown to an address without TLS",
                hint="write https:// in its address, or list its host in UV_INSECURE_HOST",
            )
        verb = "may want" if status == 403 else "wants"
        what = "refuses the user and password that are set for it" if shown else f"{verb} a user and a password"
        answered = f": it answered {status}" if status else ""  # uv does not ask where it has nothing to show
        note = self._keyring.note(index.bare)
        message = f"{named} {what}{answered}" + (f"; {note}" if note else "")
        if index.authenticate == "never":
            return Problem(message, hint='take `authenticate = "never"` from what your uv.toml says of it')
        return Problem(message, hint=_hint(index, url))

    def _near(self, url: str) -> list[IndexCredential]:
        """Return what is shown on the host of an address; programs are asked for indexes there alone."""
        origin = origin_of(url)
        if not origin or origin not in {origin_of(url) for url in self._places}:
            return []
        return [each for each in self.rows if origin_of(each.url) == origin]

    @staticmethod
    def _best(rows: Iterable[IndexCredential], url: str) -> IndexCredential | None:
        """Return the row of the longest path; of an index that of its files too, which lie beside `simple`."""
        ranked = [
            (length, place == each.url, -number, each)
            for number, each in enumerate(rows)
            for place in (each.url, _root(each.url))
            if (length := IndexCredential(url=place).covers(url)) >= 0
        ]
        return max(ranked, key=lambda row: row[:3])[3] if ranked else None

    @cached_property
    def _settings(self) -> tuple[Mapping[str, Any], ...]:
        return tuple(each.values for each in read_settings(self._environment))

    @cached_property
    def _insecure(self) -> frozenset[str]:
        several = [table.get("allow-insecure-host", ()) for table in self._settings]
        listed = [each for rows in several if isinstance(rows, list) for each in rows if isinstance(each, str)]
        words = [*self._environment.get("UV_INSECURE_HOST", "").split(), *listed]
        return frozenset(word.removeprefix("http://") for word in words)

    @cached_property
    def _keyring(self) -> Keyring:
        from onedigest.net.keyring import Keyring  # a build that asks no index runs no program

        return Keyring(self._environment, self._settings)

    @cached_property
    def _held(self) -> Mapping[str, tuple[str, str]]:
        return stated_by_variables(self._environment)

    def _sought(self, index: PackageIndex) -> IndexCredential | None:
        """Return what an index is shown, from where uv looks for it."""
        if not index.origin or index.authenticate == "never":
            return None
        user, password = held_by(index.url)
        if not (user or password) and index.name:
            user, password = self._held.get(index.stem, ("", ""))
        if password:
            return IndexCredential(url=index.bare, user=user, password=password)
        found = (self._of_netrc(index, user) if user else None) or self._of_store(index, user)
        if found and not found.token:
            return IndexCredential(url=index.bare, user=found.user, password=found.password)
        if found:
            return found
        always = index.authenticate == "always"
        if pair := None if self._offline else self._keyring.ask(index.bare, user, always=always):
            return IndexCredential(url=index.bare, user=pair[0], password=pair[1])
        same = [each for each in self.indexes if each.origin == index.origin and held_by(each.url)[0] == user != ""]
        password = next((word for each in same if (word := held_by(each.url)[1])), "")
        return IndexCredential(url=index.bare, user=user, password=password) if user else None

    def _of_netrc(self, index: PackageIndex, user: str) -> IndexCredential | None:
        parts = split(index.url)
        pair = netrc_pair(_netrc_path(self._environment), (parts.hostname or "") if parts else "")
        if pair and user in ("", pair[0]):
            return IndexCredential(url=index.bare, user=pair[0], password=pair[1])
        return None

    def _of_store(self, index: PackageIndex, user: str) -> IndexCredential | None:
        """Return what `uv auth login` keeps for an address in its file, the longest path first."""
        found = [each for each in self._store if user in ("", each.user) and each.covers(index.bare) >= 0]
        return max(found, key=lambda each: each.covers(index.bare)) if found else None

    @cached_property
    def _store(self) -> tuple[IndexCredential, ...]:
        rows = _load(_store_path(self._environment)).get("credential")
        return tuple(
            IndexCredential(
                url=row["service"],
                user=_text(row, "username"),
                password=_text(row, "password"),
                token=_text(row, "token") if _is_token(row) else "",
            )
            for row in (rows if isinstance(rows, list) else ())
            if isinstance(row, dict) and _text(row, "service") and (_text(row, "password") or _is_token(row))
        )


def stated_by_variables(environment: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Return user and password that variables hold, by the stem of their names."""
    stems = {match["stem"] for name in environment if (match := VARIABLE.fullmatch(name))}
    found = {
        stem: (environment.get(f"UV_INDEX_{stem}_USERNAME", ""), environment.get(f"UV_INDEX_{stem}_PASSWORD", ""))
        for stem in sorted(stems)
    }
    return {stem: pair for stem, pair in found.items() if any(pair)}


def netrc_pair(path: Path | None, host: str) -> tuple[str, str] | None:
    """Return what a netrc has for a host; its `default`, which names none, is for none."""
    if path and path.is_file() and host != "default":
        with suppress(netrc.NetrcParseError, OSError, UnicodeDecodeError):
            if found := netrc.netrc(str(path)).hosts.get(host):
                return found[0], found[2]
    return None


def _netrc_path(environment: Mapping[str, str]) -> Path | None:
    named = environment.get("NETRC") or (f"{environment['HOME']}/.netrc" if "HOME" in environment else "")
    return Path(named) if named else None


def _store_path(environment: Mapping[str, str]) -> Path:
    data = environment.get("XDG_DATA_HOME") or f"{environment.get('HOME', '')}/.local/share"
    return Path(environment.get("UV_CREDENTIALS_DIR") or f"{data}/uv/credentials") / "credentials.toml"


def _load(path: Path) -> Mapping[str, Any]:
    try:
        return load_settings(path)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return {}  # uv says what is wrong with it


def _hint(index: PackageIndex, url: str) -> str:
    """Return what to set so that an index is shown a user and a password."""
    name = index.name or "NAME"
    stem = index.stem or "NAME"
    return (
        f'set UV_INDEX_{stem}_USERNAME and UV_INDEX_{stem}_PASSWORD, with UV_INDEX="{name}={url}" or an [[index]]'
        " of your uv.toml; or use a netrc, or `uv auth login`"
    )


def _root(url: str) -> str:
    """Return the address beside which the files of an index lie."""
    head, _, last = url.rstrip("/").rpartition("/")
    return head if last in _SIMPLE else url


def _is_below(url: str, index: str) -> bool:
    return IndexCredential(url=_root(index)).covers(url) >= 0


def _parts(url: str) -> list[str]:
    """Return the path of an address as a server may read it: decoded, and without steps to the folder above."""
    parts = split(url)
    found: list[str] = []
    for each in re.split(r"[/\\]", unquote(parts.path)) if parts else ():
        name = each.partition(";")[0]  # servers of Java take what follows for a parameter
        if name == "..":
            del found[-1:]
        elif each and name != ".":
            found.append(each)
    return found


def _plain(url: str) -> str:
    return without_user(url).partition("?")[0].partition("#")[0]


def _text(row: Mapping[str, Any], key: str) -> str:
    value = row.get(key)
    return value if isinstance(value, str) else ""


def _is_token(row: Mapping[str, Any]) -> bool:
    """Tell whether a row of uv's store has a token, which a header can hold."""
    token = _text(row, "token")
    return row.get("scheme") == "bearer" and token.isascii() and token.isprintable() and token != ""
