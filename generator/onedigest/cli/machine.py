"""Knows how this machine reaches the network, by the user's own settings."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from onedigest.cli.index_credentials import named_indexes, uv_environment, uv_files
from onedigest.inputs.indexes import Index
from onedigest.inputs.uv_settings import OF_PROJECT
from onedigest.project import holds_locks

if TYPE_CHECKING:
    from onedigest.inputs.pools import Connection


def named_indexes_here() -> tuple[Index, ...]:
    """Return the indexes that the user's own settings name."""
    return named_indexes(os.environ, uv_files(os.environ, Path.home(), _checkout(Path.cwd())))


def own_variables() -> dict[str, str]:
    """Return the variables, with a mark where UV_CONFIG_FILE names a file of the checkout that we are in."""
    files = uv_files(os.environ, Path.home(), _checkout(Path.cwd()))
    is_strange = bool(os.environ.get("UV_CONFIG_FILE")) and not files
    return {**os.environ, **({OF_PROJECT: "1"} if is_strange else {})}


def _checkout(start: Path) -> Path:
    """Return the folder of a repository, else the nearest that holds locks, or the folder itself.

    A folder of locks makes no repository smaller: else one could say that the rest of it is the user's own.
    """
    folders = (start, *start.parents)
    top = next((folder for folder in folders if (folder / ".git").exists()), None)
    return top or next(filter(holds_locks, folders), start)


def read_connection(offline: bool, said: Callable[[str], object]) -> Connection:
    """Return how this machine reaches the network, by the user's own settings; `said` takes words about waits."""
    from onedigest.inputs.credentials import Credentials
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
        credentials=Credentials(uv_environment(own_variables(), named_indexes_here())),
        said=said,
    )
