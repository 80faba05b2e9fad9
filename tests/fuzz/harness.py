"""Fuzzing without tools of others: mutates seeds the same way each time, in a process that is bounded.

    python tests/fuzz/harness.py                  every target, for ONEDIGEST_FUZZ_SECONDS each (60)
    python tests/fuzz/harness.py TARGET...        some targets
    python tests/fuzz/harness.py TARGET FILE      one input again, with its traceback

README.md says what a target is.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import json
import os
import random
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import FrameType, ModuleType
from typing import NoReturn

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CRASHES = ROOT / ".cache" / "fuzz"
PER_INPUT = 2.0
"""Seconds of the processor that one input may take."""

MEMORY = 2 << 30
"""Bytes of addresses that a target's process may have."""

_LONGEST = 1 << 20
_SHRINKING = 400
_DISTINCT = 20
_INTERESTING = (
    *(b"\0", b"\xff", b"\x80", b"\x7f", b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\xff" * 8),
    *(
        b"\n",
        b"\r\n",
        b" ",
        b"\t",
        b"=",
        b'"',
        b"'",
        b"[",
        b"]",
        b"{",
        b"}",
        b"#",
        b",",
        b":",
        b"\\",
        b"`",
        b"|",
        b"<",
        b"&",
    ),
    *(b"/", b"..", b"../", b"~", b"*", b"**", b"?", b"%", b"$", b"@", b"-", b"-1", b"0", b"9" * 20, b"1e999", b"nan"),
    *(b"true", b"null", b"1979-01-01", b"0x10", b"\\u0000", b"\x1b[31m", b"sha256:", b"PK\5\6", b"PK\1\2", b"PK\3\4"),
    *(b"\xc3\x28", b"\xed\xa0\x80", b"\xe2\x80\xae", b"\xe2\x80\xa8", b"\xf0\x9f\x98\x80", b"\xef\xbb\xbf"),
)


class TooSlow(BaseException):
    """An input took longer than it may. No target's `except Exception` catches it."""


@dataclass(frozen=True)
class Crash:
    """An input after which something else came out than the target expects."""

    what: str
    shrunk: str
    file: str


@dataclass(frozen=True)
class Report:
    """What a campaign gave."""

    target: str
    runs: int = 0
    accepted: int = 0
    slowest: float = 0.0
    crashes: list[Crash] = field(default_factory=list)


def targets() -> list[str]:
    """Return the names of all targets."""
    return sorted(path.stem.removeprefix("fuzz_") for path in HERE.glob("fuzz_*.py"))


def mutations(seeds: tuple[bytes, ...], tokens: tuple[bytes, ...], number: int) -> Iterator[bytes]:
    """Yield the seeds, then mutations of them without end: the same for the same number."""
    yield from seeds
    chance = random.Random(number)
    while True:
        data = bytearray(chance.choice(seeds))
        for _ in range(chance.choice((1, 1, 1, 2, 2, 3, 5, 8, 20))):
            _mutate(data, seeds, (*tokens, *_INTERESTING) if chance.random() < 0.5 or not tokens else tokens, chance)
        yield bytes(data[:_LONGEST])


def _mutate(data: bytearray, seeds: tuple[bytes, ...], tokens: tuple[bytes, ...], chance: random.Random) -> None:
    at = chance.randrange(len(data) + 1)
    token = chance.choice(tokens)
    end = min(len(data), at + chance.choice((1, 1, 2, 4, 8, 16, 64, 256)))
    match chance.randrange(12):
        case 0 | 1 if at < len(data):
            data[at] ^= 1 << chance.randrange(8)
        case 2 if at < len(data):
            data[at] = chance.randrange(256)
        case 3:
            data[at : at + len(token)] = token
        case 4 | 5:
            data[at:at] = token
        case 6:
            del data[at:end]
        case 7:
            data[at:at] = data[at:end] * chance.choice((1, 1, 2, 10, 300))
        case 8:
            other = chance.choice(seeds)
            start = chance.randrange(len(other) + 1)
            data[at:] = other[start:]
        case 9:
            _change_number(data, at, chance)
        case 10:
            del data[at:]
        case _:
            moved = bytes(data[at:end])
            del data[at:end]
            place = chance.randrange(len(data) + 1)
            data[place:place] = moved


def _change_number(data: bytearray, at: int, chance: random.Random) -> None:
    """Change a number where one is: that of digits, or a binary one."""
    digits = re.compile(rb"\d{1,20}").search(data, at, at + 200)
    if digits and chance.random() < 0.7:
        value = int(digits[0]) + chance.choice((-1, 1, 7, 1 << 16, 1 << 31, 1 << 64))
        data[digits.start() : digits.end()] = chance.choice((b"%d" % value, b"-%d" % abs(value), b"0", digits[0] * 5))
        return
    width, order = chance.choice((2, 4, 8)), chance.choice(("little", "big"))
    if at + width <= len(data):
        value = int.from_bytes(data[at : at + width], order)  # type: ignore[arg-type]  # one of the two literals
        value = (value + chance.choice((-1, 1, 2, -100, 1 << 8, 1 << 16, 1 << 31))) % (1 << 8 * width)
        data[at : at + width] = value.to_bytes(width, order)  # type: ignore[arg-type]  # as above


def outcome(run: Callable[[bytes], object], expected: tuple[type[BaseException], ...], data: bytes) -> str | None:
    """Run one input; return what went wrong and where, `accepted`, or nothing where it was refused as it should."""
    signal.setitimer(signal.ITIMER_PROF, PER_INPUT)
    try:
        run(data)
    except expected:
        return None
    except TooSlow as error:
        return f"takes more than {PER_INPUT} s{_place(error)}"
    except Exception as error:  # noqa: BLE001  whatever it is
        return f"{type(error).__name__}: {str(error)[:200]!a}{_place(error)}"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return "accepted"


def _place(error: BaseException) -> str:
    frames = [
        each for each in traceback.extract_tb(error.__traceback__) if f"{os.sep}onedigest{os.sep}" in each.filename
    ]
    frames = frames or list(traceback.extract_tb(error.__traceback__))[-1:]
    return "".join(f" ({Path(each.filename).name}:{each.lineno} {each.name})" for each in frames[-1:])


def _kind(what: str | None) -> str:
    """Return what is the same for inputs that fail for one reason: the kind of exception, and where it came from."""
    return re.sub(r":.*\(", "(", what or "", count=1, flags=re.DOTALL) if what not in (None, "accepted") else ""


def shrink(data: bytes, fails: Callable[[bytes], bool]) -> bytes:
    """Return a shorter input that still fails."""
    left, step = _SHRINKING, max(1, len(data) // 2)
    while step and left > 0:
        at = 0
        while at < len(data) and left > 0:
            shorter = data[:at] + data[at + step :]
            left -= 1
            if fails(shorter):
                data = shorter
            else:
                at += step
        step //= 2
    return data


def campaign(target: str, *, count: int, seconds: float, number: int) -> Report:
    """Fuzz a target in this process, until it ran so often or so long."""
    module = importlib.import_module(f"fuzz_{target}")
    seeds, tokens = tuple(module.SEEDS), tuple(getattr(module, "TOKENS", ()))
    expected: tuple[type[BaseException], ...] = tuple(module.EXPECTED)
    runs = accepted = 0
    slowest, end = 0.0, time.process_time() + seconds
    found: dict[str, Crash] = {}
    current = CRASHES / f"{target}.current"
    with current.open("wb", buffering=0) as file:
        for data in mutations(seeds, tokens, number):
            if runs >= count or time.process_time() > end or len(found) >= _DISTINCT:
                break
            file.seek(0)
            file.truncate()
            file.write(data)  # what a crash of the interpreter itself, or a hang in C, leaves behind
            started = time.process_time()
            what = outcome(module.run, expected, data)
            slowest = max(slowest, time.process_time() - started)
            runs += 1
            accepted += what == "accepted"
            if (kind := _kind(what)) and kind not in found:
                found[kind] = _crash(target, module, expected, data, what or "")
    current.unlink()
    return Report(target, runs, accepted, slowest, list(found.values()))


def _crash(target: str, module: ModuleType, expected: tuple[type[BaseException], ...], data: bytes, what: str) -> Crash:
    kind, small = _kind(what), data
    if "takes more" not in what:
        small = shrink(data, lambda each: _kind(outcome(module.run, expected, each)) == kind)
    path = CRASHES / f"{target}-{hashlib.sha256(small).hexdigest()[:12]}"
    path.write_bytes(small)
    return Crash(what, ascii(small[:200]), str(path))


def fuzz(target: str, *, count: int, seconds: float, number: int) -> Report:
    """Fuzz a target in a process of its own, whose time and memory are bounded."""
    CRASHES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="onedigest-fuzz-") as scratch:
        variables = {"TMPDIR": scratch, "XDG_CACHE_HOME": scratch, "HOME": scratch, "COLUMNS": "80"}
        command = [sys.executable, "-W", "error", __file__, "--child", target, str(count), str(seconds), str(number)]
        try:
            done = subprocess.run(
                command,
                cwd=scratch,
                env={**os.environ, **variables},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=60 + 10 * seconds,  # of the wall: others use the machine, too
                check=False,
            )
            what, answer = f"the process ended with {done.returncode}: {done.stderr[-500:]}", done.stdout
        except subprocess.TimeoutExpired:
            what, answer = "hangs", ""
    with contextlib.suppress(ValueError):
        found = json.loads(answer)
        return Report(**{**found, "crashes": [Crash(**each) for each in found["crashes"]]})
    current = CRASHES / f"{target}.current"
    data = current.read_bytes() if current.exists() else b""
    return Report(target, crashes=[Crash(what, ascii(data[:200]), str(current))])


def _child(target: str, count: str, seconds: str, number: str) -> None:
    sys.path[:0] = [str(HERE), str(HERE.parent), str(ROOT / "generator")]
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGPROF, _too_slow)
    answer = os.dup(1)
    os.dup2(2, 1)  # a target may print
    report = campaign(target, count=int(count), seconds=float(seconds), number=int(number))
    os.write(answer, json.dumps(asdict(report)).encode())


