"""The reading of an image's lock by a command, and the reasons why a lock cannot be used."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from onedigest.errors import InputError, Problem, UsageError, generating
from onedigest.merge_conflicts import MARKS, first_line
from onedigest.platforms import BY_NAME, Platform, canonical_name, split
from onedigest.wording import shown
from onedigest.workspace.context import Context
from onedigest.workspace.script_image import ScriptImage

if TYPE_CHECKING:
    from onedigest.lock.model import Lock
    from onedigest.sources import Sources


def read_lock(image: ScriptImage) -> Lock:
    """Return an image's lock, which must be intact and an answer to its spec."""
    from onedigest.lock import text as codec
    from onedigest.rules.files import read

    text = read(image.lock_path)
    if problems := lock_problems(image, text, lambda _: changed_since(image.spec.script)):
        raise InputError(problems)
    return codec.loads(text or "", shown(image.lock_path))


def changed_since(script: str) -> str:
    """Say that a script asks for something else than its lock answers."""
    return f"{script} changed since it was locked"


def lock_problems(image: ScriptImage, text: str | None, say_moved: Callable[[str], str]) -> list[Problem]:
    """Return why a lock cannot be used; `say_moved` tells from its text that the script asks for something else."""
    from onedigest.header import is_intact
    from onedigest.lock.metadata import format_problem, is_newer, stated

    where, command = shown(image.lock_path), generating(image.spec.script)

    def problem(message: str, line: str = "") -> Problem:
        return Problem(message, f"{where}{line}", f"run `{command}`")

    if text is None:
        return [problem("there is no lock")]
    if line := first_line(text):
        return [problem(MARKS, f":{line}")]
    found = stated(text)
    if not is_newer(found) and not is_intact(text):  # how a newer format states its checksum is not known
        return [problem("the lock was changed by hand")]
    if other := format_problem(found, where, command):
        return [other]
    return [] if found.spec == image.spec.digest() else [problem(say_moved(text))]


def changed_keys(image: ScriptImage, text: str) -> list[str]:
    """Return the keys by which a script asks for something else than its lock answers; none for a broken lock."""
    from onedigest.header import is_intact
    from onedigest.lock import text as codec
    from onedigest.lock.metadata import stated

    if stated(text).spec == image.spec.digest() or not is_intact(text):
        return []
    from onedigest.lock.staleness import moved_keys

    try:
        lock = codec.loads(text, shown(image.lock_path))
    except InputError:
        return []
    return [f"`{key}`" for key in moved_keys(image.spec, lock)] or ["the defaults of onedigest"]


def moved_code(image: ScriptImage, lock: Lock, make_sources: Callable[[], Sources]) -> list[str]:
    """Return the names of the local projects of a lock whose code changed since."""
    from onedigest.from_source.model import Kind

    if not any(package.origin and package.origin.kind is Kind.DIRECTORY for package in lock.packages):
        return []
    from onedigest.lock.built_wheels import moved_projects

    return moved_projects(image.spec, lock, make_sources(), folder=image.script_folder)


def code_problems(image: ScriptImage, lock: Lock, make_sources: Callable[[], Sources]) -> list[Problem]:
    """Return why a lock is not that of the code which is there."""
    moved = moved_code(image, lock, make_sources)
    if not moved:
        return []
    from onedigest.lock.built_wheels import moved_problems  # what builds and fetches comes with it

    hint = f"run `{generating(image.spec.script)}`"
    return list(moved_problems(lock, moved, shown(image.lock_path), hint))


def prove_base(context: Context, image: ScriptImage, lock: Lock) -> None:
    """Hold what a lock says of a base image against the image's own documents."""
    if lock.base.documents():
        from onedigest.lock.base import proof

        proof.prove_base(
            lock.base,
            context.access,
            context.store,
            user=image.spec.user,
            script=lock.script,
            where=shown(image.lock_path),
        )


def chosen_platforms(lock: Lock, texts: tuple[str, ...]) -> tuple[Platform, ...]:
    """Return the platforms of a lock that `--platform` means, all of them where it is not given."""
    names = [name for text in texts for name in split(text)]
    found = [BY_NAME.get(canonical_name(name)) for name in names]
    wrong = [name for name, platform in zip(names, found, strict=True) if platform not in lock.platforms]
    if wrong or (texts and not names):
        offered = ", ".join(map(str, lock.platforms))
        raise UsageError.of(f"the image has no platform `{(wrong or texts)[0]}`", hint=f"it has {offered}")
    return tuple(each for each in lock.platforms if not names or each in found)
