"""The comparison of two images: what they share, and which layers, packages and settings differ."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any

from onedigest.digest import canonical_json
from onedigest.lock.model import Lock
from onedigest.oci import LIBDEFLATE
from onedigest.oci.read import ReadImage, ReadLayer, ReadPlatform
from onedigest.plan.kinds import BYTECODE_OF
from onedigest.plan.layers import Plan
from onedigest.plan.record import Record

ABSENT = "absent"

_SETTINGS = ("User", "WorkingDir", "Entrypoint", "Cmd", "StopSignal", "ExposedPorts", "Volumes", "Healthcheck")
_OF_BASE = re.compile(r", (layer \d+) of \d+$")
_DEBIAN_KINDS = ("debian-root", "debian-packages")


@dataclass(frozen=True, slots=True)
class SideLayer:
    """A layer of one side."""

    holds: str
    digest: str
    size: int


Versions = Mapping[str, str]
"""Versions by name."""

ReadDebian = Callable[[tuple[ReadLayer, ...]], Versions]
"""Reads the Debian packages that layers hold."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SidePlatform:
    """The image of one platform; what is not known of it is empty, or None.

    `debian` reads which Debian packages it has when it is asked, `debian_layers` are the digests of layers with them.
    """

    base: str = ""
    layers: tuple[SideLayer, ...] = ()
    packages: Versions | None = None
    origins: Versions | None = None
    """Of the packages that were built, what they were built of."""
    debian: Callable[[], Versions] | None = None
    debian_layers: frozenset[str] = frozenset()
    whole: bool = False
    """Whether those are all Debian packages: the base is made of them."""
    settings: Versions | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """One of the two images. `digest` is that of its index, where it is known."""

    name: str
    digest: str = ""
    platforms: Mapping[str, SidePlatform] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """Something that differs: `kind` says what, `old` and `new` are how it is on both sides."""

    platform: str
    kind: str
    name: str
    old: str
    new: str
    bytes: int = 0
    """Of a layer, what it has more on the second side."""


def of_lock(name: str, lock: Lock, record: Record | None, plan: Plan | None) -> Side:
    """Return what a lock, the record of its last build and, where it is known, its plan say."""
    recorded = {each.platform: each for each in record.platforms} if record else {}
    planned = {each.platform.oci: each for each in plan.platforms} if plan else {}
    annotations = dict(plan.annotations) if plan else {}
    platforms = {}
    for platform in lock.platforms:
        built = recorded.get(platform.oci)
        layers = (
            [SideLayer(each.holds, each.descriptor.digest, each.descriptor.size) for each in built.layers]
            if built
            else []
        )
        wheels = {each.name: each.version for each in lock.packages if platform in each.platforms}
        debian = {each.name: each.version for each in lock.base.debian_packages if platform in each.platforms}
        config = planned.get(platform.oci)
        platforms[platform.oci] = SidePlatform(
            base=lock.base.reference,
            layers=tuple(layers),
            packages=wheels,
            origins={
                each.name: str(each.origin) for each in lock.packages if each.origin and platform in each.platforms
            },
            debian=partial(dict, debian),
            debian_layers=frozenset(
                each.descriptor.digest
                for each in (built.layers if built else ())
                if each.encoding == LIBDEFLATE and not each.holds.startswith(BYTECODE_OF)
            ),
            whole=not lock.base.layers(platform),
            settings=_settings(json.loads(config.config)["config"], annotations) if config else None,
        )
    return Side(name=name, digest=record.index if record else "", platforms=platforms)


def of_image(name: str, image: ReadImage, debian: ReadDebian) -> Side:
    """Return what an image says of itself; `debian` reads the packages in some of its layers."""
    return Side(
        name=name, digest=image.digest, platforms={each.platform: _read(each, debian) for each in image.platforms}
    )


def compare(old: Side, new: Side) -> Iterator[Change]:
    """Yield everything that differs, by platform: packages, Debian packages, settings, layers."""
    for platform in sorted(old.platforms.keys() | new.platforms.keys()):
        first, second = old.platforms.get(platform), new.platforms.get(platform)
        if first is None or second is None:
            there = ("there", ABSENT) if second is None else (ABSENT, "there")
            yield Change(platform=platform, kind="platform", name=platform, old=there[0], new=there[1])
            continue
        if first.base and second.base and first.base != second.base:
            yield Change(platform=platform, kind="base", name="base", old=first.base, new=second.base)
        yield from _versions(platform, "package", first.packages, second.packages)
        yield from _versions(platform, "source", first.origins, second.origins)
        known = first.debian_layers and first.debian_layers == second.debian_layers
        if first.debian and second.debian and not known and first.whole == second.whole:
            yield from _versions(platform, "Debian package", first.debian(), second.debian())
        yield from _versions(platform, "setting", first.settings, second.settings)
        yield from _layers(platform, first, second)


