"""The blocks and contents of an unpacked tar, in order and in bounded pieces."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from onedigest.assembler.refusal import Refused

BLOCK = 512


class TarSource:
    """An unpacked archive, read from front to back; `code` is that of refusals."""

    def __init__(self, pieces: Iterable[bytes], origin: str, most: int, code: str) -> None:
        self._pieces = iter(pieces)
        self._origin = origin
        self._left = most
        self._code = code
        self._held = b""
        self._at = 0
        self._waiting = 0  # content and padding that nobody has read yet

    def take(self, count: int) -> bytes:
        """Return exactly `count` bytes."""
        found = b"".join(self._some(count))
        if len(found) < count:
            raise Refused(self._code, f"{self._origin}: its archive is cut off")
        return found

    def content(self, size: int) -> Iterator[bytes]:
        """Return the content of a member, in pieces."""
        self._waiting = size + -size % BLOCK
        return self._content(size)

    def _content(self, left: int) -> Iterator[bytes]:
        size = left
        for piece in self._some(size):
            left -= len(piece)
            self._waiting -= len(piece)
            yield piece
        if left:
            raise Refused(self._code, f"{self._origin}: its archive is cut off")

    def end_content(self) -> None:
        """Pass over what is left of a member."""
        for piece in self._some(self._waiting):
            self._waiting -= len(piece)
        if self._waiting:
            raise Refused(self._code, f"{self._origin}: its archive is cut off")

    def finish(self) -> None:
        """Refuse an archive that goes on after its end, which some readers see."""
        if self.take(BLOCK).strip(b"\0"):
            raise Refused(self._code, f"{self._origin}: its archive goes on after its end")
        while rest := b"".join(self._some(1 << 20)):
            if rest.strip(b"\0"):
                raise Refused(self._code, f"{self._origin}: its archive goes on after its end")

    def _some(self, count: int) -> Iterator[bytes]:
        """Yield up to `count` bytes in pieces."""
        while count:
            if self._at == len(self._held):
                self._held, self._at = next(self._pieces, b""), 0
                if not self._held:
                    return
                self._left -= len(self._held)
                if self._left < 0:
                    raise Refused("limit", f"{self._origin}: unpacks to more than is taken")
            piece = self._held[self._at : self._at + count]
            self._at += len(piece)
            count -= len(piece)
            yield piece
