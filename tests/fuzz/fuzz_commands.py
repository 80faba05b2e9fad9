"""Any arguments, separated by spaces: each call ends in words and an exit code, without a fault of ours."""

from __future__ import annotations

import io
import socket
from contextlib import redirect_stderr, redirect_stdout
from typing import Any, NoReturn

from onedigest.cli import COMMANDS
from onedigest.cli import run as run_command
from onedigest.shown_text import safe

SEEDS: tuple[bytes, ...] = (
    b"--help",
    b"build app --platform linux/amd64 --output out.tar",
    b"generate --check --all --lockfiles somewhere",
    b"fetch --offline app",
    b"graph app --format svg --why alpha",
    b"inspect --files --json --validate ghcr.io/acme/app:1",
    b"diff app HEAD --format markdown --check",
    b"build --push --repository localhost:5000/app --tag v1 --engine buildx app.py",
    b"build \0",
    b"verify --engine all app --color always -q -v",
)
TOKENS: tuple[bytes, ...] = (
    *(name.encode() for name in COMMANDS),
    b" ",
    b"  ",
    b" --",
    b" -",
    b"=",
    b" . ",
    b" .. ",
    b" / ",
)
EXPECTED: tuple[type[Exception], ...] = ()


def run(data: bytes) -> None:
    arguments = [part.decode("utf-8", "surrogateescape") for part in data.split(b" ")]
    if any("/" in each.lstrip("./") and each.startswith(("/", "..")) for each in arguments):
        return  # a file of this machine
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = run_command(arguments)
    assert code in (0, 1, 2, 3, 4, 5), err.getvalue()
    assert code == 0 or err.getvalue()
    assert "Traceback" not in err.getvalue()
    said = err.getvalue().replace("\x1b[1;31merror\x1b[0m", "error").replace("\x1b[1;33mwarning\x1b[0m", "warning")
    assert safe(said) == said


def _refuse(*_: Any) -> NoReturn:
    raise ConnectionRefusedError(111, "Connection refused")


# a reference may name any host
setattr(socket.socket, "connect", _refuse)  # noqa: B010  its type is another
setattr(socket, "getaddrinfo", _refuse)  # noqa: B010  as above