def equal_layers(old: Side, new: Side) -> dict[str, tuple[int, int]]:
    """Return, by platform, how many layers of the second side the first has too, and how many there are."""
    found = {}
    for platform, second in new.platforms.items():
        there = {layer.digest for layer in old.platforms[platform].layers} if platform in old.platforms else set()
        found[platform] = (sum(layer.digest in there for layer in second.layers), len(second.layers))
    return found


def bytes_to_move(old: Side, new: Side) -> int:
    """Return the bytes of the second side's distinct layers that the first does not have."""
    there = {layer.digest for each in old.platforms.values() for layer in each.layers}
    wanted = {layer.digest: layer.size for each in new.platforms.values() for layer in each.layers}
    return sum(size for digest, size in wanted.items() if digest not in there)


def _versions(platform: str, kind: str, old: Versions | None, new: Versions | None) -> Iterator[Change]:
    if old is None or new is None:
        return
    for name in sorted(old.keys() | new.keys()):
        pair = old.get(name, ABSENT), new.get(name, ABSENT)
        if pair[0] != pair[1]:
            yield Change(platform=platform, kind=kind, name=name, old=pair[0], new=pair[1])


def _layers(platform: str, first: SidePlatform, second: SidePlatform) -> Iterator[Change]:
    """Yield the layers that differ: those about the same things as a pair, others as gone and new."""
    if not first.layers or not second.layers:
        return
    same = {each.digest for each in first.layers} & {each.digest for each in second.layers}
    old = [each for each in first.layers if each.digest not in same]
    for after in (each for each in second.layers if each.digest not in same):
        before = max(old, key=partial(_overlap, after), default=None)
        if before and _overlap(after, before):
            old.remove(before)
            yield _changed(platform, before, after)
        else:
            yield _changed(platform, None, after)
    for before in old:
        yield _changed(platform, before, None)


def _changed(platform: str, before: SideLayer | None, after: SideLayer | None) -> Change:
    return Change(
        platform=platform,
        kind="layer",
        name=after.holds if after else before.holds if before else "",
        old=before.digest if before else ABSENT,
        new=after.digest if after else ABSENT,
        bytes=(after.size if after else 0) - (before.size if before else 0),
    )


def _overlap(one: SideLayer, other: SideLayer) -> int:
    return len(_subjects(one) & _subjects(other))


@lru_cache(maxsize=1024)
def _subjects(layer: SideLayer) -> frozenset[str]:
    """Return what a layer is about, which stays when versions move: the names of what it holds, or is bytecode of."""
    if place := _OF_BASE.search(layer.holds):
        return frozenset((place[1],))
    held = layer.holds.removeprefix(BYTECODE_OF)
    kind = layer.holds.removesuffix(held)
    return frozenset(kind + part.partition(" ")[0] for part in held.split(", ") if part)


def _read(platform: ReadPlatform, debian: ReadDebian) -> SidePlatform:
    kinds = _kinds(platform)
    layers = tuple(SideLayer(each.holds, each.digest, each.size) for each in platform.layers)
    settings = _settings(platform.config.get("config") or {}, platform.annotations)
    if not any(kinds):
        return SidePlatform(layers=layers, settings=settings)
    held = [layer.holds for layer, kind in zip(layers, kinds, strict=True) if kind == "wheels"]
    with_debian = tuple(layer for layer, kind in zip(platform.layers, kinds, strict=True) if kind in _DEBIAN_KINDS)
    return SidePlatform(
        base=layers[0].holds.partition(", layer ")[0],
        layers=layers,
        packages=dict(part.split(" ", 1) for holds in held for part in holds.split(", ") if " " in part),
        debian=partial(debian, with_debian),
        debian_layers=frozenset(layer.digest for layer in with_debian),
        whole="debian-root" in kinds,
        settings=settings,
    )


def _kinds(platform: ReadPlatform) -> list[str]:
    """Return the kind of each layer as our own history has it; nothing for layers of others."""
    lines = [each for each in platform.config.get("history") or () if not each.get("empty_layer")]
    if len(lines) != len(platform.layers):
        return [""] * len(platform.layers)
    words = [(line.get("created_by") or "").partition(":")[0].split(" ") for line in lines]
    return [pair[1] if len(pair) == 2 and pair[0] == "onedigest" else "" for pair in words]


def _settings(config: Mapping[str, Any], annotations: Mapping[str, str]) -> dict[str, str]:
    found = {f"Env {name}": text for name, _, text in (line.partition("=") for line in config.get("Env") or ())}
    found |= {f"Labels {name}": text for name, text in (config.get("Labels") or {}).items()}
    found |= {f"annotation {name}": text for name, text in annotations.items()}
    return found | {key: _told(config[key]) for key in _SETTINGS if config.get(key)}


def _told(value: Any) -> str:
    """Return a setting in words: what is listed, the names of what says no more, or else JSON."""
    if isinstance(value, str):
        return value
    names = value if isinstance(value, list) or (isinstance(value, dict) and not any(value.values())) else None
    return canonical_json(value).decode() if names is None else " ".join(map(str, names))
