"""Knows the layers of a plan: what each of them is made of, and one constructor for each kind."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from onedigest.application import File
from onedigest.assembler import FORMAT, SPLICE, VENV
from onedigest.assembler.commands import BELOW
from onedigest.assembler.descriptor import Descriptor
from onedigest.assembler.selection import Selection
from onedigest.digest import Digest, canonical_json, of_bytes
from onedigest.formats import DRAFT
from onedigest.lock.base.file_list import FileList
from onedigest.lock.base.packages import DebianPackage
from onedigest.lock.model import Package, Wheel
from onedigest.oci import LIBDEFLATE
from onedigest.plan.layer_naming import listed, native, plain, several
from onedigest.platforms import Platform

AS_IN_BASE = "as in the base"
"""What stands for the encoding of layers that are taken as they are."""

Options = tuple[tuple[str, str], ...]
LockedWheel = tuple[Package, Wheel]

ROOT = "0:0"
"""The owner of what belongs to nobody else."""

PLAIN = "0755"
"""The mode of a folder that only its owner writes to."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Input:
    """A file that a layer is made of. `flag` is the assembler's option for it, without dashes; `size` is in bytes."""

    flag: str
    name: str
    digest: Digest
    size: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """What the assembler is told to make a layer, the same for every engine. Names of options have no dashes.

    `files` decide the bytes, and the `selection` that they were found by is what rules render: it names none of them.
    """

    command: str
    options: Options = ()
    inputs: tuple[Input, ...] = ()
    files: tuple[File, ...] = ()
    selection: Selection | None = None
    encoding: str = SPLICE

    def __post_init__(self) -> None:
        object.__setattr__(self, "options", tuple(sorted(self.options)))

    @property
    def kind(self) -> str:
        """What histories call such a layer."""
        return self.command

    @property
    def encoded(self) -> bool:
        """Whether this machine's encoder makes it, so that other engines are handed the archive."""
        return self.encoding != SPLICE

    @property
    def empty(self) -> bool:
        """Whether it is made of nothing: the layer that a Dockerfile's WORKDIR gives."""
        return not (self.options or self.inputs or self.files)

    def states(self) -> dict[str, object]:
        """Return all that decides the layer's bytes, as JSON has it."""
        inputs: list[tuple[object, ...]] = [(each.flag, each.name, each.digest) for each in self.inputs]
        inputs += [(file.target, file.digest, file.executable) for file in self.files]
        return {"kind": self.kind, "options": dict(self.options), "inputs": inputs, "encoding": self.encoding}


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """A layer of a base image, which stays as it is."""

    kind: ClassVar[str] = "base-layer"
    encoding: ClassVar[str] = AS_IN_BASE
    descriptor: Descriptor

    def states(self) -> dict[str, object]:
        """Return all that decides the layer's bytes, as JSON has it."""
        known = self.descriptor
        return {"kind": self.kind, "known": [known.digest, known.diff_id, known.media_type, known.size]}


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """A command of `run`, which an engine executes. `seen` is the digest of all that it can see."""

    kind: ClassVar[str] = "command"
    encoding: ClassVar[str] = LIBDEFLATE
    text: str
    seen: Digest

    def states(self) -> dict[str, object]:
        """Return all that decides the layer's bytes, as JSON has it."""
        return {"kind": self.kind, "text": self.text, "seen": self.seen, "encoding": self.encoding}


@dataclass(frozen=True, kw_only=True, slots=True)
class Layer:
    """One layer of a plan: made by a recipe, kept from a base, or executed.

    `holds` says it in words, for the history. `name` is for targets, derivations and stages: letters, digits, `.`, `_`
    and `-`; it ends in the architecture where another architecture has another layer.
    """

    holds: str
    name: str = field(compare=False)
    content: Recipe | Kept | Command
    _key: str = field(init=False, repr=False, compare=False, default="")

    def __post_init__(self) -> None:
        value = {"format": [FORMAT, DRAFT], **self.content.states()}
        object.__setattr__(self, "_key", of_bytes(canonical_json(value)))

    def key(self) -> Digest:
        """Return the digest of all that decides the layer's bytes."""
        return Digest(self._key)

    @property
    def kind(self) -> str:
        """What the history calls it: the assembler's command, `base-layer` or `command`."""
        return self.content.kind

    @property
    def recipe(self) -> Recipe | None:
        """How it is made; None for a layer that is kept or executed."""
        return self.content if isinstance(self.content, Recipe) else None

    @property
    def kept(self) -> Descriptor | None:
        """What it is known by, for a layer of a base image."""
        return self.content.descriptor if isinstance(self.content, Kept) else None

    @property
    def executed(self) -> str:
        """The command that an engine executes for it; empty for other layers."""
        return self.content.text if isinstance(self.content, Command) else ""

    @property
    def encoding(self) -> str:
        """How it is compressed, as the record states it."""
        return self.content.encoding

    @property
    def encoded(self) -> bool:
        """Whether other engines are handed the archive that this machine's encoder made."""
        return bool(self.recipe and self.recipe.encoded)

    @property
    def inputs(self) -> tuple[Input, ...]:
        """The files that it is made of, besides those of the application."""
        return self.recipe.inputs if self.recipe else ()

    @property
    def files(self) -> tuple[File, ...]:
        """The files of the application that it holds."""
        return self.recipe.files if self.recipe else ()


