"""The part of the user's environment that uv gets: addresses of indexes, and secrets that no address can name.

uv fills variables into the addresses of requirements, those in the metadata of any wheel included. So a secret that
stands in a variable could be sent anywhere. It stands in settings of this run instead, with the address that it is for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, unquote

from onedigest.net.index_credentials import IndexCredential, IndexCredentials
from onedigest.net.indexes import NAMED, PLAIN, PackageIndex, without_users
from onedigest.net.redirects import split
from onedigest.net.uv_settings import bare_settings, read_settings, settings_text

_KEPT = re.compile(
    r"PATH|HOME|USER|TMPDIR|XDG_.*|NETRC|SSL_.*|(?:https?|all|no)_proxy|(?:HTTPS?|ALL|NO)_PROXY|SYSTEMROOT|"
    r"UV_(?:CACHE_DIR|DEFAULT_INDEX|INDEX|INDEX_URL|EXTRA_INDEX_URL|FIND_LINKS|"
    r"NATIVE_TLS|SYSTEM_CERTS|INSECURE_HOST|HTTP_.*|REQUEST_TIMEOUT|CONCURRENT_.*|CREDENTIALS_DIR|"
    r"OFFLINE)"
)
"""Where an index is and how it is reached. What would change the choice of versions is not among them."""

_PROXY = re.compile(r"(?:HTTPS?|ALL|NO)_PROXY")
_PASSWORD = re.compile(r"(?P<before>://[^\s/@:]*:)(?P<secret>[^\s/@]+)@")
_SHORTEST = 4  # a shorter secret would stand in any text
_TOKEN = 20
"""Characters from which on a user may be a token."""


@dataclass(frozen=True, kw_only=True, slots=True)
class UvInput:
    """What uv gets: variables, and the texts of a user's and a machine's settings, of which the first has secrets."""

    variables: Mapping[str, str] = field(repr=False)
    settings: str = field(repr=False)
    machine: str = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)
    credentials: IndexCredentials = field(repr=False)
    files: Mapping[str, str]
    """Where the settings are that messages of uv are about, by `user` and `machine`."""


def uv_input(environment: Mapping[str, str], asked: Iterable[PackageIndex] = (), *, offline: bool = False) -> UvInput:
    """Return what uv gets of an environment. `asked` are the indexes of the project that uv is to resolve.

    `offline` is for a run that shows nothing to anybody, for which no program is asked. Raises `NetworkError` for a
    program that keeps passwords and does not end, and `InputError` for settings of uv that cannot be read.
    """
    kept = {name: text for name, text in environment.items() if _KEPT.fullmatch(name)}
    for name in [name for name in kept if _PROXY.fullmatch(name)]:
        # uv fills in names in capitals only, and every program reads the other form too
        kept.setdefault(name.lower(), kept.pop(name))
    credentials = IndexCredentials(environment, asked, offline=offline)
    (user_file, user), (machine_file, machine) = read_settings(environment)
    secrets = {each.password or each.token for each in credentials.rows}
    secrets |= {each.user for each in credentials.rows if len(each.user) >= _TOKEN}
    secrets |= {unquote(match["secret"]) for text in kept.values() for match in _PASSWORD.finditer(text)}
    return UvInput(
        variables={name: without_users(text) if name in (*NAMED, *PLAIN) else text for name, text in kept.items()},
        settings=settings_text(bare_settings(user), map(_shown, filter(lambda each: not each.token, credentials.rows))),
        machine=settings_text(bare_settings(machine)),
        secrets=tuple(sorted((each for each in secrets if len(each) >= _SHORTEST), key=len, reverse=True)),
        credentials=credentials,
        files={"user": user_file, "machine": machine_file},
    )


def _shown(credential: IndexCredential) -> PackageIndex:
    """Return an index whose address holds what is shown there."""
    parts = split(credential.url)
    assert parts  # it was found by its address
    password = f":{quote(credential.password, safe='')}" if credential.password else ""
    return PackageIndex(
        url=parts._replace(netloc=f"{quote(credential.user, safe='')}{password}@{parts.netloc}").geturl()
    )


def hide(text: str, secrets: tuple[str, ...]) -> str:
    """Return a message in which no secret stands, and no password of an address."""
    text = _PASSWORD.sub(r"\g<before>****@", text)
    for secret in secrets:
        text = text.replace(secret, "****").replace(quote(secret, safe=""), "****")
    return text
