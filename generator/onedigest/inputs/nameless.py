"""Knows how another program reads what stands in no folder: a file without a name, which ends with this process."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def nameless_file(data: bytes) -> Iterator[int]:
    """Yield the number of an open file, to be given on: a program that has it reads it as /dev/fd/NUMBER."""
    if hasattr(os, "memfd_create"):
        number = os.memfd_create("settings")
    else:
        with tempfile.TemporaryFile() as file:
            number = os.dup(file.fileno())
    try:
        os.write(number, data)
        os.lseek(number, 0, os.SEEK_SET)
        yield number
    finally:
        os.close(number)
