"""The layers of an image for each platform, from what changes least to what changes most."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain

from onedigest.definition.files import File, Files, selection_of
from onedigest.definition.python_options import read_options
from onedigest.definition.spec import Spec
from onedigest.digest import canonical_json, of_bytes
from onedigest.errors import InputError
from onedigest.lock.base import Base
from onedigest.lock.base.debian import DebianBase
from onedigest.lock.base.image import ImageBase
from onedigest.lock.model import Lock
from onedigest.plan import kinds
from onedigest.plan.base_folders import BaseFolders, debian_folders, image_folders
from onedigest.plan.configuration import configuration, image_variables
from onedigest.plan.kinds import LockedWheel
from onedigest.plan.layers import Layer, Plan, PlatformPlan
from onedigest.plan.placed_files import absolute_paths, refuse_unfit_places
from onedigest.platforms import Platform

_SHARED = "1777"
"""The mode of a folder in which everybody may make files, and remove their own (chmod(1), "restricted deletion")."""

_SHELLS = ("dash",)
"""Packages that bring /bin/sh."""

OWN_LAYER_BYTES = 1 << 20
"""A wheel of this size has a layer of its own; smaller ones share a tail."""


def arrange(spec: Spec, lock: Lock, files: Sequence[File]) -> Plan:
    """Arrange a lock's inputs and the application's files in layers. Raises `InputError` for too few layers."""
    platforms = [_arrange_platform(spec, lock, files, platform) for platform in lock.platforms]
    _refuse_missing_shell(spec, lock)
    return Plan(name=spec.name, platforms=tuple(platforms), annotations=spec.annotations)


def _refuse_missing_shell(spec: Spec, lock: Lock) -> None:
    """Raise `InputError` for a check of health that a shell reads, above a root of packages without one."""
    if not (spec.healthcheck and spec.healthcheck.needs_shell and isinstance(lock.base, DebianBase)):
        return
    if not any(package.name in _SHELLS for package in lock.base.debian_packages):
        raise InputError.of(
            "the image has no /bin/sh, which reads the `command` of `healthcheck`",
            where=lock.script,
            hint='write the `command` as a list of words, or add "dash" to `system-packages`',
        )


def _arrange_platform(spec: Spec, lock: Lock, files: Sequence[File], platform: Platform) -> PlatformPlan:
    base = lock.base
    below, folders = _base(spec, base, platform)
    volumes, folders = _volumes(spec, folders)
    setting, folders = _working_directory(spec, folders)
    below += [*volumes, *setting]
    below += _system_packages(spec, base, platform)
    refuse_unfit_places(spec, base, files, folders)
    above = _application(spec, lock, files, folders)
    below += _environment(spec, lock, platform, spec.max_layers - len(below) - len(spec.run) - len(above))
    layers = tuple(_above(base, each) for each in (*below, *_command_layers(spec, base, platform, below), *above))
    return PlatformPlan(platform=platform, layers=layers, config=configuration(spec, base, platform, layers))


def _environment(spec: Spec, lock: Lock, platform: Platform, room: int) -> list[Layer]:
    """Return the layers of wheels, and above them that of the virtual environment; `room` is how many there may be.

    With bytecode each has a layer beside it. That of the virtual environment has some where wheels may share paths.
    """
    base = lock.base
    fewest, groups = 2, room - 1
    if spec.bytecode:  # each group is two layers, and so is the environment, unless there is one group alone
        fewest, groups = 3, max((room - 2) // 2, min(room - 2, 1))
    if groups < 1 and any(package.wheel_for(platform) for package in lock.packages):
        hint = f"set `max-layers` to {spec.max_layers + fewest - room} or more"
        if spec.bytecode:
            hint += ", or leave out bytecode: `bytecode = false`"
        raise InputError.of("`max-layers` leaves no layer for wheels", where=lock.script, hint=hint)
    wheels = _wheel_layers(lock, platform, groups)
    made = kinds.virtual_environment(base.interpreter, base.python, base.venv, below=wheels, platform=platform)
    if not spec.bytecode:
        return [*wheels, made]
    own = [made, *([kinds.layer_bytecode(made, base.python)] if made.inputs else [])]
    return [*chain.from_iterable((each, kinds.layer_bytecode(each, base.python)) for each in wheels), *own]


def _above(base: Base, layer: Layer) -> Layer:
    """Return a layer, with the digest of the image below it, if it is one of bytecode."""
    if not (layer.bytecode and base.origin):
        return layer
    return replace(layer, content=replace(layer.bytecode, base=base.origin.digest))


def _base(spec: Spec, base: Base, platform: Platform) -> tuple[list[Layer], BaseFolders]:
    """Return the layers of a base, and the folders that it is known to have."""
    if isinstance(base, DebianBase):
        packages = [each for each in base.packages if platform in each.platforms]
        root = kinds.debian_root(base.reference, packages, spec.user, platform)
        return [root, *_library(spec, base, [root], platform)], debian_folders(base.suite, spec.user, platform)
    assert isinstance(base, ImageBase)
    image = base.image_for(platform)
    count = len(image.layers)
    layers = [
        kinds.base_layer(base.reference, number, count, layer, platform) for number, layer in enumerate(image.layers, 1)
    ]
    layers += _library(spec, base, layers, platform)
    folders = image_folders((*((spec.workdir,) if image.has_workdir else ()), *image.has_volumes, *image.has_folders))
    if image.open_workdir and not spec.own_workdir:
        folders = folders.having(spec.workdir, f"{_SHARED}:{kinds.ROOT}")
    account = image.account
    if account and not account.has_home:
        folders = folders.having(account.home, f"{kinds.PLAIN}:{spec.user}")
    if account and (account.passwd or account.group or not account.has_home):
        layers.append(
            kinds.account(
                spec.user, account.home, has_home=account.has_home, passwd=account.passwd, group=account.group
            )
        )
    return layers, folders


def _library(spec: Spec, base: Base, below: Sequence[Layer], platform: Platform) -> list[Layer]:
    """Return the bytecode of a base's standard library, where files of it have none."""
    library = base.library(platform) if spec.bytecode else ""
    return [kinds.library_bytecode(base.reference, base.python, library, below, platform)] if library else []


