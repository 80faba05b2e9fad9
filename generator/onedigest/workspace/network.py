"""The way in which this machine reaches the network, by the user's own settings."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from onedigest.checkout import find_repository
from onedigest.definition.project import holds_locks
from onedigest.net.indexes import PackageIndex
from onedigest.net.uv_settings import OF_PROJECT, load_settings
from onedigest.workspace.index_credentials import named_indexes, uv_environment, uv_files
from onedigest.workspace.own_store import home_of

if TYPE_CHECKING:
    from onedigest.net.connection import Connection

_TRUE = ("1", "true", "yes", "y", "on", "t")
_UV_KEYS = ("http-proxy", "https-proxy", "no-proxy", "allow-insecure-host", "system-certs", "native-tls")
_REACHING = re.compile(r"(?i:(?:https?|all|no)_proxy)|SSL_CERT_FILE|SSL_CERT_DIR|SSL_CLIENT_CERT")


def named_indexes_here(variables: Mapping[str, str]) -> tuple[PackageIndex, ...]:
    """Return the indexes that the user's own settings name."""
    return named_indexes(variables, _files(variables))


def own_variables(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variables, with a mark where UV_CONFIG_FILE names a file of the checkout that we are in."""
    is_strange = bool(variables.get("UV_CONFIG_FILE")) and not _files(variables)
    return {**variables, **({OF_PROJECT: "1"} if is_strange else {})}


def _files(variables: Mapping[str, str]) -> tuple[Path, ...]:
    return uv_files(variables, home_of(variables), _checkout(Path.cwd()))


def _checkout(start: Path) -> Path:
    """Return the folder of a repository, else the nearest that holds locks, or the folder itself.

    A folder of locks makes no repository smaller: else one could say that the rest of it is the user's own.
    """
    return find_repository(start) or next(filter(holds_locks, (start, *start.parents)), start)


def read_connection(
    variables: Mapping[str, str], named: Iterable[PackageIndex], *, offline: bool, said: Callable[[str], object]
) -> Connection:
    """Return how this machine reaches the network, by the user's own settings; `said` takes words about waits.

    `named` are the indexes that those settings name.
    """
    from onedigest.net.connection import Connection
    from onedigest.net.encryption import read_trust
    from onedigest.net.index_credentials import IndexCredentials
    from onedigest.net.proxies import read_proxies

    settings = _uv_settings(variables)
    listed = settings.get("allow-insecure-host")
    stated = [each for each in listed if isinstance(each, str)] if isinstance(listed, list) else []
    return Connection(
        offline=offline,
        proxies=read_proxies(variables, settings) or _proxies_of_macos(),
        trust=read_trust(variables),
        unverified=(*variables.get("UV_INSECURE_HOST", "").split(), *stated),
        netrc=Path(variables.get("NETRC") or home_of(variables) / ".netrc"),
        credentials=IndexCredentials(uv_environment(own_variables(variables), named)),
        said=said,
    )


def variables_for_programs(variables: Mapping[str, str], connection: Connection) -> dict[str, str]:
    """Return this machine's variables, with those by which uv and git reach what the connection does, the same way.

    Raises `NetworkError` for a proxy that is none.
    """
    from onedigest.net import encryption, proxies

    own = own_variables(variables)
    if connection.offline:
        return own
    trusted = {} if connection.trust.beside and _trusts_system(variables) else encryption.for_programs(connection.trust)
    kept = {name: value for name, value in own.items() if not _REACHING.fullmatch(name)}
    return {**trusted, **kept, **proxies.for_programs(dict(connection.proxies))}


def _trusts_system(variables: Mapping[str, str]) -> bool:
    """Tell whether uv is to have the certificates of the system, and takes no others for such a variable."""
    stated = (_uv_settings(variables).get(name) is True for name in ("system-certs", "native-tls"))
    return any(variables.get(name, "").lower() in _TRUE for name in ("UV_SYSTEM_CERTS", "UV_NATIVE_TLS")) or any(stated)


def _uv_settings(variables: Mapping[str, str]) -> Mapping[str, Any]:
    """Return what the user's own files of uv say about the network.

    As for uv, the file of the user counts before the first one of the machine, and lists are joined.
    """
    files = _files(variables)
    machine = next((path for path in files[1:] if path.is_file()), None)
    found: dict[str, Any] = {}
    for path in (*files[:1], *([machine] if machine else [])):
        with suppress(OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
            table = load_settings(path)
            for name in _UV_KEYS:
                before, value = found.get(name), table.get(name)
                if isinstance(before, list) and isinstance(value, list):
                    found[name] = [*before, *value]
                elif before is None and value is not None:
                    found[name] = value
    return found


def _proxies_of_macos() -> tuple[tuple[str, str], ...]:
    """Return the proxies of the system's own settings, which count on macOS where nothing else is said."""
    if sys.platform == "darwin":
        from urllib.request import getproxies

        return tuple(sorted((name, value) for name, value in getproxies().items() if name in ("http", "https")))
    return ()
