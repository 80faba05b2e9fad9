"""What scripts of Debian packages leave undone is named, in words, and nothing is said of what is done or harmless."""

from __future__ import annotations

from pathlib import Path

import pytest

from deb_builder import entry, link, make_deb
from onedigest.assembler.configuration.system import System
from onedigest.assembler.deb import Package
from onedigest.assembler.entry import file_entry
from onedigest.errors import InputError
from onedigest.lock.base.scripts import read_system, undone_by_scripts

HINT = "if a program needs it, make it with `copy` or `run`, or take a base image that has the package"


def said(postinst: str, *paths: str, name: str = "some", shell: str = "#!/bin/sh", preinst: str = "") -> str:
    """Return what is said of a package with some scripts and empty files; nothing for none."""
    entries = tuple(file_entry(path, b"", executable=True, origin=name) for path in paths)
    scripts = {"postinst": f"{shell}\n{postinst}\n".encode(), "preinst": f"#!/bin/sh\n{preinst}\n".encode()}
    package = Package(name, b"Architecture: amd64\n", b"", scripts, entries)
    problems = undone_by_scripts(System({each.path: each for each in entries}, (package,)))
    return "; ".join(problem.message for problem in problems)


@pytest.mark.parametrize(
    ("postinst", "message"),
    [
        ("setcap cap_net_raw+ep /usr/bin/fping", "call `setcap` (its program lacks a capability, and needs root)"),
        ("frobnicate; /usr/lib/x/tool -a", "call `frobnicate` and `tool`"),
        ("a; b; c; d; e; f; g; a; h", "call `a`, `b`, `c`, `d`, `e`, `f` and 2 more"),
        (
            "adduser --system www; addgroup x; other",
            "call `adduser` and `addgroup` (users and groups that it asks for are not there) and call `other`",
        ),
        ("echo x > /etc/some.conf", "write `/etc/some.conf`"),
        ("cat <<E >> $HOME/x\nE", "write a file"),
        (". /usr/share/some/functions", "run `/usr/share/some/functions`"),
        ("rm -f /usr/share/own", "call `rm`"),
        ("sed -i s/a/b/ /etc/x", "call `sed`"),
        ("perl -e 1", "call `perl`"),
        ("eval x", "call `eval`"),
        ("$x$HOME y", "call what is not known"),
        ("chown www-data /usr/share/own", "call `chown`"),
        ("mv /usr/share/own /usr/share/other", "call `mv`"),
        ("update-alternatives --install /usr/bin/x x /usr/bin/y 5", "offer `/usr/bin/y`, which is not there,"),
        ('update-alternatives --install /usr/bin/x x "$(cat /z)" 5', "call `update-alternatives`"),
        ("if grep -q x /y; then setfacl x; fi", "call `setfacl`"),
    ],
)
def test_what_is_left_undone_is_named(postinst: str, message: str) -> None:
    expected = f"Debian package `some`: its scripts {message}, which is not done"

    assert said(postinst, "usr/share/own") == expected
    assert said("", "usr/share/own", preinst=postinst) == expected


@pytest.mark.parametrize(
    "postinst",
    [
        "set -e\necho hello\nexit 0",
        "if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi\ndeb-systemd-helper enable x.service || true",
        'if [ "$1" = remove ]; then frobnicate; fi',
        'if dpkg --compare-versions "$2" gt 1; then frobnicate; fi',
        "if command -v frobnicate; then frobnicate; fi",
        'dpkg-maintscript-helper rm_conffile /etc/x 1 some -- "$@"',
        ". /usr/share/debconf/confmodule\ndb_version 2.0\ndb_get a/b\ndb_stop",
        "rm -f /etc/old; rm -rf /var/cache/old",
        "mkdir -p /var/lib/some; chmod 750 /var/lib/some; chown root:root /var/lib/some; touch /var/lib/some/x",
        "ln -sf a /etc/some; cp -p /usr/share/own /etc/some.conf; ucf --three-way /usr/share/own /etc/some.d",
        "py3compile -p some; /usr/bin/python3.13 -E -S /usr/lib/python3.13/py_compile.py x; fc-cache -s > /var/log/x.log",
        "update-alternatives --install /usr/bin/x x /usr/share/own 5; update-alternatives --remove x /usr/bin/z",
        "ldconfig; ldconfig -r /; update-mime-database /usr/share/mime; dpkg-trigger --no-await x",
        "if [ -x /usr/share/own ]; then exit 0; fi; frobnicate",
        "frobnicate() { :; }; frobnicate",
    ],
)  # fmt: skip
def test_nothing_is_said_of_what_is_done_or_means_nothing(postinst: str) -> None:
    assert said(postinst, "usr/share/own") == ""


@pytest.mark.parametrize(
    ("postinst", "shell", "why"),
    [
        ("print 1", "#!/usr/bin/perl", "is no shell script"),
        ("\x7fELF", "", "is no shell script"),
        ("a\nif true; then", "#!/bin/sh", "cannot be read from line 4 on"),
        ("f() { f; f; }; f", "#!/bin/sh", "takes too many steps"),
    ],
)
def test_a_script_that_cannot_be_followed_is_named(postinst: str, shell: str, why: str) -> None:
    expected = f"Debian package `some`: its postinst {why}, so that what it does is not known, and not done"

    assert said(postinst, shell=shell) == expected


def test_packages_that_were_read_are_silent() -> None:
    assert said("frobnicate", name="base-files") == said("frobnicate", name="python3.13-minimal") == ""
    assert said("java -jar x", name="ca-certificates-java") != ""
    assert said("java -jar x", "etc/ssl/certs/java/cacerts", name="ca-certificates-java") == ""


def test_the_last_of_several_packages_has_the_hint() -> None:
    packages = tuple(Package(name, b"", b"", {"postinst": b"#!/bin/sh\nx\n"}, ()) for name in ("a", "b"))

    assert [problem.hint for problem in undone_by_scripts(System({}, packages))] == ["", HINT]


def test_files_of_all_packages_and_what_is_made_of_them_count(tmp_path: Path) -> None:
    scripts = {"postinst": b"#!/bin/sh\nupdate-alternatives --install /usr/bin/x x /usr/bin/y 5\n"}
    one = make_deb(tmp_path / "a.deb", "aa", [entry("./usr/bin/y", mode=0o755)])
    other = make_deb(tmp_path / "b.deb", "bb", [link("./usr/share/l", "/usr/bin/x")], scripts=scripts)
    user = {"postinst": b"#!/bin/sh\nif [ ! -x /usr/share/l ]; then frobnicate; fi\n"}
    third = make_deb(tmp_path / "c.deb", "cc", [], scripts=user)

    assert undone_by_scripts(read_system([third, one, other], None)) == []
    assert [each.message[:21] for each in undone_by_scripts(read_system([third], None))] == ["Debian package `cc`: "]


def test_a_package_that_is_none_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.deb").write_bytes(b"")

    with pytest.raises(InputError, match=r"^a\.deb: "):
        read_system([tmp_path / "a.deb"], None)
