"""The wheels that this machine built itself, since a lock may name any wheel in the store as a source's result."""

from __future__ import annotations

from dataclasses import asdict, replace

from onedigest.digest import canonical_json, hex_of, of_bytes
from onedigest.from_source.model import BuiltWheel
from onedigest.store import Store


def note_own_build(store: Store, built: BuiltWheel) -> None:
    """Note that this machine built a wheel of its origin, with a seal that no other machine can make."""
    store.write_note(_name(built), b"built")


def is_own_build(store: Store, built: BuiltWheel) -> bool:
    """Tell whether this machine built a wheel of its origin, and the store has it."""
    return store.has(built.wheel.digest, built.wheel.size) and store.read_note(_name(built)) is not None


def _name(built: BuiltWheel) -> str:
    # where the source is, and how it was asked for, is no part of what it is
    known = replace(built, origin=replace(built.origin, path="", reference=""))
    return f"witnessed/{hex_of(of_bytes(canonical_json(asdict(known))))}"
