"""A file without a name, which stands in no folder, can be read by other programs, and ends with this process."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from onedigest.errors import EngineError


@contextmanager
def nameless_file(data: bytes) -> Iterator[int]:
    """Yield the number of an open file, to be given on: a program that has it reads it as /dev/fd/NUMBER.

    Raises `EngineError` where no program could.
    """
    if hasattr(os, "memfd_create"):
        number = os.memfd_create("settings")
    else:
        with tempfile.TemporaryFile() as file:
            number = os.dup(file.fileno())
    try:
        os.write(number, data)
        os.lseek(number, 0, os.SEEK_SET)
        if not Path(f"/dev/fd/{number}").exists():
            raise EngineError.of("there is no /dev/fd, by which uv reads its settings", hint="mount /proc and /dev")
        yield number
    finally:
        os.close(number)
