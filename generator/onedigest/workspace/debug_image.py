"""The making of a debug image from an image that was built."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from onedigest.workspace.context import Context
from onedigest.workspace.image_sources import sources
from onedigest.workspace.interpreters import interpreter_finder
from onedigest.workspace.planned_image import PlannedImage

if TYPE_CHECKING:
    from onedigest.engines.engine import Built

SUFFIX = "debug"


def debug_tags(tags: tuple[str, ...]) -> tuple[str, ...]:
    """Return the tags of a debug image where its image has these."""
    return tuple(f"{tag}-{SUFFIX}" for tag in tags) or (SUFFIX,)


def build_debug(context: Context, job: PlannedImage) -> tuple[PlannedImage, Built]:
    """Put a shell above the layers of a job, which are all there; return the job of that, and what it gave."""
    from onedigest.engines.embedded import build
    from onedigest.fetching import fetch_deb
    from onedigest.lock.base.shell import find_shell
    from onedigest.plan.debug import with_shell

    source = sources(context, job.image)
    shell = find_shell(
        job.lock.base, tuple(each.platform for each in job.plan.platforms), source, security=job.image.spec.security
    )
    for package in shell.values():
        fetch_deb(source, package, job.image.inputs)
    plan = with_shell(job.plan, shell)
    find = interpreter_finder(context, job.image, job.lock)
    built = build(plan, inputs=job.image.inputs, store=context.store, workers=context.workers, find=find)
    return replace(job, plan=plan), built
