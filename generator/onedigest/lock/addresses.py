"""The address of a package as uv reads it: git with its reference, archives, wheels, and files of this machine."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote

from onedigest import untrusted
from onedigest.definition.unnamed import ssh_address
from onedigest.digest import Digest
from onedigest.from_source.git_address import read_git_url
from onedigest.from_source.model import NO_DIGEST, read_subdirectory
from onedigest.net.redirects import split

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_WEB = re.compile(r"https?://[^\s\\/?#][^\s\\]*", re.IGNORECASE)
_ARCHIVES = (".tar.gz", ".tgz", ".zip", ".tar.bz2", ".tbz", ".tar.xz", ".txz", ".tar.zst", ".tar.lzma", ".tlz", ".tar")
_UNREADABLE = "an address that cannot be read"
_KINDS = {"rev": "", "tag": "refs/tags/", "branch": "refs/heads/"}
"""What a reference is one of, in git's own words: a branch and a tag may have one name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Address:
    """What an address says. `place` is it without its mark, or a path; `wrong` is why it cannot be followed.

    `form` is how it is to be written, where that is known.
    """

    place: str = ""
    stated: str = ""
    mark: str = ""
    reference: str = ""
    subdirectory: str = ""
    digest: Digest = NO_DIGEST
    is_git: bool = False
    is_web: bool = False
    is_wheel: bool = False
    wrong: str = ""
    form: str = ""


def is_archive(name: str) -> bool:
    """Tell whether a file name is that of an archive which uv unpacks."""
    return name.lower().endswith(_ARCHIVES)


def file_address(path: Path) -> str:
    """Return the address of a file of this machine."""
    return f"file://{quote(str(path))}"


def read_address(text: str) -> Address:
    """Return what an address says, as uv and we read it alike."""
    scheme = match[1].lower() if (match := _SCHEME.match(text)) else ""
    if scheme.startswith("git+"):
        return _git_address(text)
    if scheme in ("http", "https"):
        parts = split(text) if _WEB.fullmatch(text) else None
        is_wheel = parts is not None and unquote(parts.path).endswith(".whl")
        return _marked(text, is_web=True, is_wheel=is_wheel) if parts else Address(wrong=_UNREADABLE)
    if form := ssh_address(text):
        return Address(wrong="an address of ssh without its scheme", form=form)
    if scheme in ("", "file"):
        return _file_address(text, scheme)
    return Address(wrong=f"an address that begins with {scheme}:")


def _file_address(text: str, scheme: str) -> Address:
    place, mark, fragment = text.partition("#")
    parts = split(place) if scheme else None
    if scheme and parts is None:
        return Address(wrong=_UNREADABLE)
    if parts and parts.netloc not in ("", "localhost"):
        return Address(wrong="another machine's file")
    found = _marked(f"x#{fragment}")
    if found.wrong:
        return found
    path = unquote(parts.path if parts else place)
    return Address(place=path, stated=path, mark=f"{mark}{fragment}", subdirectory=found.subdirectory)


def read_git(source: Mapping[str, Any]) -> Address:
    """Return what a row of [tool.uv.sources] says of a git repository."""
    if source.get("lfs"):
        return Address(wrong="a git repository with `lfs = true`, and files of git LFS are not fetched")
    given = [f"{kind}{source[key]}" for key, kind in _KINDS.items() if source.get(key)]
    if len(given) > 1:
        return Address(wrong="a git repository with more than one of `rev`, `tag` and `branch`")
    text = str(source["git"]).removeprefix("git+")
    reference = given[0] if given else ""
    return _git(text, reference, str(source.get("subdirectory", "")))


def _git_address(text: str) -> Address:
    try:
        found = read_git_url(text)
    except ValueError as error:
        return Address(wrong=f"a git repository whose address {error}")
    return _git(found.place, found.reference, found.subdirectory)


def _git(place: str, reference: str, subdirectory: str) -> Address:
    inner, wrong = _subdirectory(subdirectory)
    return Address(place=place, reference=reference, subdirectory=inner, is_git=True, wrong=wrong)


def _marked(text: str, *, is_web: bool = False, is_wheel: bool = False) -> Address:
    """Return what the mark of an address says (PEP 503 has its digests): other algorithms are as good as none."""
    place, _, fragment = text.partition("#")
    fields = dict(parse_qsl(fragment))
    digest = NO_DIGEST
    if "sha256" in fields:
        try:
            digest = untrusted.digest(f"sha256:{fields['sha256']}")
        except ValueError:
            return Address(wrong="an address whose sha256 is none")
    inner, wrong = _subdirectory(fields.get("subdirectory", ""))
    stated = untrusted.without_secrets(place)
    return Address(
        place=place,
        stated=stated,
        subdirectory=inner,
        digest=digest,
        is_web=is_web,
        is_wheel=is_wheel,
        wrong=wrong,
    )


def _subdirectory(text: str) -> tuple[str, str]:
    """Return the folder of a project in its source, and what is wrong with it."""
    try:
        return read_subdirectory(text), ""
    except ValueError:
        return "", "a source whose `subdirectory` is not a folder below it"