@dataclass(frozen=True, kw_only=True, slots=True)
class PlatformPlan:
    """The image of one platform: layers from below to above, and its configuration but for the diff IDs."""

    platform: Platform
    layers: tuple[Layer, ...]
    config: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """An image that is to be built. `annotations` are those of its index, and of each manifest."""

    name: str
    platforms: tuple[PlatformPlan, ...]
    annotations: tuple[tuple[str, str], ...] = ()

    def digest(self) -> Digest:
        """Return the content key: plans with one digest give one image."""
        value: list[object] = [
            {
                "platform": each.platform.oci,
                "layers": [layer.key() for layer in each.layers],
                "config": of_bytes(each.config),
            }
            for each in self.platforms
        ]
        if self.annotations:
            value.append({"annotations": dict(self.annotations)})
        return of_bytes(canonical_json(value))

    def commands(self) -> tuple[Layer, ...]:
        """Return the layers of `run`, which need an engine that executes them."""
        return tuple(layer for layer in self.layers() if layer.executed)

    def layers(self) -> tuple[Layer, ...]:
        """Return the distinct layers of all platforms, in their order."""
        found: dict[Digest, Layer] = {}
        for each in self.platforms:
            for layer in each.layers:
                found.setdefault(layer.key(), layer)
        return tuple(found.values())


def debian_root(reference: str, packages: Iterable[DebianPackage], user: str, platform: Platform) -> Layer:
    """Return the root of Debian packages, with the home folder of `user`, UID:GID."""
    recipe = Recipe(command="debian-root", options=(("user", user),), inputs=_packages(packages), encoding=LIBDEFLATE)
    return Layer(holds=reference, name=native(reference, platform), content=recipe)


def debian_packages(names: Sequence[str], packages: Iterable[DebianPackage], platform: Platform) -> Layer:
    """Return further Debian packages, which were asked for by these names."""
    recipe = Recipe(command="debian-packages", inputs=_packages(packages), encoding=LIBDEFLATE)
    return Layer(holds=", ".join(names), name=native(several(names), platform), content=recipe)


def essential_packages(packages: Iterable[DebianPackage], platform: Platform) -> Layer:
    """Return the packages that Debian's take for granted."""
    recipe = Recipe(command="debian-packages", inputs=_packages(packages), encoding=LIBDEFLATE)
    return Layer(holds="Debian's essential packages", name=native("debian-essential", platform), content=recipe)


def debian_configuration(packages: Iterable[DebianPackage], below: FileList | None, platform: Platform) -> Layer:
    """Return what the scripts of all Debian packages of an image would have made, above a base with these files."""
    listed = (Input(flag=BELOW, name=below.name, digest=below.digest, size=below.size),) if below else ()
    inputs = (*_packages(packages), *listed)
    recipe = Recipe(command="debian-configuration", inputs=inputs, encoding=LIBDEFLATE)
    holds = "caches and alternatives of all Debian packages"
    return Layer(holds=holds, name=native("debian-configuration", platform), content=recipe)


def debug_shell(package: DebianPackage, platform: Platform) -> Layer:
    """Return a shell for looking inside, of a package with a static BusyBox."""
    recipe = Recipe(command="debug-shell", inputs=_packages([package]), encoding=LIBDEFLATE)
    holds = f"shell of {package.name} {package.version}"
    return Layer(holds=holds, name=native("debug-shell", platform), content=recipe)


