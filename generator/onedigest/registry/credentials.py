"""The places where docker and podman keep credentials, and the credentials that count for a registry."""

from __future__ import annotations

import base64
import binascii
import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from onedigest import untrusted
from onedigest.errors import InputError, NetworkError
from onedigest.oci.reference import HUB, HUB_NAMES

_HUB_KEY = "https://index.docker.io/v1/"
_TOKEN_USER = "<token>"  # noqa: S105  what helpers call the user of an identity token
_HELPER_SECONDS = 60
_NOT_FOUND = "credentials not found"

_ELASTIC = re.compile(r"\d{12}\.dkr\.ecr(?:-fips)?\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?", re.ASCII)
_AZURE = re.compile(r"([a-z0-9-]+)\.azurecr\.(?:io|cn|us)", re.ASCII)
_GOOGLE = re.compile(r"(?:[a-z0-9-]+\.)?(?:gcr\.io|docker\.pkg\.dev)|[a-z0-9-]+-docker\.pkg\.dev", re.ASCII)


@dataclass(frozen=True, kw_only=True, slots=True)
class RegistryCredential:
    """What a registry is shown. `found_in` says where it comes from, and is the only part that may be printed.

    `identity` is exchanged for a token, `bearer` is one.
    """

    found_in: str
    user: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)
    identity: str = field(default="", repr=False)
    bearer: str = field(default="", repr=False)

    @property
    def basic(self) -> str:
        """The value of an `Authorization` header (RFC 7617)."""
        return "Basic " + base64.b64encode(f"{self.user}:{self.secret}".encode()).decode()

    def hidden_in(self, text: str) -> str:
        """Return a text of the other side, which may repeat what it was shown, without that."""
        for secret in (self.secret, self.identity, self.bearer, self.basic.partition(" ")[2]):
            if secret:
                text = text.replace(secret, "****")
        return text


class RegistryCredentials:
    """The credential files of a user, in the order in which they count. Helpers are looked for on `search_path`."""

    def __init__(self, files: tuple[Path, ...], environment: Mapping[str, str]) -> None:
        self._files = files
        self._environment = dict(environment)

    def find(self, registry: str, repository: str = "") -> RegistryCredential | None:
        """Return what a registry is to be shown, if anything. Raises `InputError` for a file that cannot be read.

        Raises `NetworkError` for a credential helper that is missing or fails.
        """
        for path in self._files:
            if (config := _read(path)) and (found := self._look(path, config, registry, repository)):
                return found
        return None

    def _look(self, path: Path, config: Mapping[str, Any], registry: str, repository: str) -> RegistryCredential | None:
        helpers = {_host(name): name for name in _table(config, "credHelpers")}
        named = next((helpers[each] for each in _keys(registry, "") if each in helpers), "")
        helper = _string(_table(config, "credHelpers"), named) or _string(config, "credsStore")
        if helper and (found := self._ask(helper, registry, path)):
            return found
        entries = _table(config, "auths")
        for key in _keys(registry, repository):
            for name, entry in entries.items():
                if _host(name) == key and isinstance(entry, dict) and (found := _entry(entry, path)):
                    return found
        return None

    def _ask(self, helper: str, registry: str, path: Path) -> RegistryCredential | None:
        """Run a credential helper (docker-credential-helpers, `get`)."""
        program = f"docker-credential-{helper}"
        command = shutil.which(program, path=self._environment.get("PATH"))
        if command is None:
            raise NetworkError.of(
                f"the credential helper `{program}` is not on PATH", where=str(path), hint=login_command(registry)
            )
        asked = _HUB_KEY if registry == HUB else registry
        try:
            done = subprocess.run(
                [command, "get"],
                input=asked,
                capture_output=True,
                text=True,
                check=False,
                env=self._environment,
                timeout=_HELPER_SECONDS,
            )
        except (OSError, UnicodeDecodeError, subprocess.TimeoutExpired) as error:
            raise NetworkError.of(
                f"the credential helper `{program}` failed for {registry} ({type(error).__name__})", where=str(path)
            ) from None
        if done.returncode:
            if _NOT_FOUND in done.stdout + done.stderr:
                return None
            # what it says may hold what it keeps
            raise NetworkError.of(
                f"the credential helper `{program}` failed for {registry} with code {done.returncode}",
                where=str(path),
                hint=f"echo {asked} | {program} get",
            )
        try:
            found = json.loads(done.stdout)
            user, secret = untrusted.text(found["Username"]), untrusted.text(found["Secret"])
        except (ValueError, KeyError, TypeError, RecursionError):
            raise NetworkError.of(
                f"the credential helper `{program}` did not answer with a credential", where=str(path)
            ) from None
        if user == _TOKEN_USER:
            return RegistryCredential(found_in=program, identity=secret)
        return RegistryCredential(found_in=program, user=user, secret=secret) if secret else None


def login_command(registry: str) -> str:
    """Return the command that leaves a credential for a registry; those of clouds have their own."""
    if match := _ELASTIC.fullmatch(registry):
        password = f"aws ecr get-login-password --region {match[1]}"
        return f"{password} | docker login --username AWS --password-stdin {registry}"
    if match := _AZURE.fullmatch(registry):
        return f"az acr login --name {match[1]}"
    if _GOOGLE.fullmatch(registry):
        return f"gcloud auth configure-docker {registry}"
    return f"docker login {registry}"


def _read(path: Path) -> Mapping[str, Any] | None:
    try:
        text = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise InputError.of(f"cannot be read: {error.strerror}", where=str(path)) from None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise InputError.of("not a file of credentials: no JSON object", where=str(path))
    return found


def _entry(entry: Mapping[str, Any], path: Path) -> RegistryCredential | None:
    source = str(path)
    if identity := _string(entry, "identitytoken"):
        return RegistryCredential(found_in=source, identity=identity)
    if bearer := _string(entry, "registrytoken"):
        return RegistryCredential(found_in=source, bearer=bearer)
    user, secret = _string(entry, "username"), _string(entry, "password")
    if text := _string(entry, "auth"):
        try:
            user, _, secret = base64.b64decode(text, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise InputError.of("an `auth` of it is not base64", where=source, hint="docker login") from None
    return RegistryCredential(found_in=source, user=user, secret=secret.rstrip("\0")) if user else None


def _keys(registry: str, repository: str) -> list[str]:
    """Return the keys that an entry may stand under, the most special first (containers-auth.json)."""
    parts = repository.split("/") if repository else []
    paths = ["/".join((host, *parts[:count])) for host in _spelled(registry) for count in range(len(parts), -1, -1)]
    return [*paths, *HUB_NAMES] if registry == HUB else paths


def _spelled(registry: str) -> tuple[str, ...]:
    """Return how a host may be written: the port of HTTPS goes without saying."""
    name = registry.lower()
    plain = name.removesuffix(":443")
    return (name, plain) if plain != name else (name, f"{name}:443")


def _host(key: str) -> str:
    """Return the key of an entry without what older versions of docker wrote around it."""
    _, scheme, rest = key.partition("://")
    host, slash, path = (rest if scheme else key).rstrip("/").partition("/")
    if scheme and path.strip("/") in ("v1", "v2"):
        slash = path = ""
    return f"{host.lower()}{slash}{path}"


def _table(table: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = table.get(key)
    return found if isinstance(found, dict) else {}


def _string(table: Mapping[str, Any], key: str) -> str:
    found = table.get(key)
    return found if isinstance(found, str) else ""
