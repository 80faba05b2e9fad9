"""One repository at one host: the paths of its manifests and blobs, and what a token for it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import urllib3

from onedigest.digest import is_digest
from onedigest.errors import NetworkError
from onedigest.oci.media import MANIFEST_TYPES
from onedigest.oci.reference import Reference
from onedigest.registry.authorization import RegistryAnswer
from onedigest.registry.host_choice import host_of, hosts_of, mirror_of
from onedigest.registry.hosts_toml import PULL, PUSH, Host
from onedigest.registry.transport import ATTEMPTS, MOST_MANIFEST, Access, Transport

FEW = 2
"""How often a host is asked that another one stands behind."""

_ACCEPT = {"accept": ", ".join(MANIFEST_TYPES)}


class Endpoint:
    """A repository of a registry at one of the hosts that are asked for it; several threads may use it."""

    def __init__(
        self, reference: Reference, access: Access, host: Host, mode: str, *, path: str = "", attempts: int = ATTEMPTS
    ) -> None:
        """Take a host, and the path there where it is another than that of the reference."""
        stands_for = not path and host.netloc != host_of(reference.registry)
        path = path or reference.repository
        self.name = reference.name
        self.scopes = (f"repository:{path}:{mode}",)
        self.capabilities = host.capabilities
        self.transport = Transport(reference.registry, access, path, host, writes=PUSH in mode)
        self._attempts = attempts
        self._root = f"{host.path}/{path}"
        self._stated = {"ns": reference.registry} if stands_for else {}

    @property
    def registry(self) -> str:
        """What a user calls the host."""
        return self.transport.registry

    def ask(self, method: str, path: str, **options: Any) -> RegistryAnswer:
        """Send a request for something of the repository; return the whole answer. Raises `NetworkError`."""
        return self.transport.ask(method, path, scopes=self.scopes, **{"attempts": self._attempts, **options})

    def send(self, method: str, path: str, headers: Mapping[str, str]) -> urllib3.BaseHTTPResponse:
        """Send a request; return the response, whose body is not read yet. Raises `NetworkError`."""
        return self.transport.send(method, path, scopes=self.scopes, headers=headers, attempts=self._attempts)

    def look(self, method: str, name: str) -> RegistryAnswer:
        """Ask for a manifest or an index, or with HEAD whether there is one."""
        return self.ask(method, self.manifest(name), headers=_ACCEPT, most=MOST_MANIFEST)

    def manifest(self, name: str) -> str:
        """Return the path of a manifest, by its tag or digest."""
        return self._path(f"/manifests/{name}")

    def blob(self, digest: str) -> str:
        """Return the path of a blob."""
        if not is_digest(digest):  # it becomes a path
            raise NetworkError.of(f"{digest!r} is not a digest", where=self.name)
        return self._path(f"/blobs/{digest}")

    def referrers(self, digest: str) -> str:
        """Return the path of what refers to a manifest."""
        return self._path(f"/referrers/{digest}")

    def uploads(self, **query: str) -> str:
        """Return the path where uploads begin."""
        return self._path("/blobs/uploads/", query)

    def _path(self, rest: str, query: Mapping[str, str] | None = None) -> str:
        """Return a path; a host that stands for another is told for which (containerd, docs/hosts.md)."""
        pairs = {**(query or {}), **self._stated}
        text = "&".join(f"{key}={quote(value, safe='/:')}" for key, value in pairs.items())
        return f"{self._root}{rest}{'?' if text else ''}{text}"


def endpoints_of(reference: Reference, access: Access, mode: str) -> tuple[Endpoint, ...]:
    """Return where a repository is read, in that order, or the one place where it is written.

    A mirror that the user names by a variable counts before what the machine states. Raises `InputError`.
    """
    mirror = dict(access.mirrors).get(reference.registry, "") if mode == PULL else ""
    if mirror:
        netloc, _, prefix = mirror.partition("/")
        host = mirror_of(netloc, access.places)
        return (Endpoint(reference, access, host, mode, path=f"{prefix}/{reference.repository}".lstrip("/")),)
    wanted = PULL if mode == PULL else PUSH
    hosts = [host for host in hosts_of(reference.registry, access.places) if wanted in host.capabilities]
    if not hosts:
        raise NetworkError.of(
            f"no host is stated for {reference.registry} that has the capability {wanted}",
            hint="add one to its hosts.toml",
        )
    if wanted == PUSH:
        return (Endpoint(reference, access, hosts[0], mode),)
    return (
        *(Endpoint(reference, access, host, mode, attempts=FEW) for host in hosts[:-1]),
        Endpoint(reference, access, hosts[-1], mode),
    )
