"""The requests of a project in a form that pyproject.toml and uv.lock share, so that the two can be compared."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from onedigest import untrusted
from onedigest.definition.spec import requirement
from onedigest.definition.uv_project.environments import MarkerEnvironments, Where
from onedigest.definition.uv_project.pyproject import Pyproject, strings, tables
from onedigest.definition.uv_project.workspace import UvWorkspace
from onedigest.errors import InputError

if TYPE_CHECKING:
    from packaging.requirements import Requirement

_KINDS = ("editable", "directory", "virtual", "path", "git", "url", "index")
_EXTRA = re.compile(r"(?:(?P<rest>.+) and )?extra == ['\"](?P<extra>[^'\"]+)['\"]")
_REFERENCES = ("rev", "tag", "branch", "subdirectory")
_LONGEST_SPECIFIER = 1000


@dataclass(frozen=True, slots=True)
class Request:
    """A requirement without its marker, and the extra that it is of. `source` is in words that both files have."""

    name: str
    extra: str
    extras: tuple[str, ...]
    specifier: SpecifierSet
    source: str


Requests = Mapping[Request, Where]


class RequestReader:
    """Reads what the projects of a workspace ask for, in the environments of their uv.lock."""

    def __init__(self, workspace: UvWorkspace, environments: MarkerEnvironments) -> None:
        self._workspace = workspace
        self._environments = environments
        self._places = {each.name: workspace.place(each.folder) for each in workspace.members}

    def locked(self, rows: Any) -> Requests:
        """Return what metadata of a uv.lock states. Raises ValueError."""
        found: dict[Request, Where] = {}
        for row in tables(rows):
            kind = next((kind for kind in _KINDS if kind in row), "")
            extra, marker = _split_extra(untrusted.line(row.get("marker", "")))
            ask = Request(
                str(canonicalize_name(untrusted.project_name(row.get("name")))),
                extra,
                _names(strings(row.get("extras", []))),
                _specifier(untrusted.line(row.get("specifier", ""))),
                _source(kind, untrusted.line(row[kind])) if kind else "",
            )
            found[ask] = found.get(ask, frozenset()) | self._environments.where(marker)
        return _without_empty(found)

    def requested(
        self, texts: Iterable[str], project: Pyproject, key: str, *, extra: str = "", group: str = ""
    ) -> Requests:
        """Return what requirements of a project, of an extra or of a group of it, which stand under a key, ask for.

        Raises `InputError` for what is no requirement, and ValueError for sources that are none.
        """
        found: dict[Request, Where] = {}
        for text in texts:
            asked = _requirement(text, project, key)
            own, marker = _split_extra(str(asked.marker or ""))
            where = self._environments.where(marker)
            for source, holds in self._sources(asked, project, extra, group):
                is_index = source == "" or source.startswith("index ")
                ask = Request(
                    str(canonicalize_name(asked.name)),
                    own or extra,
                    _names(asked.extras),
                    asked.specifier if is_index else SpecifierSet(),
                    source,
                )
                found[ask] = found.get(ask, frozenset()) | (where & holds)
        return _without_empty(found)

    def _sources(self, asked: Requirement, project: Pyproject, extra: str, group: str) -> Iterator[tuple[str, Where]]:
        """Yield where a requirement comes from, and in which environments: what has no source is an index's."""
        left = self._environments.where("")
        if asked.url:
            yield self._direct(asked.url), left
            return
        for source in find_sources(project, self._workspace.root, asked.name):
            if canonicalize_name(str(source.get("extra", extra))) != extra or str(source.get("group", group)) != group:
                continue
            where = self._environments.where(untrusted.line(source.get("marker", "")))
            yield self._of_table(source, project, str(canonicalize_name(asked.name))), where & left
            left -= where
        yield "", left

    def _of_table(self, source: Mapping[str, Any], project: Pyproject, name: str) -> str:
        here = self._workspace.place(project.folder)
        if source.get("workspace"):
            return _source("directory", self._places.get(name, "?"))
        if "path" in source:
            return _source("path", posixpath.join(here, untrusted.line(source["path"])))
        if "git" in source:
            wanted = {key: untrusted.line(source[key]) for key in _REFERENCES if key in source}
            return _git(untrusted.line(source["git"]), wanted)
        if "url" in source:
            return _source("url", untrusted.line(source["url"]))
        if "index" in source:
            return _source("index", self._index(project, untrusted.line(source["index"])))
        raise ValueError(f"has a source of `{name}` that is none of git, index, path, url and workspace")

    def _direct(self, url: str) -> str:
        if url.startswith("git+"):
            parts = urlsplit(url.removeprefix("git+"))
            path, _, reference = parts.path.partition("@")
            wanted = {key: each for key, each in parse_qsl(parts.fragment) if key == "subdirectory"}
            return _git(
                parts._replace(path=path, fragment="").geturl(), wanted | ({"rev": reference} if reference else {})
            )
        if url.startswith("file:"):
            return _source("path", self._workspace.place(_absolute(url)))
        return _source("url", url)

    def _index(self, project: Pyproject, name: str) -> str:
        for owner in (project, self._workspace.root):
            for index in owner.setting("index", tables, []):
                if index.get("name") == name:
                    return untrusted.line(index.get("url", ""))
        return name


