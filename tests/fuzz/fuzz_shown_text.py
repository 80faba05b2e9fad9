"""Any text: what is shown holds nothing that deceives, in each of the languages it is written in."""

from __future__ import annotations

import html
import json
import re
import unicodedata

from markdown_it import MarkdownIt

from onedigest import shown_text

SEEDS: tuple[bytes, ...] = (
    b"alpha 1.0\nbeta 2",
    "größe 日本 👩\u200d👩\u200d👧 \u0645\u06cc\u200c\u062e".encode(),
    b"\x1b]0;title\x07\x1b[2K\xc2\x9b31m\xe2\x80\xaegnp.exe",
    b"alpha @ https://user:password@example.com/x?token=abc#frag, git@github.com:a/b",
    b"| a | `b` ``c`` \\| [x](y) <img> @team #1 :ok: **x** ::error:: ##[group]",
    b"Authorization: Basic dXNlcjpwYXNzd29yZA==",
)
TOKENS: tuple[bytes, ...] = (
    b"://",
    b"@",
    b":",
    b"`",
    b"\\|",
    b"::",
    b"##[",
    b"?key=",
    b"\xed\xb3\xbf",
    b"\xf3\xa0\x81\x81",
)
EXPECTED: tuple[type[Exception], ...] = ()
MARKDOWN = MarkdownIt("commonmark").enable("table")


def run(data: bytes) -> None:
    text = (
        data.decode("utf-8", "surrogatepass" if len(data) % 2 else "replace")
        if _decodes(data)
        else data.decode("latin-1")
    )
    shown = shown_text.safe(text)
    assert not [each for each in shown if unicodedata.category(each) in ("Cc", "Cs", "Zl", "Zp") and each not in "\n\t"]
    assert not re.search("[\u061c\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]", shown)
    assert not re.search(r"(?m)^\s*::|##\w*\[", shown)
    shown.encode()
    assert shown_text.escaped(shown) == shown
    assert "\n" not in shown_text.one_line(text)
    document = shown_text.json_document({"text": text})
    assert json.loads(document)["text"] == shown_text.masked(text)
    document.encode()
    cell = shown_text.markdown(text)
    page = MARKDOWN.render(f"| a | b |\n| --- | --- |\n| {cell} | {cell} |\n")
    cells = re.findall(r"<td>(?:<code>)?(.*?)(?:</code>)?</td>", page, re.DOTALL)
    assert len(cells) == 2
    assert cells[0] == cells[1]
    assert "<" not in cells[0]
    alike = html.unescape(cells[0]).replace("\\x7c", "\\|").strip()
    assert alike == shown_text.one_line(shown_text.masked(text)).replace("\\x7c", "\\|").strip()


def _decodes(data: bytes) -> bool:
    try:
        data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return False
    return True
