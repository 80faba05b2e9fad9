"""Numbers, paths and tables as messages show them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from onedigest.shown_text import masked, one_line


def table(head: Sequence[str], rows: Sequence[Sequence[str]], right: frozenset[int] = frozenset()) -> list[str]:
    """Return the lines of a table."""
    rows = [[one_line(masked(cell)) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]

    def line(row: Sequence[str]) -> str:
        cells = (
            cell.rjust(widths[column]) if column in right else cell.ljust(widths[column])
            for column, cell in enumerate(row)
        )
        return "  ".join(cells).rstrip()

    return [line(head), *map(line, rows)]


def amount(count: int) -> str:
    """Return a number of bytes for people, in powers of ten."""
    if count < 1000:
        return f"{count} B"
    size = float(count)
    for unit in ("kB", "MB"):
        size /= 1000
        if size < 1000:
            return f"{size:.1f} {unit}"
    return f"{size / 1000:.1f} GB"


def shown(path: Path, start: Path | None = None) -> str:
    """Return a path from a folder, the working directory by default, where it is below it; else the whole path."""
    try:
        resolved, root = path.resolve(), (start or Path.cwd()).resolve()
    except (OSError, RuntimeError, ValueError):  # it is for a message, which says what is wrong with it
        return str(path)
    return resolved.relative_to(root).as_posix() if resolved.is_relative_to(root) else str(path)


def plural(count: int, noun: str) -> str:
    """Return a number with its noun."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def short_digest(text: str) -> str:
    """Return the first 12 hexadecimal digits of a digest; what is none stays as it is.

    >>> short_digest("sha256:" + 64 * "a")
    'aaaaaaaaaaaa'
    """
    return text[7:19] if text.startswith("sha256:") else text


def ellipsis(text: str, most: int) -> str:
    """Return a text cut to a number of characters, with dots where it was cut.

    >>> ellipsis("libstdc++6", 8)
    'libst...'
    """
    return text if len(text) <= most else f"{text[: most - 3]}..."
