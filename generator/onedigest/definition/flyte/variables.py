"""The variables that steps of an image set, each with those of the steps before, as a Dockerfile has them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from onedigest.definition import expansion
from onedigest.definition.expansion import Text
from onedigest.definition.flyte.definition import Variables
from onedigest.errors import InputError, Problem
from onedigest.formats import VENV_PROGRAMS

PATH, SHELL = "PATH", "SHELL"

_OWN_PROGRAMS = "${VIRTUAL_ENV}/bin"
"""Where `a0`, `fserve` and the image's Python are."""

_USUAL = re.compile(rf"(?<![^:]){re.escape(VENV_PROGRAMS)}(?![^:])")
"""Where an author finds them, which is the base's environment where that has one there."""

_SECRET = re.compile(r"(?:^|_)(?:API_?KEY|ACCESS_KEY|SECRET|TOKEN|PASSWORD|PASSWD)$", re.ASCII)
"""How variables are called that hold what nobody else may know."""

_QUOTES = frozenset("\"'")


class ImageVariables:
    """The variables of an image, as they are gathered; `lines` are where each was set last."""

    def __init__(self) -> None:
        self.lines: dict[str, int] = {}
        self.warnings: list[Problem] = []
        self._set: dict[str, Text] = {}

    def take(self, step: Variables, where: str) -> None:
        """Take variables of a step. Raises `InputError` with all whose references are not those of a Dockerfile."""
        problems = []
        for name, value in step.pairs:
            try:
                self._set[name] = self._read(name, str(value), where)
            except ValueError as error:
                problems.append(Problem(f"the value of the variable {name!r} {error}", where, expansion.ESCAPE))
            else:
                self.lines[name] = step.line
                self._look_at(name, str(value), where)
        if problems:
            raise InputError(problems)

    def _look_at(self, name: str, value: str, where: str) -> None:
        """Warn of a secret, which may come from the environment of whoever runs the script."""
        if _SECRET.search(name) and len(value) > 1 and not (value.isdigit() or "$" in value):
            message = f"the value of {name!r} can be read in the image, and in the files beside its lock"
            hint = f"take it out, and give the environment `secrets=flyte.Secret(key=…, as_env_var={name!r})`"
            self.warnings.append(Problem(message, where, hint))

    def known(self) -> dict[str, str]:
        """Return the variables up to here whose values refer to no other."""
        return {name: expansion.written_value(value) for name, value in self._set.items() if expansion.is_plain(value)}

    def set_default(self, name: str, value: str) -> None:
        """Set a variable that no step has set."""
        self._set.setdefault(name, expansion.parse(value))

    def _read(self, name: str, value: str, where: str) -> Text:
        written = expansion.parse(value)
        if not expansion.is_plain(written) and _QUOTES & set(value):
            raise ValueError("has a quote and a reference: a Dockerfile takes quotes away, so write it without them")
        found = expansion.substitute(written, self._set)
        if name == PATH and not _is_above_ours(found):
            hint = 'write "/x:$PATH", and what it was stays behind it'
            message = "`PATH` is set as a whole: the programs of the image's packages are put before it"
            self.warnings.append(Problem(message, where, hint))
            found = (*expansion.parse(f"{_OWN_PROGRAMS}:"), *found)
        return found

    def table(self, own: Any, *, is_debian: bool) -> tuple[dict[str, str], list[str]]:
        """Return the variables, and the names of those with references that only the base can answer.

        `own` is what the script's own table sets. Terminals of a debugger run $SHELL, and the account of the image's
        user has no shell of its own.
        """
        found = dict(self._set)
        if SHELL not in found and not (isinstance(own, Mapping) and SHELL in own):
            found[SHELL] = expansion.parse("/bin/bash" if is_debian else "${SHELL:-/bin/sh}")
        if PATH in found and not is_debian:
            found[PATH] = _before_the_bases(found[PATH])
        left = [name for name, value in found.items() if not expansion.is_plain(value)]
        return {name: expansion.written_value(value) for name, value in found.items()}, sorted(left)


def _before_the_bases(path: Text) -> Text:
    """Put the image's own programs before those of an environment that the base may have where ours usually is."""
    return expansion.parse(_USUAL.sub(f"{_OWN_PROGRAMS}:{VENV_PROGRAMS}", expansion.text_of(path)))


def _is_above_ours(path: Text) -> bool:
    """Tell whether a PATH has the programs of the image in it, or refers to one that has."""
    if {PATH, "VIRTUAL_ENV"} & set(expansion.names_in(path)):
        return True
    return bool(_USUAL.search(expansion.text_of(path)))
