"""The report, in few lines, of the pins that moved in a lock."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onedigest.lock.base.version_changes import VersionChange
    from onedigest.lock.model import Lock, LockedPackage

_MOST_NAMED = 12
_MOST_IDENTIFIERS = 6


def say_moves(previous: Lock | None, lock: Lock, moves: Mapping[VersionChange, tuple[str, ...]]) -> list[str]:
    """Say what a lock has that the previous had not, the other way round, and what platforms disagree on.

    `moves` are those of Debian packages, with the identifiers of the vulnerabilities that are mended.
    """
    lines = []
    if previous and not previous.version:
        from onedigest.lock.salvage import unpinned_packages

        anew = unpinned_packages(previous, lock)
        lines += [f"chosen anew: {', '.join(anew)}"] if anew else []
    elif previous:
        before, after = (str(each.origin or each.reference) for each in (previous.base, lock.base))
        if before != after:
            lines.append(f"base {before} -> {after}")
        old, new = _versions(previous), _versions(lock)
        lines += [
            f"{name} {old.get(name, '(new)')} -> {new.get(name, '(gone)')}"
            for name in sorted(old.keys() | new.keys())
            if old.get(name) != new.get(name)
        ]
        lines += [_debian(move, mended, lock) for move, mended in moves.items() if move.old and move.new]
        lines += _counted("new", [move for move in moves if not move.old])
        lines += _counted("gone", [move for move in moves if not move.new])
    return [*lines, *_differences(lock)]


def _differences(lock: Lock) -> list[str]:
    versions: dict[str, list[LockedPackage]] = {}
    for package in lock.packages:
        versions.setdefault(package.name, []).append(package)
    lines = []
    for name, several in versions.items():
        if len(several) > 1:
            each = ", ".join(f"{one.version} on {' and '.join(map(str, one.platforms))}" for one in several)
            lines.append(f"{name} differs between platforms: {each}")
    return lines


def _versions(lock: Lock) -> dict[str, str]:
    found: dict[str, str] = {}
    for package in lock.packages:
        found[package.name] = f"{found[package.name]}, {package.version}" if package.name in found else package.version
    return found


def _debian(move: VersionChange, mended: tuple[str, ...], lock: Lock) -> str:
    names = _several([each.name for each in move.packages], _MOST_NAMED)
    kind = "Debian security" if move.is_security else "Debian"
    on = "" if move.platforms == lock.platforms else f" on {' and '.join(map(str, move.platforms))}"
    why = f": {_several(mended, _MOST_IDENTIFIERS)}" if mended else ""
    return f"{names} {move.old} -> {move.new} ({kind}{on}{why})"


def _counted(what: str, moves: list[VersionChange]) -> list[str]:
    """Return one line for all packages that came or went, by name and version."""
    names = sorted({f"{each.name} {each.version}" for move in moves for each in move.packages})
    return [f"{what} from Debian: {_several(names, _MOST_NAMED)}"] if names else []


def _several(names: list[str] | tuple[str, ...], most: int) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
