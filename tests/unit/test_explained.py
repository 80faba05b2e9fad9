"""What an exception of Python means to a user: never a traceback."""

from __future__ import annotations

import errno
import json

import pytest

from onedigest.errors import EngineError, InputError, InternalError
from onedigest.explained import explain


@pytest.mark.parametrize(
    ("error", "kind", "text"),
    [
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "a.py"), InputError, "No such file or directory: a.py"),
        (OSError(errno.EXDEV, "Invalid cross-device link", "a", None, "b"), InputError, "Invalid cross-device link: a -> b"),
        (MemoryError(), EngineError, "there is not enough memory"),
        (RecursionError("maximum depth"), InputError, "something that was read is nested too deeply"),
        (ValueError("embedded null byte"), InputError, "a name holds a NUL character"),
        (json.JSONDecodeError("bad", "x", 0), InputError, "something that was read is broken: bad: line 1 column 1 (char 0)"),
        (RuntimeError("can't start new thread"), InputError, "this machine allows no more threads\nhint: allow more, such as by `ulimit -u`"),
        (KeyError(), InternalError, "internal error: KeyError: it gives no reason\nhint: please report it with what --verbose shows"),
    ],
)  # fmt: skip
def test_exception_has_a_meaning(error: BaseException, kind: type[Exception], text: str) -> None:
    found = explain(error)
    assert (type(found), str(found)) == (kind, text)


def test_full_disk_is_told_what_helps() -> None:
    (problem,) = explain(OSError(errno.ENOSPC, "No space left on device", "x")).problems
    assert problem.hint == "free some space, or set XDG_CACHE_HOME and TMPDIR to folders with more"