def _system_packages(spec: Spec, base: Base, platform: Platform) -> list[Layer]:
    """Return the layers of Debian packages above a base; images share the one of Debian's essential packages."""
    essential = [each for each in base.essential_packages if platform in each.platforms]
    packages = [each for each in base.system_packages if platform in each.platforms]
    if not (essential or packages):
        return []
    everything = [each for each in base.debian_packages if platform in each.platforms]
    return [
        *([kinds.essential_packages(essential, platform)] if essential else []),
        *([kinds.debian_packages(spec.system_packages, packages, platform)] if packages else []),
        kinds.debian_configuration(everything, base.file_list(platform), platform),
    ]


def _volumes(spec: Spec, folders: BaseFolders) -> tuple[list[Layer], BaseFolders]:
    """Return a folder of the user for each volume that a base has not, which engines give a new volume's owner by."""
    layers = []
    for volume in spec.volumes:
        path = folders.real(volume)
        if path not in folders.there and volume != spec.workdir:
            holds = f"volume {volume} of user {spec.user}"
            layers.append(kinds.folder(path, spec.user, holds=holds, known=folders.stated(path)))
            folders = folders.having(path, f"{kinds.PLAIN}:{spec.user}")
    return layers, folders


def _working_directory(spec: Spec, folders: BaseFolders) -> tuple[list[Layer], BaseFolders]:
    """Return the layers of the working directory: the folder where the base has none, and what sets it.

    Everybody may write to that folder, and nobody but root replaces the files of root in it.
    """
    if spec.workdir == "/":
        return [], folders
    path = folders.real(spec.workdir)
    known, setting = folders.stated(path), kinds.working_directory(spec.workdir)
    if spec.own_workdir:
        holds = f"folder {spec.workdir} of user {spec.user}"
        return [kinds.folder(path, spec.user, holds=holds, known=known), setting], folders
    if path in folders.there:
        return [setting], folders
    made = kinds.folder(path, holds=f"folder {spec.workdir}", known=known, mode=_SHARED)
    return [made, setting], folders.having(path, f"{_SHARED}:{kinds.ROOT}")


