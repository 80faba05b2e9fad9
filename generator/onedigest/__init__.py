"""One script, one lock, one digest: byte-identical container images of Python scripts.

The library is a workspace and its images; docs/reference/python.md has a page with examples.

>>> workspace = Workspace.open()
>>> image = workspace.image("hello.py")  # doctest: +SKIP
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

__version__ = "0.1.0"

__all__ = [
    "BlobCounts",
    "BuildResult",
    "Change",
    "CheckResult",
    "Comparison",
    "DifferenceError",
    "EngineError",
    "EnginesResult",
    "Events",
    "FetchResult",
    "InputError",
    "InternalError",
    "LockResult",
    "NetworkError",
    "OnedigestError",
    "OpenImage",
    "PlatformResult",
    "Problem",
    "Progress",
    "PushResult",
    "Skipped",
    "Status",
    "UncompiledFile",
    "UsageError",
    "VerifyResult",
    "Workspace",
    "WorkspaceImage",
]

if TYPE_CHECKING:
    from onedigest.errors import (
        DifferenceError,
        EngineError,
        InputError,
        InternalError,
        NetworkError,
        OnedigestError,
        Problem,
        UsageError,
    )
    from onedigest.workspace.changes import Change
    from onedigest.workspace.compare import Comparison
    from onedigest.workspace.events import Events, Progress, Status
    from onedigest.workspace.library import Workspace, WorkspaceImage
    from onedigest.workspace.open import OpenImage
    from onedigest.workspace.results import (
        BlobCounts,
        BuildResult,
        CheckResult,
        EnginesResult,
        FetchResult,
        LockResult,
        PlatformResult,
        PushResult,
        Skipped,
        UncompiledFile,
        VerifyResult,
    )

_PLACES = {
    "BlobCounts": "workspace.results",
    "BuildResult": "workspace.results",
    "Change": "workspace.changes",
    "CheckResult": "workspace.results",
    "Comparison": "workspace.compare",
    "DifferenceError": "errors",
    "EngineError": "errors",
    "EnginesResult": "workspace.results",
    "Events": "workspace.events",
    "FetchResult": "workspace.results",
    "InputError": "errors",
    "InternalError": "errors",
    "LockResult": "workspace.results",
    "NetworkError": "errors",
    "OnedigestError": "errors",
    "OpenImage": "workspace.open",
    "PlatformResult": "workspace.results",
    "Problem": "errors",
    "Progress": "workspace.events",
    "PushResult": "workspace.results",
    "Skipped": "workspace.results",
    "Status": "workspace.events",
    "UncompiledFile": "workspace.results",
    "UsageError": "errors",
    "VerifyResult": "workspace.results",
    "Workspace": "workspace.library",
    "WorkspaceImage": "workspace.library",
}


def __getattr__(name: str) -> object:
    """Import what is asked for, so that starting the program does not import everything."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"onedigest.{_PLACES[name]}"), name)
