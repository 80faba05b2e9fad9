"""The programs that are asked for a password and may not ask back: `keyring`, and uv for the system's own store."""

from __future__ import annotations

import os
import re
import selectors
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from onedigest.errors import NetworkError
from onedigest.net.redirects import split
from onedigest.uv_program import find_uv

LONGEST_ANSWER = 60
"""How many seconds a program may take."""

_MOST = 1 << 16
_NATIVE = "native-auth"
_OPTIONS = ("token", "--username", "--mode")


class Keyring:
    """Asks the programs that a user has named, and notes what came of it."""

    def __init__(self, environment: Mapping[str, str], settings: Iterable[Mapping[str, Any]]) -> None:
        self._environment = dict(environment)
        several = tuple(settings)
        stated = [table["keyring-provider"] for table in several if "keyring-provider" in table]
        self._provider = environment.get("UV_KEYRING_PROVIDER") or next(iter(stated), "disabled")
        self._is_native = _asks_native(environment, several)
        self._notes: dict[str, str] = {}

    def ask(self, url: str, user: str, *, always: bool) -> tuple[str, str] | None:
        """Return user and password for an address without them, or None.

        `always` is for an index that needs them, for which a user is asked for too. Raises `NetworkError` for a program
        that does not end.
        """
        found = self._ask_native(url, user) if self._is_native else None
        if not found and self._provider == "subprocess" and (user or always):
            found = self._ask_keyring(url, url, user) or self._ask_keyring(url, _host(url), user)
        return found

    def note(self, url: str) -> str:
        """Return what came of asking for an address, where it gave nothing."""
        return self._notes.get(url, "")

    def _ask_keyring(self, url: str, service: str, user: str) -> tuple[str, str] | None:
        # pip's and uv's way of calling it; without a user both come, in two lines
        words = ("keyring", "get", service, *((user,) if user else ("--mode", "creds")))
        text = self._run(words, url)
        if text is None:
            return None
        lines = text.splitlines()
        if user:
            return (user, lines[0].strip()) if lines and lines[0].strip() else None
        return (lines[0], lines[1]) if len(lines) > 1 else None

    def _ask_native(self, url: str, user: str) -> tuple[str, str] | None:
        options = ("--username", user) if user else ()
        text = self._run((find_uv(), "auth", "token", *options, url), url)
        password = (text or "").strip()
        return (user or "__token__", password) if password else None

    def _run(self, words: tuple[str, ...], url: str) -> str | None:
        """Run a program; return what it prints, None where it has nothing to say, of which a note is made."""
        name = "uv auth token" if words[1] == "auth" else words[0]
        if not all(_is_plain(word) for word in words[2:] if word not in _OPTIONS):
            self._notes[url] = f"`{name}` is not asked, for the address or its user would be read as an option"
            return None
        program = shutil.which(words[0], path=self._environment.get("PATH", os.defpath))
        try:
            text = _printed((program or words[0], *words[1:]), tuple(sorted(self._environment.items())))
        except TimeoutError:
            typed = shlex.join((Path(words[0]).name, *words[1:]))
            message = f"`{name}` gave no answer for {url} within {LONGEST_ANSWER} seconds, so it was stopped"
            hint = f"it has no terminal to ask you on; run `{typed}`, and unlock what it asks for"
            raise NetworkError.of(message, hint=hint) from None
        except OSError:
            self._notes[url] = f"there is no program `{name}`"
            return None
        if not text.strip():
            self._notes[url] = f"`{name}` gave no password for it, and has no terminal to ask you on"
            return None
        self._notes.pop(url, None)
        return text


@cache
def _printed(words: tuple[str, ...], environment: tuple[tuple[str, str], ...]) -> str:
    """Return what a program prints, or nothing where it fails; one question is asked once."""
    with subprocess.Popen(
        words,
        env=dict(environment),
        cwd="/",  # where no file of a checkout is read
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # may hold the secret
        start_new_session=True,  # without a terminal, on which a question would wait for ever
    ) as process:
        try:
            out = _read(process, time.monotonic() + LONGEST_ANSWER)
        except BaseException:
            _end(process)
            raise
    return "" if process.returncode else out.decode("utf-8", "replace")


def _read(process: subprocess.Popen[bytes], end: float) -> bytes:
    """Return what a program prints until it ends. Raises `TimeoutError` where that is too late, or too much."""
    assert process.stdout  # it is a pipe
    out = b""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while len(out) <= _MOST and selector.select(max(end - time.monotonic(), 0)):
            piece = os.read(process.stdout.fileno(), _MOST)
            if not piece:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(max(end - time.monotonic(), 0))
                    return out
                break
            out += piece
    raise TimeoutError


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a program with all that it started."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()


def _asks_native(environment: Mapping[str, str], settings: Iterable[Mapping[str, Any]]) -> bool:
    """Tell whether a user has uv keep passwords in the system's own store, which is a preview of it."""
    if environment.get("UV_PREVIEW", "").lower() in ("1", "true", "yes", "on", "y", "t"):
        return True
    if _NATIVE in re.split(r"[\s,]+", environment.get("UV_PREVIEW_FEATURES", "")):
        return True
    return any(
        table.get("preview") is True
        or (isinstance(features := table.get("preview-features"), list) and _NATIVE in features)
        for table in settings
    )


def _is_plain(word: str) -> bool:
    """Tell whether a program takes a word, which a script may have chosen, for what it is."""
    return word.isprintable() and not word.startswith("-")


def _host(url: str) -> str:
    parts = split(url)
    assert parts  # an index has an address
    return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)