def find_sources(project: Pyproject, root: Pyproject, name: str) -> list[dict[str, Any]]:
    """Return what [tool.uv.sources] of a project says of a package, else that of the root of its workspace."""
    for owner in (project, root):
        if owner.setting("no-sources", untrusted.flag, False):
            continue
        sources = owner.setting("sources", untrusted.table, {})
        for key, value in sources.items():
            if canonicalize_name(key) == canonicalize_name(name):
                return tables(value if isinstance(value, list) else [value])
    return []


def _absolute(url: str) -> Any:
    from pathlib import PurePosixPath

    return PurePosixPath(unquote(urlsplit(url).path))


def _source(kind: str, place: str) -> str:
    """Return a source in words: a folder is one, however it is installed from there."""
    if kind == "git":
        parts = urlsplit(place)
        return _git(parts._replace(query="", fragment="").geturl(), dict(parse_qsl(parts.query)))
    if kind == "url":
        return f"url {_plain_address(place.partition('#')[0])}"
    if kind == "index":
        # uv states a folder by its path on the machine that locked
        return f"index {_plain_address(place).rstrip('/') if _is_web(place) else 'folder'}"
    return f"path {posixpath.normpath(place)}"


def _is_web(address: str) -> bool:
    return address.lower().startswith(("http://", "https://"))


def _git(address: str, wanted: Mapping[str, str]) -> str:
    reference = next((wanted[key] for key in ("rev", "tag", "branch") if wanted.get(key)), "")
    inner = posixpath.normpath(wanted.get("subdirectory") or ".")
    return f"git {_plain_address(address).removesuffix('/')} {reference} {inner}"


def _plain_address(address: str) -> str:
    """Return an address without a user and a password, which uv keeps out of its locks."""
    parts = urlsplit(address)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _split_extra(marker: str) -> tuple[str, str]:
    """Return the extra that a marker is of, and the rest of it."""
    match = _EXTRA.fullmatch(marker)
    if match is None or "extra ==" in (match["rest"] or ""):
        return "", marker
    rest = match["rest"] or ""
    if rest.startswith("(") and rest.endswith(")") and rest.count("(") == 1:
        rest = rest[1:-1]
    return str(canonicalize_name(match["extra"])), rest


def _requirement(text: str, project: Pyproject, key: str) -> Requirement:
    try:
        return requirement(text)
    except ValueError as error:
        message = f"{untrusted.quoted(text)} is no requirement: {error}"
        raise InputError.of(message, where=project.where(key)) from None


def _specifier(text: str) -> SpecifierSet:
    try:
        return SpecifierSet(text[:_LONGEST_SPECIFIER])
    except InvalidSpecifier:
        raise ValueError(f"has what is no version specifier: {text[:200]!r}") from None


def _names(several: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(str(canonicalize_name(each)) for each in several))


def _without_empty(found: Mapping[Request, Where]) -> dict[Request, Where]:
    return {ask: where for ask, where in found.items() if where}
