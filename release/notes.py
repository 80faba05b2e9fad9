"""Prints what CHANGELOG.md says of one release: `python release/notes.py 0.2.0`."""

from __future__ import annotations

import re
import sys
from pathlib import Path

CHANGELOG = Path(__file__).resolve().parent.parent / "CHANGELOG.md"
KINDS = ("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security")


def notes_of(changelog: str, version: str) -> str:
    """Return the text below the heading of a version, which must have a date."""
    sections = re.split(r"(?m)^## ", changelog)
    found = [each for each in sections if re.match(rf"{re.escape(version)} - \d{{4}}-\d{{2}}-\d{{2}}\n", each)]
    if len(found) != 1:
        raise ValueError(f"CHANGELOG.md has no section `## {version} - YYYY-MM-DD`")
    return found[0].partition("\n")[2].strip() + "\n"


if __name__ == "__main__":
    try:
        sys.stdout.write(notes_of(CHANGELOG.read_text(encoding="utf-8"), sys.argv[1]))
    except ValueError as error:
        sys.exit(f"error: {error}")
