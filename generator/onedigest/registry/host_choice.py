"""The hosts that are asked for a registry, where a machine names some, and the key of each in credentials."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from onedigest.net.connection import Pools
from onedigest.oci.reference import HUB, HUB_HOST
from onedigest.registry.hosts_toml import DEFAULT, Host, hosts_in, with_certificates


@dataclass(frozen=True, kw_only=True, slots=True)
class RegistryHosts:
    """Where a machine says how registries are reached, the first place that knows a registry counts.

    `folders` have a folder for each registry, as containerd reads them; `certificates` too, as docker and podman do.
    """

    folders: tuple[Path, ...] = ()
    certificates: tuple[Path, ...] = ()


def hosts_of(registry: str, places: RegistryHosts) -> tuple[Host, ...]:
    """Return the hosts that are asked for a registry, in their order. Raises `InputError`."""
    return tuple(_completed(host, registry, places) for host in _stated(registry, places) or (Host(),))


def mirror_of(netloc: str, places: RegistryHosts) -> Host:
    """Return a host that the user names as a mirror, with the certificates that are kept for it."""
    return _completed(Host(netloc=netloc), netloc, places)


def host_of(registry: str) -> str:
    """Return the host that a registry is asked at."""
    return HUB_HOST if registry == HUB else registry


def registry_of(netloc: str) -> str:
    """Return what credentials, and a user, call a host."""
    return HUB if netloc == HUB_HOST else netloc


def pools_for(host: Host, pools: Pools) -> Pools:
    """Return the connections to a host and to what it leads to, which have certificates and a proxy of their own.

    Only the host itself may go unverified.
    """
    if not host.is_special:
        return pools
    return pools.varied(
        authorities=host.authorities,
        own=host.own,
        unverified=() if host.verified else (f"https://{host.netloc}",),
        proxy=host.proxy,
        seconds=host.seconds,
    )


def _stated(registry: str, places: RegistryHosts) -> tuple[Host, ...]:
    for folder in places.folders:
        for name in (*_names(registry), DEFAULT):
            if _is_folder(folder / name):
                return hosts_in(folder / name)
    return ()


def _completed(host: Host, registry: str, places: RegistryHosts) -> Host:
    """Return a host with its name, and with the certificates of docker and podman where it has none of its own."""
    netloc = host.netloc or host_of(registry)
    host = replace(host, netloc=netloc)
    if host.authorities or host.own:
        return host
    for folder in (*places.certificates, *places.folders):
        for name in dict.fromkeys((*_names(netloc), *_names(registry_of(netloc)))):
            found = with_certificates(host, folder / name)
            if found != host:
                return found
    return host


def _names(registry: str) -> Iterator[str]:
    """Yield what the folder of a registry is called (containerd, docs/hosts.md, "Port Handling")."""
    host, colon, port = registry.rpartition(":")
    if colon and port.isdecimal():
        yield f"{host}_{port}_"
    yield registry


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # it is for a daemon alone
        return False
