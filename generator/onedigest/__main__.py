"""The start of the program, which answers `--version` before anything heavy is imported."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

_SIGNALLED = 128


def main() -> None:
    """Run the command line."""
    _open_streams()
    if sys.argv[1:] == ["--version"]:
        from onedigest import __version__

        try:
            print(f"onedigest {__version__}", flush=True)
        except OSError:
            os._exit(1)  # nobody can be told, and Python would try again
        return
    import signal

    # until there is something to clean up, and when nothing is left, a signal simply ends the process
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from onedigest.cli import run

    code = run(sys.argv[1:])
    if code > _SIGNALLED:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)  # an interrupt within exec() makes Python end by SIGINT, whatever was made of it
    sys.exit(code)


def _open_streams() -> None:
    """Put /dev/null where a stream was closed: the next file that is opened would take its number, and the words."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free is this one
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "r" if number == 0 else "w", encoding="utf-8", closefd=False))


if __name__ == "__main__":
    main()
