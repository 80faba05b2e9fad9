"""Knows everything that is to be said of wheels of the corpus."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from corpus.comparing import differences, take
from corpus.fetching import fetch
from corpus.installers import pip_installer, uv_installer
from corpus.listed import Listed, listed
from pythons import interpreters_by_version


def newest_pip() -> Listed:
    """Return the pip that installs the others."""
    return next(wheel for wheel in listed() if (wheel.kind, wheel.name) == ("current", "pip"))


def findings(wheels: Sequence[Listed], folder: Path, variables: Mapping[str, str]) -> Iterator[str]:
    """Yield in words what is not as it has to be with these wheels, which are fetched into `folder`."""
    pip, pythons = newest_pip(), interpreters_by_version()
    paths = fetch(dict.fromkeys([*wheels, pip]), folder)
    taken = []
    for wheel in wheels:
        found = take(wheel, paths[wheel])
        if isinstance(found, str):
            yield from (f"{wheel.requirement}: {line}" for line in found.splitlines())
        elif wheel.python in pythons:
            taken.append(found)
        else:
            yield f"{wheel.requirement}: no Python {wheel.python} is here to install it"
    with tempfile.TemporaryDirectory(prefix="corpus-") as own:
        installers = [uv_installer(variables), pip_installer(variables, paths[pip], Path(own))]
        yield from differences(taken, installers, pythons)
