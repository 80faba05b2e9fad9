# /// script
# requires-python = ">=3.11"
# ///
"""Say hello, and say from where."""

import platform
import sys


def main() -> None:
    print(f"hello from Python {sys.version.split()[0]} on {platform.machine()}")


if __name__ == "__main__":
    main()
