"""The canonical form of a stream of CPython's `marshal`: written by values alone (docs/formats/bytecode.md).

CPython flags a value that more than one reference leads to while it is written, so the bytes depend on what the process
did before. Here each value has a number, which equal values of one type share. What comes again is flagged where it is
first, and is a reference from then on. This module imports nothing: the interpreters of images run it as well.
"""

from __future__ import annotations

FLAG = 0x80
"""Set in the type of a value that references lead to."""

DEEPEST = 2000
"""How deep values may be nested: MAX_MARSHAL_STACK_DEPTH of CPython."""

_SINGLE = {ord(each): number for number, each in enumerate("NTF.")}
_REFERENCE, _BYTES, _INTEGER = ord("r"), ord("s"), ord("l")
_WIDTH = {ord("i"): 4, ord("g"): 8, ord("y"): 16}
_LATIN, _UTF8 = frozenset(b"aA"), frozenset(b"ut")

_CODE, _TABLES, _SET, _SMALL_TUPLE, _TUPLE, _SLICE, _ROOT = (
    ord("c"),
    ord("C"),
    ord(">"),
    ord(")"),
    ord("("),
    ord(":"),
    0,
)
_COUNTS = 20  # bytes: five numbers that code begins with
_BEFORE_LINE = 8  # of code: its bytes, constants, names, names and kinds of locals, file name, name, qualified name
_AFTER_LINE = 2  # the tables of lines and of exceptions

_NAN = b"\0\0\0\0\0\0\xf8\x7f"
"""The one NaN: the sign of one that the compiler computed differs between x86 and ARM."""


def canonical(stream: bytes) -> bytes:
    """Return the canonical form of a stream; raise ValueError for what is no stream of constants and code.

    Of marshal's types it takes those that bytecode of CPython 3.11 to 3.14 has. Lists and other values that can be
    changed are refused: two of them are never one, however equal.
    """
    try:
        reading = _Reading(stream)
        reading.read()
    except IndexError:
        raise ValueError("the stream is cut off, or refers to what it does not hold") from None
    except RecursionError:
        raise ValueError("the items of a set are nested too deeply") from None
    return _written(reading.order, reading.encodings)


class _Container:
    """A value that holds values, while it is read."""

    __slots__ = ("items", "kind", "left", "slot", "start")

    def __init__(self, kind: int, left: int, slot: int, start: int) -> None:
        self.kind = kind
        self.left = left  # how many values are still to come
        self.slot = slot  # where references find it, or -1
        self.start = start  # of its head, in the order
        self.items: list[int] = []


