"""One script, one lock, one digest: byte-identical container images of Python scripts.

The nouns of the pipeline, and the verbs that make them; `ARCHITECTURE.md` shows how they follow on each other.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

__version__ = "0.1.0"

__all__ = [
    "Image",
    "Lock",
    "OnedigestError",
    "Plan",
    "Platform",
    "Record",
    "Rules",
    "Script",
    "Sources",
    "Spec",
    "Store",
    "arrange",
    "build",
    "collect",
    "fetch_inputs",
    "parse",
    "render_rules",
    "resolve",
    "specify",
]

if TYPE_CHECKING:
    from onedigest.assembler.image import Image
    from onedigest.definition.files import collect
    from onedigest.definition.script import Script, parse
    from onedigest.definition.spec import Spec, specify
    from onedigest.engines.embedded import build
    from onedigest.errors import OnedigestError
    from onedigest.fetching import fetch_inputs
    from onedigest.lock.model import Lock
    from onedigest.lock.resolver import resolve
    from onedigest.plan.arrange import arrange
    from onedigest.plan.layers import Plan
    from onedigest.plan.record import Record
    from onedigest.platforms import Platform
    from onedigest.rules.image import render_rules
    from onedigest.rules.model import Rules
    from onedigest.sources import Sources
    from onedigest.store import Store

_PLACES = {
    "Image": "assembler.image",
    "Lock": "lock.model",
    "OnedigestError": "errors",
    "Plan": "plan.layers",
    "Platform": "platforms",
    "Record": "plan.record",
    "Rules": "rules.model",
    "Script": "definition.script",
    "Sources": "sources",
    "Spec": "definition.spec",
    "Store": "store",
    "arrange": "plan.arrange",
    "build": "engines.embedded",
    "collect": "definition.files",
    "fetch_inputs": "fetching",
    "parse": "definition.script",
    "render_rules": "rules.image",
    "resolve": "lock.resolver",
    "specify": "definition.spec",
}


def __getattr__(name: str) -> object:
    """Import what is asked for, so that starting the program does not import everything."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"onedigest.{_PLACES[name]}"), name)
