"""The check of a container's health: docker's extension of OCI's configuration, and the keys of its table."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from onedigest.definition import shapes
from onedigest.definition.key import Key, Shape, nearest
from onedigest.definition.values import CONTROL, string, strings
from onedigest.untrusted import quoted

_DURATION = re.compile(r"(?=\d)(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,6})s)?(?:(\d{1,6})ms)?", re.ASCII)
_UNITS = (3_600_000, 60_000, 1000, 1)
"""Milliseconds of an hour, a minute, a second and themselves."""
_SECOND = 1000

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


def healthcheck(value: Any) -> Healthcheck | None:
    if value is False:
        return Healthcheck(test=NO_CHECK)
    table = value if isinstance(value, dict) else {"command": value}
    if wrong := [key for key in table if key not in _HEALTH]:
        near = nearest(str(wrong[0]), _HEALTH)
        meant = f"did you mean `{near}`?" if near else f"its keys are {', '.join(_HEALTH)}"
        raise ValueError(f"has the key {quoted(str(wrong[0]))}; {meant}")
    if not isinstance(table.get("command"), str | list):
        raise ValueError('is neither false nor a table with a `command`, such as { command = ["/opt/venv/bin/check"] }')
    found: dict[str, Any] = {}
    for name, key in _HEALTH.items():
        if name in table:
            try:
                found[name] = key.shape.check(table[name])
            except _Refused as error:
                raise ValueError(f"has `{name}` that {error}") from None
    test, retries = found.pop("command"), found.pop("retries", 0)
    return Healthcheck(test=test, times=tuple(pair for pair in found.items() if pair[1]), retries=retries)


class _Refused(ValueError):
    """What is wrong with the value of a key in the table."""


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


def _duration(value: Any) -> int:
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if not match:
        raise _Refused('is no duration; write for example "30s", "1m30s" or "500ms"')
    return sum(int(number or 0) * unit for number, unit in zip(match.groups(), _UNITS, strict=True))


def _retries(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _MOST_RETRIES:
        raise ValueError("has `retries` that are no number of failures")
    return value


_COMMAND = Shape(
    words="list of words, or a line that `/bin/sh` reads",
    check=_test,
    schema={
        "anyOf": [
            {
                "type": "string",
                "pattern": rf"^\s*(?:[^\s{shapes.CONTROL}][^{shapes.CONTROL}]*)?[^\s\\{shapes.CONTROL}]\s*$",
            },
            {**shapes.strings(f"^[^{shapes.CONTROL}]*$"), "minItems": 1},
        ]
    },
)
_TIME = Shape(
    words='duration, such as `"30s"`, `"1m30s"` or `"500ms"`',
    check=_duration,
    schema={
        "type": "string",
        "minLength": 1,
        "pattern": "^(?:[0-9]{1,6}h)?(?:[0-9]{1,6}m)?(?:[0-9]{1,6}s)?(?:[0-9]{1,6}ms)?$",
    },
    written=duration_text,
)
HEALTH = (
    Key(
        name="command",
        shape=_COMMAND,
        without="there is no check",
        says="What is run in the container; exit code 0 says that it is well.",
        example=["/opt/venv/bin/python", "/app/check.py"],
    ),
    Key(
        name="interval",
        shape=_TIME,
        without="the engine's own, 30 s in docker",
        says="The time from one run to the next.",
        example="1m30s",
    ),
    Key(
        name="timeout",
        shape=_TIME,
        without="the engine's own, 30 s in docker",
        says="The time after which a run counts as a failure.",
        example="5s",
    ),
    Key(
        name="start-period",
        shape=_TIME,
        without="the engine's own, none in docker",
        says="The time after the start in which failures do not count.",
        example="1m",
    ),
    Key(
        name="start-interval",
        shape=_TIME,
        without="the engine's own, 5 s in docker",
        says="The time from one run to the next while the container starts.",
        example="500ms",
    ),
    Key(
        name="retries",
        shape=Shape(
            words="number of failures",
            check=_retries,
            schema={"type": "integer", "minimum": 0, "maximum": _MOST_RETRIES},
        ),
        without="the engine's own, 3 in docker",
        says="How many failures in a row make a container unhealthy.",
        example=3,
    ),
)
"""The keys of the table `healthcheck`."""
_HEALTH = {key.name: key for key in HEALTH}

HEALTHCHECK = Shape(
    words="table, the `command` alone, or `false`",
    check=healthcheck,
    schema={
        "anyOf": [
            {"const": False},
            *_COMMAND.schema["anyOf"],
            {
                "type": "object",
                "properties": {key.name: key.described() for key in HEALTH},
                "required": ["command"],
                "additionalProperties": False,
            },
        ]
    },
    written=lambda check: check.written() if check else {},
)
