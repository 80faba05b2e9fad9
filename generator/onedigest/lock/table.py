"""A table that anybody may have written, read key by key, each checked, none left over."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from onedigest import untrusted

T = TypeVar("T")

_SHOWN = 40
_MOST_MESSAGES = 50


class InvalidValue(Exception):
    """What is wrong with values of a document; each message begins with the place of its value."""

    def __init__(self, messages: Iterable[str]) -> None:
        self.messages = tuple(messages)
        super().__init__(*self.messages)


class Table:
    """A table of a document. `path` is where it is there, such as `packages[2]`, and empty at the top."""

    def __init__(self, fields: Mapping[str, Any], path: str = "") -> None:
        self._left = dict(fields)
        self._path = path

    def __contains__(self, key: str) -> bool:
        return key in self._left

    def take(self, key: str, check: Callable[[Any], T]) -> T:
        """Return the checked value of a key. `check` raises ValueError with what is wrong about it."""
        try:
            return check(self._left.pop(key, None))
        except ValueError as error:
            raise self.wrong(key, str(error)) from None

    def take_or(self, default: T, key: str, check: Callable[[Any], T]) -> T:
        """Return the checked value of a key, or a default where there is none."""
        return self.take(key, check) if key in self else default

    def constant(self, key: str, expected: object) -> None:
        """Refuse another value than the one that a key has."""
        found = self._left.pop(key, None)
        if found != expected or type(found) is not type(expected):
            raise self.wrong(key, "is missing" if found is None else f"is not {expected!r}")

    def inner(self, key: str) -> Table:
        """Return the table that a key holds."""
        return Table(self.take(key, untrusted.table), self._place(key))

    def each(self, key: str, read: Callable[[Table], T]) -> tuple[T, ...]:
        """Read an array of tables; what is wrong with any of them is told at once, up to a point."""
        found: list[T] = []
        messages: list[str] = []
        rows: list[Any] = self.take_or([], key, untrusted.array)
        for number, row in enumerate(rows):
            if len(messages) >= _MOST_MESSAGES:
                break
            place = f"{self._place(key)}[{number}]"
            try:
                inner = Table(untrusted.table(row), place)
                found.append(read(inner))
                inner.refuse_rest()
            except ValueError as error:
                messages.append(f"`{place}` {error}")
            except InvalidValue as wrong:
                messages += wrong.messages
        if messages:
            raise InvalidValue(messages)
        return tuple(found)

    def every(self, key: str, check: Callable[[Any], T]) -> tuple[T, ...]:
        """Return the checked values of an array."""
        found = []
        for number, value in enumerate(self.take(key, untrusted.array)):
            try:
                found.append(check(value))
            except ValueError as error:
                raise self.wrong(f"{key}[{number}]", str(error)) from None
        return tuple(found)

    def refuse_rest(self) -> None:
        """Refuse keys that nobody asked for: another reader might follow them."""
        if self._left:
            raise InvalidValue(
                f"`{self._place(_shown(key))}` is no key of this version of onedigest" for key in self._left
            )

    def wrong(self, key: str, message: str) -> InvalidValue:
        """Return the error for the value of a key."""
        return InvalidValue([f"`{self._place(key)}` {message}"])

    def _place(self, key: str) -> str:
        return f"{self._path}.{key}" if self._path and key else self._path or key


def _shown(key: str) -> str:
    return key if key.isascii() and key.isprintable() and len(key) <= _SHOWN else ascii(key[:_SHOWN])
