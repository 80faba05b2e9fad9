"""Knows how the program starts; answers `--version` before anything heavy is imported."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line."""
    if sys.argv[1:] == ["--version"]:
        from onedigest import __version__

        print(f"onedigest {__version__}")
        return
    from onedigest.cli import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
