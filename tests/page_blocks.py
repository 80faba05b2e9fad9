"""Pages in Markdown: their fenced blocks, and the commands that blocks for a terminal show."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_FENCE = re.compile(r"(?P<indent> *)(?P<marks>```+|~~~+) *(?P<language>[\w+.-]*)(?P<rest>.*)")
_TITLE = re.compile(r'title="([^"]+)"')


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """A fenced block of a page."""

    page: Path
    line: int
    """The number of the line that opens it."""

    language: str
    title: str
    """The name of the file that it is, empty where it is none."""

    text: str

    @property
    def place(self) -> str:
        """Say where the block is."""
        return f"{self.page.name}:{self.line}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """A command that a page shows, and what it prints."""

    command: str
    output: str
    line: int


def read_blocks(page: Path) -> list[Block]:
    """Return the fenced blocks of a page."""
    found: list[Block] = []
    opened: re.Match[str] | None = None
    start, held = 0, list[str]()
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        if opened is None:
            opened, start, held = _FENCE.fullmatch(line), number, []
        elif line.strip() == opened["marks"]:
            title = _TITLE.search(opened["rest"])
            text = "".join(f"{each.removeprefix(opened['indent'])}\n" for each in held)
            found.append(
                Block(page=page, line=start, language=opened["language"], title=title[1] if title else "", text=text)
            )
            opened = None
        else:
            held.append(line)
    assert opened is None, f"{page.name}:{start}: this block has no end"
    return found


def read_commands(block: Block) -> Iterator[Shown]:
    """Yield the commands of a block for a terminal: lines that begin with `$ `, and what is below each."""
    command, output, line = "", list[str](), 0
    for number, text in enumerate(block.text.splitlines(), block.line + 1):
        if text.startswith("$ "):
            if line:
                yield Shown(command=command, output="\n".join(output), line=line)
            command, output, line = text.removeprefix("$ "), [], number
        elif command.endswith("\\") and not output:
            command = f"{command[:-1]}{text.strip().removeprefix('> ')}"
        else:
            output.append(text)
    if line:
        yield Shown(command=command, output="\n".join(output), line=line)
