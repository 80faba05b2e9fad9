"""Knows how values are quoted in each language that files are generated in."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Sequence

from onedigest.header import one_line

_PLAIN_WORD = re.compile(r"[A-Za-z0-9_./:,@%+=-]+")
_PLAIN_PATH = re.compile(r"[A-Za-z0-9_./@%+!~=-]+")


def json_string(text: str) -> str:
    """Return a JSON string."""
    return json.dumps(text, ensure_ascii=False)  # noqa: TID251  text for people, not bytes that are hashed


def exec_form(rows: Sequence[Sequence[str]]) -> str:
    """Return the exec form of a command in a Dockerfile, which no shell and no variable touches, a row on each line."""
    lines = [", ".join(map(json_string, row)) for row in rows]
    return "[" + ", \\\n     ".join(lines) + "]"


def word(text: str) -> str:
    """Return a word of ENV, LABEL or WORKDIR in a Dockerfile, in double quotes unless it is plain.

    The text has no line break: a Dockerfile has no way to write one there.
    """
    if _PLAIN_WORD.fullmatch(text):
        return text
    return '"' + re.sub(r'(["\\$])', r"\\\1", text) + '"'


def source(path: str) -> str:
    """Return a path as a source of ADD or COPY in exec form: wildcards in brackets, then as words are, then JSON."""
    literal = re.sub(r"([*?[])", r"[\1]", path)
    return json_string(re.sub(r"""(["'\\$])""", r"\\\1", literal))


def transfer(path: str, target: str) -> str:
    """Return source and plain target of ADD or COPY, in exec form where the source needs it."""
    return f"{path} {target}" if is_plain_path(path) else f"[{source(path)}, {json_string(target)}]"


def is_plain_path(path: str) -> bool:
    """Tell whether a path can stand unquoted anywhere in a Dockerfile.

    Flags of RUN are read byte by byte (BuildKit v0.25), so that other paths cannot stand there however quoted.
    """
    return _PLAIN_PATH.fullmatch(path) is not None


def ignore_pattern(path: str) -> str:
    """Return a pattern of a .dockerignore that matches one path."""
    escaped = re.sub(r"([*?\[\]^\\])", r"\\\1", path)
    leading = len(escaped) - len(escaped.lstrip(" "))
    trailing = len(escaped) - len(escaped.rstrip(" "))
    return "[ ]" * leading + escaped.strip(" ") + "[ ]" * trailing if escaped.strip(" ") else escaped


def bake_string(text: str) -> str:
    """Return a string of a bake file in JSON, where `${` and `%{` would begin a template (HCL JSON syntax)."""
    return json_string(text.replace("${", "$${").replace("%{", "%%{"))


def bake_plain(text: str) -> str:
    """Return what a string of a bake file in JSON, already parsed as JSON, stands for."""
    return text.replace("$${", "${").replace("%%{", "%{")


FILTERS = {
    "bake": bake_string,
    "bake_inner": lambda text: bake_string(text)[1:-1],
    "comment": one_line,
    "exec_form": exec_form,
    "ignore_pattern": ignore_pattern,
    "shell": shlex.quote,
    "transfer": transfer,
    "word": word,
}
