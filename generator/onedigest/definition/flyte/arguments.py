"""The kinds of values that the parameters of `flyte.Image` take, where a script's text gives them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from onedigest.definition.flyte.definition import Refused, Secret

MOST = 10_000
"""How many values one argument may have."""

_REQUIRED: Mapping[str, str] = {
    "from_uv_script": "script",
    "from_base": "image_uri",
    "with_workdir": "workdir",
    "with_requirements": "file",
    "with_env_vars": "env_vars",
    "with_source_folder": "src",
    "with_source_file": "src",
    "with_dockerignore": "path",
    "with_uv_project": "pyproject_file",
    "with_commands": "commands",
}
"""The parameter that a method cannot do without."""


def check_arguments(method: str, given: Mapping[str, Any]) -> None:
    """Raise ValueError for an argument that is missing, or of another kind than a parameter takes: message and hint."""
    required = _REQUIRED.get(method)
    if required and given.get(required) is None:
        raise ValueError(f"`{method}` lacks `{required}`")
    for name, value in given.items():
        expected, is_right = _KINDS.get(f"{method}.{name}") or _KINDS.get(name, _TEXT)
        if value is not None and not is_right(value):
            raise ValueError(f"`{name}` of `{method}` is not {expected}", *_hints(name, value))
        if any(not _is_writable(text) for text in _texts(value)):
            raise ValueError(f"`{name}` of `{method}` holds a NUL character, or what is no character of Unicode")


def _hints(name: str, value: Any) -> Iterable[str]:
    if name == "packages" and any(isinstance(each, list | tuple) for each in value):
        yield "write a star before the list, `*[…]`, or each of them alone"
    if name == "python_version":
        yield "write two numbers, such as `(3, 13)`"


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_path(value: Any) -> bool:
    return isinstance(value, str | Path)


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _is_secret(value: Any) -> bool:
    if isinstance(value, Secret):
        return all(map(_is_text, (value.key, value.group, value.variable)))
    return isinstance(value, str)


def _one_or_several(is_right: Callable[[Any], bool]) -> Callable[[Any], bool]:
    def check(value: Any) -> bool:
        several = value if isinstance(value, list | tuple) else [value]
        return len(several) <= MOST and all(map(is_right, several))

    return check


def _is_version(value: Any) -> bool:
    return (
        isinstance(value, list | tuple)
        and 2 <= len(value) <= 3
        and all(type(part) is int and 0 <= part < 1000 for part in value[:2])
    )


def _is_variables(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and len(value) <= MOST
        and all(isinstance(key, str) and isinstance(each, str | int | float) for key, each in value.items())
        and not any(type(each) is int and abs(each) >= 1 << 64 for each in value.values())
    )


_TEXT = ("a string", _is_text)
_PATH = ("a path", _is_path)
_FLAG = ("True or False", _is_flag)
_TEXTS = ("a string or several", _one_or_several(_is_text))
_SECRETS = ("a secret or several", _one_or_several(_is_secret))
_KINDS: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    **dict.fromkeys(("script", "file", "path", "pyproject_file", "uvlock", "manifest_file"), _PATH),
    **dict.fromkeys(("poetry_lock", "pixi_lock"), _PATH),
    **dict.fromkeys(("install_flyte", "pre", "copy_contents_only", "extendable"), _FLAG),
    **dict.fromkeys(("packages", "extra_index_urls", "commands", "platform", "plugins"), _TEXTS),
    "src": ("a path or several", _one_or_several(_is_path)),
    "with_source_folder.src": _PATH,
    "secret_mounts": _SECRETS,
    "registry_secret": _SECRETS,
    "python_version": ("a pair of numbers", _is_version),
    "addl_layer": ("a layer of Flyte", lambda value: isinstance(value, Refused)),
    "env_vars": ("a table of strings", _is_variables),
}


def _texts(value: Any) -> Iterable[str]:
    several = [*value, *value.values()] if isinstance(value, dict) else value
    for each in several if isinstance(several, list | tuple) else [several]:
        if isinstance(each, Secret):
            yield from (each.key, each.group, each.variable)
        elif isinstance(each, str | Path):
            yield str(each)


def _is_writable(text: str) -> bool:
    return "\0" not in text and (text.isascii() or not any("\ud800" <= each <= "\udfff" for each in text))
