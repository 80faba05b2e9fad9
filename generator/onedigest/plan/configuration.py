"""The configuration of an image: what containers are started with, its labels and its history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from onedigest.definition.expansion import ESCAPE, evaluate, parse
from onedigest.definition.healthcheck import Healthcheck
from onedigest.definition.spec import Spec
from onedigest.digest import canonical_json
from onedigest.errors import InputError
from onedigest.formats import CREATED, PATH, VENV
from onedigest.lock.base import Base
from onedigest.plan.layers import Layer
from onedigest.platforms import Platform

_UNBUFFERED, _ENVIRONMENT = "PYTHONUNBUFFERED", "VIRTUAL_ENV"
_NANOSECONDS = 1_000_000
"""Of a millisecond, which durations of a configuration are counted in."""

_TIMES = {
    "interval": "Interval",
    "timeout": "Timeout",
    "start-period": "StartPeriod",
    "start-interval": "StartInterval",
}


def own_variables(spec: Spec, base: Base, platform: Platform) -> dict[str, str]:
    """Return the variables that an image has above those of its base, sorted by name.

    Of a base image PYTHONUNBUFFERED stays, and HOME does not: that is the home of another user. Nor does VIRTUAL_ENV
    where it may name an environment of the base, whose programs come after those of the image's own.
    """
    below = base.variables(platform)
    own = {"PATH": f"/{base.venv}/bin:{below.get('PATH', PATH)}"}
    if base.venv != VENV and _ENVIRONMENT in below:
        own[_ENVIRONMENT] = f"/{base.venv}"
    if _UNBUFFERED not in below:
        own[_UNBUFFERED] = "1"  # or what a program prints waits for a full buffer
    if home := base.home(spec.user, platform):
        own["HOME"] = home
    expanded, _ = _expanded(spec, base, {**below, **own})
    return dict(sorted({**own, **dict(spec.env), **expanded}.items()))


def unset_variables(spec: Spec, base: Base, platform: Platform) -> list[tuple[str, str]]:
    """Return the variables of `env` that refer to others which nothing sets, with those, sorted: they are empty."""
    plain = replace(spec, env=(), expand_env=())
    return _expanded(spec, base, {**base.variables(platform), **own_variables(plain, base, platform)})[1]


def _expanded(spec: Spec, base: Base, known: Mapping[str, str]) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """Fill in the values that hold references; return them, and which refer to what nothing sets."""
    found: dict[str, str] = {}
    unset: set[tuple[str, str]] = set()
    known = {**known, _ENVIRONMENT: f"/{base.venv}"}
    env = dict(spec.env)
    for name in spec.expand_env:
        try:
            found[name] = evaluate(parse(env[name]), known, missing := set[str]())
            unset |= {(name, each) for each in missing}
        except ValueError as error:
            raise InputError.of(f"the value of the variable {name!r} {error}", where=spec.script, hint=ESCAPE) from None
    return found, sorted(unset)


def entrypoint(spec: Spec, base: Base) -> tuple[str, ...]:
    """Return how a container starts: what a script leaves open is in the virtual environment, wherever that is."""
    if not spec.usual_entrypoint or not spec.entrypoint:
        return spec.entrypoint
    program, *rest = spec.entrypoint
    return f"/{base.venv}{program.removeprefix(f'/{VENV}')}", *rest


def image_variables(spec: Spec, base: Base, platform: Platform) -> dict[str, str]:
    """Return the variables of an image, sorted by name: those of its base, and its own above."""
    found = {**base.variables(platform), **own_variables(spec, base, platform)}
    return dict(sorted(found.items()))


def configuration(spec: Spec, base: Base, platform: Platform, layers: Sequence[Layer]) -> bytes:
    """Return the configuration without `rootfs` (OCI image specification, config.md).

    Of a base image, variables and labels stay below ours; ports, volumes, commands, the signal to stop and the check of
    health belong to what it was made for.
    """
    system, _, architecture = platform.oci.partition("/")
    container: dict[str, Any] = {
        "Env": [f"{name}={value}" for name, value in image_variables(spec, base, platform).items()],
        "User": spec.user,
        "WorkingDir": spec.workdir,
        "StopSignal": spec.stop_signal,
    }
    further: dict[str, Any] = {
        "Entrypoint": list(entrypoint(spec, base)),
        "Cmd": list(spec.args),
        "Labels": {**base.labels(platform), **dict(spec.labels)},
        "ExposedPorts": {port: {} for port in spec.expose},
        "Volumes": {path: {} for path in spec.volumes},
        "Healthcheck": _healthcheck(spec.healthcheck) if spec.healthcheck else {},
    }
    container |= {key: value for key, value in further.items() if value}
    history = [{"created": CREATED, "created_by": f"onedigest {each.kind}: {each.holds}"} for each in layers]
    return canonical_json(
        {"architecture": architecture, "os": system, "created": CREATED, "config": container, "history": history}
    )


def _healthcheck(check: Healthcheck) -> dict[str, Any]:
    """Return a check as docker's image specification has it, which extends that of OCI."""
    times = {_TIMES[key]: milliseconds * _NANOSECONDS for key, milliseconds in check.times}
    return {"Test": list(check.test), **times, **({"Retries": check.retries} if check.retries else {})}
