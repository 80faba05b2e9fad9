"""The secrets of a machine that a Flyte image may use, and their hosts: those that ONEDIGEST_SECRETS lists.

An image is defined by a script, and so by whoever may open a pull request. It may say that an index needs `$TOKEN`;
which variables are read, and what host each is for, a user says.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from onedigest.definition.flyte.definition import Secret
from onedigest.definition.flyte.indexes import SecretCredential
from onedigest.errors import InputError, Problem
from onedigest.net.redirects import is_loopback
from onedigest.workspace.index_credentials import Bound

VARIABLE = "ONEDIGEST_SECRETS"

_MOST = 1 << 16
"""Bytes that the file of a secret may have."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Allowed:
    """Names of secrets that may be read; each with the hosts that it is for, or none where a user names no host."""

    hosts: Mapping[str, frozenset[str]]

    def covers(self, name: str, host: str, port: int | None, known: Collection[str]) -> bool:
        """Tell whether a secret may be shown to a host; one that is listed without a host, to `known` hosts alone."""
        listed = self.hosts.get(name)
        if listed is None:
            return False
        if host in listed or f"{host}:{port}" in listed:
            return True
        return "" in listed and (is_loopback(host) or host in known)


def read_allowed(text: str) -> Allowed:
    """Return what ONEDIGEST_SECRETS lists: NAME@HOST or NAME, with spaces or commas between them."""
    found: dict[str, set[str]] = {}
    for word in re.split(r"[\s,]+", text.strip()):
        name, _, host = word.partition("@")
        if name:
            found.setdefault(name, set()).add(host.lower())
    return Allowed(hosts={name: frozenset(hosts) for name, hosts in found.items()})


def bound_credentials(
    credentials: Collection[SecretCredential],
    secrets: Collection[Secret],
    environment: Mapping[str, str],
    known: Collection[str],
    where: str,
) -> tuple[Bound, ...]:
    """Return what the indexes of an image are shown, each bound to its own address.

    `known` are the hosts of indexes that the user's own configuration names. Raises `InputError` with all secrets that
    are not listed, or not on this machine.
    """
    allowed = read_allowed(environment.get(VARIABLE, ""))
    by_variable = {secret.variable: secret for secret in secrets if secret.variable}
    found: list[Bound] = []
    problems: dict[Problem, None] = {}
    for each in credentials:
        values: dict[str, str] = {}
        for name in each.variables():
            secret = by_variable.get(name)
            source = secret.source if secret else name
            if problem := _refusal(each, source, allowed, known, environment, where):
                problems[problem] = None
                continue
            value = environment.get(source) or (_content(Path(secret.file)) if secret else None)
            if value is None:
                problems[_missing(each, name, secret, where)] = None
            else:
                values[name] = value
        if not problems:
            user, password = each.filled(values)
            found.append(Bound(index=each.index, origin=each.origin, user=user, password=password))
    if problems:
        raise InputError(problems)
    return tuple(found)


def _refusal(
    credential: SecretCredential,
    source: str,
    allowed: Allowed,
    known: Collection[str],
    environment: Mapping[str, str],
    where: str,
) -> Problem | None:
    """Return why a secret is not read for an index, if it is not."""
    host = credential.host
    if not credential.origin.startswith("https:") and not is_loopback(host):
        message = f"the address of an index on {host} has no TLS, and {source} would be read on the way"
        return Problem(message, where, "write https:// in its address")
    port = int(credential.origin.rpartition(":")[2])
    if allowed.covers(source, host, port, known):
        return None
    now = environment.get(VARIABLE, "").strip()
    hint = f'if that is right, list it for the host: {VARIABLE}="{f"{now} " if now else ""}{source}@{host}"'
    if source not in allowed.hosts:
        return Problem(f"an index on {host} asks for {source}, which {VARIABLE} does not list", where, hint)
    others = sorted(allowed.hosts[source] - {""})
    listed = f"lists for {', '.join(others)}" if others else "lists without a host"
    return Problem(f"an index on {host} asks for {source}, which {VARIABLE} {listed}", where, hint)


def _missing(credential: SecretCredential, name: str, secret: Secret | None, where: str) -> Problem:
    if secret is None:
        message = f"the address of an index on {credential.host} needs the variable {name}, which is not set"
        return Problem(message, where, "set it, or name its secret in `secret_mounts`")
    message = f"the secret `{secret.key}` is neither in the variable {secret.source} nor in {secret.file}"
    return Problem(message, where, f"set {secret.source}, as for Flyte's own builder")


def _content(path: Path) -> str | None:
    try:
        with path.open(encoding="utf-8") as file:
            return file.read(_MOST).rstrip("\n")
    except (OSError, UnicodeDecodeError):
        return None
