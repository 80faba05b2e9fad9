"""Plain commands of scripts make the files that they would make, and nothing that is there is lost."""

from __future__ import annotations

import pytest

from onedigest.assembler.configuration.file_list import Listed
from onedigest.assembler.configuration.placing import COPIED_BYTES, make_placed
from onedigest.assembler.configuration.system import System
from onedigest.assembler.deb import Package
from onedigest.assembler.entry import Entry, file_entry

FILES = (
    Entry("etc", "dir", 0o755, origin="a.deb"),
    Entry("var/old", "dir", 0o750, origin="a.deb"),
    file_entry("usr/share/a/template", b"text", executable=False, origin="a.deb"),
    file_entry("usr/bin/tool", b"tool", executable=True, origin="a.deb"),
    file_entry("etc/own", b"own", executable=False, origin="a.deb"),
    Entry("etc/link", "link", 0o777, target="/usr/share/a", origin="a.deb"),
    Entry("usr/lib/large", "file", 0o644, COPIED_BYTES + 1, b"", origin="a.deb"),
    file_entry("usr/share/base-passwd/passwd.master", b"root:*:0:0:::\nman:*:6:12:::\n", executable=False, origin="a.deb"),
    file_entry("usr/share/base-passwd/group.master", b"root:*:0:\nmail:*:8:\n", executable=False, origin="a.deb"),
)  # fmt: skip


def made(script: str, below: tuple[Entry, ...] = ()) -> list[str]:
    """Return what a script makes, one line for each entry."""
    package = Package("a", b"Architecture: amd64\n", b"", {"postinst": f"#!/bin/sh\n{script}\n".encode()}, FILES)
    found = make_placed(System({each.path: each for each in (*below, *FILES)}, (package,)))
    return [
        f"{each.kind} {each.path} {each.mode:o} {each.uid}:{each.gid} {each.target or bytes(each.content).decode()}".strip()  # type: ignore[arg-type]  # at hand
        for each in found
    ]


@pytest.mark.parametrize(
    ("script", "entries"),
    [
        ("mkdir -p /var/lib/a /etc", ["dir var/lib/a 755 0:0"]),
        ("mkdir -m 1777 /var/a", ["dir var/a 1777 0:0"]),
        ("mkdir --mode=700 -p /bin/a", ["dir usr/bin/a 700 0:0"]),
        ("install -d -o man -g mail -m 2755 /var/man", ["dir var/man 2755 6:8"]),
        ("install -m 600 /usr/share/a/template /etc/b", ["file etc/b 600 0:0 text"]),
        ("ln -s ../x /var/y", ["link var/y 777 0:0 ../x"]),
        ("ln -s x /etc/own; ln -s x /etc", ["link etc/x 777 0:0 x"]),
        ("ln -sf x /etc/own; ln -sfn y /etc/link", ["link etc/own 777 0:0 x", "link etc/link 777 0:0 y"]),
        ("cp -p /usr/share/a/template /etc/b", ["file etc/b 644 0:0 text"]),
        ("cp /usr/share/a/template /etc/link/b", ["file usr/share/a/b 644 0:0 text"]),
        ("ucf --three-way --debconf-ok /usr/share/a/template /etc/b; ucf /usr/share/a/template /etc/own", ["file etc/b 644 0:0 text"]),
        ("touch /var/x /etc/own", ["file var/x 644 0:0"]),
        ("chmod 4755 /usr/bin/tool", ["file usr/bin/tool 4755 0:0 tool"]),
        ("chown root:mail /usr/bin/tool; chgrp mail /var/old", ["file usr/bin/tool 755 0:8 tool", "dir var/old 750 0:8"]),
        ("chown man: /etc/own", ["file etc/own 644 6:0 own"]),
        (
            "if ! dpkg-statoverride --list /usr/bin/tool >/dev/null; then\n"
            "dpkg-statoverride --update --add root mail 2755 /usr/bin/tool\nfi",
            ["file usr/bin/tool 2755 0:8 tool"],
        ),
        ("mkdir /var/a; touch /var/a/b; chmod 600 /var/a/b", ["dir var/a 755 0:0", "file var/a/b 600 0:0"]),
    ],
)  # fmt: skip
def test_plain_commands_are_followed(script: str, entries: list[str]) -> None:
    assert made(script) == entries


@pytest.mark.parametrize(
    "script",
    [
        "mkdir relative; mkdir $HOME/x; mkdir /a/../b; mkdir '/a\\b'; mkdir /.wh.x; mkdir -q /x; mkdir -m u=rwx /x",
        "ln /etc/own /etc/b; ln -s a b c; ln -sr /etc/own /etc/b; ln -s '' /etc/b; ln -s é /etc/b",
        "cp -r /usr/share/a /etc; cp /none /etc/b; cp /usr/lib/large /etc/b; cp a b; cp /etc/own",
        "chmod u+s /usr/bin/tool; chmod -R 700 /etc; chmod 700 /usr/lib/large; chmod 755 /none; chmod",
        "chown nobody /etc/own; chown root:nobody /etc/own; chown a:b:c /etc/own; chown",
        "touch /etc/passwd; cp /etc/own /etc/group; chmod 700 /tmp",
        "if unknown; then mkdir /a; fi; unknown && touch /b",
        "rmdir /var/old; ln -s /run /var/old",
        "mkdir /x > /y",
    ],
)
def test_nothing_is_made_of_what_is_not_followed(script: str) -> None:
    assert made(script) == []


def test_files_of_an_image_below_stay() -> None:
    below = (
        Entry("var/spool", "dir", 0o755, origin="list"),
        Entry("etc/theirs", "file", 0o644, 0, Listed(None, b""), origin="list"),
    )

    assert made("chmod 700 /var/spool /etc/theirs; cp /etc/theirs /etc/b; cp /etc/own /etc/theirs", below) == []
