"""The name of a shared library's package, where no index tells it (Debian Policy, section 8.1)."""

from __future__ import annotations

import re
from collections.abc import Callable

_OF_GLIB = re.compile(r"lib(?:gio|glib|gmodule|gobject|gthread)-2\.0\.so\.0")
_TIME_BITS = "t64"
"""What the names of packages end with that were built anew for times after 2038."""


def package_named_after(library: str, is_there: Callable[[str], bool]) -> str:
    """Return the package that a library is in by its name, or nothing where there is none of that name."""
    if _OF_GLIB.fullmatch(library):
        library = "libglib2.0.so.0"  # five libraries in one package
    while library:
        name = re.sub(r"(\d)\.so\.", r"\1-", library)
        name = re.sub(r"\.so(?:\.|$)", "", name).replace("_", "-").lower()
        if found := next((each for each in (name, f"{name}{_TIME_BITS}") if is_there(each)), ""):
            return found
        # a file by its whole version, such as libgomp.so.1.0.0
        library = re.sub(r"\.\d+$", "", library) if re.search(r"\.so(?:\.\d+){2,}$", library) else ""
    return ""
