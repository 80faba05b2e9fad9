"""The indexes that a user names outside of any project, and the credentials for them, bound to their addresses.

A script, and every other file of a project, is the text of whoever may open a pull request. So a variable such as
UV_INDEX_INTERNAL_PASSWORD counts for an address that the user's own configuration gives the index `internal`, and for
no other, whatever a script calls by that name.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlsplit

from onedigest.errors import Problem
from onedigest.net.index_credentials import stated_by_variables
from onedigest.net.indexes import (
    NAMED,
    VARIABLE,
    PackageIndex,
    held_by,
    index_of,
    indexes_in,
    indexes_of_variables,
    listed_in,
    stem_of,
)
from onedigest.net.redirects import without_user
from onedigest.net.uv_settings import load_settings, settings_files


@dataclass(frozen=True, kw_only=True, slots=True)
class Bound:
    """User and password of an index that counts at one origin alone."""

    index: str
    origin: str
    user: str = field(repr=False)
    password: str = field(repr=False)


def named_indexes(environment: Mapping[str, str], files: Iterable[Path]) -> tuple[PackageIndex, ...]:
    """Return the indexes that variables and the user's uv.toml name, those of variables first."""
    found = [*indexes_of_variables(environment)]
    for path in files:
        found += _indexes_of_file(path)
    return tuple(found)


def uv_files(environment: Mapping[str, str], home: Path, project: Path) -> tuple[Path, ...]:
    """Return the files of uv's own configuration, of the user and of the machine; one of the project is neither."""
    files = settings_files({"HOME": str(home), **environment})
    is_named = bool(environment.get("UV_CONFIG_FILE"))
    return tuple(each for each in files if not (is_named and each.resolve().is_relative_to(project.resolve())))


def uv_environment(
    environment: Mapping[str, str],
    named: Iterable[PackageIndex],
    asked: Iterable[PackageIndex] = (),
    bound: Iterable[Bound] = (),
) -> dict[str, str]:
    """Return variables for uv, which shows what they hold at no address but those that the user names.

    `asked` are the indexes of a script, `bound` what is shown to some of them.
    """
    named, asked = tuple(named), tuple(asked)
    found = {name: value for name, value in environment.items() if not VARIABLE.fullmatch(name)}
    stated = stated_by_variables(environment)
    variables = dict(stated)
    for name in NAMED:
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
    environment: Mapping[str, str], named: Iterable[PackageIndex], asked: Iterable[tuple[PackageIndex, str]]
) -> Iterator[Problem]:
    """Yield a warning for each index of a script that is not shown what variables hold for its name.

    `asked` are the indexes, each with where it is written.
    """
    named, stated = tuple(named), stated_by_variables(environment)
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


def _indexes_of_file(path: Path) -> Iterator[PackageIndex]:
    try:
        table = load_settings(path)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return  # uv says so, if it reads it
    yield from indexes_in(table)
    yield from listed_in(table)


def _shortened(
    value: str, asked: tuple[PackageIndex, ...], stated: Mapping[str, tuple[str, str]]
) -> tuple[list[str], dict[str, tuple[str, str]]]:
    """Return the words of UV_INDEX, with what is shown to each in its address, and what must be in variables.

    An index that a script has too, at the same address, is the script's: what else it says of it, such as `explicit`,
    counts, and a lock does not depend on the variable.
    """
    words: list[str] = []
    moved: dict[str, tuple[str, str]] = {}
    for word in value.split():
        index = index_of(word)
        pair = held_by(index.url)
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
