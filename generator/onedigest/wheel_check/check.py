"""The wheels of a lock that are looked at, each once: what was found is not looked for again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress

from onedigest.digest import canonical_json, hex_of, of_bytes
from onedigest.lock.model import Lock, Wheel
from onedigest.platforms import Platform
from onedigest.store import Store
from onedigest.wheel_check import FORMAT
from onedigest.wheel_check.findings import Key, WheelFindings, dumps, loads


def check(lock: Lock, platforms: Iterable[Platform], store: Store) -> WheelFindings:
    """Look at those wheels of some platforms that are in the store.

    What was found is cached under their digests, unless no image can be made of them.
    """
    chosen = set(platforms)
    there = {wheel for wheel in lock.wheels() if store.has(wheel.digest, wheel.size)}
    wheels = {
        platform: {
            package.key: wheel
            for package in lock.packages
            if (wheel := package.wheel_for(platform)) is not None and wheel in there
        }
        for platform in lock.platforms
        if platform in chosen
    }
    place = lock.base.python_minor, lock.base.venv
    name = _note(wheels, place)
    if (cached := store.read_note(name)) is not None:
        with suppress(ValueError, TypeError, KeyError):
            return loads(cached)
    from onedigest.wheel_check.inspection import inspect_wheels  # what was found before needs none of it

    found = inspect_wheels(wheels, place, store)
    if not found.unfit:
        store.write_note(name, dumps(found))
    return found


def _note(wheels: Mapping[Platform, Mapping[Key, Wheel]], place: tuple[str, str]) -> str:
    """Return the name of the note about some wheels, for a Python and a virtual environment."""
    stated = [[*key, wheel.name, wheel.digest] for several in wheels.values() for key, wheel in sorted(several.items())]
    sets = [[str(platform), len(several)] for platform, several in sorted(wheels.items())]
    return f"wheels/{FORMAT}/{hex_of(of_bytes(canonical_json([place, sets, stated])))}"
