"""The names of indexes: in variables of uv, in its settings, and in addresses that may hold a user."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from onedigest.net.redirects import origin_of, split, without_user

NAMED = ("UV_INDEX", "UV_DEFAULT_INDEX")
PLAIN = ("UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS")
"""Variables with addresses: those that may have a name and `=` before each, and those that have none."""

VARIABLE = re.compile(r"UV_INDEX_(?P<stem>.+)_(?P<kind>USERNAME|PASSWORD)")
_LISTED = ("index-url", "extra-index-url", "find-links")
_WITH_USER = re.compile(r"(?<![+\w])https?://[^\s\"'\\/?#]*@[^\s\"'\\,;]*")


@dataclass(frozen=True, kw_only=True, slots=True)
class PackageIndex:
    """An index at an address, which may hold user and password; `name` may be empty.

    `authenticate` is what uv is told of it: `always`, `never` or nothing.
    """

    name: str = ""
    url: str = field(repr=False)
    authenticate: str = ""

    @property
    def stem(self) -> str:
        """How uv writes the name in a variable."""
        return stem_of(self.name)

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return origin_of(self.url)

    @property
    def bare(self) -> str:
        """The address without user and password."""
        return without_user(self.url)


def stem_of(name: str) -> str:
    """Return how uv writes the name of an index in a variable."""
    return re.sub(r"[^A-Z0-9]", "_", name.upper())


def held_by(url: str) -> tuple[str, str]:
    """Return the user and password that an address holds."""
    parts = split(url)
    return (unquote(parts.username or ""), unquote(parts.password or "")) if parts else ("", "")


def index_of(word: str) -> PackageIndex:
    """Return the index that a word of UV_INDEX names: an address, with a name and `=` before it or without."""
    name, equals, url = word.partition("=")
    return PackageIndex(name=name, url=url) if equals and re.fullmatch(r"[\w.-]+", name) else PackageIndex(url=word)


def indexes_of_variables(environment: Mapping[str, str]) -> Iterator[PackageIndex]:
    """Yield the indexes that variables name."""
    for variable in (*NAMED, *PLAIN):
        for word in re.split(r"[\s,]+" if variable == "UV_FIND_LINKS" else r"\s+", environment.get(variable, "")):
            if word:
                yield index_of(word) if variable in NAMED else PackageIndex(url=word)


def indexes_in(table: Mapping[str, Any]) -> Iterator[PackageIndex]:
    """Yield the indexes that settings of uv have under `index`."""
    rows = table.get("index")
    for row in rows if isinstance(rows, list) else ():
        if isinstance(row, dict) and isinstance(row.get("url"), str):
            name, authenticate = row.get("name", ""), row.get("authenticate", "")
            yield PackageIndex(
                name=name if isinstance(name, str) else "",
                url=row["url"],
                authenticate=authenticate if isinstance(authenticate, str) else "",
            )


def listed_in(table: Mapping[str, Any]) -> Iterator[PackageIndex]:
    """Yield what settings of uv list without a name."""
    for key in _LISTED:
        value = table.get(key)
        yield from (
            PackageIndex(url=url) for url in (value if isinstance(value, list) else [value]) if isinstance(url, str)
        )


def addresses_with_user(texts: Iterable[str]) -> Iterator[PackageIndex]:
    """Yield the addresses in texts that hold a user, each as an index of its own."""
    for text in texts:
        yield from (PackageIndex(url=match[0]) for match in _WITH_USER.finditer(text))


def without_users(text: str) -> str:
    """Return a text whose addresses hold no user and no password."""
    return _WITH_USER.sub(lambda match: without_user(match[0]), text)