class _Reading:
    """The values of a stream by their numbers: how each is encoded, and in which order they come."""

    def __init__(self, stream: bytes) -> None:
        self.order: list[int] = []
        self.encodings = [b"N", b"T", b"F", b"."]  # by number: without its flag; of a container, its head
        self._stream = stream
        self._slots: list[int] = []
        self._open = [_Container(_ROOT, 1, -1, 0)]
        self._sets = 0  # how many of those are sets
        self._texts: dict[bytes, int] = {}  # of short texts, by what follows their type
        self._numbers: dict[bytes | tuple[int, ...], int] = {}
        self._parts: dict[int, list[int]] = {}  # of tuples, slices and sets
        self._heads: dict[int, int] = {}  # where each of them stands in the order, with what is in it
        self._keys: dict[int, tuple[object, ...]] = {}  # what items of sets are sorted by

    def read(self) -> None:
        """Read the whole stream. What is frequent is done here and not called: a library has millions of values."""
        stream, order, slots, texts = self._stream, self.order, self._slots, self._texts
        at, top = 0, self._open[-1]
        items, left = top.items, top.left
        while self._open:
            byte = stream[at]
            if byte == _REFERENCE:
                number = slots[stream[at + 1] | stream[at + 2] << 8 | stream[at + 3] << 16 | stream[at + 4] << 24]
                if number < 0:
                    raise ValueError("a value holds itself")
                at += 5
            elif byte & 0x5F == 0x5A:  # z and Z, flagged or not
                start, at = at + 1, at + 2 + stream[at + 1]
                body = stream[start:at]
                number = texts[body] if body in texts else self._short_text(body)
                if byte & FLAG:
                    slots.append(number)
            elif byte in _SINGLE:
                number = _SINGLE[byte]
                at += 1
            else:
                number, at = self._rarer(byte, at)
                if number < 0:  # a container began
                    top.left, top = left, self._open[-1]
                    items, left = top.items, top.left
            if number >= 0:
                items.append(number)
                order.append(number)
                left -= 1
            while not left:
                at = self._end(top, at)
                if not self._open:
                    break
                top = self._open[-1]
                items, left = top.items, top.left
        if at != len(stream):
            raise ValueError("the stream does not end with its value")

    def _rarer(self, byte: int, at: int) -> tuple[int, int]:
        """Read what is no reference, short text or singleton. Return its number, or -1 for a container; and its end."""
        bare, start = byte & ~FLAG, at + 1
        if bare in _WIDTH:
            end = start + _WIDTH[bare]
        elif bare == _INTEGER:
            end = start + 4 + 2 * abs(int.from_bytes(self._stream[start : start + 4], "little", signed=True))
        elif bare == _BYTES or bare in _LATIN or bare in _UTF8:
            end = start + 4 + self._size(start)
        else:
            return -1, self._enter(byte, start)
        if end > len(self._stream):
            raise IndexError
        number = self._leaf(bare, self._stream[start:end])
        if byte & FLAG:
            self._slots.append(number)
        return number, end

    def _size(self, at: int) -> int:
        return int.from_bytes(self._stream[at : at + 4], "little")

    def _leaf(self, bare: int, body: bytes) -> int:
        if bare in _LATIN:
            return self._text(body[4:].decode("latin-1"))
        if bare in _UTF8:
            return self._text(body[4:].decode("utf-8", "surrogatepass"))
        if bare in (ord("g"), ord("y")):
            body = b"".join(_NAN if _is_nan(body[at : at + 8]) else body[at : at + 8] for at in range(0, len(body), 8))
        return self._number(bytes((bare,)) + body)

    def _short_text(self, body: bytes) -> int:
        text = body[1:]
        if not text.isascii():
            return self._text(text.decode("latin-1"))
        self._texts[body] = number = len(self.encodings)
        self.encodings.append((b"Z" if _is_name(text) else b"z") + body)
        return number

    def _text(self, text: str) -> int:
        if not text.isascii():
            encoded = text.encode("utf-8", "surrogatepass")
            return self._number(b"u" + len(encoded).to_bytes(4, "little") + encoded)
        encoded = text.encode()
        if len(encoded) < 256:
            body = bytes((len(encoded),)) + encoded
            return self._texts[body] if body in self._texts else self._short_text(body)
        return self._number((b"A" if _is_name(encoded) else b"a") + len(encoded).to_bytes(4, "little") + encoded)

    def _number(self, encoding: bytes) -> int:
        number = self._numbers.setdefault(encoding, len(self.encodings))
        if number == len(self.encodings):
            self.encodings.append(encoding)
        return number

    def _enter(self, byte: int, at: int) -> int:
        """Begin a container. Return where its first value is."""
        kind, slot = byte & ~FLAG, -1
        if byte & FLAG:
            slot = len(self._slots)
            self._slots.append(-1)
        if len(self._open) > DEEPEST:
            raise ValueError("values are nested too deeply")
        container = _Container(kind, 0, slot, len(self.order))
        if kind == _SMALL_TUPLE:
            container.kind, container.left, end = _TUPLE, self._stream[at], at + 1
        elif kind in (_TUPLE, _SET):
            container.left, end = self._size(at), at + 4
        elif kind == _SLICE:
            container.left, end = 3, at
        elif kind == _CODE:
            container.left, end = _BEFORE_LINE, at + _COUNTS
        else:
            raise ValueError(f"bytecode has no values of type {byte:#x}")
        self._open.append(container)
        self._sets += kind == _SET
        self.order.append(self._piece(b"c" + self._stream[at:end]) if kind == _CODE else -1)
        return end

    def _piece(self, encoding: bytes) -> int:
        """Return the number of what no other value is equal to: code is never one with other code."""
        self.encodings.append(encoding)
        return len(self.encodings) - 1

    def _end(self, container: _Container, at: int) -> int:
        """End a container of which all values are there; code has its first line between two of them."""
        if container.kind == _CODE:
            self.order.append(self._piece(self._stream[at : at + 4]))
            container.kind, container.left = _TABLES, _AFTER_LINE
            return at + 4
        self._open.pop()
        if container.kind == _ROOT:
            return at
        number = self.order[container.start] if container.kind == _TABLES else self._close(container)
        if container.slot >= 0:
            self._slots[container.slot] = number
        self._open[-1].items.append(number)
        self._open[-1].left -= 1
        return at

    def _close(self, container: _Container) -> int:
        kind, start, items = container.kind, container.start, container.items
        if kind == _SET:
            self._sets -= 1
            items.sort(key=self._key)
        number = self._numbers.setdefault((kind, *items), len(self.encodings))
        if number < len(self.encodings):
            del self.order[start:]
            self.order.append(number)
            return number
        self.encodings.append(_head(kind, len(items)))
        self._parts[number] = items
        self._heads[number] = start
        self.order[start] = number
        if kind == _SET and not self._sets:
            self._reorder(start, number)
        return number

    def _key(self, number: int) -> tuple[object, ...]:
        """Return what compares as the encoding without flags and references does."""
        if number not in self._keys:
            encoding = self.encodings[number]
            if encoding.startswith(b"c"):
                raise ValueError("a set holds code")
            self._keys[number] = (encoding, *map(self._key, self._parts.get(number, ())))
        return self._keys[number]

    def _reorder(self, start: int, number: int) -> None:
        """Put what is in a set, and in sets in it, into its order: a container is where it is first, with its items."""
        del self.order[start:]
        waiting, again = [number], set[int]()
        while waiting:
            each = waiting.pop()
            if self._heads.get(each, -1) >= start and each not in again:
                again.add(each)
                self._heads[each] = len(self.order)
                waiting += reversed(self._parts[each])
            self.order.append(each)


