"""The quoting of values in each language that files are generated in."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

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


def words(texts: Sequence[str]) -> str:
    """Return the arguments of VOLUME in a Dockerfile, as a list of words that are read as those of ENV are."""
    return "[" + ", ".join(json_string(re.sub(r"""(["'\\$])""", r"\\\1", text)) for text in texts) + "]"


def transfer(path: str, target: str) -> str:
    """Return source and plain target of ADD or COPY, in exec form where the source needs it."""
    return f"{path} {target}" if is_plain_path(path) else f"[{source(path)}, {json_string(target)}]"


def is_plain_path(path: str) -> bool:
    """Tell whether a path can stand unquoted anywhere in a Dockerfile.

    Flags of RUN are read byte by byte (BuildKit v0.25), so that other paths cannot stand there however quoted.
    """
    return _PLAIN_PATH.fullmatch(path) is not None


def bake_string(text: str) -> str:
    """Return a string of a bake file in JSON, where `${` and `%{` would begin a template (HCL JSON syntax)."""
    return json_string(text.replace("${", "$${").replace("%{", "%%{"))


def bake_plain(text: str) -> str:
    """Return what a string of a bake file in JSON, already parsed as JSON, stands for."""
    return text.replace("$${", "${").replace("%%{", "%{")


def starlark(value: object, depth: int = 0) -> str:
    """Return a value of strings, numbers, lists and dictionaries in Starlark, as buildifier writes it."""
    return _nested(value, _STARLARK, depth)


def nix(value: object, depth: int = 0) -> str:
    """Return a value of strings, numbers, lists and dictionaries in the language of Nix."""
    return _nested(value, _NIX, depth)


def nix_name(name: str) -> str:
    """Return the name of an attribute in Nix, quoted where it is no identifier."""
    return name if _NIX_NAME.fullmatch(name) and name not in _NIX_WORDS else nix(name)


def _starlark_string(text: str) -> str:
    escaped = re.sub(r'(["\\])', r"\\\1", text)
    return (
        '"' + re.sub(r"[\x00-\x1f\x7f]", lambda match: _ESCAPES.get(match[0], f"\\{ord(match[0]):03o}"), escaped) + '"'
    )


def _nix_string(text: str) -> str:
    escaped = re.sub(r'(["\\]|\$\{)', r"\\\1", text)
    return '"' + re.sub(r"[\n\r\t]", lambda match: _ESCAPES[match[0]], escaped) + '"'


@dataclass(frozen=True, kw_only=True, slots=True)
class _Language:
    """How a language writes strings, lists and dictionaries."""

    indent: str
    string: Callable[[str], str]
    name: Callable[[str], str]
    item: str
    pair: str


_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_NIX_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_'-]*")
_NIX_WORDS = ("assert", "else", "if", "in", "inherit", "let", "or", "rec", "then", "with")
_STARLARK = _Language(indent="    ", string=_starlark_string, name=_starlark_string, item="{},", pair="{}: {},")
_NIX = _Language(indent="  ", string=_nix_string, name=nix_name, item="{}", pair="{} = {};")


def _nested(value: object, language: _Language, depth: int) -> str:
    if isinstance(value, str):
        return language.string(value)
    inner = depth + 1
    if isinstance(value, Mapping):
        pairs = sorted(value.items())
        lines = [language.pair.format(language.name(key), _nested(each, language, inner)) for key, each in pairs]
        return _enclosed("{", lines, "}", language.indent, depth)
    if isinstance(value, Sequence):
        lines = [language.item.format(_nested(each, language, inner)) for each in value]
        return _enclosed("[", lines, "]", language.indent, depth)
    return str(value)


def _enclosed(start: str, lines: Sequence[str], end: str, indent: str, depth: int) -> str:
    if not lines:
        return f"{start}{end}"
    body = "".join(f"{indent * (depth + 1)}{line}\n" for line in lines)
    return f"{start}\n{body}{indent * depth}{end}"


FILTERS = {
    "bake": bake_string,
    "bake_inner": lambda text: bake_string(text)[1:-1],
    "comment": one_line,
    "exec_form": exec_form,
    "nix": nix,
    "nix_inner": lambda text: nix(text)[1:-1],
    "nix_name": nix_name,
    "shell": shlex.quote,
    "starlark": starlark,
    "transfer": transfer,
    "word": word,
    "words": words,
}
