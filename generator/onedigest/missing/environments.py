"""The settings that lead out of an image's virtual environment into another one, which its base has."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from onedigest.definition.spec import Spec
from onedigest.errors import Problem
from onedigest.formats import ENVIRONMENT_VARIABLES, VENV, VENV_PROGRAMS
from onedigest.lock.base import Base
from onedigest.lock.toml import value
from onedigest.platforms import Platform

_HOME, _PATH = "PYTHONHOME", "PYTHONPATH"
_PACKAGES = re.compile(r"(?:.*/)?(?:site|dist)-packages(?:/.*)?", re.DOTALL)
_MOST_SHOWN = 200


def foreign_environments(
    spec: Spec, base: Base, platforms: Iterable[Platform], where: Callable[[str], str]
) -> list[Problem]:
    """Return what is to be said of variables of a base, and of programs, that belong to an environment of its own.

    `where` gives the place of a key.
    """
    found = [each for platform in platforms for each in _variables(spec, base, platform, where("base"))]
    if base.venv != VENV:
        found += _programs(spec, base.venv, where)
    return list(dict.fromkeys(found))


def _variables(spec: Spec, base: Base, platform: Platform, where: str) -> Iterator[Problem]:
    own, variables = dict(spec.env), base.variables(platform)
    if variables.get(_HOME) and _HOME not in own:
        message = f"the base sets {_HOME} to {_shown(variables[_HOME])}, so Python does not find the image's packages"
        yield Problem(message, where, f'write `env = {{ {_HOME} = "" }}` in [tool.onedigest]')
    if _PATH in own:
        return
    named = [each for name in ENVIRONMENT_VARIABLES if (each := variables.get(name, "").rstrip("/"))]
    roots = tuple(f"{each}/" for each in (*named, *([f"/{VENV}"] if base.venv != VENV else [])))
    entries = [each for each in variables.get(_PATH, "").split(":") if each]
    if foreign := [each for each in entries if _PACKAGES.fullmatch(each) or f"{each}/".startswith(roots)]:
        message = f"the base sets {_PATH} to {_shown(':'.join(foreign))}, whose packages come before the image's own"
        left = value(":".join(each for each in entries if each not in foreign))
        yield Problem(message, where, f"write `env = {{ {_PATH} = {left} }}` in [tool.onedigest]")


def _programs(spec: Spec, venv: str, where: Callable[[str], str]) -> Iterator[Problem]:
    """Yield programs that are named by the usual path of the script's environment, where the base has its own."""
    usual = f"{VENV_PROGRAMS}/"
    check = spec.healthcheck.test[1:] if spec.healthcheck else ()
    for key, words in (("entrypoint", () if spec.usual_entrypoint else spec.entrypoint), ("healthcheck", check)):
        name = next((part for word in words[:1] for part in word.split()[:1]), "")
        if name.startswith(usual):
            message = f"`{name}` of `{key}` is of the base's own environment, and the image's is /{venv}"
            hint = f"write `/{venv}/bin/{name.removeprefix(usual)}`, unless the base's is meant"
            yield Problem(message, where(key), hint)


def _shown(text: str) -> str:
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…"
