"""The places outside that inputs come from, as one value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from onedigest.debian.archive import Archive
from onedigest.net.download import Client, Report
from onedigest.registry.transport import Access
from onedigest.store import Store


def silent(_: int) -> None:
    """Report nothing."""


@dataclass(frozen=True, kw_only=True)
class Sources:
    """Where inputs come from: the store first, then Debian's mirrors, registries, and the indexes that uv knows."""

    store: Store
    client: Client
    access: Access
    archive: Archive
    offline: bool
    environment: Mapping[str, str] = field(repr=False)
    """The caller's environment, of which uv gets what says where an index is."""
    report: Report = silent