def _too_slow(number: int, frame: FrameType | None) -> NoReturn:
    raise TooSlow


def _again(target: str, path: str) -> None:
    """Run one input as it is, so that its traceback is seen."""
    sys.path[:0] = [str(HERE), str(HERE.parent), str(ROOT / "generator")]
    module = importlib.import_module(f"fuzz_{target}")
    data = Path(path).read_bytes()
    with contextlib.suppress(*module.EXPECTED):
        module.run(data)


def main(arguments: list[str]) -> int:
    """Fuzz targets for a while and say what was found."""
    if arguments[:1] == ["--child"]:
        _child(*arguments[1:])
        return 0
    if len(arguments) == 2 and arguments[1] not in targets():
        _again(*arguments)
        return 0
    seconds = float(os.environ.get("ONEDIGEST_FUZZ_SECONDS", "60"))
    number = int(os.environ.get("ONEDIGEST_FUZZ_NUMBER") or time.time())
    crashes = 0
    for target in arguments or targets():
        report = fuzz(target, count=sys.maxsize, seconds=seconds, number=number)
        crashes += len(report.crashes)
        print(
            f"{target}: {report.runs} inputs, {report.accepted} accepted, the slowest {report.slowest:.2f} s,"
            f" {len(report.crashes)} crashes (ONEDIGEST_FUZZ_NUMBER={number})",
            flush=True,
        )
        for crash in report.crashes:
            print(f"  {crash.what}\n    {crash.shrunk}\n    {crash.file}", flush=True)
    return 1 if crashes else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
