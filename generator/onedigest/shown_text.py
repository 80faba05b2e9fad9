"""Text of strangers as it is shown: what deceives a reader is escaped, what is secret is masked.

Names, versions, keys, paths and messages of other programs may hold anything. A terminal obeys control characters, a
reader is deceived by marks that turn the direction of text or are not seen, a CI obeys commands in a log. Letters of
all scripts and emoji are shown as they are.
"""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

MASK = "****"
"""What stands for a secret."""

_EMOJI = "\u2190-\u2bff\ufe0f\U0001f000-\U0001faff"
_JOINING = "\u0600-\u06ff\u0750-\u077f\u0900-\u0dff"  # scripts that spell words with joiners: Arabic and those of India
_NAMED = {"\r": "\\r"}
_PLAIN_IN_MARKDOWN = re.compile(
    r"(?!.*(?:www\.|://|:[\w+-]+:))[A-Za-z0-9](?:[A-Za-z0-9 .,:+()/=-]|(?<=[A-Za-z0-9])_(?=[A-Za-z0-9]))*", re.ASCII
)
_MAY_BE_SECRET = re.compile("[@=]|basic|bearer|authorization", re.IGNORECASE)
_RUNNER = re.compile(r"##(?=\w*\[)")
_CI_COMMAND = re.compile(rf"^(?P<space>\s*)::|{_RUNNER.pattern}")
_SCHEME = r"(?P<kept>\b[A-Za-z][A-Za-z0-9+.-]{0,30}://)"
_AT = r"(?=@(?!sha256:))"  # but not the @ before the digest of a reference
_WORD = r"[\w.%-]{0,40}"


def escaped(text: str) -> str:
    """Return a text of several lines so that a terminal and a CI show it, and obey nothing in it."""
    return "\n".join(_CI_COMMAND.sub(_disarmed, _without_deceit(line)) for line in text.split("\n"))


def one_line(text: str) -> str:
    """Return a text as one line: line breaks and tabs are escaped, too."""
    return escaped(text.replace("\n", "\\n").replace("\t", "\\t"))


def masked(text: str) -> str:
    """Return a text without the secrets of the addresses and headers in it."""
    for pattern in _secrets() if _MAY_BE_SECRET.search(text) else ():
        text = pattern.sub(rf"\g<kept>{MASK}", text)
    return text


def safe(text: str) -> str:
    """Return a text of several lines without secrets, and so that it is shown and not obeyed."""
    return escaped(masked(text))


def json_document(value: Any) -> str:
    """Write a JSON document for people and programs: valid, without secrets, and nothing in it deceives."""
    text = json.dumps(_masked_value(value), indent=2, ensure_ascii=False)  # noqa: TID251  for people
    return _RUNNER.sub("#\\\\u0023", _deceiving().sub(_escape_json, text))


def ascii_json(document: str) -> str:
    """Return a JSON document that says the same in ASCII."""
    return re.sub(r"[^\x00-\x7f]", lambda found: _units(found[0]), document)


def markdown(text: str) -> str:
    """Return a text that Markdown shows as it is, also in a table: in a code span where it could mean anything."""
    line = one_line(masked(text))
    return line if not line or _PLAIN_IN_MARKDOWN.fullmatch(line) else markdown_code(text)


def markdown_code(text: str) -> str:
    """Return a text as a code span of Markdown, which may stand in a table."""
    # a cell ends at | even in a code span, and not every reader knows an escaped backslash before it
    line = re.sub(r"\\+\|", lambda found: found[0][:-1] + "x7c", one_line(masked(text))).replace("|", "\\|")
    fence = "`" * (max(map(len, re.findall("`+", line)), default=0) + 1)
    space = " " if line.startswith(("`", " ")) or line.endswith(("`", " ")) else ""
    return f"{fence}{space}{line}{space}{fence}"


@cache
def _deceiving() -> re.Pattern[str]:
    """Return what finds characters that deceive, compiled when first something is printed."""
    return re.compile(
        # not a joiner between two emoji, nor one between two letters of a script that needs it
        f"(?<=[{_EMOJI}])\u200d(?=[{_EMOJI}])|(?<=[{_JOINING}])[\u200c\u200d](?=[{_JOINING}])|"
        "(?P<escaped>[\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
        "\u2060-\u206f\u3164\ud800-\udfff\ufe00-\ufe0e\ufeff\uffa0\ufff0-\ufffc\ufffe\uffff"
        "\U00013430-\U0001345f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff])"
    )


@cache
def _secrets() -> tuple[re.Pattern[str], ...]:
    """Return what finds secrets, compiled when first something is printed; `kept` is what is shown before the mask."""
    return tuple(
        re.compile(pattern, re.IGNORECASE)
        for pattern in (
            # all that stands before the @ of an address, but for the user that ssh always has
            rf"{_SCHEME}(?!git@[^\s/?#@]*(?:[/?#\s]|$))[^\s/?#]*{_AT}",
            # an address that was taken for a path, or for a name
            rf"(?P<kept>\bhttps?:(?:/|--)(?!/))[^\s/?#:@]*:[^\s/?#]*{_AT}",
            # a password that should have been quoted, with a slash or a space; a number before a slash is a port
            rf"{_SCHEME}[^\s/?#@:\[]*:(?!\d{{1,5}}(?:[/\s]|$))(?=\S)[^\n@]{{1,120}}{_AT}",
            # an address without its scheme, such as a reference
            rf"(?P<kept>(?<![\w/.+@:-]))[\w.+-]{{1,64}}:[^\s/:@\"'`]{{1,200}}{_AT}(?=@[\w-]+(?:\.[\w-]+)*[:/])",
            rf"(?P<kept>[?&;](?:sig|jwt|sas|{_WORD}(?:token|secret|passw|signature|credential|auth|key){_WORD})=)[^\s&;#\"'`<>]+",
            r"(?P<kept>\bauthorization\W{1,8}(?:(?:basic|bearer|token)\s+)?)[^\s\"'`\\]+",
            r"(?P<kept>\b(?:basic|bearer)\s+)(?=[a-z+/._~-]*[0-9=])[\w+/.~-]{12,}=*",
        )
    )


def _without_deceit(line: str) -> str:
    return line if line.isascii() and line.isprintable() else _deceiving().sub(_escape, line)


def _masked_value(value: Any) -> Any:
    if isinstance(value, str):
        return masked(value)
    if isinstance(value, dict):
        return {masked(str(key)): _masked_value(each) for key, each in value.items()}
    return [_masked_value(each) for each in value] if isinstance(value, list | tuple) else value


def _escape(found: re.Match[str]) -> str:
    character = found["escaped"]
    if character is None or character == "\t":
        return found[0]
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte of a file name that is not UTF-8
        code -= 0xDC00
    if code < 0x100:
        return _NAMED.get(character, f"\\x{code:02x}")
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _escape_json(found: re.Match[str]) -> str:
    character = found["escaped"]
    if character is None or character == "\n":  # strings have no line breaks: it is one of the document
        return found[0]
    return _units(character)


def _units(character: str) -> str:
    """Return the escapes of a character in JSON."""
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


def _disarmed(found: re.Match[str]) -> str:
    """Break a command to a CI's runner, such as `::error::` or `##[section]`, which it would take out of a log."""
    return "#\\x23" if found["space"] is None else found["space"] + "\\x3a:"
