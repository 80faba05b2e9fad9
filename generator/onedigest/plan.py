"""Knows what goes where: for each platform the ordered layers, what each of them holds, and the configuration."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from onedigest.application import File
from onedigest.assembler import FORMAT, SPLICE
from onedigest.assembler.descriptor import Descriptor
from onedigest.digest import Digest, canonical_json, of_bytes
from onedigest.errors import InputError
from onedigest.lock.model import Base, BaseImage, DebianPackage, Lock, Package, Wheel
from onedigest.oci import LIBDEFLATE
from onedigest.platforms import Platform
from onedigest.spec import Spec

CREATED = "1980-01-02T00:00:00Z"
"""The one instant of all files and documents of an image."""

OWN_LAYER_BYTES = 1 << 20
"""A wheel of this size has a layer of its own; smaller ones share a tail."""

KEPT = "as in the base"
"""What stands for the encoding of layers that are taken as they are."""

_VENV_PATH = "/opt/venv/bin"
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

_Pair = tuple[Package, Wheel]


@dataclass(frozen=True, kw_only=True, slots=True)
class Layer:
    """What a layer is made of. `kind` is a command of the assembler, `holds` says it in words.

    Of the inputs, those of the kind are set: `wheels`, `packages` or `files`; `options` has what else matters. A layer
    of the kind `image` is one of a base image, and `kept` is what it is known by.
    """

    kind: str
    holds: str
    encoding: str = SPLICE
    wheels: tuple[Wheel, ...] = ()
    packages: tuple[DebianPackage, ...] = ()
    files: tuple[File, ...] = ()
    options: tuple[tuple[str, str], ...] = ()
    kept: Descriptor | None = None
    _key: str = field(init=False, repr=False, compare=False, default="")

    def __post_init__(self) -> None:
        object.__setattr__(self, "_key", self._digest())

    def input_names(self) -> tuple[str, ...]:
        """Return the names of the files that it is made of, besides those of the application."""
        return (*(wheel.name for wheel in self.wheels), *(package.file_name for package in self.packages))

    def key(self) -> Digest:
        """Return the digest of all that decides the layer's bytes."""
        return Digest(self._key)

    def _digest(self) -> Digest:
        inputs = [
            *((wheel.name, wheel.digest) for wheel in self.wheels),
            *((package.file_name, package.digest) for package in self.packages),
            *((file.target, file.digest, file.executable) for file in self.files),
            *((each.digest, each.diff_id, each.media_type, each.size) for each in (self.kept,) if each),
        ]
        value = {
            "format": FORMAT,
            "encoding": self.encoding,
            "kind": self.kind,
            "options": dict(self.options),
            "inputs": inputs,
        }
        return of_bytes(canonical_json(value))


@dataclass(frozen=True, kw_only=True, slots=True)
class PlatformPlan:
    """The image of one platform: layers from below to above, and its configuration but for the diff IDs."""

    platform: Platform
    layers: tuple[Layer, ...]
    config: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """An image that is to be built."""

    name: str
    platforms: tuple[PlatformPlan, ...]

    def digest(self) -> Digest:
        """Return the content key: plans with one digest give one image."""
        value = [
            {
                "platform": each.platform.oci,
                "layers": [layer.key() for layer in each.layers],
                "config": of_bytes(each.config),
            }
            for each in self.platforms
        ]
        return of_bytes(canonical_json(value))

    def commands(self) -> tuple[Layer, ...]:
        """Return the layers of `run`, which need an engine that executes them."""
        return tuple(layer for layer in self.layers() if layer.kind == "run")

    def layers(self) -> tuple[Layer, ...]:
        """Return the distinct layers of all platforms, in their order."""
        return tuple(layer for layer, _ in self.placed_layers())

    def placed_layers(self) -> tuple[tuple[Layer, Platform], ...]:
        """Return the distinct layers of all platforms, in their order, each with the first platform that has it."""
        found: dict[Digest, tuple[Layer, Platform]] = {}
        for each in self.platforms:
            for layer in each.layers:
                found.setdefault(layer.key(), (layer, each.platform))
        return tuple(found.values())


def arrange(spec: Spec, lock: Lock, files: Sequence[File]) -> Plan:
    """Arrange a lock's inputs and the application's files in layers. Raises `InputError` for too few layers."""
    platforms = [_arrange_platform(spec, lock, files, platform) for platform in lock.platforms]
    return Plan(name=spec.name, platforms=tuple(platforms))


def _arrange_platform(spec: Spec, lock: Lock, files: Sequence[File], platform: Platform) -> PlatformPlan:
    image = lock.base.image_for(platform)
    below = _kept_layers(lock.base, image) if image else [_base(lock.base, spec, platform)]
    if image and not image.has_workdir and not spec.own_workdir:
        below.append(Layer(kind="folder", holds=f"folder {spec.workdir}", options=(("path", spec.workdir),)))
    owned = [_owned_folder(spec)] if spec.own_workdir else []
    workdir = [Layer(kind="workdir", holds=f"working directory {spec.workdir}")] if spec.workdir != "/" else []
    # a Debian root has the folder, and what makes layers runs in it
    below += [*owned, *workdir] if image else [*workdir, *owned]
    system = tuple(each for each in lock.base.system_packages if platform in each.platforms)
    if system:
        names = ", ".join(spec.system_packages)
        below.append(Layer(kind="system", holds=names, encoding=LIBDEFLATE, packages=system))
    runtime = (("interpreter", lock.base.interpreter), ("version", lock.base.python))
    below.append(Layer(kind="runtime", holds=f"virtual environment, Python {lock.base.python}", options=runtime))
    above = [_application(spec, files)] if files else []
    room = spec.max_layers - len(below) - len(spec.run) - len(above)
    below += _wheel_layers(lock, platform, room)
    layers = (*below, *_run_layers(spec, lock.base, platform, below), *above)
    return PlatformPlan(platform=platform, layers=layers, config=_config(spec, lock.base, platform, layers))


