"""The targets of symbolic links that strangers wrote."""

from __future__ import annotations

import errno
from pathlib import Path


def real_place(link: Path) -> Path | None:
    """Return where a link leads, None for a circle, and for a chain that the system does not follow either.

    Without the latter, thousands of links in a row would be followed for hours (path_resolution(7) has 40).
    """
    try:
        link.stat()
    except OSError as error:
        if error.errno == errno.ELOOP:
            return None
    try:
        return link.resolve()
    except (OSError, RuntimeError):
        return None