def _is_name(text: bytes) -> bool:
    """Tell whether CPython interns a constant of these ASCII characters."""
    return text.isalnum() or text.replace(b"_", b"a").isalnum()


def _is_nan(number: bytes) -> bool:
    """Tell whether a double is not a number (IEEE 754): its exponent is all ones, and its fraction is not zero."""
    high = number[7] << 8 | number[6]
    return high & 0x7FF0 == 0x7FF0 and (high & 0xF, *number[:6]) != (0,) * 7


def _head(kind: int, size: int) -> bytes:
    if kind == _SLICE:
        return b":"
    if kind == _TUPLE and size < 256:
        return bytes((_SMALL_TUPLE, size))
    return bytes((kind,)) + size.to_bytes(4, "little")


def _written(order: list[int], encodings: list[bytes]) -> bytes:
    repeated = _repeated(order)
    slots, parts = 0, []
    for each in order:
        encoding = encodings[each]
        if each in repeated:
            repeated.discard(each)
            encodings[each] = b"r" + slots.to_bytes(4, "little")
            encoding, slots = bytes((encoding[0] | FLAG,)) + encoding[1:], slots + 1
        parts.append(encoding)
    return b"".join(parts)


def _repeated(order: list[int]) -> set[int]:
    """Return the numbers that come more than once, but for those of singletons: they are one byte already."""
    seen, repeated = set[int](), set[int]()
    for each in order:
        if each in seen:
            repeated.add(each)
        else:
            seen.add(each)
    return repeated.difference(_SINGLE.values())
