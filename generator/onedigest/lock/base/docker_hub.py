"""The registry base that a spec means, and the alternative where Docker Hub is out of reach."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from onedigest.definition.spec import Spec
from onedigest.digest import Digest
from onedigest.errors import NetworkError, Problem
from onedigest.lock.base import Base
from onedigest.lock.base.choice import BaseChoice, reason
from onedigest.lock.base.debian_pins import EarlierPackages
from onedigest.lock.base.image_choice import resolve_image
from onedigest.oci.reference import HUB, MIRRORS, parse_reference
from onedigest.sources import Sources


def choose_image(
    spec: Spec,
    choice: BaseChoice,
    pinned: Digest | None,
    sources: Sources,
    earlier: EarlierPackages | None,
    tell: Callable[[Problem], None],
) -> Base:
    """Read the image that a choice names. Raises `InputError`, and `NetworkError` with what to set."""
    try:
        return resolve_image(spec, choice.image, pinned, sources, earlier, tell)
    except NetworkError as error:
        if parse_reference(choice.image, spec.script).registry != HUB:
            raise
        hint = f"where {HUB} cannot be reached, set `{MIRRORS}='{HUB}=HOST'` to a mirror of it"
        if why := reason(spec):
            hint = f"{why}; {hint}, or set another `base`"
        raise NetworkError(
            replace(problem, hint=hint if why and MIRRORS not in problem.hint else problem.hint or hint)
            for problem in error.problems
        ) from None
