"""The likely reasons why commands give different files each time, by the paths that differ, and what helps."""

from __future__ import annotations

import re
from collections.abc import Iterable

_CAUSES = (
    (
        r"\.pyc$",
        "bytecode depends on the times of its sources and on the order of compiling",
        "set PYTHONDONTWRITEBYTECODE=1, or compile with `python -m compileall --invalidation-mode unchecked-hash`",
    ),
    (r"^var/cache/ldconfig/aux-cache$", "ldconfig notes inode numbers and times in its cache", "remove the file"),
    (r"^var/lib/apt/lists/|^var/cache/apt/", "apt keeps its lists and caches", "name packages in `system-packages`"),
    (r"^var/lib/(?:dpkg|systemd|debconf)/", "dpkg notes what it did", "name packages in `system-packages`"),
    (r"^var/log/", "a log holds the time", "remove the log"),
    (r"^etc/(?:shadow|passwd|group|gshadow)-?$", "accounts are noted with the day", "set `user` to a number instead"),
    (r"(?:uv_cache|direct_url)\.json$|/REQUESTED$", "an installer notes when and from where", "name it a dependency"),
    (r"^(?:root/\.cache|tmp|var/tmp)/", "caches and temporary files stay behind", "remove them at the command's end"),
    (r"\.(?:gz|tgz|zip|whl|jar)$", "an archive holds the times of its files", "make it with fixed times, or outside"),
    (r"\.(?:sqlite3?|db)$", "a database holds times, or depends on the order of its rows", "write it sorted"),
)
_OTHERWISE = (
    "the content depends on the time, on random numbers, or on the order of a set or folder",
    "use SOURCE_DATE_EPOCH, seeds, `sorted()` and PYTHONHASHSEED=0 in the command",
)


def explain(paths: Iterable[str]) -> list[tuple[str, str]]:
    """Return (cause, cure) of what is known of some paths that differ, the likeliest first."""
    found: dict[str, tuple[str, str]] = {}
    for path in paths:
        cause = next(((why, cure) for pattern, why, cure in _CAUSES if re.search(pattern, path)), _OTHERWISE)
        found.setdefault(cause[0], cause)
    return sorted(found.values(), key=lambda cause: cause == _OTHERWISE)
