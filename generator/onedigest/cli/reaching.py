"""Knows how commands reach indexes, mirrors and registries: the user's settings, and secrets of images."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from onedigest.cli.session import Image, Session
from onedigest.errors import InputError, Problem

if TYPE_CHECKING:
    from onedigest.inputs.pools import Connection
    from onedigest.sources import Sources


def sources(session: Session, image: Image | None = None, report: Callable[[int], None] | None = None) -> Sources:
    """Return where inputs come from, by the user's own settings; those of an image with its credentials."""
    from onedigest.inputs.debian.archive import Archive
    from onedigest.inputs.debian.mirror import find_mirrors
    from onedigest.inputs.download import Client
    from onedigest.sources import Sources, silent

    client = Client(session.connection)
    mirrors = find_mirrors(os.environ.get("ONEDIGEST_DEBIAN_MIRROR", ""), Path("/etc/apt"))
    found = Sources(
        store=session.store,
        client=client,
        access=session.access,
        archive=Archive(client, session.store, mirrors),
        offline=session.offline,
        environment=dict(os.environ),
        report=report or silent,
    )
    return sources_for(found, session, image) if image else found


def sources_for(source: Sources, session: Session, image: Image) -> Sources:
    """Return where the inputs of one image come from: with the secrets and credentials that it names."""
    from onedigest.inputs.download import Client

    environment = {**source.environment, **secret_variables(image)}
    credentials = _named_credentials(image, environment)
    if not credentials:
        return replace(source, environment=environment)
    connection = replace(session.connection, credentials=(*session.connection.credentials, *credentials))
    return replace(source, environment=environment, client=Client(connection))


def secret_variables(image: Image) -> dict[str, str]:
    """Return the variables that the secrets of an image stand in while packages are read and fetched.

    Raises `InputError` for secrets that are not on this machine.
    """
    if not image.recipe:
        return {}
    found: dict[str, str] = {}
    problems = []
    for secret in image.recipe.secrets:
        value = os.environ.get(secret.source) or _content(Path(secret.file))
        if value is None:
            message = f"the secret `{secret.key}` is neither in the variable {secret.source} nor in {secret.file}"
            problems.append(
                Problem(message, image.script.where(""), f"set {secret.source}, as for Flyte's own builder")
            )
        elif secret.variable:
            found[secret.variable] = value
    for each in image.recipe.credentials if not problems else ():
        try:
            user, password = each.filled({**os.environ, **found})
        except KeyError as error:
            message = f"the address of an index on {each.host} needs the variable {error.args[0]}, which is not set"
            problems.append(Problem(message, image.script.where(""), "set it, or name its secret in `secret_mounts`"))
            continue
        found |= dict(zip(_credential_variables(each.index), (user, password), strict=True))
    if problems:
        raise InputError(problems)
    return found


def _credential_variables(index: str) -> tuple[str, str]:
    """Return the variables that uv reads user and password of an index from."""
    stem = f"UV_INDEX_{index.upper().replace('-', '_')}"
    return f"{stem}_USERNAME", f"{stem}_PASSWORD"


def _content(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8").rstrip("\n")
    except OSError:
        return None


def _named_credentials(image: Image, environment: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return (host, user:password) of the indexes that an image names and whose credentials are in variables."""
    indexes = json.loads(image.spec.uv).get("index", [])
    found = {}
    for each in indexes if isinstance(indexes, list) else ():
        user, secret = (environment.get(name, "") for name in _credential_variables(str(each.get("name", ""))))
        host = urlsplit(str(each.get("url", ""))).hostname
        if host and (user or secret):
            found[host] = f"{user}:{secret}"
    return tuple(sorted(found.items()))


def read_connection(offline: bool) -> Connection:
    """Return how this machine reaches the network, by the user's own settings."""
    from onedigest.inputs.pools import Connection

    proxies = {
        name: value
        for name in ("http", "https", "all", "no")
        if (value := os.environ.get(f"{name}_proxy") or os.environ.get(f"{name.upper()}_PROXY"))
    }
    certificates, folder = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
    return Connection(
        offline=offline,
        proxies=tuple(sorted(proxies.items())),
        certificates=Path(certificates) if certificates else None,
        certificate_folder=Path(folder) if folder else None,
        netrc=Path(os.environ.get("NETRC") or Path.home() / ".netrc"),
        credentials=_index_credentials(),
    )


def _index_credentials() -> tuple[tuple[str, str], ...]:
    """Return (host, user:password) of the indexes whose addresses or variables hold them, as uv reads them."""
    found = {}
    values = " ".join(
        os.environ.get(name, "") for name in ("UV_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX", "UV_EXTRA_INDEX_URL")
    )
    for text in values.split():
        name, equals, url = text.partition("=")
        parts = urlsplit(url if equals and "://" not in name else text)
        stated = (unquote(parts.username or ""), unquote(parts.password or ""))
        user, secret = map(os.environ.get, _credential_variables(name), stated)
        if parts.hostname and user:
            found[parts.hostname] = f"{user}:{secret}"
    return tuple(sorted(found.items()))
