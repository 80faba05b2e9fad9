"""Knows how commands reach registries: the user's credential files, mirrors, and hosts without TLS."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from onedigest.errors import UsageError
from onedigest.oci.reference import MIRRORS

if TYPE_CHECKING:
    from onedigest.inputs.pools import Pools
    from onedigest.oci.transport import Access


def make_access(pools: Pools, insecure: tuple[str, ...]) -> Access:
    """Return what registries are reached with, by the user's own settings."""
    from onedigest.oci.credentials import Credentials
    from onedigest.oci.transport import Access

    return Access(
        pools=pools,
        credentials=Credentials(_credential_files(), dict(os.environ)),
        insecure=insecure,
        mirrors=_mirrors(os.environ.get(MIRRORS, "")),
    )


def _credential_files() -> tuple[Path, ...]:
    """Return where docker and podman keep credentials; docker's count first."""
    home = Path.home()
    docker = Path(os.environ.get("DOCKER_CONFIG") or home / ".docker")
    found = [docker / "config.json"]
    if named := os.environ.get("REGISTRY_AUTH_FILE"):
        found.append(Path(named))
    if runtime := os.environ.get("XDG_RUNTIME_DIR"):
        found.append(Path(runtime) / "containers" / "auth.json")
    config = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
    return (*found, config / "containers" / "auth.json")


def _mirrors(text: str) -> tuple[tuple[str, str], ...]:
    found = []
    for pair in text.split():
        registry, equals, mirror = pair.partition("=")
        if not (registry and equals and mirror) or "://" in mirror:
            raise UsageError.of(
                f"`{pair}` in {MIRRORS} is no mirror", hint=f"{MIRRORS}='docker.io=mirror.example.com/hub …'"
            )
        found.append((registry, mirror.rstrip("/")))
    return tuple(found)
