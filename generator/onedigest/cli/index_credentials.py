"""Knows which indexes a user names outside of any project, and what is shown to them: bound to where they are.

A script, and every other file of a project, is the text of whoever may open a pull request. So a variable such as
UV_INDEX_INTERNAL_PASSWORD counts for an address that the user's own configuration gives the index `internal`, and for
no other, whatever a script calls by that name.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from onedigest.errors import Problem
from onedigest.inputs.leading import origin_of, without_user
from onedigest.untrusted import MOST_TEXT, load_toml

_VARIABLE = re.compile(r"UV_INDEX_(.+)_(USERNAME|PASSWORD)")
_NAMED = ("UV_INDEX", "UV_DEFAULT_INDEX")
_PLAIN = ("UV_INDEX_URL", "UV_EXTRA_INDEX_URL")


@dataclass(frozen=True, kw_only=True, slots=True)
class Index:
    """An index at an address, which may hold user and password; `name` may be empty."""

    name: str
    url: str = field(repr=False)

    @property
    def stem(self) -> str:
        """How uv writes the name in a variable."""
        return stem_of(self.name)

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return origin_of(self.url)


@dataclass(frozen=True, kw_only=True, slots=True)
class Bound:
    """User and password of an index that counts at one origin alone."""

    index: str
    origin: str
    user: str = field(repr=False)
    password: str = field(repr=False)


def stem_of(name: str) -> str:
    """Return how uv writes the name of an index in a variable."""
    return re.sub(r"[^A-Z0-9]", "_", name.upper())


def without_credentials(environment: Mapping[str, str]) -> dict[str, str]:
    """Return variables without those that say where an index is, and what is shown to it."""
    left_out = (*_NAMED, *_PLAIN, "UV_FIND_LINKS", "NETRC")
    return {
        name: value for name, value in environment.items() if name not in left_out and not _VARIABLE.fullmatch(name)
    }


def named_indexes(environment: Mapping[str, str], files: Iterable[Path]) -> tuple[Index, ...]:
    """Return the indexes that variables and the user's uv.toml name, those of variables first."""
    found = [*_indexes_of_variables(environment)]
    for path in files:
        found += _indexes_of_file(path)
    return tuple(found)


def uv_files(environment: Mapping[str, str], home: Path, project: Path) -> tuple[Path, ...]:
    """Return the files of uv's own configuration, of the user and of the machine; one of the project is neither."""
    if environment.get("UV_NO_CONFIG", "") not in ("", "0", "false"):
        return ()
    if named := environment.get("UV_CONFIG_FILE"):
        path = Path(named).resolve()
        return () if path.is_relative_to(project.resolve()) else (path,)
    own = Path(environment.get("XDG_CONFIG_HOME") or home / ".config")
    folders = [Path(each) for each in environment.get("XDG_CONFIG_DIRS", "").split(":") if each]
    several = (own, *(folders or [Path("/etc/xdg")]), Path("/etc"))
    return tuple(folder / "uv" / "uv.toml" for folder in several)


def origin_credentials(environment: Mapping[str, str], named: Iterable[Index]) -> tuple[tuple[str, str], ...]:
    """Return (origin, user:password) of the indexes that a user names."""
    stated = _stated(environment)
    found: dict[str, str] = {}
    for index in named:
        user, password = _held(index.url)
        pair = stated.get(index.stem, ("", "")) if index.name and not (user or password) else (user, password)
        if index.origin and any(pair):
            found.setdefault(index.origin, ":".join(pair))
    return tuple(sorted(found.items()))


def uv_environment(
    environment: Mapping[str, str], named: Iterable[Index], asked: Iterable[Index], bound: Iterable[Bound]
) -> dict[str, str]:
    """Return variables for uv, which shows what they hold at no address but those that the user names.

    `asked` are the indexes of a script, `bound` what is shown to some of them.
    """
    named, asked = tuple(named), tuple(asked)
    found = {name: value for name, value in environment.items() if not _VARIABLE.fullmatch(name)}
    stated = _stated(environment)
    variables = dict(stated)
    for name in _NAMED:
        if value := environment.get(name):
            kept, moved = _shortened(value, asked, stated)
            variables |= moved
            found[name] = " ".join(kept)
            if not kept:
                del found[name]
    homes = {stem: {index.origin for index in named if index.stem == stem} for stem in variables}
    for each in bound:
        variables[stem_of(each.index)] = each.user, each.password
        homes[stem_of(each.index)] = {each.origin}
    for stem, (user, password) in variables.items():
        places = {index.origin for index in asked if index.stem == stem}
        if homes[stem] and places <= homes[stem] and "" not in homes[stem]:
            found[f"UV_INDEX_{stem}_USERNAME"], found[f"UV_INDEX_{stem}_PASSWORD"] = user, password
    return found


