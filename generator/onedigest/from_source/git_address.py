"""The addresses of git repositories: the forms of requirements, what may be asked for, and what is a secret."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from onedigest.errors import InputError, Problem
from onedigest.untrusted import inner_path, quoted

SCHEMES = ("https", "ssh", "http", "file")

_COPY_FORM = re.compile(r"(?:([^@/:\s]+)@)?([A-Za-z0-9.-]+\.[A-Za-z0-9-]+|localhost):(?!//)(\S+)")
"""As scp has it: `git@host:owner/name.git`."""

_REFERENCE = re.compile(r"(?!-)(?!.*(?:\.\.|@\{|//))[^\x00-\x20\x7f~^:?*\[\\]{1,255}")
"""What git allows in the name of a branch or tag (git-check-ref-format)."""

_TOKEN = re.compile(r"(?:gh[a-z]_|github_pat_|gl[a-z]{2,4}-|x-token-auth$)|.{30,}")
"""A user whose name is a token: servers take it without a password."""

OBJECT_NAME = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
"""How git names commits and trees: by SHA-1, or by SHA-256."""


class GitUrl(NamedTuple):
    """What a requirement says of a repository: its address, a reference, the folder of the project, and a name."""

    place: str
    reference: str
    subdirectory: str
    name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class GitRemote:
    """A repository that git can ask: `address` has no password, and `shown`, for messages and locks, no user.

    `asked` is the address as it was given, which those of submodules are relative to.
    """

    asked: str = field(repr=False)
    address: str
    scheme: str
    shown: str
    settings: Mapping[str, str] = field(repr=False)
    """Settings of git that have what the address had of user and password, for its server alone."""
    secrets: tuple[str, ...] = field(repr=False)


def read_git_url(text: str) -> GitUrl:
    """Return what an address as requirements have it says: `git+https://host/name@reference#subdirectory=folder`.

    Raises ValueError with words that follow the name of what has it.
    """
    address, _, fragment = text.partition("#")
    scheme, _, rest = address.removeprefix("git+").partition("://")
    netloc, slash, path = rest.partition("/")
    path, at, reference = path.rpartition("@") if "@" in path else (path, "", "")
    if at and not reference:
        raise ValueError("names no reference behind its last `@`")
    found = dict(parse_qsl(fragment))
    subdirectory = found.get("subdirectory", "").strip("/")
    if subdirectory:
        try:
            inner_path(subdirectory)
        except ValueError:
            raise ValueError(f"has the folder {subdirectory!r}, which is no plain path in the repository") from None
    return GitUrl(f"{scheme}://{netloc}{slash}{path}", unquote(reference), subdirectory, found.get("egg", ""))


def shown(place: str) -> str:
    """Return the address of a repository without user and password, as messages and locks have it."""
    return _plain(place)[0]


def read_remote(place: str, where: str, name: str) -> GitRemote:
    """Return a repository by its address. Raises `InputError` for one that git is not let near."""
    if match := _COPY_FORM.fullmatch(place):
        place = f"ssh://{match[1] or 'git'}@{match[2]}/{match[3].lstrip('/')}"
    elif place.startswith("/"):
        place = f"file://{place}"
    try:
        bare, user, password = _plain(place)
        parts = urlsplit(bare)
        _ = parts.port
    except ValueError:
        raise InputError.of(f"the address of `{name}` cannot be read: {quoted(place)}", where=where) from None
    host = parts.hostname or ""
    if parts.scheme not in SCHEMES:
        kinds = "https, ssh, http or file"
        raise InputError.of(
            f"the address of `{name}` is {quoted(place)}, and git is asked by {kinds} alone", where=where
        )
    is_strange = host.startswith("-") or user.startswith("-") or re.search(r"[\x00-\x20\x7f]", place)
    bare = bare.replace("file://localhost/", "file:///", 1)
    if is_strange or (host in ("", "localhost") if parts.scheme == "file" else bool(host)) is False:
        raise InputError.of(f"the address of `{name}` cannot be read: {quoted(place)}", where=where)
    secrets = tuple(each for each in (password, user if _TOKEN.match(user) else "") if each)
    if parts.scheme == "http" and secrets and not _is_loopback(host):
        message = f"the address of `{name}` would show a password in clear text: {bare}"
        raise InputError.of(message, where=where, hint="write https")
    address, settings = bare, {}
    if parts.scheme == "ssh" and user:
        address = bare.replace("://", f"://{user}@", 1)
    elif parts.scheme in ("http", "https") and user:
        origin = f"{parts.scheme}://{parts.netloc}/"
        if secrets:
            value = base64.b64encode(f"{user}:{password}".encode()).decode()
            settings[f"http.{origin}.extraHeader"] = f"Authorization: Basic {value}"
            secrets = (*secrets, value)
        else:
            settings[f"credential.{origin}.username"] = user
    return GitRemote(asked=place, address=address, scheme=parts.scheme, shown=bare, settings=settings, secrets=secrets)


def short_name(reference: str) -> str:
    """Return the name of a branch or tag as people write it."""
    return re.sub(r"^refs/(?:heads|tags)/", "", reference)


def check_reference(reference: str, name: str, where: str) -> None:
    """Raise `InputError` for what is the name of no branch, tag or commit."""
    if reference and not _REFERENCE.fullmatch(reference):
        raise InputError([Problem(f"`{name}` names {quoted(reference)}, which is no name of git's", where)])


def _is_loopback(host: str) -> bool:
    from onedigest.net.redirects import is_loopback

    return is_loopback(host)


def _plain(place: str) -> tuple[str, str, str]:
    """Return an address without user and password, and these."""
    scheme, mark, rest = place.partition("#")[0].partition("://")
    netloc, slash, path = rest.partition("/")
    held, _, host = netloc.rpartition("@")
    user, _, password = held.partition(":")
    return f"{scheme.lower()}{mark}{host}{slash}{path}", unquote(user), unquote(password)
