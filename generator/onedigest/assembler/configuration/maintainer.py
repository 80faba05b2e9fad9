"""The calls by which dpkg runs the scripts of a package at its first installation (Debian Policy, section 6.5)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from onedigest.assembler.configuration.expanding import Endless
from onedigest.assembler.configuration.following import Call, follow
from onedigest.assembler.configuration.shell import read_script
from onedigest.assembler.configuration.shell_words import Unreadable
from onedigest.assembler.deb import Package
from onedigest.assembler.entry import Entry

ARGUMENTS = {"preinst": ("install",), "postinst": ("configure", "")}
"""What the scripts are called with, in the order in which they run; there is no old version."""

_SHELL = re.compile(rb"#![ \t]*(/usr)?/bin/(env[ \t]+)?(sh|dash|bash)(?![^\s])")
_ARCHITECTURE = re.compile(rb"(?mi)^Architecture:[ \t]*(\S+)")


class Unfollowed(ValueError):
    """What a script does cannot be told: the message says why."""


def calls(package: Package, script: str, architecture: str, files: Mapping[str, Entry]) -> list[Call]:
    """Return what a script of a package calls on a system of some files. Raises `Unfollowed`."""
    text = package.scripts.get(script)
    if text is None:
        return []
    if not _SHELL.match(text):
        raise Unfollowed("is no shell script")
    variables = {
        "DPKG_MAINTSCRIPT_NAME": script,
        "DPKG_MAINTSCRIPT_PACKAGE": package.name,
        "DPKG_MAINTSCRIPT_ARCH": architecture,
    }
    try:
        return follow(read_script(text), ARGUMENTS[script], variables, files)
    except Unreadable as error:
        raise Unfollowed(f"cannot be read from line {error.line} on") from None
    except Endless:
        raise Unfollowed("takes too many steps") from None


def architecture_of(packages: Iterable[Package]) -> str:
    """Return the architecture of a system: that of the first package which is not of all; empty where there is none."""
    found = (_ARCHITECTURE.search(package.control) for package in packages)
    return next((match[1].decode("utf-8", "replace") for match in found if match and match[1] != b"all"), "")
