"""The names of images in a Flyte script, by its text and the locks alone, and the owners of names already taken."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from onedigest.checkout import read_inside
from onedigest.definition.script import MOST_BYTES, canonical_text, parse
from onedigest.definition.values import image_name
from onedigest.errors import InputError, Problem
from onedigest.formats import LOCK_FILE
from onedigest.untrusted import relative_path
from onedigest.wording import shown
from onedigest.workspace.context import Context
from onedigest.workspace.leftovers import stated
from onedigest.workspace.project_image import is_project, read_image
from onedigest.workspace.script_image import ScriptImage, make_image

if TYPE_CHECKING:
    from onedigest.definition.flyte.definition import Definition
    from onedigest.definition.flyte.syntax import FoundImages

_IMPORT = re.compile(rb"^[ \t]*(?:import|from)[ \t]+flyte\b", re.MULTILINE)


class Claims:
    """The names that scripts of one command have, whether locks have them yet or not."""

    def __init__(self) -> None:
        self._scripts: dict[tuple[Path, str], str] = {}
        self._locked: dict[Path, dict[str, list[str]]] = {}

    def take(self, folder: Path, name: str, script: str) -> None:
        """Note that an image of a script has a name, unless another script has it."""
        self._scripts.setdefault((folder, name), script)

    def has_other(self, folder: Path, name: str, script: str) -> bool:
        """Tell whether an image of another script has a name."""
        return self._scripts.get((folder, name), script) != script

    def locked(self, folder: Path, script: str) -> list[str]:
        """Return the names of the locks that a folder has of a script."""
        if folder not in self._locked:
            found: dict[str, list[str]] = {}
            for lock in sorted(folder.glob(f"*/{LOCK_FILE}")):
                found.setdefault(stated(lock), []).append(lock.parent.name)
            self._locked[folder] = found
        return self._locked[folder].get(script, [])


def read_found(context: Context, path: Path, data: bytes) -> FoundImages | None:
    """Return what a script has of Flyte's images; None for one that has none of its own."""
    from onedigest.definition.flyte.detection import may_have_images

    if not may_have_images(data):
        return None
    from onedigest.definition.flyte.syntax import find_images

    where = shown(path)
    found = find_images(canonical_text(data, where), path, where, context.root(path.parent))
    return found if found.definitions or found.problems or found.unread else None


def imports_flyte(data: bytes) -> bool:
    """Tell whether a script that has no block is one of Flyte's, whose images may be defined elsewhere."""
    return b"# ///" not in data and _IMPORT.search(data) is not None


def has_choice(context: Context, path: Path) -> bool:
    """Tell whether a script has images that may be called in several ways, as those of Flyte."""
    return not is_project(path) and _found_in(context, path) is not None


def has_unread(context: Context, path: Path) -> bool:
    """Tell whether a script has images that only running it can read, so that locks of it are of images unknown."""
    found = _found_in(context, path)
    return found is not None and bool(found.unread)


def _found_in(context: Context, path: Path) -> FoundImages | None:
    """Return what a script has of Flyte's images; None for one that has none, or cannot be read."""
    with suppress(InputError):
        return read_found(context, path, read_inside(path, context.root_of(path), shown(path), MOST_BYTES))
    return None


def choose_names(context: Context, path: Path, several: Sequence[Sequence[str]], claims: Claims) -> list[str]:
    """Return one name for each image of a script, of those that it may have.

    It is the first one whose lock is of this script. Else it is the first one that no other script has, by its lock or
    by a claim in the same command.
    """
    folder, script = context.lockfiles_of(context.project(path.parent)), shown(path, context.root(path.parent))

    def is_free(name: str) -> bool:
        return not (claims.has_other(folder, name, script) or is_of_other(context, folder, name, script))

    found = []
    for names in several:
        own = (name for name in names if _script_of(folder, name) == script)
        name = next(own, "") or next(filter(is_free, names), names[-1])
        claims.take(folder, name, script)
        found.append(name)
    return found


def list_names(context: Context, path: Path, definitions: Sequence[Definition]) -> list[tuple[str, ...]]:
    """Return what each image of a script may be called: as [tool.onedigest] says, else as its text suggests."""
    from onedigest.definition.flyte.lock_names import candidates

    given = list(_given_names(definitions))
    others = [each for each, name in zip(definitions, given, strict=True) if name is None]
    suggested = iter(candidates(others, path, context.root(path.parent), frozenset(filter(None, given))))
    return [next(suggested) if name is None else (name,) for name in given]


