"""Scripts are read and followed as a shell would run them, as far as it is certain, and never crash or hang."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onedigest.assembler.configuration.expanding import Endless
from onedigest.assembler.configuration.following import follow
from onedigest.assembler.configuration.shell import SCRIPT_BYTES, read_script
from onedigest.assembler.configuration.shell_words import Unreadable
from onedigest.assembler.entry import Entry, file_entry

FILES: dict[str, Entry] = {
    path: file_entry(path, text, executable=path.startswith("usr/bin"), origin="x")
    for path, text in {
        "usr/bin/fc-cache": b"",
        "usr/share/a/one.conf": b"x",
        "usr/share/a/two.conf": b"",
        "usr/share/a/functions": b'say() { tell "$1" sourced; }\n',
        "usr/share/a/broken": b"if",
    }.items()
} | {"etc/link": Entry("etc/link", "link", 0o777, target="/usr/share/a/one.conf", origin="x")}


def followed(script: str, *arguments: str) -> list[str]:
    """Return the calls of a script, one that is not certain behind a question mark."""
    variables = {"DPKG_MAINTSCRIPT_ARCH": "arm64"}
    found = follow(read_script(script.encode()), arguments or ("configure", ""), variables, FILES)
    return [
        ("" if call.certain else "? ")
        + " ".join("?" if word is None else word for word in call.words)
        + "".join(f" > {each or '?'}" for each in call.writes)
        for call in found
    ]


@pytest.mark.parametrize(
    ("script", "calls"),
    [
        ("go a 'b c' \"d $x e\"", ["go a b c d  e"]),
        ("x='a  b'; go $x \"$x\"", ["go a b a  b"]),
        ("go a \\\n  b # c\ngo d", ["go a b", "go d"]),
        ('case "$1" in\nremove) a;;\nconfigure|upgrade) b;;\n*) c;;\nesac', ["b"]),
        ('case "$1" in (conf*) b ;; esac', ["b"]),
        ('if [ "$1" = configure ] && [ -z "$2" ]; then a; elif b; then c; else d; fi', ["a"]),
        ("if unknown; then a; else b; fi; c", ["unknown", "? a", "? b", "c"]),
        ("if unknown; then exit 0; fi; c", ["unknown", "? c"]),
        ("unknown || exit 1; c", ["unknown", "c"]),
        ("if [ x = y ]; then a; fi; b", ["b"]),
        ("for i in a b; do go $i; done", ["go a", "go b"]),
        ('l="a b"\nfor i in $l; do go $i; done', ["go a", "go b"]),
        ("for i in /usr/share/a/*.conf; do go $i; done", ["go /usr/share/a/one.conf", "go /usr/share/a/two.conf"]),
        ("for i in a b c; do [ $i = b ] && continue; [ $i = c ] && break; go $i; done; end", ["go a", "end"]),
        ('f() { local x="$1"; go "$x" "$#"; return; }; f a b; end', ["go a 2", "end"]),
        ("f() { unknown && return 0; go; }; f; end", ["unknown", "? go", "end"]),
        ("set -- a b; shift; go $1", ["go b"]),
        ("while read x; do go $x; done; go $x", ["? go ?", "go ?"]),
        ("if unknown; then x=1; else x=1; fi; go $x; if unknown; then x=2; fi; go $x", ["unknown", "go 1", "unknown", "go ?"]),
        ("x=$(f); go a$x", ["f", "go ?"]),
        ('x=1; f() { local x=$(g) y; go $x; }; f; go "$x"', ["g", "go ?", "go 1"]),
        ("export x=$(f) y=1; go $x; y=2; readonly z; go $y", ["f", "go ?", "go 2"]),
        ("set -- a b; shift $(f); go $1; set -- $(f) c; go $1; go $2", ["f", "go ?", "f", "go ?", "go ?"]),
        ("x=1; eval y=2; go $x; go $y; x=3; go $x $DPKG_MAINTSCRIPT_ARCH", ["eval y=2", "go ?", "go ?", "go 3 arm64"]),
        ("x=; if unknown; then . /none; fi; go $x; : ${y:=d}; go $y", ["unknown", "? . /none", "go ?", "go ?"]),
        (": ${y:=d}; go $y", ["go d"]),
        ('s() { echo "--slave $1"; }\ngo $(s a; s b)', ["go --slave a --slave b"]),
        ("go `basename /usr/bin/x.sh .sh` ${x:-d} ${y-} ${1%gure} ${1#con}", ["go x d confi figure"]),
        ("go $(dpkg-architecture -qDEB_HOST_MULTIARCH) $(dpkg --print-architecture)", ["go aarch64-linux-gnu arm64"]),
        ('if dpkg --compare-versions "$2" lt 2; then a; fi', ["dpkg --compare-versions  lt 2", "a"]),
        ('if dpkg --compare-versions "$2" lt-nl 2; then a; fi', ["dpkg --compare-versions  lt-nl 2"]),
        ("if which fc-cache >/dev/null; then a; fi; command -v other && b", ["a"]),
        ("[ -x /usr/bin/fc-cache ] && a; [ -s /etc/link ] && b; [ -L /etc/link ] && c; [ -d /run/x ] || d", ["a", "b", "c", "d"]),
        ("[ -e /proc/x ] && a", ["? a"]),
        ("test -f /usr/share/a/one.conf -a ! -e /no && a", ["a"]),
        ("! unknown && a; ! false && b", ["unknown", "? a", "b"]),
        ("cat > /etc/x <<EOF\nrm -rf $y `z`\nEOF\nend", ["cat > /etc/x", "end"]),
        ("cat <<-'E' >> /etc/x\n\tgo\n\tE\nend", ["cat > /etc/x", "end"]),
        ("go 2>/dev/null >&2 && a", ["go", "? a"]),
        (": > /etc/x", [" > /etc/x"]),
        ('(x=1; go $x); go "$x"', ["go 1", "go "]),
        ("{ a; b; } | c", ["a", "b", "c"]),
        ("go $((1 + $(x))) ${x//a/b}", ["go ? ?"]),
        (". /usr/share/a/functions; say hi; . /usr/share/a/broken; . /none", ["tell hi sourced", ". /usr/share/a/broken", ". /none"]),
        ('. /usr/share/debconf/confmodule\ndb_get a/b || true\n[ "$RET" ] && a', ["db_get a/b", "? a"]),
        ('x=1 go; go "$x"', ["go", "go "]),
        ("exec 2>&1 > /etc/x; command; exec go a; never", [" > /etc/x", "go a"]),
        ("command go a; command -v x; builtin cd /", ["go a"]),
        ('go $HOME "$@"', ["go ? configure "]),
    ],
)  # fmt: skip
def test_scripts_are_followed(script: str, calls: list[str]) -> None:
    assert followed(script) == calls


@pytest.mark.parametrize(
    ("script", "line"),
    [
        ("if true; then", 1),
        ("a\nb )\n", 2),
        ('a "b', 1),
        ("a 'b", 1),
        ("case x in a) b", 1),
        ("for 1 in a; do b; done", 1),
        ("\n\nfi", 3),
        ("a `b", 1),
        ("a $(b", 1),
        ("a ${b", 1),
        ("a\n((b", 2),
        ("a ;; b", 1),
        ("x" * (SCRIPT_BYTES + 1), 1),
        ("{ " * 5000, 1),
        ("$(" * 5000, 1),
        ("${a:-" * 5000, 1),
        ("f() " * 5000, 1),
        ("if " * 5000, 1),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_no_shell_reads_is_unreadable(script: str, line: int) -> None:
    with pytest.raises(Unreadable) as caught:
        read_script(script.encode())
    assert caught.value.line == line


@pytest.mark.slow
@pytest.mark.parametrize(
    "script",
    [
        "f() { f; f; }; f",
        "f() { unknown && f; f; }; f",
        'x=aaaaaaaaaaaaaaaa; for i in $x; do x="$x$x"; done\n' * 200 + "f() { y=$x$x$x; f; }; f",
        "l='" + "a " * 3000 + "'; for i in $l; do for j in $l; do a; done; done",
        "if unknown; then a; fi\n" * 9000,
        "if a; then b; " + "elif a; then b; " * 9000 + "fi",
        "f() { for i in $l; do f; done; }; l='a a a a a a a a a a'; f",
    ],
)
def test_what_has_no_end_is_given_up(script: str) -> None:
    started = time.monotonic()
    with pytest.raises(Endless):
        followed(script)
    assert time.monotonic() - started < 10


def test_many_arms_are_followed() -> None:
    assert followed("case $HOME in " + "a) go;; " * 3000 + "*) end;; esac")[-2:] == ["? go", "? end"]


PIECES = st.sampled_from(
    [
        *("if ", "then ", "else ", "fi", "case ", " in ", "esac", "for ", "do ", "done", "while ", "{ ", "}", "(", ")", "((", "[["),
        *("$", "${", "$(", "$((", "`", '"', "'", "\\", "\n", ";", ";;", "&&", "||", "|", "&", "<<E\n", "<<-", ">", "<", "#", "!"),
        *("a", "x=", "$x", "$@", "*", "?", "[", "]", " ", "\t", "f()", "exit ", "return", "shift ", "set -- ", ". /usr/share/a/functions"),
        *("test ", "-e ", "echo ", "\x00", "é", "\udce9", "%", ":-", "1", "=", "-a ", "\r\n", "break", "continue", "local ", "exec ", "command "),
    ]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(
    st.lists(PIECES, max_size=40).map(lambda pieces: "".join(pieces).encode("utf-8", "surrogateescape")) | st.binary()
)
def test_any_bytes_are_read_or_refused(script: bytes) -> None:
    with suppress(Unreadable, Endless):
        follow(read_script(script), ("configure", ""), {}, FILES)
