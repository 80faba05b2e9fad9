"""Knows how it is said that a backend failed: the lines that matter, and what is likely to mend it."""

from __future__ import annotations

import re

from onedigest.errors import InputError, Problem
from onedigest.from_source.sandbox import Ended
from onedigest.untrusted import without_secrets

__all__ = ["Problem", "failed", "last_lines", "not_imported"]

_MOST_LINES = 12
_LONGEST_LINE = 300
_COLOUR = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_NETWORK = re.compile(
    r"Network is unreachable|name resolution|nodename nor servname|getaddrinfo|ProxyError|Cannot connect to proxy|"
    r"Connection refused|127\.0\.0\.1:9\b|Could not resolve host|No route to host|Max retries exceeded|"
    r"network connectivity is disabled"
)
_READ_ONLY = re.compile(r"Read-only file system: '?(?P<path>[^'\n]*)")
_NO_VERSION = re.compile(
    r"unable to detect version|Error getting the version from source `vcs`|SETUPTOOLS_SCM_PRETEND_VERSION"
)
_NO_MODULE = re.compile(r"(?:ModuleNotFoundError|ImportError): (?:No module named |.*from )'?(?P<name>[\w.]+)'?")
_FRAME = re.compile(
    r'^\s+(?:File ".*", line \d+|\^+$|~*\^+~*$)|^Traceback |^\s*\[?(?:end of output|\d+ lines of output)'
)
_SOURCE_LINE = re.compile(r"^ {4}")


def failed(ended: Ended, said: str) -> InputError:
    """Return the error of a run that did not end well; `said` is its output without paths of ours."""
    lines = last_lines(said)
    if ended.stopped:
        what = f"the build {ended.stopped}, so it was stopped"
        return InputError.of(f"{what}; its last lines:\n{lines}" if lines else what)
    if ended.code < 0:
        what = f"the build was ended by signal {-ended.code}"
        return InputError.of(f"{what}; its last lines:\n{lines}" if lines else what)
    return InputError.of(
        f"the build failed:\n{lines}" if lines else f"the build failed with code {ended.code}", hint=_hint(said)
    )


def not_imported(backend: str, traceback: str) -> InputError:
    """Return the error of a backend that cannot be imported."""
    match = _NO_MODULE.search(traceback)
    hint = f"name the project that has `{match['name']}` in [build-system] requires" if match else ""
    return InputError.of(f"the backend `{backend}` cannot be imported:\n{last_lines(traceback)}", hint=hint)


def last_lines(said: str) -> str:
    """Return the last lines that mean something: without frames of a traceback, colours, blank lines and passwords."""
    lines = [line.rpartition("\r")[2].rstrip() for line in _COLOUR.sub("", said).splitlines()]
    kept, in_frame = [], False
    for line in lines:
        if _FRAME.match(line):
            in_frame = True
            continue
        if in_frame and _SOURCE_LINE.match(line):
            continue
        in_frame = False
        if line:
            kept.append(without_secrets(line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]}…"))
    return "\n".join(kept[-_MOST_LINES:])


def _hint(said: str) -> str:
    if _NO_VERSION.search(said):
        return (
            "where there is no git history, state the version in [tool.uv]:"
            ' extra-build-variables = { NAME = { SETUPTOOLS_SCM_PRETEND_VERSION = "1.0" } }'
        )
    if match := _READ_ONLY.search(said):
        return f"a build may write to its own folder and to /tmp, and not to {match['path']}"
    if _NETWORK.search(said):
        return "a build has no network: add what it downloads to the source, or to [build-system] requires"
    if match := _NO_MODULE.search(said):
        return (
            f"name the project that has `{match['name']}` in [build-system] requires,"
            " or in `extra-build-dependencies` of [tool.uv]"
        )
    return ""