def _application(spec: Spec, lock: Lock, files: Sequence[File], folders: BaseFolders) -> list[Layer]:
    """Return the layer of the application, and that of its bytecode, if there is any."""
    if not files:
        return []
    root, owner = folders.real(spec.root), spec.user if spec.own_workdir else kinds.ROOT
    selection = files.selection if isinstance(files, Files) else selection_of(spec)
    known = folders.stated(root, absolute_paths(files), spec.user)
    made = kinds.application(files, selection, root=root, owner=owner, known=known)
    if not (spec.bytecode and _imports_files(spec, files)):
        return [made]
    return [made, kinds.application_bytecode(made, lock.base.python, spec.name, checked=owner != kinds.ROOT)]


def _imports_files(spec: Spec, files: Sequence[File]) -> bool:
    """Tell whether there is a source to import: the one that Python is started with is compiled each time."""
    started = _started(spec)
    return any(each.target.endswith(".py") and each.path_in(spec.root) != started for each in files)


def _started(spec: Spec) -> str:
    """Return the path of the source that Python is started with; nothing where it is started otherwise."""
    program, *words = (*spec.entrypoint, *spec.args, "")
    script = read_options(words).script if posixpath.basename(program).startswith("python") else ""
    return posixpath.join(spec.workdir, script) if script else ""


def _command_layers(spec: Spec, base: Base, platform: Platform, below: Sequence[Layer]) -> list[Layer]:
    """Return a layer for each command of `run`, which depends on all that it can see."""
    layers: list[Layer] = []
    for number, text in enumerate(spec.run, 1):
        seen = {
            "platform": platform.oci,
            "environment": image_variables(spec, base, platform),
            "below": [layer.key() for layer in (*below, *layers)],
        }
        layers.append(kinds.command(number, text, of_bytes(canonical_json(seen))))
    return layers


def _wheel_layers(lock: Lock, platform: Platform, room: int) -> list[Layer]:
    """Return a layer for each large wheel, and tails for the rest.

    Small pure wheels share one tail, which is the same blob on all platforms; small native ones share another, and
    those of local projects a third. Where room is short the smallest of the large wheels join them, and then the
    tails each other.
    """
    locked = [(package, wheel) for package in lock.packages if (wheel := package.wheel_for(platform))]
    large = sorted(
        (pair for pair in locked if pair[1].size >= OWN_LAYER_BYTES), key=lambda pair: (-pair[1].size, pair[1].name)
    )
    own = {wheel for _, wheel in large}
    while own and len(own) + len(_tails([pair for pair in locked if pair[1] not in own], room)) > room:
        own.remove(large[len(own) - 1][1])
    rest = [pair for pair in locked if pair[1] not in own]
    groups = [[pair] for pair in locked if pair[1] in own] + _tails(rest, room)
    return [kinds.wheels(group, lock.base.python_minor, platform, lock.base.venv) for group in groups]


def _tails(rest: list[LockedWheel], room: int) -> list[list[LockedWheel]]:
    """Return the tails of small wheels, as many as there is room for.

    Wheels of local projects move most, and are last.
    """
    local = [pair for pair in rest if pair[0].is_local]
    pure = [pair for pair in rest if pair[1].name.endswith("-none-any.whl") and pair not in local]
    native = [pair for pair in rest if pair not in pure and pair not in local]
    tails = [tail for tail in (pure, native, local) if tail]
    while len(tails) > max(room, 1):
        last = tails.pop()
        tails[-1] = [pair for pair in rest if pair in tails[-1] or pair in last]
    return tails
