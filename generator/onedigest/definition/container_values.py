"""The settings of a container besides its command: ports, volumes, a signal to stop, health checks.

Each check returns the value as a spec has it, and raises ValueError with what is wrong about it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from onedigest.definition.values import CONTROL, absolute_folder, string, strings
from onedigest.untrusted import quoted

_NAMES = (
    *("HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM"),
    *("TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF"),
    *("WINCH", "IO", "PWR", "SYS"),
)
_FIRST_REAL_TIME, _LAST_REAL_TIME, _HALF = 34, 64, 16
_SIGNALS = {
    **{number: f"SIG{name}" for number, name in enumerate(_NAMES, 1)},
    **{_FIRST_REAL_TIME + n: f"SIGRTMIN+{n}" if n else "SIGRTMIN" for n in range(_HALF)},
    **{_LAST_REAL_TIME - n: f"SIGRTMAX-{n}" if n else "SIGRTMAX" for n in range(_HALF - 1)},
}
"""Signals of Linux by number (signal(7)), as engines read them: real-time ones from the nearer end."""
_BY_NUMBER = {str(number): name for number, name in _SIGNALS.items()}
_OTHER_NAMES = {"SIGIOT": "SIGABRT", "SIGPOLL": "SIGIO", "SIGCLD": "SIGCHLD", "SIGRTMIN+0": "SIGRTMIN"}

_PORT = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?(?:/(tcp|udp|sctp))?", re.ASCII)
_HIGHEST_PORT = 65535
_MOST_PORTS = 1000

_UNMOUNTABLE = re.compile(r"[:\\]")
"""What separates the parts of a mount, and what no layer has in a path."""

_DURATION = re.compile(r"(?=\d)(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,6})s)?(?:(\d{1,6})ms)?", re.ASCII)
_UNITS = (3_600_000, 60_000, 1000, 1)
"""Milliseconds of an hour, a minute, a second and themselves."""
_SECOND = 1000

_TIMES = ("interval", "timeout", "start-period", "start-interval")
_HEALTH_KEYS = ("command", *_TIMES, "retries")
_MOST_RETRIES = 1_000_000

NO_CHECK = ("NONE",)
"""The test of an image without a check of health, whatever the image below it has."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Healthcheck:
    """How the health of a container is checked: docker's extension of OCI's configuration.

    `test` begins with CMD, CMD-SHELL or NONE. `times` are milliseconds by key; what is not there is the engine's own.
    """

    test: tuple[str, ...]
    times: tuple[tuple[str, int], ...] = ()
    retries: int = 0

    @property
    def needs_shell(self) -> bool:
        """Whether /bin/sh reads its command."""
        return self.test[0] == "CMD-SHELL"

    def written(self) -> dict[str, Any]:
        """Return it as TOML and JSON have it."""
        times = {key: duration_text(value) for key, value in self.times}
        return {"test": list(self.test), **times, **({"retries": self.retries} if self.retries else {})}


def duration_text(milliseconds: int) -> str:
    """Return a duration in its one form: whole seconds, or else milliseconds."""
    whole, rest = divmod(milliseconds, _SECOND)
    return f"{milliseconds}ms" if rest else f"{whole}s"


def stop_signal(value: Any) -> str:
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else string(value)
    if found := _BY_NUMBER.get(text):
        return found
    if not text.isascii():
        raise ValueError(f"is {quoted(text)}, which is no signal of Linux; write for example `SIGTERM`")
    name = text.upper() if text.upper().startswith("SIG") else f"SIG{text.upper()}"
    name = _OTHER_NAMES.get(name, name)
    if name not in _SIGNALS.values():
        raise ValueError(f"is {quoted(text)}, which is no signal of Linux; write for example `SIGTERM`")
    return name


def ports(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or any(isinstance(each, bool) or not isinstance(each, int | str) for each in value):
        raise ValueError('is not a list of ports, such as [8080, "5353/udp"]')
    found: set[tuple[int, str]] = set()
    for each in value:
        match = _PORT.fullmatch(str(each))
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
        if not match or not 1 <= first <= last <= _HIGHEST_PORT:
            raise ValueError(f'has {quoted(str(each))}, which is no port; write 8080, "5353/udp" or "8000-8010"')
        if len(found) + last - first >= _MOST_PORTS:
            raise ValueError(f"has more than {_MOST_PORTS} ports")
        found |= {(number, match[3] or "tcp") for number in range(first, last + 1)}
    return tuple(f"{number}/{protocol}" for number, protocol in sorted(found))


def volumes(value: Any) -> tuple[str, ...]:
    found = strings(value)
    for each in found:
        try:
            absolute_folder(each)
        except ValueError:
            message = f"has {quoted(each)}, which is no absolute path without `.`, `..` or a slash at its end"
            raise ValueError(message) from None
        if each == "/" or _UNMOUNTABLE.search(each) or each != each.strip():  # BuildKit takes white space off
            raise ValueError(f"has {quoted(each)}, which no container can have as a volume")
    return tuple(sorted(set(found)))


def healthcheck(value: Any) -> Healthcheck | None:
    if value is False:
        return Healthcheck(test=NO_CHECK)
    table = value if isinstance(value, dict) else {"command": value}
    if wrong := [key for key in table if key not in _HEALTH_KEYS]:
        raise ValueError(f"has the key {quoted(str(wrong[0]))}; its keys are {', '.join(_HEALTH_KEYS)}")
    if not isinstance(table.get("command"), str | list):
        raise ValueError('is neither false nor a table with a `command`, such as { command = ["/opt/venv/bin/check"] }')
    times = tuple((key, _duration(key, table[key])) for key in _TIMES if key in table)
    retries = table.get("retries", 0)
    if not isinstance(retries, int) or isinstance(retries, bool) or not 0 <= retries <= _MOST_RETRIES:
        raise ValueError("has `retries` that are no number of failures")
    return Healthcheck(test=_test(table["command"]), times=tuple(pair for pair in times if pair[1]), retries=retries)


def _test(command: Any) -> tuple[str, ...]:
    """Return the test of a command: a line that a shell reads, or words, which may begin as compose has them."""
    if isinstance(command, str):
        words: tuple[str, ...] = ("CMD-SHELL", string(command).strip())
    else:
        words = strings(command)
        if words == NO_CHECK:
            return words
        words = words if words[:1] in (("CMD",), ("CMD-SHELL",)) else ("CMD", *words)
    if any(CONTROL.search(each) for each in words):
        raise ValueError("has a line break or another control character in its `command`")
    if words[0] == "CMD-SHELL" and (words[-1].endswith("\\") or _is_list(words[-1])):
        raise ValueError("has a `command` that ends in a backslash, or is a list in a string")
    if len(words) == 1 or not words[1].strip() or (words[0] == "CMD-SHELL" and len(words) > 2):
        raise ValueError("has a `command` that is neither a line of a shell nor a list of words")
    return words


def _is_list(text: str) -> bool:
    """Tell whether a Dockerfile would take a line for a list of words."""
    try:
        return text.startswith("[") and isinstance(json.loads(text), list)
    except (ValueError, RecursionError):
        return False


def _duration(key: str, value: Any) -> int:
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if not match:
        raise ValueError(f'has `{key}` that is no duration; write for example "30s", "1m30s" or "500ms"')
    return sum(int(number or 0) * unit for number, unit in zip(match.groups(), _UNITS, strict=True))