def base_layer(reference: str, number: int, count: int, descriptor: Descriptor, platform: Platform) -> Layer:
    """Return one of the layers of a base image, counted from 1."""
    own = reference.rpartition("/")[2].partition("@")[0]
    return Layer(
        holds=f"{reference}, layer {number} of {count}",
        name=native(f"{own} layer {number} of {count}", platform),
        content=Kept(descriptor=descriptor),
    )


def account(user: str, home: str, *, has_home: bool, passwd: Sequence[str], group: Sequence[str]) -> Layer:
    """Return the account of a user, UID:GID: lines of the tables to be written, and a home that is not there."""
    texts = (("passwd", passwd), ("group", group))
    options = [(name, "".join(f"{row}\n" for row in rows)) for name, rows in texts if rows]
    recipe = Recipe(command="account", options=(*options, ("user", user), *(() if has_home else (("home", home),))))
    return Layer(holds=f"account of user {user}", name=plain(f"account-{user}"), content=recipe)


def folder(path: str, owner: str = ROOT, *, holds: str, known: str = "", mode: str = PLAIN) -> Layer:
    """Return a folder with a mode that belongs to `owner`, UID:GID; `known` says what folders of the base are."""
    odd = (("mode", mode),) if mode != PLAIN else ()
    recipe = Recipe(command="folder", options=(*_known(known), *odd, ("owner", owner), ("path", path)))
    return Layer(holds=holds, name=plain(f"folder-{path}"), content=recipe)


def working_directory(path: str) -> Layer:
    """Return the empty layer that sets the working directory, as a Dockerfile cannot do without one."""
    return Layer(
        holds=f"working directory {path}", name="working-directory", content=Recipe(command="working-directory")
    )


def virtual_environment(interpreter: str, version: str, venv: str = VENV) -> Layer:
    """Return the virtual environment of an interpreter with that version, 3.N.P; `venv` is its path from the root."""
    options = (("interpreter", interpreter), ("version", version), *_place(venv))
    recipe = Recipe(command="virtual-environment", options=options)
    return Layer(holds=f"virtual environment, Python {version}", name=plain(f"python-{version}"), content=recipe)


def wheels(locked: Sequence[LockedWheel], python: str, platform: Platform, venv: str = VENV) -> Layer:
    """Return a layer of wheels for that Python, 3.N, in the virtual environment at that path from the root."""
    inputs = tuple(Input(flag="wheel", name=wheel.name, digest=wheel.digest, size=wheel.size) for _, wheel in locked)
    names = [package.name for package, _ in locked]
    name = f"{names[0]}-{locked[0][0].version}" if len(locked) == 1 else several(names)
    pure = all(each.name.endswith("-none-any.whl") for each in inputs)
    return Layer(
        holds=", ".join(f"{package.name} {package.version}" for package, _ in locked),
        name=plain(name) if pure else native(name, platform),
        content=Recipe(command="wheels", options=(("python", python), *_place(venv)), inputs=inputs),
    )


def command(number: int, text: str, seen: Digest) -> Layer:
    """Return a command of `run`; `seen` is the digest of all that it can see."""
    return Layer(holds=f"run {number}: {text}", name=f"run-{number}", content=Command(text=text, seen=seen))


def application(files: Sequence[File], selection: Selection, *, root: str, owner: str = ROOT, known: str = "") -> Layer:
    """Return the files of the application, below the folder `root` or elsewhere, all of them of `owner`, UID:GID."""
    options = (*_known(known), ("owner", owner), ("root", root))
    recipe = Recipe(command="application", options=options, files=tuple(files), selection=selection)
    return Layer(holds=_application(files, root), name="application", content=recipe)


def _place(venv: str) -> Options:
    return (("place", f"/{venv}"),) if venv != VENV else ()


def _known(known: str) -> Options:
    return (("known", known),) if known else ()


def _application(files: Sequence[File], root: str) -> str:
    script = next((file.target for file in files if isinstance(file.content, bytes)), "")
    folders = sorted({posixpath.dirname(file.target) if file.target.startswith("/") else root for file in files})
    places = listed(folders)
    if not script:
        return f"files in {places}"
    return script if len(files) == 1 else f"{script} and further files in {places}"


def _packages(packages: Iterable[DebianPackage]) -> tuple[Input, ...]:
    return tuple(Input(flag="deb", name=each.file_name, digest=each.digest, size=each.size) for each in packages)
