"""Knows the configuration of an image: what containers are started with, its labels and its history."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from onedigest.digest import canonical_json
from onedigest.formats import CREATED, PATH, VENV_PROGRAMS
from onedigest.lock.base import Base
from onedigest.plan.layers import Layer
from onedigest.platforms import Platform
from onedigest.spec import Spec


def own_environment(spec: Spec, base: Base, platform: Platform) -> dict[str, str]:
    """Return the variables that an image has above those of its base, sorted by name."""
    below = base.environment(platform).get("PATH", PATH)
    return dict(sorted({"PATH": f"{VENV_PROGRAMS}:{below}", **dict(spec.env)}.items()))


def environment(spec: Spec, base: Base, platform: Platform) -> dict[str, str]:
    """Return the variables of an image, sorted by name: those of its base, and its own above."""
    found = {**base.environment(platform), **own_environment(spec, base, platform)}
    return dict(sorted(found.items()))


def configuration(spec: Spec, base: Base, platform: Platform, layers: Sequence[Layer]) -> bytes:
    """Return the configuration without `rootfs` (OCI image specification, config.md).

    Of a base image, variables and labels stay below ours; ports, volumes and commands belong to what it was made for.
    """
    labels = {**base.labels(platform), **dict(spec.labels)}
    system, _, architecture = platform.oci.partition("/")
    container: dict[str, Any] = {
        "Env": [f"{name}={value}" for name, value in environment(spec, base, platform).items()],
        "User": spec.user,
        "WorkingDir": spec.workdir,
    }
    for key, value in (("Entrypoint", spec.entrypoint), ("Cmd", spec.args)):
        if value:
            container[key] = list(value)
    if labels:
        container["Labels"] = labels
    history = [{"created": CREATED, "created_by": f"onedigest {each.kind}: {each.holds}"} for each in layers]
    return canonical_json(
        {"architecture": architecture, "os": system, "created": CREATED, "config": container, "history": history}
    )