def list_names_of_unread(
    context: Context, path: Path, found: FoundImages, definition: Definition, siblings: Sequence[Definition]
) -> list[tuple[str, ...]]:
    """Return what an image may be called that is not in the text of its script, and then what all others may be.

    No name of it is one that an image of the text may have. Where others are in the dark, what they would share is no
    name.
    """
    from onedigest.definition.flyte.lock_names import has_own_name, plain_name, without_bundles

    others = list_names(context, path, found.definitions)
    reserved = {name for names in others for name in names}
    known = list(dict.fromkeys(without_bundles(each) for each in (definition, *siblings, *found.definitions)))
    (*names, last), *further = list_names(context, path, known)
    if not (siblings or has_own_name(definition)) and len(found.definitions) + len(found.unread) > 1:
        reserved.add(plain_name(definition, path))
    return [(*(name for name in names if name not in reserved), last), *further, *others]


def is_of_other(context: Context, folder: Path, name: str, script: str) -> bool:
    """Tell whether the lock of a name is of another script than this, which is there and may have it still."""
    other, root = _script_of(folder, name), folder.resolve().parent
    if other in ("", script):
        return False
    try:
        if Path(other).is_absolute():  # of a script that is not below the folder: it is not looked into
            return Path(other).is_file()
        path = (root / relative_path(other)).resolve()
        return path.is_relative_to(root) and path.is_file() and _may_have(context, path, name)
    except (ValueError, RuntimeError, OSError, InputError):
        return False


def _script_of(folder: Path, name: str) -> str:
    """Return the script that the lock of a name states, nothing where no lock can have the name."""
    try:
        return stated(folder / image_name(name) / LOCK_FILE)
    except ValueError:
        return ""


def refuse_taken(context: Context, image: ScriptImage) -> None:
    """Raise `InputError` for an image whose lock is that of another script."""
    if other := taken_by(context, image):
        raise InputError([same_name(image, other)])


def taken_by(context: Context, image: ScriptImage) -> str:
    """Return the other script that has the name of an image, by its lock; nothing where there is none."""
    folder, name, script = image.folder.parent, image.spec.name, image.spec.script
    return _script_of(folder, name) if is_of_other(context, folder, name, script) else ""


def same_name(image: ScriptImage, script: str) -> Problem:
    """Return that an image has the name of one of another script, or of its own."""
    if image.recipe and script == image.spec.script:
        message = f"another image of this script has the name `{image.spec.name}` too"
        hint = "take `name` out of [tool.onedigest]: each image has a lock of its own then"
        return Problem(message, image.script.where("tool.onedigest.name"), hint)
    message = f"the name `{image.spec.name}` is also that of {script}"
    return Problem(message, image.spec.script, "set `name` in [tool.onedigest] of one of the two")


def _may_have(context: Context, path: Path, name: str) -> bool:
    """Tell whether a script may have an image of a name. Raises `InputError` for one that has no image at all."""
    if is_project(path):
        return read_image(context, path).spec.name == name
    data = read_inside(path, context.root_of(path), shown(path), MOST_BYTES)
    found = read_found(context, path, data)
    if found is None:
        return make_image(context, parse(data, shown(path)), path).spec.name == name
    if found.problems or found.unread:
        return True
    return any(name in names for names in list_names(context, path, found.definitions))


def _given_names(definitions: Sequence[Definition]) -> Iterator[str | None]:
    """Yield the names that blocks of scripts give to images, None for an image that gets none.

    A block is about the images that `from_uv_script` makes of it, else about all of its file.
    """
    blocks = [_blocks(each) for each in definitions]
    used = {path for each in blocks for path in each}
    stated_names = {path: _name_in_block(Path(path)) for path in {*used, *(each.file for each in definitions)}}
    for definition, own in zip(definitions, blocks, strict=True):
        about = own or ([] if definition.file in used else [definition.file])
        yield next((name for path in reversed(about) if (name := stated_names[path]) is not None), None)


def _blocks(definition: Definition) -> list[str]:
    from onedigest.definition.flyte.definition import UvScript

    return [step.script for step in definition.steps if isinstance(step, UvScript)]


def _name_in_block(path: Path) -> str | None:
    """Return the name that the block of a script states; what is wrong with the block is said when it is read."""
    with suppress(InputError, OSError, ValueError):
        data = read_inside(path, path.resolve().parent, shown(path), MOST_BYTES)
        name = parse(data, shown(path)).onedigest.get("name") if b"onedigest" in data else None
        return name if isinstance(name, str) else None
    return None