def unbound(
    environment: Mapping[str, str], named: Iterable[Index], asked: Iterable[tuple[Index, str]]
) -> Iterator[Problem]:
    """Yield a warning for each index of a script that is not shown what variables hold for its name.

    `asked` are the indexes, each with where it is written.
    """
    named, stated = tuple(named), _stated(environment)
    for index, where in asked:
        homes = {each.origin for each in named if each.stem == index.stem}
        if not index.name or index.stem not in stated or index.origin in homes:
            continue
        url = without_user(index.url)
        host = urlsplit(url).netloc if index.origin else "its address"
        held = " and ".join(
            f"UV_INDEX_{index.stem}_{kind}"
            for kind, value in zip(("USERNAME", "PASSWORD"), stated[index.stem], strict=True)
            if value
        )
        verb = "are" if " and " in held else "is"
        why = f"that the index `{index.name}` is there, the script alone says"
        if homes:
            why = f"your own configuration has the index `{index.name}` elsewhere"
        added = "put" if not environment.get("UV_INDEX") else "add"
        yield Problem(
            f"{held} {verb} not shown to {host}: {why}",
            where,
            f'if the address is right, {added} it where no pull request can: UV_INDEX="{index.name}={url}",'
            " or an [[index]] of your uv.toml, or a netrc",
        )


def _indexes_of_variables(environment: Mapping[str, str]) -> Iterator[Index]:
    for variable in (*_NAMED, *_PLAIN):
        for word in environment.get(variable, "").split():
            yield _index_of(word) if variable in _NAMED else Index(name="", url=word)


def _index_of(word: str) -> Index:
    """Return the index that a word of UV_INDEX names: an address, with a name and `=` before it or without."""
    name, equals, url = word.partition("=")
    return Index(name=name, url=url) if equals and re.fullmatch(r"[\w.-]+", name) else Index(name="", url=word)


def _indexes_of_file(path: Path) -> Iterator[Index]:
    try:
        with path.open("rb") as file:
            table = load_toml(file.read(MOST_TEXT).decode())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return  # uv says so, if it reads it
    yield from indexes_in(table)
    for key in ("index-url", "extra-index-url"):
        value = table.get(key)
        yield from (Index(name="", url=url) for url in _strings(value if isinstance(value, list) else [value]))


def indexes_in(table: Mapping[str, Any]) -> Iterator[Index]:
    """Yield the indexes that settings of uv have under `index`."""
    rows = table.get("index")
    for row in rows if isinstance(rows, list) else ():
        if isinstance(row, dict) and isinstance(row.get("url"), str):
            name = row.get("name", "")
            yield Index(name=name if isinstance(name, str) else "", url=row["url"])


def _shortened(
    value: str, asked: tuple[Index, ...], stated: Mapping[str, tuple[str, str]]
) -> tuple[list[str], dict[str, tuple[str, str]]]:
    """Return the words of UV_INDEX, with what is shown to each in its address, and what must be in variables.

    An index that a script has too, at the same address, is the script's: what else it says of it, such as `explicit`,
    counts, and a lock does not depend on the variable.
    """
    words: list[str] = []
    moved: dict[str, tuple[str, str]] = {}
    for word in value.split():
        index = _index_of(word)
        pair = _held(index.url)
        if not any(pair):
            pair = stated.get(index.stem, ("", "")) if index.name else ("", "")
        if index.name and any(
            each.name == index.name and without_user(each.url).rstrip("/") == without_user(index.url).rstrip("/")
            for each in asked
        ):
            moved |= {index.stem: pair} if any(pair) else {}
            continue
        scheme, mark, rest = without_user(index.url).partition("://")
        user = ":".join(quote(part, safe="") for part in pair) + "@" if any(pair) and mark else ""
        words.append(f"{index.name}{'=' if index.name else ''}{scheme}{mark}{user}{rest}")
    return words, moved


def _stated(environment: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Return user and password that variables hold, by the stem of their names."""
    stems = {match[1] for name in environment if (match := _VARIABLE.fullmatch(name))}
    found = {
        stem: (environment.get(f"UV_INDEX_{stem}_USERNAME", ""), environment.get(f"UV_INDEX_{stem}_PASSWORD", ""))
        for stem in sorted(stems)
    }
    return {stem: pair for stem, pair in found.items() if any(pair)}


def _held(url: str) -> tuple[str, str]:
    """Return the user and password that an address holds."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", ""
    return unquote(parts.username or ""), unquote(parts.password or "")


def _strings(values: Iterable[object]) -> list[str]:
    return [each for each in values if isinstance(each, str)]
