"""The world as a command sees it: the options that all commands share, the environment and the projects."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from onedigest.checkout import refuse_links
from onedigest.cli.own_store import own_store
from onedigest.cli.words import print_warning, say
from onedigest.definition import project as projects
from onedigest.definition.project import Project
from onedigest.errors import Problem
from onedigest.store import Store

if TYPE_CHECKING:
    from onedigest.net.connection import Connection
    from onedigest.registry.transport import Access

F = TypeVar("F", bound=Callable[..., Any])


def shared_options(command: F, verbose: tuple[str, ...] = ("-v", "--verbose")) -> F:
    """Add the options that all commands share; `verbose` is what saying more is called."""
    for option in (
        click.option("--lockfiles", type=click.Path(path_type=Path), help="Folder of the locks [lockfiles]."),
        click.option("--offline", is_flag=True, help="Use no network."),
        click.option("--insecure-registry", "insecure", multiple=True, metavar="HOST", help="Allow plain HTTP to it."),
        click.option("--json", "as_json", is_flag=True, help="Print one JSON document."),
        click.option("-q", "--quiet", is_flag=True, help="Print errors only."),
        click.option(*verbose, is_flag=True, help="Say more."),
        click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto", help="Colour words."),
    ):
        command = option(command)
    return command


class Session:
    """What one command sees of the world."""

    def __init__(
        self,
        *,
        lockfiles: Path | None = None,
        offline: bool = False,
        insecure: tuple[str, ...] = (),
        as_json: bool = False,
        quiet: bool = False,
        verbose: bool = False,
        color: str = "auto",
    ) -> None:
        if color != "auto":
            os.environ.pop("NO_COLOR", None)
            os.environ["FORCE_COLOR" if color == "always" else "NO_COLOR"] = "1"
        self.verbose = verbose
        self.offline = offline
        self.as_json = as_json
        self.quiet = quiet
        self._lockfiles = lockfiles.resolve() if lockfiles else None  # it may be a link: the user named it
        self._insecure = insecure
        self._warned: set[Problem] = set()
        self._projects: dict[Path, Project] = {}

    @cached_property
    def store(self) -> Store:
        """The user's content store."""
        return own_store()

    @cached_property
    def connection(self) -> Connection:
        """How this machine reaches the network."""
        from onedigest.cli.machine import read_connection

        return read_connection(self.offline, (lambda _: None) if self.quiet else say)

    @cached_property
    def access(self) -> Access:
        """What registries are reached with."""
        from onedigest.cli.registries import make_access
        from onedigest.net.connection import Pools

        # what a user says of hosts of uv is said of no registry
        return make_access(Pools(replace(self.connection, unverified=())), self._insecure)

    @property
    def silent(self) -> bool:
        """Tell whether words are unwanted."""
        return self.quiet or self.as_json

    @property
    def lockfiles(self) -> Path:
        """The folder of all locks."""
        return self.lockfiles_of(self.project(Path.cwd()))

    def lockfiles_of(self, project: Project) -> Path:
        """Return the folder of a project's locks, which is no link out of it, or the one that the user named."""
        if self._lockfiles:
            return self._lockfiles
        refuse_links(project.root, projects.LOCKFILES)
        return project.root / projects.LOCKFILES

    @property
    def workers(self) -> int:
        """How many processes may work: one for each processor that this process may use."""
        if hasattr(os, "sched_getaffinity"):
            return len(os.sched_getaffinity(0))
        return os.cpu_count() or 1

    def warn(self, problems: Iterable[Problem]) -> None:
        """Print problems that do not stop a command, each once."""
        for problem in () if self.quiet else problems:
            if problem not in self._warned:
                self._warned.add(problem)
                print_warning(problem)

    def project(self, folder: Path) -> Project:
        """Return the project that a folder belongs to."""
        return self._projects.setdefault(folder, projects.find(folder))

    def root(self, folder: Path) -> Path:
        """Return the folder that holds the locks of scripts in a folder."""
        return self._lockfiles.resolve().parent if self._lockfiles else self.project(folder).root

    def root_of(self, path: Path) -> Path:
        """Return the folder that a script may not leave by a link: that of its project, or the one it is really in.

        A path below the working directory is one of the checkout that the user works in.
        """
        here, named = self.project(Path.cwd()), Path(os.path.abspath(path))  # noqa: PTH100  links stay as they are
        own = here if named.is_relative_to(here.root) else self.project(named.parent.resolve())
        return own.root if own.marked else named.resolve().parent
