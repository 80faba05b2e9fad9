"""The command line: words, flags, environment and exit codes, with one file and one library call for each command.

What Flyte's builder starts is here too, and is to answer at once: nothing is imported before it is asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

__all__ = ["COMMANDS", "Commands", "run"]

if TYPE_CHECKING:
    from onedigest.cli.commands import COMMANDS, Commands, run


def __getattr__(name: str) -> object:
    """Import the commands when somebody asks for them."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module("onedigest.cli.commands"), name)
