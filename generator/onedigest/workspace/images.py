"""The images that a command means: by the names of scripts and images, or all of a project."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from onedigest.checkout import read_inside
from onedigest.definition.script import parse
from onedigest.errors import InputError, Problem, UsageError
from onedigest.formats import LOCK_FILE
from onedigest.untrusted import file_name, relative_path
from onedigest.wording import shown
from onedigest.workspace.context import Context
from onedigest.workspace.flyte_names import Claims, has_choice, has_unread, imports_flyte, same_name, taken_by
from onedigest.workspace.leftovers import find_gone, gone, renamed, stray
from onedigest.workspace.project_image import find_project_file, is_project, read_image
from onedigest.workspace.script_image import ScriptImage, make_image

_NONE = "has no image of its own: none is made here that Flyte would build, and there is no `script` block"


def find_images(
    context: Context,
    names: Iterable[str],
    *,
    everything: bool,
    tell: Callable[[Iterable[Problem]], object] | None = None,
) -> list[ScriptImage]:
    """Return the images that names, scripts or `--all` mean. Raises with the problems of all of them.

    `tell` gets what does not stop a command: locks that scripts have of images that are gone, and of `--all` those
    whose scripts are gone.
    """
    chosen = list(names)
    if bool(chosen) == everything:
        raise UsageError.of("name a script or an image, or use --all", hint="onedigest COMMAND --help")
    places = _all_scripts(context) if everything else [_script_path(context, name) for name in chosen]
    tell = tell or context.warn
    if everything:
        tell(leftover.problem() for leftover in find_gone(context.lockfiles))
    found = _images(context, places, passes=everything)
    if everything:
        empty = {path for path, _ in places} - {_path_of(image) for image in found}
        tell(stray(lock) for lock in _locks_of(context, empty) if not is_unread(context, lock))
    tell(_left_of(found, {path for path, name in places if not name}))
    known = {"", *(image.spec.name for image in found)}
    if other := [(path, name) for path, name in places if name not in known]:
        raise InputError(_other_name(context, *each) for each in other)
    _refuse_other_folders(context, found, [name for _, name in places if name])
    return found


def find_image(context: Context, name: str) -> ScriptImage:
    """Return the one image that a name or a script means. Raises `UsageError` for a script that has several."""
    images = find_images(context, [name], everything=False)
    if len(images) > 1:
        names = ", ".join(image.spec.name for image in images)
        raise UsageError.of(f"`{name}` has several images", hint=f"name one of them: {names}")
    return images[0]


def read_again(context: Context, image: ScriptImage) -> ScriptImage:
    """Return an image as its script and the project say now. Raises `InputError` where the script has it no more."""
    context.forget_projects()
    found = _images(context, [(_path_of(image), image.spec.name)])
    if not found:
        raise InputError.of(f"has no image `{image.spec.name}` any more", where=image.spec.script)
    return found[0]


def _refuse_other_folders(context: Context, images: Iterable[ScriptImage], names: Collection[str]) -> None:
    """Raise `InputError` for an image that was named, and whose lock is not the one that has the name here."""
    folder = context.lockfiles.resolve()
    problems = []
    for image in images:
        own = image.folder.parent.resolve()
        if image.spec.name in names and own != folder:
            message = f"names {image.spec.script}, whose own lock is in {shown(own)}"
            hint = f"name the script, or use --lockfiles {shown(own)}"
            problems.append(Problem(message, shown(folder / image.spec.name / LOCK_FILE), hint))
    if problems:
        raise InputError(problems)


def _in_order(context: Context, places: Sequence[tuple[Path, str]]) -> list[tuple[Path, str]]:
    if len(places) < 2:
        return list(places)
    return sorted(dict.fromkeys(places), key=lambda place: (has_choice(context, place[0]), place))


def _left_of(images: Iterable[ScriptImage], scripts: Collection[Path]) -> list[Problem]:
    """Return what is to be said of the locks that scripts have of images that are gone."""
    found = [image for image in images if _path_of(image) in scripts]
    return [
        renamed(folder / LOCK_FILE, image.spec.script).problem()
        for image in {image.spec.script: image for image in found}.values()
        for folder in image.left
    ]


def _path_of(image: ScriptImage) -> Path:
    return image.script_folder / Path(image.spec.script).name


def _locks_of(context: Context, scripts: Collection[Path]) -> list[Path]:
    """Return the locks of some scripts, of those that are beside each other."""
    from onedigest.rules.files import read

    locks = sorted(context.lockfiles.glob(f"*/{LOCK_FILE}")) if scripts else []
    return [lock for lock in locks if _script_of(read(lock) or "", lock) in scripts]


def is_unread(context: Context, lock: Path) -> bool:
    """Tell whether a lock is of a script with images that only running it can read: it may be of one of them."""
    from onedigest.rules.files import read

    return has_unread(context, _script_of(read(lock) or "", lock))


def images_of(context: Context, locks: Iterable[Path]) -> list[ScriptImage]:
    """Return the images of the scripts that locks name, which need not be those that the locks are of.

    Scripts that are gone have none, and what only running one can read is passed over.
    """
    from onedigest.rules.files import read

    places = [(_script_of(read(lock) or "", lock), lock.parent.name) for lock in locks]
    return _images(context, [(script, name) for script, name in places if script.exists()], passes=True)


def with_siblings(context: Context, images: Iterable[ScriptImage]) -> list[ScriptImage]:
    """Return images with the others of their scripts; none of a script that has one which cannot be read."""
    found: dict[str, list[ScriptImage]] = {}
    for image in images:
        if image.spec.script not in found:
            with suppress(InputError):
                found[image.spec.script] = _read(context, _path_of(image), "", Claims()) if image.recipe else [image]
    return [image for several in found.values() for image in several]


def _images(context: Context, places: Sequence[tuple[Path, str]], *, passes: bool = False) -> list[ScriptImage]:
    """Return the images of scripts; where one has several, that of the name. Raises with all problems.

    Whatever the order of the places, a name is first for a script that can have no other, then for the first by its
    path.
    """
    read: dict[tuple[Path, str], list[ScriptImage]] = {}
    problems: dict[tuple[Path, str], list[Problem]] = {}
    claims = Claims()
    for path, name in _in_order(context, places):
        try:
            read[path, name] = _read(context, path, name, claims, passes=passes)
        except InputError as error:
            problems[path, name] = list(error.problems)
    found = [image for place in places for image in read.get(place, ())]
    wrong = [problem for place in places for problem in problems.get(place, ())]
    wrong += _same_names(found)
    wrong += [same_name(image, other) for image in found if (other := taken_by(context, image))]
    if wrong:
        raise InputError(dict.fromkeys(wrong))
    return list(dict.fromkeys(found))


def _other_name(context: Context, script: Path, name: str) -> Problem:
    message = f"there is no image `{name}`: the lock names {shown(script)}, whose image has another name"
    hint = "name the script, and delete the folder of an image that is gone"
    return Problem(message, shown(context.lockfiles / name / LOCK_FILE), hint)


def _read(context: Context, path: Path, name: str, claims: Claims, *, passes: bool = False) -> list[ScriptImage]:
    """Return the images of a script; where it has images of Flyte and a name is given, the one that has it."""
    if is_project(path):
        return _claimed([read_image(context, path)], claims)
    data = read_inside(path, context.root_of(path), shown(path))
    if b"flyte" in data:
        from onedigest.workspace.flyte_images import read_images

        if (images := read_images(context, path, data, name, claims=claims, passes=passes)) is not None:
            return images
        if imports_flyte(data):
            if passes:
                return []
            raise InputError.of(_NONE, where=shown(path), hint="name the script that defines the image")
    script = parse(data, shown(path))
    context.warn(script.warnings)
    return _claimed([make_image(context, script, path)], claims)


def _claimed(images: list[ScriptImage], claims: Claims) -> list[ScriptImage]:
    for image in images:
        claims.take(image.folder.parent, image.spec.name, image.spec.script)
    return images


def _script_path(context: Context, name: str) -> tuple[Path, str]:
    """Return the script that an argument means, and the name of the image where it is one."""
    path = context.path(name)
    if path.is_dir() and (not _has_lock(context, name) or name in (".", "..")):
        path = find_project_file(path)
    if path.suffix == ".py" or path.is_file():
        if not path.resolve().is_relative_to(context.root_of(path)):
            raise _leaves(path)
        return path.resolve(), ""
    lock = context.lockfiles / name / LOCK_FILE
    text = _lock_text(name, lock)
    if text is None:
        known = sorted(each.parent.name for each in context.lockfiles.glob(f"*/{LOCK_FILE}"))
        hint = f"the images are {', '.join(known)}" if known else "name the script: onedigest build SCRIPT"
        raise InputError.of(f"there is no image `{name}`", where=shown(context.lockfiles), hint=hint)
    if leftover := gone(lock):
        raise InputError([leftover.problem()])
    return _script_of(text, lock), name


def _has_lock(context: Context, name: str) -> bool:
    return _lock_text(name, context.lockfiles / name / LOCK_FILE) is not None


def _lock_text(name: str, lock: Path) -> str | None:
    """Return the text of the lock of an image, None where there is none; an image has one plain name."""
    from onedigest.rules.files import read

    try:
        file_name(name)
    except ValueError:
        return None
    return read(lock) if lock.parent.is_dir() else None


def _script_of(text: str, lock: Path) -> Path:
    from onedigest.header import stated_script

    script = stated_script(text)
    if not script:
        raise InputError.of("not a lock of onedigest", where=shown(lock), hint="run `onedigest generate SCRIPT`")
    return _stated(script, lock.parent.parent, lock)


def _stated(script: str, lockfiles: Path, lock: Path) -> Path:
    """Return the script that a lock names, which is below the folder that holds all locks."""
    root = lockfiles.resolve().parent
    try:
        path = (root / relative_path(script)).resolve()
    except (ValueError, RuntimeError, OSError):
        path = root.parent
    if not path.is_relative_to(root):
        hint = "run `onedigest generate SCRIPT`"
        raise InputError.of("names a script that is not in the project", where=shown(lock), hint=hint)
    return path


def _all_scripts(context: Context) -> list[tuple[Path, str]]:
    from onedigest.rules.files import read

    project = context.project(context.folder)
    if project.scripts:
        found = project.list_scripts()
        if not found:
            raise InputError.of("`scripts` matches no file", where=project.where("scripts"))
        return [(path, "") for path in found]
    locks = sorted(context.lockfiles.glob(f"*/{LOCK_FILE}"))
    if not locks:
        raise InputError.of(
            "there are no images", where=shown(context.lockfiles), hint='set `scripts = ["*.py"]` in onedigest.toml'
        )
    found = [_script_of(read(lock) or "", lock) for lock in locks]
    return [(path, "") for path in dict.fromkeys(found) if path.exists()]


def _leaves(path: Path) -> InputError:
    return InputError.of("is a link that leaves the project", where=shown(path), hint="replace it by a real file")


def _same_names(images: list[ScriptImage]) -> list[Problem]:
    first: dict[str, ScriptImage] = {}
    return [
        same_name(image, other.spec.script)
        for image in images
        if (other := first.setdefault(image.spec.name, image)).spec != image.spec
    ]
