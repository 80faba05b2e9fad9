"""The contents of an image: what its base, its Debian packages, its wheels and its application bring."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from onedigest.assembler import VENV
from onedigest.definition.files import File
from onedigest.lock.base.packages import DebianPackage
from onedigest.lock.base.probe import EXAMINER
from onedigest.lock.model import Lock
from onedigest.missing.facts import Facts, merged, read_facts
from onedigest.oci.rootfs import Rootfs, cached_rootfs
from onedigest.platforms import Platform
from onedigest.store import Store

_THREADS = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class InputContents:
    """What one wheel or Debian package brings; `label` is how messages name it.

    `asked` tells whether a script may have asked for it: nobody asked for what is in a base.
    """

    label: str
    asked: bool
    facts: Facts


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageContents:
    """What there is on one platform; `rootfs` is None where the base is no image.

    `venv` is the path of the virtual environment, from the root.
    """

    platform: Platform
    inputs: tuple[InputContents, ...]
    libraries: frozenset[str]
    programs: frozenset[str]
    rootfs: Rootfs | None
    venv: str = VENV

    def has_program(self, path: str) -> bool:
        """Tell whether there is a program at an absolute path, or may be, where a script leaves names open."""
        place = merged(path)
        folder = f"{place.rpartition('/')[0]}/"
        may_be = any("$" in each and each.startswith(folder) for each in self.programs)
        return place in self.programs or may_be or (self.rootfs is not None and self.rootfs.find(path) is not None)

    def is_barred(self, path: str, user: str) -> bool:
        """Tell whether a user, as UID:GID, may not execute or reach a file of a base image (path_resolution(7))."""
        return self.rootfs is not None and self.rootfs.bars(path, int(user.partition(":")[0]))

    def finds_program(self, name: str, search_path: Iterable[str]) -> bool:
        """Tell whether a program is in one of some folders."""
        return any(self.has_program(f"{folder.rstrip('/')}/{name}") for folder in search_path)


def facts_of(lock: Lock, platforms: Iterable[Platform], store: Store) -> Mapping[str, Facts] | None:
    """Return what is known of each input by its digest, None where one of them was never on this machine."""
    chosen = set(platforms)
    wanted = {
        wheel.digest: wheel.name
        for package in lock.packages
        for platform, wheel in package.wheels
        if platform in chosen
    }
    wanted |= {each.digest: each.file_name for each in lock.base.debian_packages if chosen & set(each.platforms)}
    with ThreadPoolExecutor(_THREADS) as pool:
        of = lock.base.python_minor, lock.base.venv
        found = pool.map(lambda digest: read_facts(wanted[digest], digest, store, *of), wanted)
        facts = dict(zip(wanted, found, strict=True))
    known: dict[str, Facts] = {digest: each for digest, each in facts.items() if each is not None}
    return known if len(known) == len(facts) else None


def contents_of(
    lock: Lock, platform: Platform, facts: Mapping[str, Facts], files: Sequence[File], store: Store
) -> ImageContents | None:
    """Return what there is on a platform, None where its base is an image of which nothing is known here."""
    layers = lock.base.layers(platform)
    rootfs = cached_rootfs(layers, EXAMINER, store) if layers else None
    if layers and rootfs is None:
        return None
    inputs = [
        InputContents(label=f"{package.name} {package.version}", asked=True, facts=facts[wheel.digest])
        for package in lock.packages
        if (wheel := package.wheel_for(platform))
    ]
    above = {package.digest for package in lock.base.system_packages}
    inputs += [
        InputContents(label=_label(package), asked=package.digest in above, facts=facts[package.digest])
        for package in lock.base.debian_packages
        if platform in package.platforms
    ]
    names = {name for each in inputs for name in each.facts.libraries}
    names |= {each.target.rpartition("/")[2] for each in files}
    programs = {path for each in inputs for path in each.facts.programs}
    programs |= {f"{lock.base.venv}/bin/{name}" for name in ("python", "python3", f"python{lock.base.python_minor}")}
    if rootfs:
        names |= {path.rpartition("/")[2] for path, node in rootfs.paths() if ".so" in path and node.kind != "dir"}
    return ImageContents(
        platform=platform,
        inputs=tuple(inputs),
        libraries=frozenset(names),
        programs=frozenset(programs),
        rootfs=rootfs,
        venv=lock.base.venv,
    )


def _label(package: DebianPackage) -> str:
    return f"Debian's {package.name}"
