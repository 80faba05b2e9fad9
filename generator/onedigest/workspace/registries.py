"""The way in which commands reach registries: credential files, mirrors, containerd's hosts, and certificates."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from onedigest.errors import UsageError
from onedigest.oci.reference import HUB, HUB_NAMES, MIRRORS
from onedigest.workspace.own_store import home_of

if TYPE_CHECKING:
    from onedigest.net.connection import Pools
    from onedigest.registry.host_choice import RegistryHosts
    from onedigest.registry.transport import Access

HOSTS = "ONEDIGEST_REGISTRY_HOSTS"
"""The variable that names folders as containerd's `certs.d`, in the place of those of this machine."""


def make_access(variables: Mapping[str, str], pools: Pools, insecure: tuple[str, ...]) -> Access:
    """Return what registries are reached with, by the user's own settings."""
    from onedigest.registry.credentials import RegistryCredentials
    from onedigest.registry.transport import Access

    return Access(
        pools=pools,
        credentials=RegistryCredentials(_credential_files(variables), dict(variables)),
        insecure=insecure,
        mirrors=_mirrors(variables.get(MIRRORS, "")),
        places=_places(variables),
    )


def _places(variables: Mapping[str, str]) -> RegistryHosts:
    """Return where containerd's hosts and certificates of registries are: the user's folders count first.

    Those of certificates are docker's and podman's.
    """
    from onedigest.registry.host_choice import RegistryHosts

    if (named := variables.get(HOSTS)) is not None:
        return RegistryHosts(folders=tuple(Path(each).absolute() for each in named.split(os.pathsep) if each))
    config = _config(variables)
    return RegistryHosts(
        folders=(config / "containerd" / "certs.d", Path("/etc/containerd/certs.d")),
        certificates=(
            config / "containers" / "certs.d",
            config / "docker" / "certs.d",
            home_of(variables) / ".docker" / "certs.d",
            Path("/etc/containers/certs.d"),
            Path("/etc/docker/certs.d"),
        ),
    )


def _credential_files(variables: Mapping[str, str]) -> tuple[Path, ...]:
    """Return where docker and podman keep credentials; docker's count first."""
    docker = Path(variables.get("DOCKER_CONFIG") or home_of(variables) / ".docker")
    found = [docker / "config.json"]
    if named := variables.get("REGISTRY_AUTH_FILE"):
        found.append(Path(named))
    if runtime := variables.get("XDG_RUNTIME_DIR"):
        found.append(Path(runtime) / "containers" / "auth.json")
    return (*found, _config(variables) / "containers" / "auth.json")


def _config(variables: Mapping[str, str]) -> Path:
    return Path(variables.get("XDG_CONFIG_HOME") or home_of(variables) / ".config")


def _mirrors(text: str) -> tuple[tuple[str, str], ...]:
    found = []
    for pair in text.split():
        registry, equals, mirror = pair.partition("=")
        if not (registry and equals and mirror) or "://" in mirror:
            raise UsageError.of(
                f"`{pair}` in {MIRRORS} is no mirror", hint=f"{MIRRORS}='docker.io=mirror.example.com/hub …'"
            )
        name = registry.lower()
        found.append((HUB if name in HUB_NAMES else name, mirror.rstrip("/")))
    return tuple(found)
