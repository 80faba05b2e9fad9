"""The plan of a debug image: the layers of an image, with a shell above them that nothing else uses."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

from onedigest.assembler.debug_shell import FOLDER
from onedigest.digest import canonical_json
from onedigest.formats import CREATED
from onedigest.lock.base.packages import DebianPackage
from onedigest.plan import kinds
from onedigest.plan.layers import Plan, PlatformPlan
from onedigest.platforms import Platform


def with_shell(plan: Plan, packages: Mapping[Platform, DebianPackage]) -> Plan:
    """Return a plan with a shell in each of its platforms, which comes last on `PATH`."""
    return replace(plan, platforms=tuple(_with_shell(each, packages[each.platform]) for each in plan.platforms))


def _with_shell(planned: PlatformPlan, package: DebianPackage) -> PlatformPlan:
    layer = kinds.debug_shell(package, planned.platform)
    config = json.loads(planned.config)
    variables = config["config"]["Env"]
    variables[:] = [f"{each}:/{FOLDER}" if each.startswith("PATH=") else each for each in variables]
    config["history"].append({"created": CREATED, "created_by": f"onedigest {layer.kind}: {layer.holds}"})
    return replace(planned, layers=(*planned.layers, layer), config=canonical_json(config))
