"""The kinds of layers of a plan: one constructor for each."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from onedigest.assembler import VENV
from onedigest.assembler.commands import BELOW, STATED
from onedigest.assembler.descriptor import Descriptor
from onedigest.assembler.selection import Selection
from onedigest.assembler.wheel_metadata import file_name_identity, same_identity
from onedigest.definition.files import File
from onedigest.digest import Digest
from onedigest.lock.base.file_list import FileList
from onedigest.lock.base.packages import DebianPackage
from onedigest.lock.model import LockedPackage, Wheel
from onedigest.oci import LIBDEFLATE
from onedigest.plan.layer_naming import listed, native, plain, several
from onedigest.plan.layers import BaseLayer, Bytecode, Command, Input, Layer, Options, Recipe
from onedigest.platforms import Platform

LockedWheel = tuple[LockedPackage, Wheel]

ROOT = "0:0"
"""The owner of what belongs to nobody else."""

BYTECODE_OF = "bytecode of "
"""How what a layer of bytecode holds begins, before that of the layer whose sources it is of."""

PLAIN = "0755"
"""The mode of a folder that only its owner writes to."""

_LIBRARY = re.compile(r"(?:lib)?python3[.0-9-]")
"""How the names of Debian's packages begin that have Python and its standard library."""


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
        content=BaseLayer(descriptor=descriptor),
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


def virtual_environment(
    interpreter: str, version: str, venv: str = VENV, *, below: Sequence[Layer] = (), platform: Platform
) -> Layer:
    """Return the virtual environment of an interpreter with that version, 3.N.P; `venv` is its path from the root.

    Above several layers of wheels it is made of these, too: it brings what is to be at paths that wheels share.
    """
    options = (("interpreter", interpreter), ("version", version), *_place(venv))
    held = sorted((each for layer in below for each in layer.inputs), key=lambda each: each.name)
    inputs = tuple(held) if len(below) > 1 else ()
    odd = sorted(value for layer in below for name, value in _options(layer) if name == STATED and inputs)
    name = f"python-{version}"
    return Layer(
        holds=f"virtual environment, Python {version}",
        name=plain(name) if _is_pure(inputs) else native(name, platform),
        content=Recipe(command="virtual-environment", options=(*options, *_stated(odd)), inputs=inputs),
    )


def wheels(locked: Sequence[LockedWheel], python: str, platform: Platform, venv: str = VENV) -> Layer:
    """Return a layer of wheels for that Python, 3.N, in the virtual environment at that path from the root."""
    inputs = tuple(Input(flag="wheel", name=wheel.name, digest=wheel.digest, size=wheel.size) for _, wheel in locked)
    odd = sorted(
        _identity(*each) for each in locked if not same_identity(file_name_identity(each[1].name), each[0].key)
    )
    names = [package.name for package, _ in locked]
    name = f"{names[0]}-{locked[0][0].version}" if len(locked) == 1 else several(names)
    return Layer(
        holds=", ".join(f"{package.name} {package.version}" for package, _ in locked),
        name=plain(name) if _is_pure(inputs) else native(name, platform),
        content=Recipe(command="wheels", options=(("python", python), *_place(venv), *_stated(odd)), inputs=inputs),
    )


def _identity(package: LockedPackage, wheel: Wheel) -> str:
    return f"{wheel.name}={package.name}=={package.version}"


def _options(layer: Layer) -> Options:
    return layer.recipe.options if layer.recipe else ()


def _stated(identities: Sequence[str]) -> Options:
    """Return what the assembler is told of wheels whose file names do not say what they are of."""
    return ((STATED, ",".join(identities)),) if identities else ()


def _is_pure(wheels: Iterable[Input]) -> bool:
    """Tell whether wheels are the same on all platforms."""
    return all(each.name.endswith("-none-any.whl") for each in wheels)


def command(number: int, text: str, seen: Digest) -> Layer:
    """Return a command of `run`; `seen` is the digest of all that it can see."""
    return Layer(holds=f"run {number}: {text}", name=f"run-{number}", content=Command(text=text, seen=seen))


def application(files: Sequence[File], selection: Selection, *, root: str, owner: str = ROOT, known: str = "") -> Layer:
    """Return the files of the application, below the folder `root` or elsewhere, all of them of `owner`, UID:GID."""
    options = (*_known(known), ("owner", owner), ("root", root))
    recipe = Recipe(command="application", options=options, files=tuple(files), selection=selection)
    return Layer(holds=_application(files, root), name="application", content=recipe)


def library_bytecode(reference: str, python: str, library: str, below: Sequence[Layer], platform: Platform) -> Layer:
    """Return the bytecode of a base's standard library, whose folder is `library`; `below` are the base's layers.

    Of Debian's packages those count alone that have it, so that no other one moves it.
    """
    kept = tuple(each.content for each in below if isinstance(each.content, BaseLayer))
    inputs = tuple(each for layer in below for each in layer.inputs if _LIBRARY.match(each.name))
    parts = kept or (Recipe(command="debian-packages", inputs=inputs, encoding=LIBDEFLATE),)
    return Layer(
        holds=f"{BYTECODE_OF}{reference}",
        name=native(f"bytecode-{reference.rpartition('/')[2].partition('@')[0]}", platform),
        content=Bytecode(python=python, of=parts, library=library),
    )


def layer_bytecode(layer: Layer, python: str) -> Layer:
    """Return the bytecode of a layer of wheels, or of what is to be at the paths that wheels share."""
    assert isinstance(layer.content, Recipe)
    return Layer(
        holds=f"{BYTECODE_OF}{layer.holds}",
        name=f"bytecode-{layer.name}",
        content=Bytecode(python=python, of=(layer.content,)),
    )


def application_bytecode(layer: Layer, python: str, image: str, *, checked: bool) -> Layer:
    """Return the bytecode of an application's layer; with `checked` its files are the user's own, who may change them.

    Its archive has the image's name: that of its sources would move rules with each of them.
    """
    assert isinstance(layer.content, Recipe)
    # with bytecode that the author ships, which stays
    sources = tuple(each for each in layer.content.files if each.target.endswith((".py", ".pyc")))
    return Layer(
        holds=f"{BYTECODE_OF}{layer.holds}",
        name=plain(f"bytecode-application-{image}"),
        content=Bytecode(python=python, of=(replace(layer.content, files=sources),), checked=checked),
    )


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
