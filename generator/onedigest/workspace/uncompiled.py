"""The report of Python files that an image has no bytecode of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onedigest.errors import Problem
from onedigest.workspace.context import Context
from onedigest.workspace.results import UncompiledFile
from onedigest.workspace.script_image import ScriptImage

if TYPE_CHECKING:
    from onedigest.plan.layers import Plan


def tell_uncompiled(context: Context, image: ScriptImage, plan: Plan) -> tuple[UncompiledFile, ...]:
    """Tell which files have no bytecode, as far as the layers are in the store; return each once, sorted by path.

    Many wheels have templates and files of other Pythons, which are told to whoever wants to know it all. What is
    unusual is warned of: a very large file is likely to be imported, as is one that crashed the compiler.
    """
    layers = [layer for layer in plan.layers() if layer.bytecode]
    if not layers:
        return ()
    from onedigest.engines.kept_layers import left_out

    found = {each.path: each for layer in layers for each in left_out(layer, context.store)}
    for path, each in sorted(found.items()):
        if each.unusual:
            message = f"{path} has no bytecode, and is compiled at every start: {each.reason}"
            image.warn(Problem(message, image.spec.script))
        else:
            context.events.detailed(f"  no bytecode: {path}: {each.reason}")
    return tuple(UncompiledFile(path=path, reason=each.reason) for path, each in sorted(found.items()))
