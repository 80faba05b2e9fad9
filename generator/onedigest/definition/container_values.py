"""The settings of a container besides its command: ports, volumes, a signal to stop.

Each check returns the value as a spec has it, and raises ValueError with what is wrong about it.
"""

from __future__ import annotations

import re
from typing import Any

from onedigest.definition import shapes
from onedigest.definition.key import Shape
from onedigest.definition.shapes import in_any_case
from onedigest.definition.values import LONGEST_PATH, MOST, absolute_folder, string, strings
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


PORTS = Shape(
    words="list of ports, and ranges of them",
    check=ports,
    schema={
        "type": "array",
        "items": {
            "anyOf": [
                {"type": "integer", "minimum": 1, "maximum": _HIGHEST_PORT},
                {"type": "string", "pattern": "^[0-9]{1,5}(?:-[0-9]{1,5})?(?:/(?:tcp|udp|sctp))?$"},
            ]
        },
    },
)
VOLUMES = Shape(
    words="list of absolute paths",
    check=volumes,
    schema={
        "type": "array",
        "items": {
            "type": "string",
            "maxLength": LONGEST_PATH + 1,
            "allOf": [{"pattern": rf"^(?:/{shapes.part(':' + chr(92) * 2)})+$"}, {"pattern": r"[^\s]$"}],
        },
        "maxItems": MOST,
    },
)
_REAL_TIME = rf"{in_any_case('rtmin')}(?:\+(?:[0-9]|1[0-5]))?|{in_any_case('rtmax')}(?:-(?:[1-9]|1[0-4]))?"
_PLAIN = "|".join(in_any_case(name) for name in (*_NAMES, *(name[3:] for name in _OTHER_NAMES if "+" not in name)))
SIGNAL = Shape(
    words="name or number of a signal, as signal(7) has them",
    check=stop_signal,
    schema={
        "anyOf": [
            {"enum": [f"SIG{name}" for name in _NAMES]},
            {"type": "string", "pattern": f"^(?:{in_any_case('sig')})?(?:{_PLAIN}|{_REAL_TIME})$"},
            {"type": "string", "pattern": "^(?:[1-9]|[12][0-9]|3[0145-9]|[45][0-9]|6[0-4])$"},
            {"type": "integer", "minimum": 1, "maximum": len(_NAMES)},
            {"type": "integer", "minimum": _FIRST_REAL_TIME, "maximum": _LAST_REAL_TIME},
        ]
    },
)
