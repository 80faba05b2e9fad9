"""Maintainer scripts of anybody: what they would do is followed in bounded time, depth and memory, or not at all."""

from __future__ import annotations

import time
import tracemalloc
from contextlib import suppress
from pathlib import Path

import pytest

from onedigest.assembler.configuration import configuration
from onedigest.assembler.configuration.alternatives import MOST, make_alternatives
from onedigest.assembler.configuration.expanding import Endless
from onedigest.assembler.configuration.file_list import read_list
from onedigest.assembler.configuration.following import follow
from onedigest.assembler.configuration.placing import MOST_WORDS, make_placed
from onedigest.assembler.configuration.shell import read_script
from onedigest.assembler.configuration.shell_words import Unreadable
from onedigest.assembler.configuration.system import System
from onedigest.assembler.deb import Package
from onedigest.assembler.entry import Entry, file_entry
from onedigest.assembler.refusal import Refused

MANY = {path: Entry(path, "file", 0o644) for path in (f"usr/share/x/{number}" for number in range(50_000))}
LONG_LINKS = {
    f"l{number}": Entry(f"l{number}", "link", 0o777, target=f"/{'a/' * 900}{'../' * 900}l{number + 1}")
    for number in range(40)
}
SECONDS = 10
"""Each took minutes; now they take about one second."""


@pytest.mark.parametrize(
    ("script", "files"),
    [
        ("x " + "'a'" * 80_000, {}),
        ("set -- " + "a " * 4000 + "\n: " + '"$@"' * 5000, {}),
        ("if unknown; then :; fi\n" + "[ -e /nothing ]\n" * 9000, MANY),
        ("echo /usr/*/*/z*\n" * 99, MANY),
        ("".join(f"v{number}=x " for number in range(25_000)) + "\n" + "unknown && u\n" * 3000, {}),
        ("x=" + "a" * 60_000 + "\ncase $x in " + "|".join(f"*a*{n}*a*b" for n in range(10_000)) + ") y;; esac", {}),
        (
            "x=" + "a" * 4000 + "\ncase $x in " + "|".join(f"*{'a' * 200}{n}b*" for n in range(1000)) + ") y;; esac",
            {},
        ),
        ("test -e /l0\n" * 5000, LONG_LINKS),
        ("x='" + "/x " * 3900 + "'\nfor i in " + "a " * 3000 + "; do mkdir $x; done", {}),
    ],
    ids=["quotes", "arguments", "tests", "patterns", "variables", "arms", "long-arms", "links", "words"],
)
def test_time_is_bounded(script: str, files: dict[str, Entry]) -> None:
    started = time.monotonic()
    with suppress(Endless):
        follow(read_script(script.encode()), ("configure", ""), {}, files)

    assert time.monotonic() - started < SECONDS


def test_memory_is_bounded() -> None:
    script = "x=" + "a" * 60_000 + "\nset -- " + '"$x" ' * 3000 + "\ny=$(" + 'echo "$@"\n' * 200 + ")"
    tracemalloc.start()
    with pytest.raises(Endless):
        follow(read_script(script.encode()), ("configure", ""), {}, {})
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert most < 64 << 20


def test_values_in_functions_are_no_recursion() -> None:
    with pytest.raises(Endless):
        follow(read_script(("f() { : " + "${a:-" * 30 + "$(f)" + "}" * 30 + "; }; f").encode()), (), {}, {})


@pytest.mark.parametrize("script", ["test " + "! " * 3900 + "x && a", "[ a " + "-a a " * 1900 + "] && a"])
def test_long_tests_are_no_recursion(script: str) -> None:
    (call,) = follow(read_script(script.encode()), (), {}, {})

    assert (call.words, call.certain) == (("a",), False)


def system(script: str, *entries: Entry) -> System:
    package = Package("a", b"Architecture: amd64\n", b"", {"postinst": f"#!/bin/sh\n{script}\n".encode()}, entries)
    return System({entry.path: entry for entry in entries}, (package,))


@pytest.mark.parametrize("name", [".wh.y", "y" * 300, "\\"])
@pytest.mark.parametrize("script", ["mkdir /usr/w/q", "ln -s /etc /usr/w/q", "touch /usr/w/q"])
def test_no_link_leads_to_a_whiteout_or_what_no_layer_can_have(name: str, script: str) -> None:
    with pytest.raises(Refused) as caught:
        configuration(system(script, Entry("usr/w", "link", 0o777, target=f"/x/{name}", origin="a.deb")))

    assert str(caught.value).endswith("[name]")


@pytest.mark.parametrize(
    "script",
    [
        "for i in {}; do cp /usr/a /usr/b$i; done".format(" ".join(map(str, range(100)))),
        f"for i in {' '.join(map(str, range(MOST_WORDS // 2 + 1)))}; do touch /usr/b$i; done",
    ],
    ids=["bytes", "files"],
)
def test_scripts_make_no_more_than_a_layer_may_have(script: str) -> None:
    with pytest.raises(Refused) as caught:
        list(make_placed(system(script, file_entry("usr/a", bytes(1 << 20), executable=False, origin="a.deb"))))

    assert str(caught.value) == "a: its scripts make too many files, or too large ones [limit]"


def test_large_table_of_accounts_is_not_searched_each_time() -> None:
    table = file_entry(
        "usr/share/base-passwd/passwd.master", b"a:*:1:1:::\n" * 100_000, executable=False, origin="a.deb"
    )
    started = time.monotonic()
    list(make_placed(system("chown nobody /usr\n" * 1000, table)))

    assert time.monotonic() - started < SECONDS


def test_alternatives_of_a_name_are_bounded() -> None:
    programs = [file_entry(f"usr/a{number}", b"", executable=True, origin="a.deb") for number in range(MOST + 1)]
    with pytest.raises(Refused) as caught:
        make_alternatives(system("for i in /usr/a*; do update-alternatives --install /usr/x x $i 1; done", *programs))

    assert str(caught.value) == "a: too many alternatives of x [limit]"


@pytest.mark.parametrize("command", ["a&", "`a`", "a|", "a;"])
def test_very_many_commands_are_not_read(command: str) -> None:
    started = time.monotonic()
    with pytest.raises(Unreadable):
        read_script((command * 60_000 + "a").encode())

    assert time.monotonic() - started < SECONDS


def test_list_of_files_has_whole_characters(tmp_path: Path) -> None:
    path = tmp_path / "files.json"
    path.write_text('{"format": 1, "files": [["a", "link", "\\ud800", {}]]}')
    with pytest.raises(Refused) as caught:
        read_list(path)

    assert str(caught.value).endswith("[document]")
