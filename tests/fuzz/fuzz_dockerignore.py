"""Any .dockerignore: it has one meaning for each path, found in time."""

from __future__ import annotations

from onedigest.assembler.ignoring import IgnoreRules

SEEDS: tuple[bytes, ...] = (
    b"# comment\n\n*.log\n!keep.log\n",
    b"**/*.py[co]\na/**/z\n/b/\n",
    b"[a-c]x\n[^a]y\n\\*z\n?\n",
    b"\xef\xbb\xbf*\n!src\nsrc/**/node_modules\n",
    b"*a*a*a*a*a*a*a*b\n**/a/**/a/**/b\n",
)
TOKENS: tuple[bytes, ...] = (b"**/", b"*", b"?", b"[", b"]", b"[^", b"-", b"\\", b"!", b"/", b"..", b"\r\n", b"\x0b")
EXPECTED: tuple[type[Exception], ...] = (ValueError,)

PATHS = (
    "a",
    "a.log",
    "keep.log",
    "a/b/z",
    "src/a/node_modules/x.js",
    "a" * 200,
    "a/" * 200 + "c",
    "größe/-]/[^",
    "../x",
)


def run(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    rules = IgnoreRules(text)
    found = [rules.ignores(path) for path in PATHS]
    assert [IgnoreRules(text).ignores(path) for path in reversed(PATHS)] == found[::-1]
