"""The library: a workspace, its images, and what can be done with each, as methods."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Self

from onedigest.errors import DifferenceError, InputError, Problem, combined
from onedigest.explained import explain
from onedigest.workspace.build_options import BuildOptions
from onedigest.workspace.context import Context
from onedigest.workspace.events import Events
from onedigest.workspace.logged import LoggedEvents
from onedigest.workspace.machine import Machine
from onedigest.workspace.notebook import notebook_events
from onedigest.workspace.results import (
    BuildResult,
    CheckResult,
    EnginesResult,
    FetchResult,
    LockResult,
    PushResult,
    VerifyResult,
)
from onedigest.workspace.script_image import ScriptImage

if TYPE_CHECKING:
    from onedigest.workspace.compare import Comparison
    from onedigest.workspace.open import OpenImage


@contextmanager
def _told() -> Iterator[None]:
    """Raise what the system refuses as an error of ours, which says what mends it."""
    try:
        yield
    except OSError as error:
        raise explain(error) from error


def _several(names: Iterable[str]) -> tuple[str, ...]:
    """Return names; a string is one name, and no list of its letters."""
    return (names,) if isinstance(names, str) else tuple(names)


class Workspace:
    """A folder of scripts with its locks, on this machine.

    Open one with `Workspace.open`, which reads no script yet.
    """

    def __init__(self, context: Context) -> None:
        self._context = context

    @classmethod
    @_told()
    def open(
        cls,
        folder: str | Path | None = None,
        *,
        lockfiles: str | Path | None = None,
        offline: bool = False,
        insecure_registries: Collection[str] = (),
        events: Events | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> Self:
        """Open the workspace that a folder belongs to, the working directory by default.

        `lockfiles` is the folder of locks, instead of `lockfiles` in the project. With `offline`, no network is used.
        `insecure_registries` are hosts that plain HTTP is allowed to, such as `registry.test:5000`. `events` takes what
        is told while work goes on: in a notebook it is shown below the cell, elsewhere it is logged. `environment` has
        the variables that describe the machine, those of the process by default. Raises `InputError`.

        >>> Workspace.open("/", offline=True)
        Workspace('/')
        """
        told = events or notebook_events() or LoggedEvents()
        machine = Machine.from_environment(
            environment, offline=offline, insecure=_several(insecure_registries), said=told.noticed
        )
        place = Path(folder if folder is not None else "").absolute()  # a program may change to another folder
        if not place.is_dir():
            raise InputError.of("there is no such folder", where=str(folder), hint="name the folder of the scripts")
        return cls(Context(machine, told, folder=place, lockfiles=Path(lockfiles) if lockfiles else None))

    def __repr__(self) -> str:
        return f"Workspace({str(self._context.folder)!r})"

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """All problems that stopped nothing, each once, in the order in which they were told."""
        return self._context.warnings

    @_told()
    def image(self, name: str | Path) -> WorkspaceImage:
        """Return the image of a script, of a project's folder, or by its own name. The script is read, and not run.

        Raises `InputError` where there is none or its script is wrong, and `UsageError` where a script has several.
        """
        from onedigest.workspace.images import find_image

        return WorkspaceImage(self._context, find_image(self._context, os.fspath(name)))

    @_told()
    def images(self, *names: str | Path) -> list[WorkspaceImage]:
        """Return the images of several scripts; without names, all images of the project. Raises `InputError`."""
        from onedigest.workspace.images import find_images

        found = find_images(self._context, [os.fspath(name) for name in names], everything=not names)
        return [WorkspaceImage(self._context, image) for image in found]

    @_told()
    def compare(self, old: str | Path, new: str | Path = "HEAD") -> Comparison:
        """Compare two images: names, OCI layouts, references of a registry, or for the second a revision of git.

        A revision is compared as the older one. Raises `InputError` and `NetworkError`.
        """
        from onedigest.workspace.compare import compare_images

        return compare_images(self._context, os.fspath(old), os.fspath(new))

    @contextmanager
    def inspect(self, what: str | Path) -> Iterator[OpenImage]:
        """Open an image for reading: one that was built, an OCI layout or archive, or a reference of a registry.

        Raises `InputError` and `NetworkError`.
        """
        from onedigest.workspace.open import open_image

        with open_image(self._context, os.fspath(what)) as opened:
            yield opened


class WorkspaceImage:
    """One image of a workspace: its script, where its lock is, and what can be done with it.

    Each method reads the script anew, so it works on what the file says then. Each raises `InputError` where the
    script, the lock or an input is wrong, `NetworkError` where something cannot be fetched, and `EngineError` where an
    engine is missing or fails.
    """

    def __init__(self, context: Context, image: ScriptImage) -> None:
        self._context = context
        self._image = image

    def __repr__(self) -> str:
        return f"WorkspaceImage({self.name!r})"

    @property
    def name(self) -> str:
        """The name of the image, which its folder of locks has too."""
        return self._image.spec.name

    @property
    def script(self) -> str:
        """The path of the script, from the folder that holds the locks."""
        return self._image.spec.script

    @property
    def folder(self) -> Path:
        """The folder of its lock, its record and the files that are generated from them."""
        return self._image.folder

    @property
    @_told()
    def digest(self) -> str | None:
        """The digest of the index that was recorded last, or None where nothing is recorded."""
        from onedigest.workspace.records import read_record

        record = read_record(self._context, self._image, locked=False)
        return record.index if record else None

    @_told()
    def lock(
        self, *, upgrade: bool = False, upgrade_base: bool = False, packages: Iterable[str] = (), strict: bool = False
    ) -> LockResult:
        """Lock the image, and write all files to review. What is locked already stays, as long as it fits.

        With `upgrade` every pin may move, with `upgrade_base` the base and all Debian packages, and of `packages` those
        that are named. With `strict`, what the image lacks is an `InputError` in place of a warning.
        """
        from onedigest.lock.resolver import Upgrade
        from onedigest.workspace.lock import lock_images

        allowed = Upgrade(everything=upgrade, base=upgrade_base, packages=frozenset(_several(packages)))
        results, errors = lock_images(self._context, [self._read()], allowed, strict=strict)
        if errors:
            raise combined(errors)
        return results[0]

    @_told()
    def check(self) -> CheckResult:
        """Tell what is out of date of the lock, and of what is generated from it. Nothing is written."""
        from onedigest.workspace.check import check_images

        return check_images(self._context, [self._read()])

    @_told()
    def fetch(self, *, platforms: Sequence[str] = ()) -> FetchResult:
        """Fetch the inputs of the lock into the store, for some platforms such as `linux/amd64`, or for all of them."""
        from onedigest.workspace.fetch import fetch_images

        return fetch_images(self._context, [self._read()], _several(platforms))[0]

    def build(
        self,
        *,
        engine: str = "embedded",
        builder: str = "",
        locked: bool = False,
        platforms: Sequence[str] = (),
        output: str | Path | None = None,
        load: bool = False,
        debug: bool = False,
        tags: Sequence[str] = (),
    ) -> BuildResult:
        """Build the image into an OCI layout, `dist/NAME` by default, and record its digest.

        What has no lock, or was edited since, is locked first. `engine` is `embedded`, `buildx`, `bazel` or `nix`, and
        `builder` one of buildx. With `locked`, a `DifferenceError` is raised unless the result is the recorded image.
        An `output` that ends in `.tar` is an archive. With `load` the image is loaded into docker or podman, and with
        `debug` it has a shell inside. `tags` name it in an archive, and where it is loaded.
        """
        return self._build(
            BuildOptions(
                locked=locked,
                platforms=_several(platforms),
                output=Path(output) if output is not None else None,
                load=load,
                debug=debug,
                tags=_several(tags),
            ),
            engine,
            builder,
        )

    def push(
        self,
        repository: str = "",
        *,
        tags: Sequence[str] = (),
        attest: bool = False,
        locked: bool = False,
        engine: str = "embedded",
        builder: str = "",
    ) -> PushResult:
        """Push the image to a repository such as `ghcr.io/acme/hello`, the script's own by default; it is built first.

        Blobs that the registry has are not sent. With `attest`, a bill of materials and the provenance are attached.
        """
        options = BuildOptions(push=True, attest=attest, locked=locked, repository=repository, tags=_several(tags))
        pushed = self._build(options, engine, builder).pushed
        assert pushed, "a build that pushes says where to"
        return pushed

    def attest(self, repository: str = "") -> Mapping[str, str]:
        """Attach a bill of materials and the provenance to the image, which is pushed where it is not yet.

        Return the digests of what is attached, by media type.
        """
        options = BuildOptions(push=True, attest=True, repository=repository)
        return self._build(options, "embedded", "").attached or {}

    @_told()
    def verify(self) -> VerifyResult:
        """Build the image again while what must not matter varies, and compare. Raises `DifferenceError`."""
        from onedigest.workspace.verify import verify_images

        return verify_images(self._context, [self._read()])[0]

    @_told()
    def compare_engines(self, engine: str = "all", builder: str = "") -> EnginesResult:
        """Build the image with the embedded engine and another one, or with `all`, and compare.

        Raises `DifferenceError` where two engines gave different images.
        """
        from onedigest.workspace.verify import compare_engines

        results, problems = compare_engines(self._context, [self._read()], engine, builder)
        if problems:
            raise DifferenceError(problems)
        return results[0]

    def _read(self) -> ScriptImage:
        """Read the script again, which may have been edited since."""
        from onedigest.workspace.images import read_again

        self._image = read_again(self._context, self._image)
        return self._image

    @_told()
    def _build(self, options: BuildOptions, engine: str, builder: str) -> BuildResult:
        from onedigest.workspace.build import build_images

        return build_images(self._context, lambda: [self._read()], options, engine, builder)[0]
