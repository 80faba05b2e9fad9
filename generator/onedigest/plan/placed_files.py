"""The files of an application with places of their own outside its folder, and the check that each fits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from onedigest.assembler.places import folders_above, why_unfit
from onedigest.definition.files import File
from onedigest.definition.spec import Spec
from onedigest.errors import InputError, Problem
from onedigest.lock.base import Base
from onedigest.plan.base_folders import BaseFolders


def absolute_paths(files: Sequence[File]) -> tuple[str, ...]:
    """Return the paths of the files that are not below the application's folder, sorted."""
    return tuple(sorted(file.target for file in files if file.target.startswith("/")))


def refuse_unfit_places(spec: Spec, base: Base, files: Sequence[File], folders: BaseFolders) -> None:
    """Raise `InputError` for files at absolute paths where the image has something else."""
    problems = [
        Problem(f"`copy` brings {file.place} to a wrong place: {why}", spec.script, hint)
        for file in files
        if file.target.startswith("/")
        for why, hint in _unfit(spec, base, file.target, folders)
    ]
    problems += _on_the_way(spec, files) if absolute_paths(files) else ()
    if problems:
        raise InputError(problems)


def _unfit(spec: Spec, base: Base, path: str, folders: BaseFolders) -> Iterator[tuple[str, str]]:
    why = why_unfit(path)
    if why[0]:
        yield why
    elif path == base.interpreter:
        yield f"{path} is the Python of the image", "choose another place"
    elif path in folders.there or _is_above(path, (spec.root, spec.workdir, *spec.volumes)):
        yield f"{path} is a folder of the image", "name the file that it becomes there"
    elif (real := folders.real(path)) != path:
        yield f"{path} is below a link", f"write {real}"


def _is_above(path: str, folders: Sequence[str]) -> bool:
    return any(f"{folder}/".startswith(f"{path}/") for folder in folders)


def _on_the_way(spec: Spec, files: Sequence[File]) -> Iterator[Problem]:
    """Yield files that stand where another one has a folder."""
    found = {file.path_in(spec.root): file for file in files}
    for path in sorted(found.keys() & folders_above(found)):
        beneath = min(each for each in found if each.startswith(f"{path}/"))
        message = f"`copy` brings {found[path].place} to {path}, which is the folder of {found[beneath].place}"
        yield Problem(message, spec.script, "end a path in the name of a file, or in `/` for a folder")
