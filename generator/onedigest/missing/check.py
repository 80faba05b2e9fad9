"""The look at an image for what it lacks, which repeats earlier findings without opening any file again."""

from __future__ import annotations

import json
from contextlib import suppress

from onedigest.definition.spec import Spec
from onedigest.digest import canonical_json, hex_of, of_bytes
from onedigest.errors import InputError, Problem
from onedigest.missing import FORMAT
from onedigest.missing.environments import foreign_environments
from onedigest.missing.imports import missing_siblings, sibling_problem
from onedigest.missing.model import CheckedImage, Owners
from onedigest.store import Store


def find_lacks(image: CheckedImage, store: Store, owners: Owners) -> list[Problem]:
    """Return what an image lacks. Where its inputs, or the files of its base, are not known here, nothing is said.

    What was found once is cached under the digest of the plan. Raises `InputError` for files at places of others.
    """
    others = foreign_environments(image.spec, image.lock.base, image.platforms, image.where)
    if _has_places(image.spec):
        from onedigest.missing.overwritten import replaced_files

        if problems := replaced_files(image, store):
            raise InputError(problems)
    return [*others, *_lacking_modules(image, store), *_lacking_files(image, store, owners)]


def _has_places(spec: Spec) -> bool:
    """Tell whether files have a place of their own."""
    return any(target.startswith("/") for target, _ in spec.copies)


def _lacking_modules(image: CheckedImage, store: Store) -> list[Problem]:
    """Return what is to be said of modules beside the script."""
    spec = image.spec
    if not spec.include_script or image.lock.platforms == ():
        return []
    script = next((each for each in image.files if each.role == "scripts"), None)
    if script is None or not isinstance(script.content, bytes):
        return []
    place, text = script.place, script.content
    provided: set[str] = {package.name.replace("-", "_") for package in image.lock.packages}

    def beside(known: set[str]) -> list[Problem]:
        found = missing_siblings(image.folder, place, text, image.files, known)
        return [sibling_problem(found, spec.files, image.place)] if found else []

    if not beside(provided):
        return []
    from onedigest.missing.image_contents import facts_of

    facts = facts_of(image.lock, image.platforms, store)
    return beside(provided | {module for each in (facts or {}).values() for module in each.modules})


def _lacking_files(image: CheckedImage, store: Store, owners: Owners) -> list[Problem]:
    """Return what is to be said of libraries and programs."""
    if image.spec.run:
        return []  # what commands bring is known once they were executed
    stated = [image.plan, list(image.spec.system_packages), image.where("entrypoint"), image.where("system-packages")]
    name = f"missing/{FORMAT}/looked/{hex_of(of_bytes(canonical_json(stated)))}"
    if (note := store.read_note(name)) is not None:
        with suppress(ValueError, TypeError, KeyError):
            cached = json.loads(note)
            if cached["complete"] or not image.again:
                return [Problem(*row) for row in cached["problems"]]
    from onedigest.missing.messages import find  # a build with nothing to do needs none of it

    found = find(image, store, owners)
    if found is None:
        return []
    rows = [[each.message, each.where, each.hint] for each in found.problems]
    store.write_note(name, canonical_json({"complete": found.complete, "problems": rows}))
    return list(found.problems)
