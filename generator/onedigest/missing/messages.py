"""The messages about libraries and programs that an image lacks, grouped and worded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from onedigest.errors import Problem
from onedigest.missing.facts import merged
from onedigest.missing.image_contents import ImageContents, contents_of, facts_of
from onedigest.missing.libraries import MissingFile, missing_libraries
from onedigest.missing.model import CheckedImage, Findings, KnownOwners, Owners
from onedigest.missing.programs import entrypoint_problem, missing_interpreters
from onedigest.plan.configuration import entrypoint, image_variables
from onedigest.platforms import Platform
from onedigest.store import Store

_MOST_SAID = 100
_MOST_NAMED = 6


def find(image: CheckedImage, store: Store, owners: Owners) -> Findings | None:
    """Look into the files of an image; None where some of them were never on this machine."""
    facts = facts_of(image.lock, image.platforms, store)
    images = [contents_of(image.lock, each, facts, image.files, store) for each in image.platforms] if facts else []
    known = [contents for contents in images if contents is not None]
    if facts is None or len(known) < len(images):
        return None
    search = image_variables(image.spec, image.lock.base, image.platforms[0]).get("PATH", "").split(":")
    problems, is_complete = _said(image, known, search, owners)
    spec = replace(image.spec, entrypoint=entrypoint(image.spec, image.lock.base))
    unfit = entrypoint_problem(spec, known, image.files, search, image.where("entrypoint"))
    return Findings(problems=(*problems, *([unfit] if unfit else [])), complete=is_complete)


def _said(
    image: CheckedImage, images: Sequence[ImageContents], search: Sequence[str], owners: Owners
) -> tuple[list[Problem], bool]:
    """Return a problem for each library and program, the last with the line that brings them; and if all was known."""
    everything = [*missing_libraries(images), *missing_interpreters(images, search)]
    lacking = [each for each in everything if not each.optional]
    where, platforms = image.where("system-packages"), tuple(image.platforms)
    problems = [
        Problem(f"`{each.name}` is missing in the image{_on(each, platforms)}: {_needing(each)}", where)
        for each in lacking[:_MOST_SAID]
    ]
    if len(lacking) > _MOST_SAID:
        problems.append(Problem(f"{len(lacking) - _MOST_SAID} more libraries and programs are missing", where))
    wanted = [each.name if "/" not in each.name else merged(each.name) for each in lacking]
    found = owners(wanted) if wanted else KnownOwners(packages={}, complete=True)
    if problems and found is not None:
        problems[-1] = replace(problems[-1], hint=_hint(image, wanted, found))
    optional = [each for each in everything if each.optional]
    if optional:
        users = sorted({label for each in optional for label in each.users})
        named = _listed([f"`{each.name}`" for each in optional])
        problems.insert(
            0, Problem(f"plugins of {_listed(users)} need libraries that are not in the image: {named}", where)
        )
    return problems, found is not None and found.complete


def _hint(image: CheckedImage, wanted: Sequence[str], found: KnownOwners) -> str:
    """Return the one line that brings all that Debian has."""
    left = sorted(set(wanted) - found.packages.keys())
    if not found.packages:
        return "no package of Debian has it, so it may be of no use here" if found.complete else ""
    line = ", ".join(f'"{each}"' for each in sorted({*image.spec.system_packages, *found.packages.values()}))
    unknown = "no package of Debian has" if found.complete else "it is not known here which package has"
    rest = f"; {unknown} {_listed(left)}" if left else ""
    return f"write `system-packages = [{line}]` in [tool.onedigest]{rest}"


def _listed(words: Sequence[str]) -> str:
    more = f" and {len(words) - _MOST_NAMED} more" if len(words) > _MOST_NAMED else ""
    return ", ".join(words[:_MOST_NAMED]) + more


def _on(lack: MissingFile, platforms: Iterable[Platform]) -> str:
    return "" if lack.platforms == tuple(sorted(platforms)) else f" on {' and '.join(map(str, lack.platforms))}"


def _needing(lack: MissingFile) -> str:
    users = [f"{label} ({path.rpartition('/')[2]})" for label, path in lack.users.items()]
    return f"{_listed(users)} {'needs' if len(users) == 1 else 'need'} it"
