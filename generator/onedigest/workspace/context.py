"""What a verb works with: this machine, the projects that were found, the folder of locks, and who is told."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from onedigest.checkout import refuse_links
from onedigest.definition import project as projects
from onedigest.definition.project import Project
from onedigest.errors import Problem
from onedigest.workspace.events import Events
from onedigest.workspace.machine import Machine

if TYPE_CHECKING:
    from onedigest.net.connection import Connection
    from onedigest.registry.transport import Access
    from onedigest.store import Store


class Context:
    """What one piece of work sees of the world. Each warning is told once, and each project is found once.

    Names of files are looked up from `folder`, the working directory where there is none. `lockfiles` is the folder of
    locks that the user named, instead of the one of each project. With `at_length` explanations are told whole.
    """

    def __init__(
        self,
        machine: Machine,
        events: Events,
        *,
        folder: Path | None = None,
        lockfiles: Path | None = None,
        at_length: bool = False,
    ) -> None:
        self.machine = machine
        self.events = events
        self._folder = folder
        self.at_length = at_length
        self._lockfiles = lockfiles.resolve() if lockfiles else None  # it may be a link: the user named it
        self._warned: dict[Problem, None] = {}
        self._projects: dict[Path, Project] = {}

    @property
    def variables(self) -> Mapping[str, str]:
        """The variables of the environment."""
        return self.machine.variables

    @property
    def offline(self) -> bool:
        """Tell whether no network is used."""
        return self.machine.offline

    @property
    def store(self) -> Store:
        """The user's content store."""
        return self.machine.store

    @property
    def connection(self) -> Connection:
        """How this machine reaches the network."""
        return self.machine.connection

    @property
    def access(self) -> Access:
        """What registries are reached with."""
        return self.machine.access

    @property
    def workers(self) -> int:
        """How many processes may work."""
        return self.machine.workers

    def said(self, text: str) -> None:
        """Tell what was done."""
        self.events.said(text)

    @property
    def folder(self) -> Path:
        """The folder that names are looked up from."""
        return self._folder or Path.cwd()

    def path(self, name: str) -> Path:
        """Return the path that a name stands for."""
        return self._folder / name if self._folder else Path(name)

    @property
    def lockfiles(self) -> Path:
        """The folder of all locks."""
        return self.lockfiles_of(self.project(self.folder))

    def lockfiles_of(self, project: Project) -> Path:
        """Return the folder of a project's locks, which is no link out of it, or the one that the user named."""
        if self._lockfiles:
            return self._lockfiles
        refuse_links(project.root, projects.LOCKFILES)
        return project.root / projects.LOCKFILES

    def noticed(self, text: str) -> None:
        """Tell what somebody is to read who reads results alone."""
        self.events.noticed(text)

    def warn(self, problems: Iterable[Problem]) -> None:
        """Tell problems that stop nothing, each once."""
        for problem in problems:
            if problem not in self._warned:
                self._warned[problem] = None
                self.events.warned(problem)

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What was warned of, in the order in which it was told."""
        return tuple(self._warned)

    def project(self, folder: Path) -> Project:
        """Return the project that a folder belongs to."""
        if folder not in self._projects:
            self._projects[folder] = projects.find(folder)
        return self._projects[folder]

    def forget_projects(self) -> None:
        """Find each project anew from now on: its files may have been edited."""
        self._projects = {}

    def root(self, folder: Path) -> Path:
        """Return the folder that holds the locks of scripts in a folder."""
        return self._lockfiles.resolve().parent if self._lockfiles else self.project(folder).root

    def root_of(self, path: Path) -> Path:
        """Return the folder that a script may not leave by a link: that of its project, or the one it is really in.

        A path below the working directory is one of the checkout that the user works in.
        """
        here, named = self.project(self.folder), Path(os.path.abspath(path))  # noqa: PTH100  links stay as they are
        own = here if named.is_relative_to(here.root) else self.project(named.parent.resolve())
        return own.root if own.marked else named.resolve().parent
