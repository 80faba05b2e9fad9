"""Knows what a command works on: the options that all commands share, the environment, the project and its images."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from onedigest import project as projects
from onedigest.cli.words import print_warning, shown
from onedigest.errors import InputError, Problem, UsageError
from onedigest.inputs.store import Store
from onedigest.project import Project
from onedigest.script import Script, parse
from onedigest.spec import Spec, specify

if TYPE_CHECKING:
    from onedigest.inputs.pools import Connection
    from onedigest.lock.model import Lock
    from onedigest.oci.transport import Access
    from onedigest.sources import Sources

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
    """A script and the spec of its image. `folder` holds its lock."""

    script: Script
    spec: Spec
    script_folder: Path
    folder: Path

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
        self._lockfiles = lockfiles
        self._insecure = insecure
        self._projects: dict[Path, Project] = {}

    @cached_property
    def store(self) -> Store:
        """The user's content store."""
        cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
        return Store(Path(cache) / "onedigest")

    @cached_property
    def connection(self) -> Connection:
        """How this machine reaches the network."""
        return _connection(self.offline)

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
        return self._lockfiles or projects.find(Path.cwd()).root / "lockfiles"

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
        found: list[Image] = []
        problems: list[Problem] = []
        for path in self._all_scripts() if everything else map(self._script_path, chosen):
            try:
                found.append(self._read(path))
            except InputError as error:
                problems.extend(error.problems)
        problems += _same_names(found)
        problems += [problem for image in found for problem in self._taken_name(image)]
        if problems:
            raise InputError(problems)
        return found

    def _taken_name(self, image: Image) -> list[Problem]:
        """Return why an image cannot have its name: its lock is of another script, which is there and has it too."""
        from onedigest.header import stated_script

        try:
            with image.lock_path.open(encoding="utf-8") as file:
                first = file.readline()
        except OSError:
            return []
        script = stated_script(first)
        if script in ("", image.spec.script):
            return []
        other = image.folder.parent.resolve().parent / script
        if not other.is_file():
            return []
        try:
            named = self._read(other).spec.name
        except InputError:
            return []
        return [_same_name(image, script)] if named == image.spec.name else []

    def _read(self, path: Path) -> Image:
        folder = path.parent
        project = self._projects.setdefault(folder, projects.find(folder))
        root = self._lockfiles.resolve().parent if self._lockfiles else project.root
        where = shown(path)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise InputError.of(f"cannot be read: {error.strerror}", where=where) from None
        script = parse(data, where)
        if not self.quiet:
            for warning in script.warnings:
                print_warning(warning)
        spec = specify(script, project, shown(path, root))
        lockfiles = self._lockfiles or project.root / "lockfiles"
        return Image(script=script, spec=spec, script_folder=folder, folder=lockfiles / spec.name)

    def _script_path(self, name: str) -> Path:
        path = Path(name)
        if path.suffix == ".py" or path.is_file():
            return path.resolve()
        lock = self.lockfiles / name / "pylock.toml"
        try:
            text = lock.read_text(encoding="utf-8")
        except (FileNotFoundError, NotADirectoryError):
            known = sorted(each.parent.name for each in self.lockfiles.glob("*/pylock.toml"))
            hint = f"the images are {', '.join(known)}" if known else "name the script: onedigest build SCRIPT"
            raise InputError.of(f"there is no image `{name}`", where=shown(self.lockfiles), hint=hint) from None
        return self._script_of(text, lock)

    def _script_of(self, text: str, lock: Path) -> Path:
        from onedigest.header import stated_script

        script = stated_script(text)
        if not script:
            raise InputError.of("not a lock of onedigest", where=shown(lock), hint="run `onedigest generate SCRIPT`")
        return (self.lockfiles.resolve().parent / script).resolve()

    def _all_scripts(self) -> list[Path]:
        project = projects.find(Path.cwd())
        if project.scripts:
            found = project.list_scripts()
            if not found:
                raise InputError.of("`scripts` matches no file", where=project.where("scripts"))
            return found
        locks = sorted(self.lockfiles.glob("*/pylock.toml"))
        if not locks:
            raise InputError.of(
                "there are no images", where=shown(self.lockfiles), hint='set `scripts = ["*.py"]` in onedigest.toml'
            )
        return [self._script_of(lock.read_text(encoding="utf-8"), lock) for lock in locks]