def _owned_folder(spec: Spec) -> Layer:
    options = (("owner", spec.user), ("path", spec.workdir))
    return Layer(kind="folder", holds=f"folder {spec.workdir} of user {spec.user}", options=options)


def _application(spec: Spec, files: Sequence[File]) -> Layer:
    options = (("owner", spec.user), ("root", spec.root)) if spec.own_workdir else ()
    return Layer(kind="application", holds=_named_files(files, spec.root), files=tuple(files), options=options)


def _kept_layers(base: Base, image: BaseImage) -> list[Layer]:
    """Return the layers of a base image, which stay as they are."""
    count = len(image.layers)
    return [
        Layer(kind="image", holds=f"{base.reference}, layer {number} of {count}", encoding=KEPT, kept=layer)
        for number, layer in enumerate(image.layers, 1)
    ]


def _base(base: Base, spec: Spec, platform: Platform) -> Layer:
    packages = tuple(each for each in base.packages if platform in each.platforms)
    options = (("user", spec.user), ("workdir", spec.workdir))
    return Layer(kind="base", holds=base.reference, encoding=LIBDEFLATE, packages=packages, options=options)


def _run_layers(spec: Spec, base: Base, platform: Platform, below: Sequence[Layer]) -> list[Layer]:
    """Return a layer for each command of `run`, which depends on all that it can see."""
    layers: list[Layer] = []
    for number, command in enumerate(spec.run, 1):
        seen = {
            "platform": platform.oci,
            "environment": environment(spec, base, platform),
            "below": [layer.key() for layer in (*below, *layers)],
        }
        options = (("command", command), ("seen", of_bytes(canonical_json(seen))))
        layers.append(Layer(kind="run", holds=f"run {number}: {command}", encoding=LIBDEFLATE, options=options))
    return layers


def own_environment(spec: Spec, base: Base, platform: Platform) -> dict[str, str]:
    """Return the variables that an image has above those of its base, sorted by name."""
    below = _base_environment(base, platform).get("PATH", _PATH)
    return dict(sorted({"PATH": f"{_VENV_PATH}:{below}", **dict(spec.env)}.items()))


def environment(spec: Spec, base: Base, platform: Platform) -> dict[str, str]:
    """Return the variables of an image, sorted by name: those of its base, and its own above."""
    found = {**_base_environment(base, platform), **own_environment(spec, base, platform)}
    return dict(sorted(found.items()))


def _base_environment(base: Base, platform: Platform) -> dict[str, str]:
    image = base.image_for(platform)
    pairs = (line.partition("=") for line in image.env) if image else ()
    return {name: value for name, _, value in pairs}


def _wheel_layers(lock: Lock, platform: Platform, room: int) -> list[Layer]:
    """Return a layer for each large wheel, and tails for the rest.

    Small pure wheels share one tail, which is the same blob on all platforms; small native ones share another. Where
    room is short the smallest of the large wheels join them, and then the tails each other.
    """
    wheels = [(package, wheel) for package in lock.packages if (wheel := package.wheel_for(platform))]
    if wheels and room < 1:
        raise InputError.of("`max-layers` leaves no layer for wheels", where=lock.script, hint="allow more layers")
    large = sorted(
        (pair for pair in wheels if pair[1].size >= OWN_LAYER_BYTES), key=lambda pair: (-pair[1].size, pair[1].name)
    )
    own = {wheel for _, wheel in large}
    while own and len(own) + len(_tails(wheels, own, room)) > room:
        own.remove(large[len(own) - 1][1])
    groups = [[pair] for pair in wheels if pair[1] in own] + _tails(wheels, own, room)
    options = (("python", lock.base.python_minor),)
    return [
        Layer(
            kind="layer",
            holds=", ".join(_title(package) for package, _ in group),
            wheels=tuple(wheel for _, wheel in group),
            options=options,
        )
        for group in groups
    ]


def _tails(wheels: Sequence[_Pair], own: set[Wheel], room: int) -> list[list[_Pair]]:
    rest = [pair for pair in wheels if pair[1] not in own]
    if room == 1:
        return [rest] if rest else []
    pure = [pair for pair in rest if pair[1].name.endswith("-none-any.whl")]
    native = [pair for pair in rest if pair not in pure]
    return [tail for tail in (pure, native) if tail]


def _title(package: Package) -> str:
    return f"{package.name} {package.version}"


def _named_files(files: Iterable[File], root: str) -> str:
    names = [file.target for file in files]
    return names[0] if len(names) == 1 else f"{len(names)} files in {root}"


def _config(spec: Spec, base: Base, platform: Platform, layers: Sequence[Layer]) -> bytes:
    """Return the configuration without `rootfs` (OCI image specification, config.md).

    Of a base image, variables and labels stay below ours; ports, volumes and commands belong to what it was made for.
    """
    image = base.image_for(platform)
    labels = {**(dict(image.labels) if image else {}), **dict(spec.labels)}
    system, _, architecture = platform.oci.partition("/")
    container: dict[str, Any] = {
        "Env": [f"{name}={value}" for name, value in environment(spec, base, platform).items()],
        "User": spec.user,
        "WorkingDir": spec.workdir,
    }
    for key, value in (("Entrypoint", spec.entrypoint), ("Cmd", spec.args)):
        if value:
            container[key] = list(value)
    if labels:
        container["Labels"] = labels
    history = [{"created": CREATED, "created_by": f"onedigest {each.kind}: {each.holds}"} for each in layers]
    return canonical_json(
        {"architecture": architecture, "os": system, "created": CREATED, "config": container, "history": history}
    )
