"""Knows what a command works on: the options that all commands share, the environment, the project and its images."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from onedigest import project as projects
from onedigest.checkout import read_inside, refuse_links
from onedigest.cli.stated_passwords import stated_passwords
from onedigest.cli.words import print_warning, say, shown
from onedigest.errors import InputError, Problem, UsageError
from onedigest.inputs.store import Store
from onedigest.project import Project
from onedigest.script import Script, parse
from onedigest.spec import Spec, specify
from onedigest.untrusted import file_name, relative_path

if TYPE_CHECKING:
    from onedigest.flyte.recipe import Recipe
    from onedigest.inputs.pools import Connection
    from onedigest.oci.transport import Access

F = TypeVar("F", bound=Callable[..., Any])


def shared_options(command: F) -> F:
    """Add the options that all commands share."""
    for option in (
        click.option("--lockfiles", type=click.Path(path_type=Path), help="Folder of the locks [lockfiles]."),
        click.option("--offline", is_flag=True, help="Use no network."),
        click.option("--insecure-registry", "insecure", multiple=True, metavar="HOST", help="Allow plain HTTP to it."),
        click.option("--json", "as_json", is_flag=True, help="Print one JSON document."),
        click.option("-q", "--quiet", is_flag=True, help="Print errors only."),
        click.option("-v", "--verbose", is_flag=True, help="Say more."),
        click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto", help="Colour words."),
    ):
        command = option(command)
    return command


@dataclass(frozen=True, kw_only=True)
class Image:
    """A script and the spec of its image. `folder` holds its lock; `recipe` is what else an image of Flyte needs.

    `warn` is told what does not stop a command.
    """

    script: Script = field(compare=False)
    spec: Spec
    script_folder: Path
    folder: Path
    recipe: Recipe | None = field(default=None, compare=False)
    warn: Callable[[Problem], None] = field(default=lambda _: None, compare=False, repr=False)

    @property
    def lock_path(self) -> Path:
        """Where the lock is."""
        return self.folder / "pylock.toml"

    @property
    def inputs(self) -> Path:
        """Where the inputs of all images beside it are."""
        return self.folder.parent / ".inputs"

    @property
    def record_path(self) -> Path:
        """Where the record is."""
        return self.folder / "image.toml"


class Session:
    """What one command sees of the world."""

    def __init__(
        self,
        *,
        lockfiles: Path | None,
        offline: bool,
        insecure: tuple[str, ...],
        as_json: bool,
        quiet: bool,
        verbose: bool,
        color: str,
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
        try:
            cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
        except RuntimeError:
            raise InputError.of("no home folder is known to keep files in", hint="set HOME or XDG_CACHE_HOME") from None
        return Store(Path(cache) / "onedigest", _key_path())

    @cached_property
    def connection(self) -> Connection:
        """How this machine reaches the network."""
        from onedigest.cli.reaching import read_connection

        return read_connection(self.offline, (lambda _: None) if self.quiet else say)

    @cached_property
    def access(self) -> Access:
        """What registries are reached with."""
        from onedigest.cli.registries import make_access
        from onedigest.inputs.pools import Pools

        return make_access(Pools(self.connection), self._insecure)

    @property
    def silent(self) -> bool:
        """Tell whether words are unwanted."""
        return self.quiet or self.as_json

    @property
    def lockfiles(self) -> Path:
        """The folder of all locks."""
        return self._lockfiles or _lockfiles(projects.find(Path.cwd()))

    @property
    def workers(self) -> int:
        """How many processes may work: one for each processor that this process may use."""
        if hasattr(os, "sched_getaffinity"):
            return len(os.sched_getaffinity(0))
        return os.cpu_count() or 1

    def images(self, names: Iterable[str], *, everything: bool) -> list[Image]:
        """Return the images that names, scripts or `--all` mean. Raises with the problems of all of them."""
        chosen = list(names)
        if bool(chosen) == everything:
            raise UsageError.of("name a script or an image, or use --all", hint="onedigest COMMAND --help")
        places = self._all_scripts() if everything else list(map(self._script_path, chosen))
        found = self._images(places)
        known = {"", *(image.spec.name for image in found)}
        if other := [(path, name) for path, name in places if name not in known]:
            raise InputError(self._other_name(*each) for each in other)
        return found

    def images_of(self, locks: Iterable[Path]) -> list[Image]:
        """Return the images of the scripts that locks name, which need not be those that the locks are of."""
        from onedigest.rules.files import read

        return self._images((self._script_of(read(lock) or "", lock), lock.parent.name) for lock in locks)

    def _images(self, places: Iterable[tuple[Path, str]]) -> list[Image]:
        """Return the images of scripts; where one has several, that of the name. Raises with all problems."""
        found: list[Image] = []
        problems: list[Problem] = []
        for path, name in places:
            try:
                found += self._read(path, name)
            except InputError as error:
                problems.extend(error.problems)
        problems += _same_names(found)
        problems += [problem for image in found for problem in self._taken_name(image)]
        if problems:
            raise InputError(problems)
        return list(dict.fromkeys(found))

    def _other_name(self, script: Path, name: str) -> Problem:
        message = f"there is no image `{name}`: the lock names {shown(script)}, whose image has another name"
        hint = "name the script, and delete the folder of an image that is gone"
        return Problem(message, shown(self.lockfiles / name / "pylock.toml"), hint)

    def _taken_name(self, image: Image) -> list[Problem]:
        """Return why an image cannot have its name: its lock is of another script, which is there and has it too."""
        from onedigest.header import stated_script
        from onedigest.rules.files import read

        script = stated_script(read(image.lock_path) or "")
        if script in ("", image.spec.script):
            return []
        try:
            other = self._stated(script, image.folder.parent, image.lock_path)
            named = {each.spec.name for each in self._read(other, "")}
        except InputError:
            return []
        return [_same_name(image, script)] if image.spec.name in named else []

    def _read(self, path: Path, name: str) -> list[Image]:
        """Return the images of a script; where it has images of Flyte and a name is given, the one that has it."""
        data = read_inside(path, self._root_of(path), shown(path))
        if b"flyte" in data and b"Image.from_" in data:
            from onedigest.cli.flyte_images import read_images

            if (images := read_images(self, path, data, name)) is not None:
                return images
        script = parse(data, shown(path))
        self.warn(script.warnings)
        return [self.image(script, path)]

    def warn(self, problems: Iterable[Problem]) -> None:
        """Print problems that do not stop a command, each once."""
        for problem in () if self.quiet else problems:
            if problem not in self._warned:
                self._warned.add(problem)
                print_warning(problem)

    def image(self, script: Script, path: Path, recipe: Recipe | None = None) -> Image:
        """Return the image of a script. Raises `InputError`."""
        path = path.resolve()  # what the script names is found from where it really is
        project = self.project(path.parent)
        self.warn(stated_passwords(script, project, recipe))
        if script.uv:
            from onedigest.lock.uv_keys import take

            self.warn(take(script.uv, lambda key: script.where(f"tool.uv.{key}"))[1])
        spec = specify(script, project, shown(path, self.root(path.parent)))
        lockfiles = self._lockfiles or _lockfiles(project)
        return Image(
            script=script,
            spec=spec,
            script_folder=path.parent,
            folder=lockfiles / spec.name,
            recipe=recipe,
            warn=lambda problem: self.warn((problem,)),
        )

    def project(self, folder: Path) -> Project:
        """Return the project that a folder belongs to."""
        return self._projects.setdefault(folder, projects.find(folder))

    def root(self, folder: Path) -> Path:
        """Return the folder that holds the locks of scripts in a folder."""
        return self._lockfiles.resolve().parent if self._lockfiles else self.project(folder).root

    def _root_of(self, path: Path) -> Path:
        """Return the folder that a script may not leave by a link: that of its project, or the one it is really in.

        A path below the working directory is one of the checkout that the user works in.
        """
        here, named = self.project(Path.cwd()), Path(os.path.abspath(path))  # noqa: PTH100  links stay as they are
        own = here if named.is_relative_to(here.root) else self.project(named.parent.resolve())
        return own.root if own.source or (own.root / ".git").exists() else named.resolve().parent

    def _script_path(self, name: str) -> tuple[Path, str]:
        """Return the script that an argument means, and the name of the image where it is one."""
        path = Path(name)
        if path.suffix == ".py" or path.is_file():
            if not path.resolve().is_relative_to(self._root_of(path)):
                raise _leaves(path)
            return path.resolve(), ""
        lock = self.lockfiles / name / "pylock.toml"
        text = self._lock_text(name, lock)
        if text is None:
            known = sorted(each.parent.name for each in self.lockfiles.glob("*/pylock.toml"))
            hint = f"the images are {', '.join(known)}" if known else "name the script: onedigest build SCRIPT"
            raise InputError.of(f"there is no image `{name}`", where=shown(self.lockfiles), hint=hint)
        return self._script_of(text, lock), name

    def _lock_text(self, name: str, lock: Path) -> str | None:
        """Return the text of the lock of an image, None where there is none; an image has one plain name."""
        from onedigest.rules.files import read

        try:
            file_name(name)
        except ValueError:
            return None
        return read(lock) if lock.parent.is_dir() else None

    def _script_of(self, text: str, lock: Path) -> Path:
        from onedigest.header import stated_script

        script = stated_script(text)
        if not script:
            raise InputError.of("not a lock of onedigest", where=shown(lock), hint="run `onedigest generate SCRIPT`")
        return self._stated(script, lock.parent.parent, lock)

    def _stated(self, script: str, lockfiles: Path, lock: Path) -> Path:
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

    def _all_scripts(self) -> list[tuple[Path, str]]:
        from onedigest.rules.files import read

        project = projects.find(Path.cwd())
        if project.scripts:
            found = project.list_scripts()
            if not found:
                raise InputError.of("`scripts` matches no file", where=project.where("scripts"))
            return [(path, "") for path in found]
        locks = sorted(self.lockfiles.glob("*/pylock.toml"))
        if not locks:
            raise InputError.of(
                "there are no images", where=shown(self.lockfiles), hint='set `scripts = ["*.py"]` in onedigest.toml'
            )
        found = [self._script_of(read(lock) or "", lock) for lock in locks]
        return [(path, "") for path in dict.fromkeys(found)]


def _key_path() -> Path | None:
    """Return where the key of this machine is: apart from the cache, which may have come from elsewhere."""
    with suppress(RuntimeError):
        state = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
        return Path(state) / "onedigest" / "key"
    return None


def _lockfiles(project: Project) -> Path:
    """Return the folder of a project's locks, which is no link out of it."""
    refuse_links(project.root, "lockfiles")
    return project.root / "lockfiles"


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
