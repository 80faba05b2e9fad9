"""This machine as the environment describes it: the store, the network, registries, processors; made once."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Self

from onedigest.errors import InputError
from onedigest.workspace.own_store import key_path, store_path

if TYPE_CHECKING:
    from onedigest.net.connection import Connection
    from onedigest.net.indexes import PackageIndex
    from onedigest.registry.transport import Access
    from onedigest.store import Store


def _ignore(text: str) -> None:
    del text


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What one program sees of this machine. Its tools are made when they are first used, once.

    `variables` are those of the environment. `insecure` are hosts of registries that plain HTTP is allowed to, and
    `said` takes words about waits.
    """

    variables: Mapping[str, str] = field(repr=False)
    offline: bool = False
    insecure: tuple[str, ...] = ()
    said: Callable[[str], object] = field(default=_ignore, repr=False, compare=False)

    @classmethod
    def from_environment(
        cls,
        variables: Mapping[str, str] | None = None,
        *,
        offline: bool = False,
        insecure: tuple[str, ...] = (),
        said: Callable[[str], object] = _ignore,
    ) -> Self:
        """Describe this machine by some variables, or by those of the process."""
        found = dict(os.environ if variables is None else variables)
        return cls(variables=found, offline=offline, insecure=insecure, said=said)

    @cached_property
    def store(self) -> Store:
        """The user's store, without what killed runs left. Raises `InputError` where no home folder is known."""
        from onedigest.store import Store

        try:
            store = Store(store_path(self.variables), key_path(self.variables))
        except RuntimeError:
            raise InputError.of("no home folder is known to keep files in", hint="set HOME or XDG_CACHE_HOME") from None
        store.remove_abandoned()
        return store

    @cached_property
    def connection(self) -> Connection:
        """How this machine reaches the network, by the user's own settings."""
        from onedigest.workspace.network import read_connection

        return read_connection(self.variables, self.indexes, offline=self.offline, said=self.said)

    @cached_property
    def access(self) -> Access:
        """What registries are reached with."""
        from onedigest.net.connection import Pools
        from onedigest.workspace.registries import make_access

        # what a user says of hosts of uv is said of no registry
        pools = Pools(replace(self.connection, unverified=()))
        return make_access(self.variables, pools, self.insecure)

    @cached_property
    def indexes(self) -> tuple[PackageIndex, ...]:
        """The package indexes that the user's own settings name."""
        from onedigest.workspace.network import named_indexes_here

        return named_indexes_here(self.variables)

    @property
    def workers(self) -> int:
        """How many processes may work: one for each processor that this process may use."""
        if hasattr(os, "sched_getaffinity"):
            return len(os.sched_getaffinity(0))
        return os.cpu_count() or 1
