"""The report of a failed backend: the lines that matter, and what is likely to help."""

from __future__ import annotations

import re

from onedigest.errors import InputError
from onedigest.from_source.canonical_wheel import FOR_EACH_PLATFORM
from onedigest.from_source.sandbox import ProcessResult
from onedigest.untrusted import without_secrets

_MOST_LINES = 12
_LONGEST_LINE = 300
_LONGEST_SEARCHED = 1000
_COLOUR = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_NO_MODULE = re.compile(r"(?:ModuleNotFoundError|ImportError): (?:No module named |.*from )'?(?P<name>[\w.]+)'?")
_HINTS = (
    (
        re.compile(
            r"unable to detect version|Error getting the version from source `vcs`|NotVCSError|VersioneerBadRootError|"
            r"Unable to detect version control system|Cannot find the version from SCM|"
            r"(?:SETUPTOOLS|PDM_BUILD)_SCM_\w*VERSION"
        ),
        (
            "a version that git tells needs git, and the history with its tags; else state it in [tool.uv]:"
            ' extra-build-variables = { NAME = { SETUPTOOLS_SCM_PRETEND_VERSION = "1.0" } }'
        ),
    ),
    (
        re.compile(r"Read-only file system: '?(?P<path>[^'\n]*)"),
        "a build may write to its own folder and to /tmp, and not to <path>",
    ),
    (
        re.compile(
            r"command '\S*(?:cc|\+\+|cl\.exe)' failed|command '\S*' failed: No such file|Python\.h: No such file|"
            r"\b(?:cargo|rustc|cmake|meson|ninja|gfortran|cython|swig|nvcc)\b.*"
            r"(?:not found|not installed|No such file|is required)|"
            r"CMAKE_C(?:XX)?_COMPILER|Unknown compiler\(s\)|Could not find (?:any )?C\+*? ?compiler",
            re.IGNORECASE,
        ),
        FOR_EACH_PLATFORM,
    ),
    (re.compile(r"\[Errno 27\]|File too large"), "no file of a build may have more than 4 GiB"),
    (
        re.compile(
            r"Network is unreachable|name resolution|nodename nor servname|getaddrinfo|ProxyError|"
            r"Cannot connect to proxy|Connection refused|127\.0\.0\.1:9\b|Could not resolve host|No route to host|"
            r"Max retries exceeded|network connectivity is disabled|ENOTFOUND|ECONNREFUSED|EAI_AGAIN|ENETUNREACH"
        ),
        "a build has no network: add what it downloads to the source, or to [build-system] requires",
    ),
    (
        _NO_MODULE,
        "name the project that has `<name>` in [build-system] requires, or in `extra-build-dependencies` of [tool.uv]",
    ),
)
"""What output looks like, and what is likely to mend it; the first that fits is said."""

_FRAME = re.compile(
    r'^\s+(?:File ".*", line \d+|\^+$|~*\^+~*$)|^Traceback |^\s*\[?(?:end of output|\d+ lines of output)'
)
_SOURCE_LINE = re.compile(r"^ {4}")


def failed(ended: ProcessResult, said: str) -> InputError:
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
    lines = [line.rstrip().rpartition("\r")[2] for line in _COLOUR.sub("", said).split("\n")]
    kept, in_frame = [], False
    for line in lines:
        if _FRAME.match(line):
            in_frame = True
            continue
        if in_frame and _SOURCE_LINE.match(line):
            continue
        in_frame = False
        if line:
            plain = without_secrets(line)
            kept.append(plain if len(plain) <= _LONGEST_LINE else f"{plain[:_LONGEST_LINE]}…")
    return "\n".join(kept[-_MOST_LINES:])


def _hint(said: str) -> str:
    said = "\n".join(line[:_LONGEST_SEARCHED] for line in said.split("\n"))
    pattern, hint = next((each for each in _HINTS if each[0].search(said)), (None, ""))
    match = pattern.search(said) if pattern else None
    return re.sub(r"<(\w+)>", lambda place: match[place[1]], hint) if match else ""
