"""The place of the program uv, which the wheel of that name brings."""

from __future__ import annotations

from onedigest.errors import EngineError


def find_uv() -> str:
    """Return the path of uv. Raises `EngineError` where it is not there."""
    from uv import find_uv_bin

    try:
        return str(find_uv_bin())
    except FileNotFoundError as error:
        raise EngineError.of("uv is not installed", hint="run `pip install uv`") from error
