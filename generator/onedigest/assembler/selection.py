"""The one place that selects the files of an application: the script, and what patterns and copies name.

The program, a stage of a Dockerfile, a rule of Bazel and a derivation of Nix all ask here, each of its own tree.
"""

from __future__ import annotations

import os
import posixpath
import re
import stat
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from onedigest.assembler.credential_files import find_rule
from onedigest.assembler.file_tree import MOST_ENTRIES, Budget, head, is_below, match, walk
from onedigest.assembler.finding import Finding, caches_left, credentials_alone, credentials_left
from onedigest.assembler.ignoring import IgnoreRules
from onedigest.assembler.left_out import COMPILED, COMPILED_SUFFIX, is_compiled, is_marked
from onedigest.assembler.listing import between, links_of, list_folder, read_rules, said_of
from onedigest.assembler.places import why_unfit
from onedigest.assembler.refusal import Unusable

_UNFIT = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\\]")
"""What no path can hold that is written into a BUILD file, a file of Nix and a pattern."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """What an application is made of, as its author writes it.

    `folder` is the script's, from the project's root (empty for the root), `script` its name, empty where it is not
    included. `files` are patterns below the folder, `copies` are (path below the application's folder or an absolute
    one, path from the script's folder), `ignore_file` is a path from there. Its lines are about its own folder, and
    with `ignore_in_copies` about each folder that is copied, too.

    What only a look at the tree tells has no part in what the assembler is told: `ignored` are the rules of the
    ignore-file, as (whether it keeps, pattern), `reached` are all paths that are read, from the project's root, and
    `linked` are copied folders that are named by a link, as (path from the root, where it is).
    """

    folder: str = ""
    script: str = ""
    files: tuple[str, ...] = ()
    copies: tuple[tuple[str, str], ...] = ()
    ignore_file: str = ""
    ignore_in_copies: bool = False
    ignored: tuple[tuple[bool, str], ...] = ()
    reached: tuple[str, ...] = ()
    linked: tuple[tuple[str, str], ...] = ()

    def arguments(self) -> tuple[tuple[str, ...], ...]:
        """Return the rows of words that the assembler is told this by, besides `--project`."""
        rows = [
            *(("--folder", each) for each in (self.folder,) if each),
            *(("--script", each) for each in (self.script,) if each),
            *(("--files", each) for each in self.files),
            *(("--copy", f"{target}={source}") for target, source in self.copies),
            *(("--ignore-file", each) for each in (self.ignore_file,) if each),
        ]
        flags = (("--ignore-in-copies",),) if self.ignore_in_copies else ()
        return (*((f"{flag}={value}",) for flag, value in rows), *flags)


@dataclass(frozen=True, kw_only=True, slots=True)
class Selected:
    """A file of an application: `target` is below its folder or absolute, `place` is from the script's folder.

    `links` are the further paths from there that lead to it. `role` is `script`, `program` where its owner may
    execute it, or `plain`.
    """

    target: str
    place: str
    path: Path
    role: str
    links: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """The files of a selection, sorted by target; they are not all where there are `problems`.

    `selection` is the one that was asked for, with what the tree tells.
    """

    selection: Selection
    files: tuple[Selected, ...]
    problems: tuple[Finding, ...]
    warnings: tuple[Finding, ...]


def select(project: Path, selection: Selection, quote: Callable[[str], str] = repr) -> Found:
    """Find the files of a selection below a project's root; `quote` is how messages quote a name.

    Raises `Unusable` for a tree without end, for an ignore-file that is none and for a script that is not in the
    project, and OSError for a folder that cannot be read.
    """
    root = project.resolve()
    if not is_below(root / selection.folder / selection.script, root):
        raise Unusable("is not in the project", where=posixpath.join(selection.folder, selection.script))
    collection = _Collection(root, selection, quote)
    collection.take_patterns()
    collection.take_copies()
    found = collection.found
    if name := selection.script:
        found[name] = Selected(target=name, place=name, path=collection.folder / name, role="script")
    files = tuple(found[target] for target in sorted(found))
    return Found(collection.completed(files), files, tuple(collection.problems), tuple(collection.warnings))


class _Copy(NamedTuple):
    """A copy that is taken: the path that it names, also with all links followed."""

    target: str
    source: str
    path: Path
    real: Path


class _Collection:
    """Finds the files that a selection names; keeps all problems."""

    def __init__(self, root: Path, selection: Selection, quote: Callable[[str], str]) -> None:
        self.found: dict[str, Selected] = {}
        self.problems: list[Finding] = []
        self.warnings: list[Finding] = []
        self.folder = root / selection.folder
        self._selection = selection
        self._quote = quote
        self._here = self.folder.resolve()
        self._root = root
        self._budget = Budget(MOST_ENTRIES, quote)
        self._folders: dict[Path, Path] = {}
        self._marked: dict[Path, bool] = {}
        self._ignored: tuple[tuple[bool, str], ...] = ()
        self._copied: dict[str, str] = {}
        self._linked: set[tuple[str, str]] = set()
        self._base = self._here.relative_to(root).as_posix()

    def take_patterns(self) -> None:
        """Take what `files` names, which is below the script's folder."""
        for pattern in self._selection.files:
            named = f"`files` pattern {self._quote(pattern)}"
            several = self._matching(pattern)
            kept = self._without_credentials(several, posixpath.normpath(pattern), f"{named} matches", "files")
            for path in kept:
                if not self._resolved(path).is_relative_to(self._here):
                    message = f"{named} matches {self._quote(path.name)}, a link to a file outside the script's folder"
                    self.problems.append(Finding(message, "files", "copy the file into the folder"))
                elif path.is_dir():
                    message = f"{named} matches {self._quote(path.name)}, a link to a folder"
                    self.problems.append(Finding(message, "files", "name the folder in a pattern of its own"))
                else:
                    target = path.relative_to(self.folder).as_posix()
                    self._take(path, target, target, f"{named} matches", "files")
            if not several:
                self.problems.append(Finding(f"{named} matches nothing{said_of(self.folder / pattern)}", "files"))

    def take_copies(self) -> None:
        """Take what `copy` names: of a folder all files but compiled ones, caches, repositories, images and locks."""
        ignore, above = self._rules(), self._named(self._selection.ignore_file).parent
        for target, source in self._selection.copies:
            path = self._named(source)
            if not is_below(path, self._root):
                message = f"`copy` names {self._quote(source)}, which is outside the project"
                self.problems.append(Finding(message, "copy", f"move it below {self._root.name}, the project's folder"))
                continue
            copy = _Copy(target, source, path, path.resolve())
            if copy.real != path and copy.real.is_dir():
                self._linked.add((self._shown(source), copy.real.relative_to(self._root).as_posix()))
            about = (above, path) if self._selection.ignore_in_copies else (above,)
            left: list[Path] = []
            files, named = list_folder(path, ignore, about, self._budget, left.append), self._quote(source)
            if not files:
                is_ignored = ignore and list_folder(path, None, (), self._budget)
                why = ", of which `ignore-file` leaves out all files" if is_ignored else ", where there is no file"
                self.problems.append(Finding(f"`copy` names {named}{why}{said_of(path)}", "copy"))
            if left:
                quoted = [self._quote(os.path.relpath(each, self.folder)) for each in sorted(left)]
                self.warnings.append(caches_left(f"`copy` of {named} has", quoted, "copy"))
            for each in self._without_credentials(files, source, f"`copy` of {named} has", "copy"):
                self._copy(each, copy)

    def completed(self, files: tuple[Selected, ...]) -> Selection:
        """Return the selection with what the tree tells."""
        places = [place for file in files for place in file.links or (file.place,)]
        if name := self._selection.ignore_file:
            places += list(links_of(self._here, posixpath.normpath(name))) or [name]
        reached = tuple(sorted(set(map(self._shown, places))))
        return replace(self._selection, ignored=self._ignored, reached=reached, linked=tuple(sorted(self._linked)))

    def _copy(self, each: Path, copy: _Copy) -> None:
        place = os.path.relpath(each, self.folder)
        at = posixpath.normpath(posixpath.join(copy.target, os.path.relpath(each, copy.path)))
        if at == ".":
            message = f"`copy` brings {self._quote(place)} to the application's folder, and not to a file in it"
            self.problems.append(Finding(message, "copy", "name the file that it becomes there"))
        elif at.startswith("/") and (unfit := why_unfit(at))[0]:
            message = f"`copy` brings {self._quote(place)} to a wrong place: {unfit[0]}"
            self.problems.append(Finding(message, "copy", unfit[1]))
        elif not self._resolved(each).is_relative_to(copy.real):
            message = f"`copy` names {self._quote(place)}, a link that leads out of {self._quote(copy.source)}"
            self.problems.append(Finding(message, "copy"))
        else:
            if self._copied.get(at, place) != place:
                both = f"{self._quote(self._copied[at])} and {self._quote(place)}"
                hint = "where it is a folder, end it in `/`" if at == copy.target else ""
                self.problems.append(Finding(f"`copy` brings {both} to one place, {at}", "copy", hint))
            self._copied[at] = place
            self._take(each, at, place, "`copy` brings", "copy")

    def _named(self, place: str) -> Path:
        """Return what a path from the script's folder names, where the folder itself need not be there."""
        return Path(posixpath.normpath(self.folder / place))

    def _matching(self, pattern: str) -> list[Path]:
        """Return files and links that a pattern names, without what no folder brings; what is named itself stays."""
        top, takes_compiled = self.folder / head(pattern), COMPILED in pattern or pattern.endswith(COMPILED_SUFFIX)

        def enters(path: Path) -> bool:
            return (takes_compiled or not is_compiled(path)) and not self._is_marked(path)

        matched = sorted(set(match(self.folder, pattern, self._budget)))
        reached = (each for each in matched if all(map(enters, between(top, each))))
        several = dict.fromkeys(
            path
            for each in reached
            for path in (walk(each, self._budget, enters) if is_below(each, self._here) else (each,))
            if path.is_file() or path.is_symlink()
        )
        return list(several)

    def _is_marked(self, path: Path) -> bool:
        if path not in self._marked:
            self._marked[path] = not path.is_symlink() and is_marked(path)
        return self._marked[path]

    def _rules(self) -> IgnoreRules | None:
        name = self._selection.ignore_file
        if not name:
            return None
        path = self._named(name)
        if not is_below(path, self._root):
            message = f"`ignore-file` names {self._quote(name)}, which is outside the project"
            self.problems.append(Finding(message, "ignore-file"))
        elif not path.is_file():
            message = f"`ignore-file` names {self._quote(name)}, where there is no file"
            self.problems.append(Finding(message, "ignore-file"))
        else:
            rules = read_rules(path, self._root, self._shown(name))
            self._ignored = rules.lines
            return rules
        return None

    def _shown(self, place: str) -> str:
        """Return a path from the script's folder as one from the project's root."""
        return posixpath.normpath(posixpath.join(self._base, place))

    def _without_credentials(self, paths: list[Path], literal: str, named: str, key: str) -> list[Path]:
        """Return files without those that hold credentials by their name, which are warned about.

        `literal` is a path that was written out: who names such a file itself means it.
        """
        kept: list[Path] = []
        left: list[Path] = []
        for path in paths:
            shown = os.path.relpath(path, self.folder)
            rule, behind = find_rule(shown), find_rule(self._real(path))
            is_named = shown == literal and rule and behind in ("", rule)
            (left if (rule or behind) and not is_named else kept).append(path)
        quoted = [self._quote(os.path.relpath(path, self.folder)) for path in left]
        if quoted and kept:
            self.warnings.append(credentials_left(named, quoted, key))
        elif quoted:
            self.problems.append(credentials_alone(named, quoted[0], key))
        return kept

    def _real(self, path: Path) -> str:
        """Return where a file is once all links are followed, from the project's root where it is below it."""
        real = self._resolved(path)
        return real.relative_to(self._root).as_posix() if real.is_relative_to(self._root) else real.as_posix()

    def _resolved(self, path: Path) -> Path:
        """Return a file with all links followed, or the root of the disk for a loop; a folder is looked up once."""
        try:
            if path.is_symlink():
                return path.resolve()
            if path.parent not in self._folders:
                self._folders[path.parent] = path.parent.resolve()
        except (OSError, RuntimeError):
            return Path("/")
        return self._folders[path.parent] / path.name

    def _take(self, path: Path, target: str, place: str, named: str, key: str) -> None:
        links = tuple(sorted(set(links_of(self._here, place))))
        if wrong := next((each for each in (target, place, *links) if _UNFIT.search(each)), None):
            what = "whose name holds a backslash, a control character or what is not UTF-8"
            message = f"{named} {self._quote(wrong)}, {what}"
            self.problems.append(Finding(message, key, "rename the file, or leave it out"))
            return
        try:
            mode = path.stat().st_mode
        except OSError as error:
            message = f"cannot be read: {error.strerror}"
            self.problems.append(Finding(message, where=self._shown(place)))
            return
        if not stat.S_ISREG(mode):
            self.problems.append(Finding("is not a regular file", where=self._shown(place)))
            return
        role = "program" if mode & stat.S_IXUSR else "plain"
        self.found[target] = Selected(target=target, place=place, path=path, role=role, links=links)
