"""The files in the code of one run where all of a folder is asked for, as by `copy_style="all"`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from onedigest.assembler.credential_files import find_rule
from onedigest.assembler.file_tree import is_below
from onedigest.definition.files import list_folder, read_rules
from onedigest.definition.flyte.copies import IGNORE_FILE
from onedigest.definition.flyte.definition import CodeBundle, Copy
from onedigest.errors import InputError
from onedigest.terminal.output import say
from onedigest.wording import shown


def with_named_bundles(steps: tuple[Any, ...], bundles: int) -> tuple[Any, ...]:
    """Take copies that stand for bundles, of the whole folder, for what they are."""
    if not bundles:
        return steps
    return tuple(
        CodeBundle(target=step.target, files=_files_below(Path(step.source))) if isinstance(step, Copy) else step
        for step in steps
    )


def _files_below(folder: Path) -> tuple[tuple[str, str], ...]:
    root, ignore = folder.resolve(), folder / IGNORE_FILE
    rules = read_rules(ignore, root, shown(ignore)) if ignore.is_file() else None
    found, credentials, caches = [], list[str](), list[Path]()
    for file in list_folder(folder, rules, folder, caches.append):
        path = file.relative_to(folder).as_posix()
        if not is_below(file, root):
            raise InputError.of("is a link that leaves the folder", where=shown(file))
        if find_rule(path) or find_rule(file.resolve().relative_to(root).as_posix()):
            credentials.append(shown(file))
        else:
            found.append((path, str(file)))
    _say_left(credentials, "may hold credentials")
    _say_left([shown(each) for each in sorted(caches)], "programs made for this machine")
    return tuple(found)


def _say_left(places: list[str], why: str) -> None:
    if places:
        further = f" and {len(places) - 1} more" if len(places) > 1 else ""
        say(f"{places[0]}{further}, which {why}: left out of the code; to have it there, use `with_source_file`")
