"""Knows where a script says packages are: only wheels and indexes count, and places on this machine are absolute."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from onedigest.errors import Problem
from onedigest.lock import uv_values

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_WEB = re.compile(r"https?://[^\s\\/?#][^\s\\]*", re.IGNORECASE)
_HINT = "build a wheel of it, and publish it to an index or name the wheel"


class Places:
    """Resolves the places that one script names, and keeps all problems."""

    def __init__(self, folder: Path, script: str) -> None:
        self.problems: list[Problem] = []
        self._folder = folder.absolute()
        self._script = script

    def requirement(self, text: str) -> str:
        """Return a requirement, the place in it absolute."""
        name, at, rest = text.partition(" @ ")
        if not at:
            return text
        address, space, marker = rest.partition(" ")
        try:
            uv_values.refuse_variables(address)
        except ValueError as error:
            self.problems.append(Problem(f"`{name}` {error}", self._script))
        return f"{name} @ {self._wheel_address(name, address)}{space}{marker}"

    def of_settings(self, taken: Mapping[str, Any]) -> dict[str, Any]:
        """Return settings that were checked, with requirements and sources that name nothing but wheels."""
        changed = dict(taken)
        if "constraint-dependencies" in taken:
            changed["constraint-dependencies"] = list(map(self.requirement, taken["constraint-dependencies"]))
        if "override-dependencies" in taken:
            changed["override-dependencies"] = [
                {**each, "dependencies": list(map(self.requirement, each["dependencies"]))}
                if isinstance(each, dict)
                else self.requirement(each)
                for each in taken["override-dependencies"]
            ]
        if "dependency-metadata" in taken:
            changed["dependency-metadata"] = [
                {**each, "requires-dist": list(map(self.requirement, each.get("requires-dist", ())))}
                for each in taken["dependency-metadata"]
            ]
        if "sources" in taken:
            changed["sources"] = {name: self._sources(name, each) for name, each in sorted(taken["sources"].items())}
        if "index-url" in taken:
            changed["index-url"] = self._location(taken["index-url"])
        for key in ("extra-index-url", "find-links"):
            if key in taken:
                changed[key] = list(map(self._location, taken[key]))
        if "index" in taken:
            changed["index"] = [{**each, "url": self._location(each["url"])} for each in taken["index"]]
        return changed

    def _location(self, text: str) -> str:
        return text if "://" in text else str(self._folder / text)

    def _sources(self, name: str, value: Any) -> Any:
        if isinstance(value, list):
            return [self._source(name, each) for each in value]
        return self._source(name, value)

    def _source(self, name: str, source: Mapping[str, Any]) -> dict[str, Any]:
        taken = {field: item for field, item in source.items() if field in uv_values.SOURCE_TAKEN}
        if "git" in source:
            self._refuse(name, "a git repository")
        elif source.get("workspace") or source.get("editable"):
            self._refuse(name, "a local project")
        elif "url" in source:
            taken["url"] = self._wheel_address(name, source["url"])
        elif "path" in source:
            taken["path"] = str(self._wheel_path(name, self._folder / source["path"]))
        return taken

    def _wheel_address(self, name: str, address: str) -> str:
        """Return the address of a wheel, as uv and we read it alike."""
        scheme = match[1].lower() if (match := _SCHEME.match(address)) else ""
        if scheme.startswith("git+"):
            self._refuse(name, "a git repository")
        elif scheme in ("http", "https"):
            if not _WEB.fullmatch(address):
                self._refuse(name, "an address that cannot be read")
            elif not unquote(urlsplit(address).path).endswith(".whl"):
                self._refuse(name, "an archive of its source")
        elif scheme not in ("", "file"):
            self._refuse(name, f"an address that begins with {scheme}:")
        else:
            place, mark, digest = address.partition("#")
            parts = urlsplit(place) if scheme else None
            if parts and parts.netloc not in ("", "localhost"):
                self._refuse(name, "another machine's file")
            path = self._wheel_path(name, self._folder / unquote(parts.path if parts else place))
            return f"file://{quote(str(path))}{mark}{digest}"
        return address

    def _wheel_path(self, name: str, path: Path) -> Path:
        """Return the path of a wheel, which need not be there: uv says that best."""
        if path.is_dir() or path.suffix != ".whl":
            is_archive = path.name.endswith((".tar.gz", ".zip"))
            self._refuse(name, "an archive of its source" if is_archive else "a local folder")
        elif path.exists() and not path.is_file():
            self._refuse(name, "what is no regular file")
        return path

    def _refuse(self, name: str, kind: str) -> None:
        self.problems.append(Problem(f"`{name}` comes from {kind}, which is not a wheel", self._script, _HINT))
