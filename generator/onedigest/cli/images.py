"""Knows which images a command means: by the names of scripts and images, or all of a project."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from pathlib import Path

from onedigest.checkout import read_inside
from onedigest.cli.image import Image, make_image
from onedigest.cli.leftovers import find_gone, gone
from onedigest.cli.project_image import find_project_file, is_project, read_image
from onedigest.cli.session import Session
from onedigest.cli.words import shown
from onedigest.errors import InputError, Problem, UsageError
from onedigest.formats import LOCK_FILE
from onedigest.script import parse
from onedigest.untrusted import file_name, relative_path


def find_images(
    session: Session,
    names: Iterable[str],
    *,
    everything: bool,
    tell: Callable[[Iterable[Problem]], object] | None = None,
) -> list[Image]:
    """Return the images that names, scripts or `--all` mean. Raises with the problems of all of them.

    `tell` gets what does not stop a command: of `--all`, the locks whose scripts are gone.
    """
    chosen = list(names)
    if bool(chosen) == everything:
        raise UsageError.of("name a script or an image, or use --all", hint="onedigest COMMAND --help")
    places = _all_scripts(session) if everything else [_script_path(session, name) for name in chosen]
    if everything:
        (tell or session.warn)(leftover.problem() for leftover in find_gone(session.lockfiles))
    found = _images(session, places)
    known = {"", *(image.spec.name for image in found)}
    if other := [(path, name) for path, name in places if name not in known]:
        raise InputError(_other_name(session, *each) for each in other)
    _refuse_other_folders(session, found, [name for _, name in places if name])
    return found


def _refuse_other_folders(session: Session, images: Iterable[Image], names: Collection[str]) -> None:
    """Raise `InputError` for an image that was named, and whose lock is not the one that has the name here."""
    folder = session.lockfiles.resolve()
    problems = []
    for image in images:
        own = image.folder.parent.resolve()
        if image.spec.name in names and own != folder:
            message = f"names {image.spec.script}, whose own lock is in {shown(own)}"
            hint = f"name the script, or use --lockfiles {shown(own)}"
            problems.append(Problem(message, shown(folder / image.spec.name / LOCK_FILE), hint))
    if problems:
        raise InputError(problems)


def images_of(session: Session, locks: Iterable[Path]) -> list[Image]:
    """Return the images of the scripts that locks name, which need not be those that the locks are of.

    Scripts that are gone have none.
    """
    from onedigest.rules.files import read

    places = [(_script_of(read(lock) or "", lock), lock.parent.name) for lock in locks]
    return _images(session, [(script, name) for script, name in places if script.exists()])


def with_siblings(session: Session, images: Iterable[Image]) -> list[Image]:
    """Return images with the others of their scripts; none of a script that has one which cannot be read."""
    found: dict[str, list[Image]] = {}
    for image in images:
        path = image.script_folder / Path(image.spec.script).name
        if image.spec.script not in found:
            with suppress(InputError):
                found[image.spec.script] = _read(session, path, "") if image.recipe else [image]
    return [image for several in found.values() for image in several]


def _images(session: Session, places: Iterable[tuple[Path, str]]) -> list[Image]:
    """Return the images of scripts; where one has several, that of the name. Raises with all problems."""
    found: list[Image] = []
    problems: list[Problem] = []
    for path, name in places:
        try:
            found += _read(session, path, name)
        except InputError as error:
            problems.extend(error.problems)
    problems += _same_names(found)
    problems += [problem for image in found for problem in _taken_name(session, image)]
    if problems:
        raise InputError(dict.fromkeys(problems))
    return list(dict.fromkeys(found))


def _other_name(session: Session, script: Path, name: str) -> Problem:
    message = f"there is no image `{name}`: the lock names {shown(script)}, whose image has another name"
    hint = "name the script, and delete the folder of an image that is gone"
    return Problem(message, shown(session.lockfiles / name / LOCK_FILE), hint)


def _taken_name(session: Session, image: Image) -> list[Problem]:
    """Return why an image cannot have its name: its lock is of another script, which is there and has it too."""
    from onedigest.header import stated_script
    from onedigest.rules.files import read

    script = stated_script(read(image.lock_path) or "")
    if script in ("", image.spec.script):
        return []
    try:
        other = _stated(script, image.folder.parent, image.lock_path)
        named = {each.spec.name for each in _read(session, other, "")}
    except InputError:
        return []
    return [_same_name(image, script)] if image.spec.name in named else []


def _read(session: Session, path: Path, name: str) -> list[Image]:
    """Return the images of a script; where it has images of Flyte and a name is given, the one that has it."""
    if is_project(path):
        return [read_image(session, path)]
    data = read_inside(path, session.root_of(path), shown(path))
    if b"flyte" in data and b"Image.from_" in data:
        from onedigest.cli.flyte_images import read_images

        if (images := read_images(session, path, data, name)) is not None:
            return images
    script = parse(data, shown(path))
    session.warn(script.warnings)
    return [make_image(session, script, path)]


def _script_path(session: Session, name: str) -> tuple[Path, str]:
    """Return the script that an argument means, and the name of the image where it is one."""
    path = Path(name)
    if path.is_dir() and (not _has_lock(session, name) or name in (".", "..")):
        path = find_project_file(path)
    if path.suffix == ".py" or path.is_file():
        if not path.resolve().is_relative_to(session.root_of(path)):
            raise _leaves(path)
        return path.resolve(), ""
    lock = session.lockfiles / name / LOCK_FILE
    text = _lock_text(name, lock)
    if text is None:
        known = sorted(each.parent.name for each in session.lockfiles.glob(f"*/{LOCK_FILE}"))
        hint = f"the images are {', '.join(known)}" if known else "name the script: onedigest build SCRIPT"
        raise InputError.of(f"there is no image `{name}`", where=shown(session.lockfiles), hint=hint)
    if leftover := gone(lock):
        raise InputError([leftover.problem()])
    return _script_of(text, lock), name


def _has_lock(session: Session, name: str) -> bool:
    return _lock_text(name, session.lockfiles / name / LOCK_FILE) is not None


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


def _all_scripts(session: Session) -> list[tuple[Path, str]]:
    from onedigest.rules.files import read

    project = session.project(Path.cwd())
    if project.scripts:
        found = project.list_scripts()
        if not found:
            raise InputError.of("`scripts` matches no file", where=project.where("scripts"))
        return [(path, "") for path in found]
    locks = sorted(session.lockfiles.glob(f"*/{LOCK_FILE}"))
    if not locks:
        raise InputError.of(
            "there are no images", where=shown(session.lockfiles), hint='set `scripts = ["*.py"]` in onedigest.toml'
        )
    found = [_script_of(read(lock) or "", lock) for lock in locks]
    return [(path, "") for path in dict.fromkeys(found) if path.exists()]


def _leaves(path: Path) -> InputError:
    return InputError.of("is a link that leaves the project", where=shown(path), hint="replace it by a real file")


def _same_names(images: list[Image]) -> list[Problem]:
    first: dict[str, Image] = {}
    return [
        _same_name(image, other.spec.script)
        for image in images
        if (other := first.setdefault(image.spec.name, image)).spec != image.spec
    ]


def _same_name(image: Image, script: str) -> Problem:
    if image.recipe and script == image.spec.script:
        message = f"another image of this script has the name `{image.spec.name}` too"
        return Problem(message, image.script.where(""), "give each image a `name` of its own, which its lock has too")
    message = f"the name `{image.spec.name}` is also that of {script}"
    return Problem(message, image.spec.script, "set `name` in [tool.onedigest] of one of the two")
