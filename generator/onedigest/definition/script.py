"""The text that a script's author wrote: its PEP 723 block, with line numbers."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from onedigest import merge_conflicts, untrusted
from onedigest.assembler import canonical
from onedigest.errors import InputError, Problem

MOST_BYTES = 16 << 20
"""How long a script may be."""

MOST_METADATA = 1 << 20
"""How long its block may be."""

_MOST_PARSED = 512 << 10
"""How long a script with conflict markers may be to be parsed."""

_TYPE = re.compile(r"# /// ([a-zA-Z0-9-]+)")
_CLOSING = "# ///"
_EDGE = re.compile(r"[ \t]*#+[ \t]*/{3,4}(?!/)[ \t]*(?P<type>\w*)(?P<rest>.*)")
"""What an author means as the first or the last line of a block; PEP 723 has one way to write each."""
_TABLE = re.compile(r"\[{1,2}([^\[\]]+)\]{1,2}\s*(?:#.*)?")
_KEY = re.compile(r"""((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*=""")
_TOML_PLACE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)")
_LONGEST_KEY = 100
_MOST_KEYS = 100
_KNOWN = ("dependencies", "requires-python", "tool")
_SERIES = re.compile(r"(?P<before>(?:^|,)\s*)==\s*(?P<series>3(?:\.\d{1,3})?)(?=\s*(?:,|$))", re.ASCII)
"""An exact version of Python without its last number, which PEP 440 reads as if that were 0."""

_EXAMPLE = """start the file with
  # /// script
  # requires-python = ">=3.11"
  # dependencies = []
  # ///"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Script:
    """The metadata of one script.

    `path` is how messages name it. `text` is its canonical form: UTF-8 without a byte order mark, LF line ends.
    `lines` gives the line of each key, such as `tool.onedigest.base`, for messages.
    """

    path: str
    text: str
    requires_python: str
    dependencies: tuple[str, ...]
    onedigest: Mapping[str, Any]
    uv: Mapping[str, Any]
    lines: Mapping[str, int] = field(repr=False)
    warnings: tuple[Problem, ...] = ()

    def where(self, key: str) -> str:
        """Return `file:line` of a key, of the nearest table that holds it, or of the block."""
        while key and key not in self.lines:
            key = key.rpartition(".")[0]
        return f"{self.path}:{self.lines[key]}"

    def where_text(self, text: str, key: str) -> str:
        """Return `file:line` of a text inside the value of a key."""
        first = self.lines.get(key, self.lines[""])
        lines = self.text.split("\n")
        for number in range(first, len(lines) + 1):
            if text in lines[number - 1]:
                return f"{self.path}:{number}"
        return f"{self.path}:{first}"


def canonical_text(data: bytes, path: str) -> str:
    """Return a script's canonical text. Raises `InputError` with the line that is not UTF-8, or of a merge."""
    if len(data) > MOST_BYTES:
        raise InputError.of(f"has more than {MOST_BYTES} bytes", where=path, hint="move what is large into `files`")
    try:
        text = canonical.canonical_text(data)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise InputError.of("not UTF-8", where=f"{path}:{line}", hint="save the script as UTF-8") from None
    if (conflict := merge_conflicts.problems(text, path)) and not _is_python(text):
        raise InputError(conflict)
    return text


def _is_python(text: str) -> bool:
    """Tell whether a text with conflict markers is a program that has them in a string."""
    import ast
    import warnings

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what Python has to say of a script is for whoever runs it
            return len(text) <= _MOST_PARSED and bool(ast.parse(text))
    except (SyntaxError, MemoryError, RecursionError, ValueError):
        return False


def parse(data: bytes, path: str) -> Script:
    """Read the `script` block of a file (PEP 723). Raises `InputError` with all independent problems."""
    text = canonical_text(data, path)
    block = _find_block(text, path)
    content, first_line = (
        "\n".join(line[2:] if line.startswith("# ") else line[1:] for line in block.lines),
        block.line + 1,
    )
    if len(content) > MOST_METADATA:
        raise InputError.of(f"the `script` block has more than {MOST_METADATA} characters", where=f"{path}:1")
    table = _load(content, path, first_line)
    lines = {"": first_line - 1, **key_lines(content, first_line)}
    reader = _BlockReader(path, lines)
    written = reader.get(table, "requires-python", str, "")
    requires_python = _SERIES.sub(r"\g<before>==\g<series>.*", written) if len(written) <= _LONGEST_KEY else written
    dependencies = reader.get_strings(table, "dependencies")
    tool = reader.get(table, "tool", dict, {})
    onedigest = reader.get(tool, "onedigest", dict, {}, "tool.")
    uv = reader.get(tool, "uv", dict, {}, "tool.")
    if reader.problems:
        raise InputError(reader.problems)
    warnings = [
        *_series_warnings(written, requires_python, f"{path}:{lines.get('requires-python', first_line)}"),
        *([] if block.lines else [_empty_block(f"{path}:{first_line - 1}")]),
    ]
    warnings += (
        Problem(
            f"unknown key `{untrusted.without_secrets(key)[:_LONGEST_KEY]}` in the script block",
            f"{path}:{lines.get(key, first_line)}",
        )
        for key in list(table)[:_MOST_KEYS]
        if key not in _KNOWN
    )
    return Script(
        path=path,
        text=text,
        requires_python=requires_python,
        dependencies=dependencies,
        onedigest=onedigest,
        uv=uv,
        lines=lines,
        warnings=tuple(warnings),
    )


def _series_warnings(written: str, requires_python: str, where: str) -> Iterator[Problem]:
    """Yield how a specifier of Python is read where it names a series as one version."""
    for match in _SERIES.finditer(written if written != requires_python else ""):
        message = f"`requires-python` has `=={match['series']}`, which is read as `=={match['series']}.*`"
        yield Problem(message, where, f'write `requires-python = "{requires_python.strip()}"`')


def _empty_block(where: str) -> Problem:
    message = "the `script` block is empty: uv reads it as one that asks for nothing, and PEP 723 as none"
    return Problem(message, where, "write `# dependencies = []` in it")


def key_lines(content: str, first_line: int) -> dict[str, int]:
    """Return the line of every table and key of a TOML text; `first_line` is the number of its first line."""
    found: dict[str, int] = {}
    table = ""
    for number, raw_line in enumerate(content.split("\n"), first_line):
        line = raw_line.strip()
        if match := _TABLE.fullmatch(line):
            table = _plain(match[1])
            found.setdefault(table, number)
        elif match := _KEY.match(line):
            found.setdefault(f"{table}.{_plain(match[1])}".lstrip("."), number)
    return found


def toml_problem(error: tomllib.TOMLDecodeError, path: str, first_line: int, last_line: int) -> Problem:
    """Return the problem of a TOML text whose first line has that number in the file."""
    place = _TOML_PLACE.search(str(error))
    line = last_line if not place or place[1] is None else first_line + int(place[1]) - 1
    message = untrusted.without_secrets(_TOML_PLACE.sub("", str(error)))
    return Problem(f"not valid TOML: {message[:1].lower()}{message[1:]}", f"{path}:{line}")


class _BlockReader:
    """Checks the types of values and keeps all problems."""

    def __init__(self, path: str, lines: Mapping[str, int]) -> None:
        self.problems: list[Problem] = []
        self._path = path
        self._lines = lines

    def get(self, table: Mapping[str, Any], key: str, kind: type[Any], default: Any, prefix: str = "") -> Any:
        value = table.get(key, default)
        if isinstance(value, kind):
            return value
        self._wrong(prefix + key, "a string" if kind is str else "a table")
        return default

    def get_strings(self, table: Mapping[str, Any], key: str) -> tuple[str, ...]:
        value = table.get(key, [])
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return tuple(value)
        self._wrong(key, "a list of strings")
        return ()

    def _wrong(self, key: str, expected: str) -> None:
        self.problems.append(Problem(f"`{key}` is not {expected}", f"{self._path}:{self._lines.get(key, 1)}"))


@dataclass(frozen=True, slots=True)
class Block:
    """A block of metadata: its type, the number of its opening line, and the lines between that and the closing one."""

    type: str
    line: int
    lines: tuple[str, ...]


def find_blocks(text: str) -> Iterator[Block]:
    """Yield what the expression of PEP 723, section "Specification", finds, in time that grows with the text alone.

    A block without a line in it is none for that expression, and one for uv.

    Lines that are `#`, or begin with it and a space, are one run. In each run the expression finds the first opening
    line and the last closing one; tests hold the two against each other.
    """
    lines = text.split("\n")
    opening, closing, kind = -1, -1, ""
    for number, line in enumerate([*lines, ""]):
        if line == "#" or line.startswith("# "):
            if line == _CLOSING:
                closing = number
            elif opening < 0 and (match := _TYPE.fullmatch(line)):
                opening, kind = number, match[1]
            continue
        if 0 <= opening < closing:
            yield Block(kind, opening + 1, tuple(lines[opening + 1 : closing]))
        opening, closing = -1, -1


def _find_block(text: str, path: str) -> Block:
    """Return the one script block."""
    blocks = [block for block in find_blocks(text) if block.type == "script"]
    if len(blocks) > 1:
        raise InputError.of(
            f"a second `script` block (the first is in line {blocks[0].line})",
            where=f"{path}:{blocks[1].line}",
            hint="keep one of the two blocks",
        )
    if not blocks:
        raise InputError([_missing_block(text.split("\n"), path)])
    return blocks[0]


def _missing_block(lines: Sequence[str], path: str) -> Problem:
    """Return why no block was found: which line is not what PEP 723 asks for."""
    first = next((number for number, line in enumerate(lines) if _edge(line) == "script"), -1)
    if first < 0:
        return Problem("no PEP 723 `script` block", f"{path}:1", _EXAMPLE)
    if lines[first] != "# /// script":
        message = f"{untrusted.quoted(lines[first])} does not begin a `script` block (PEP 723)"
        return Problem(message, f"{path}:{first + 1}", "write `# /// script`, with nothing before or after it")
    for number, line in enumerate(lines[first + 1 :], first + 1):
        if _edge(line) not in (None, "script"):
            message = f"{untrusted.quoted(line)} does not end the `script` block of line {first + 1}"
            return Problem(message, f"{path}:{number + 1}", "write `# ///`, with nothing before or after it")
        if line != "#" and not line.startswith("# "):
            break
    else:
        number = first
    hint = "end it with a line `# ///`, and begin each line between with `#` and a space"
    if any(line == _CLOSING for line in lines[number:]):
        message = f"the `script` block of line {first + 1} is broken off: this line does not begin with `#` and a space"
        return Problem(message, f"{path}:{number + 1}", "write `# ` before it, or `#` where it is empty")
    return Problem("the `script` block is not closed", f"{path}:{first + 1}", hint)


def _edge(line: str) -> str | None:
    """Return the type that a line is meant to open a block of, nothing for a line that closes one, None for others."""
    match = _EDGE.fullmatch(line[:_LONGEST_KEY])
    if match is None or (match["type"] and match["rest"].strip()):
        return None
    return match["type"].lower()


def _load(content: str, path: str, first_line: int) -> dict[str, Any]:
    try:
        return untrusted.load_toml(content)
    except tomllib.TOMLDecodeError as error:
        raise InputError([toml_problem(error, path, first_line, first_line + content.count("\n"))]) from None


def _plain(key: str) -> str:
    return ".".join(part.strip().strip("\"'") for part in key.split("."))