def sources(session: Session, report: Callable[[int], None] | None = None) -> Sources:
    """Return where inputs come from, by the user's own settings."""
    from onedigest.inputs.debian.archive import Archive
    from onedigest.inputs.debian.mirror import find_mirrors
    from onedigest.inputs.download import Client
    from onedigest.sources import Sources, silent

    client = Client(session.connection)
    mirrors = find_mirrors(os.environ.get("ONEDIGEST_DEBIAN_MIRROR", ""), Path("/etc/apt"))
    return Sources(
        store=session.store,
        client=client,
        access=session.access,
        archive=Archive(client, session.store, mirrors),
        offline=session.offline,
        environment=dict(os.environ),
        report=report or silent,
    )


def _connection(offline: bool) -> Connection:
    from onedigest.inputs.pools import Connection

    proxies = {
        name: value
        for name in ("http", "https", "all", "no")
        if (value := os.environ.get(f"{name}_proxy") or os.environ.get(f"{name.upper()}_PROXY"))
    }
    certificates, folder = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
    return Connection(
        offline=offline,
        proxies=tuple(sorted(proxies.items())),
        certificates=Path(certificates) if certificates else None,
        certificate_folder=Path(folder) if folder else None,
        netrc=Path(os.environ.get("NETRC") or Path.home() / ".netrc"),
        credentials=_index_credentials(),
    )


def _index_credentials() -> tuple[tuple[str, str], ...]:
    """Return (host, user:password) of the indexes whose addresses or variables hold them, as uv reads them."""
    from urllib.parse import unquote, urlsplit

    found = {}
    values = " ".join(
        os.environ.get(name, "") for name in ("UV_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX", "UV_EXTRA_INDEX_URL")
    )
    for text in values.split():
        name, equals, url = text.partition("=")
        parts = urlsplit(url if equals and "://" not in name else text)
        user = os.environ.get(f"UV_INDEX_{name.upper().replace('-', '_')}_USERNAME", unquote(parts.username or ""))
        secret = os.environ.get(f"UV_INDEX_{name.upper().replace('-', '_')}_PASSWORD", unquote(parts.password or ""))
        if parts.hostname and user:
            found[parts.hostname] = f"{user}:{secret}"
    return tuple(sorted(found.items()))


def read_lock(image: Image) -> Lock:
    """Return an image's lock, which must be intact and an answer to its spec."""
    from onedigest.lock import codec
    from onedigest.rules.files import read

    text = read(image.lock_path)
    moved = f"the lock does not answer {image.spec.script} as it is now"
    if problems := lock_problems(image, text, lambda _: moved):
        raise InputError(problems)
    return codec.loads(text or "", shown(image.lock_path))


def lock_problems(image: Image, text: str | None, say_moved: Callable[[str], str]) -> list[Problem]:
    """Return why a lock cannot be used; `say_moved` tells from its text that the script asks for something else."""
    from onedigest.header import is_intact
    from onedigest.inputs import zipapp
    from onedigest.lock import codec

    def problem(message: str) -> Problem:
        return Problem(message, shown(image.lock_path), f"run `onedigest generate {image.spec.script}`")

    if text is None:
        return [problem("there is no lock")]
    if not is_intact(text):
        return [problem("the lock was changed by hand")]
    spec, assembler = codec.stated_digests(text)
    problems = []
    if spec != image.spec.digest():
        problems.append(problem(say_moved(text)))
    if assembler != zipapp.digest():
        problems.append(problem("the lock was made with another version of the assembler"))
    return problems


def _same_names(images: list[Image]) -> list[Problem]:
    first: dict[str, Image] = {}
    return [
        _same_name(image, other.spec.script)
        for image in images
        if (other := first.setdefault(image.spec.name, image)).spec.script != image.spec.script
    ]


def _same_name(image: Image, script: str) -> Problem:
    message = f"the name `{image.spec.name}` is also that of {script}"
    return Problem(message, image.spec.script, "set `name` in [tool.onedigest] of one of the two")
