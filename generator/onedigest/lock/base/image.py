"""The base that is an image of a registry: pinned by digest, its layers byte for byte as they are."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from onedigest import untrusted
from onedigest.assembler.descriptor import Descriptor
from onedigest.definition.spec import Spec
from onedigest.digest import Digest
from onedigest.errors import InputError
from onedigest.lock.base import Base, python_text, read_common, system_packages_text
from onedigest.lock.base.account import Account, account_text, read_account
from onedigest.lock.base.choice import SYSTEMS, choose_base
from onedigest.lock.base.file_list import FileList, file_list_text, read_file_list
from onedigest.lock.base.packages import read_releases, releases_text
from onedigest.lock.base.venv_path import place_text, read_place
from onedigest.lock.table import Table
from onedigest.lock.toml import inline_table, lines, string, value
from onedigest.oci.media import LAYERS
from onedigest.oci.reference import Reference, parse_reference
from onedigest.platforms import Platform

_SUITES = {system: suite for suite, system in SYSTEMS.items()}
_PYTHON = re.compile(r"(?:lib)?python3(?![a-z])")
"""How the names of Debian's packages begin that may have files of its standard library."""
_VARIABLE = re.compile(r"[^=\x00-\x20\x7f]+=")


@dataclass(frozen=True, kw_only=True, slots=True)
class PinnedImage:
    """The image of one platform that a registry has.

    `manifest` and `config` are digests of documents. `env` has lines NAME=value. `has_workdir` tells whether the
    working directory that is asked for is there, and `has_volumes` are the volumes that are. `has_folders` are the
    folders above files which have a place of their own, all of them plainly root's. To an `open_workdir` everybody may
    write, as to one that is made here. `account` is that of the user who is asked for, None where the files were not
    looked at. Layers are in their order. There is a list of its `files` where Debian packages are put above it. The
    `uncompiled_library` is the folder of its standard library, if sources in it have no bytecode.
    """

    platform: Platform
    manifest: Digest
    config: Digest
    env: tuple[str, ...]
    labels: tuple[tuple[str, str], ...]
    has_workdir: bool
    open_workdir: bool = False
    has_volumes: tuple[str, ...] = ()
    has_folders: tuple[str, ...] = ()
    account: Account | None = None
    uncompiled_library: str = ""
    layers: tuple[Descriptor, ...]
    files: FileList | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "labels", tuple(sorted(self.labels)))


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageBase(Base):
    """An image of a registry.

    `image` is the reference that was asked for, `index` the digest that it had, and `system` the name and version of
    its operating system. It has `releases` where Debian packages are put above it.
    """

    image: str
    index: Digest
    system: str
    images: tuple[PinnedImage, ...]

    def __post_init__(self) -> None:
        super(ImageBase, self).__post_init__()
        object.__setattr__(self, "images", tuple(sorted(self.images, key=lambda each: each.platform)))

    @property
    def reference(self) -> str:
        return self.image

    @property
    def system_suite(self) -> str:
        return self.suite or _SUITES.get(self.system, "")

    @property
    def operating_system(self) -> str:
        return self.system

    @property
    def origin(self) -> Reference:
        return parse_reference(self.image).at(self.index)

    @property
    def looked_up(self) -> tuple[str, ...]:
        return "workdir", "volumes", "user", "healthcheck", "copy"

    def home(self, user: str, platform: Platform) -> str:  # noqa: ARG002  the lock is of one user
        account = self.image_for(platform).account
        return account.home if account else ""

    def origin_of(self, platform: Platform) -> Reference:
        return self.origin.at(self.image_for(platform).manifest)

    def image_for(self, platform: Platform) -> PinnedImage:
        """Return the image of a platform, which must be one of the lock's."""
        return next(each for each in self.images if each.platform == platform)

    def layers(self, platform: Platform) -> tuple[Descriptor, ...]:
        return self.image_for(platform).layers

    def library(self, platform: Platform) -> str:
        found, own = self.image_for(platform).uncompiled_library, f"/usr/lib/python{self.python_minor}"
        above = (each for each in self.debian_packages if platform in each.platforms)
        # bytecode of what packages replace would be taken for theirs
        return "" if found == own and any(_PYTHON.match(each.name) for each in above) else found

    def file_list(self, platform: Platform) -> FileList | None:
        return self.image_for(platform).files

    def variables(self, platform: Platform) -> dict[str, str]:
        pairs = (line.partition("=") for line in self.image_for(platform).env)
        return {name: value for name, _, value in pairs}

    def labels(self, platform: Platform) -> dict[str, str]:
        return dict(self.image_for(platform).labels)

    def materials(self) -> tuple[tuple[str, Digest], ...]:
        name = self.origin.name
        manifests = ((f"{name} {each.platform}", each.manifest) for each in self.images)
        return ((name, self.index), *manifests, *super(ImageBase, self).materials())

    def documents(self) -> tuple[Digest, ...]:
        return (self.index, *(digest for each in self.images for digest in (each.manifest, each.config)))

    def others(self, spec: Spec) -> Iterator[str]:
        kind, _, named = spec.base.partition(":")
        wanted = spec.base if kind != "debian" else "" if named else choose_base(spec).image
        if self.image != wanted:
            yield f"its base is {self.image}, not {wanted or spec.base}"
        if tuple(each.platform for each in self.images) != spec.platforms:
            yield "its base has not one image for each platform"
        if any(each.account and not each.account.is_of(spec.user) for each in self.images):
            yield f"its base states the account of another user than {spec.user}"

    def to_toml(self, platforms: Sequence[Platform]) -> str:
        return (
            f"image = {string(self.image)}\nindex = {string(self.index)}\noperating-system = {string(self.system)}\n"
            + (releases_text(self.releases) if self.releases else "")
            + python_text(self)
            + place_text(self.venv)
            + system_packages_text(self, platforms)
            + "".join(map(_image_text, self.images))
        )


def _image_text(image: PinnedImage) -> str:
    labels = {string(name): string(text) for name, text in image.labels}
    return (
        "\n[[tool.onedigest.base.images]]\n"
        f"platform = {string(image.platform.oci)}\n"
        f"manifest = {string(image.manifest)}\n"
        f"config = {string(image.config)}\n"
        f"env = {lines(list(map(string, image.env)))}\n"
        f"has-workdir = {'true' if image.has_workdir else 'false'}\n"
        + ("open-workdir = true\n" if image.open_workdir else "")
        + (f"has-volumes = {value(image.has_volumes)}\n" if image.has_volumes else "")
        + (f"has-folders = {value(image.has_folders)}\n" if image.has_folders else "")
        + (account_text(image.account) if image.account else "")
        + (f"uncompiled-library = {string(image.uncompiled_library)}\n" if image.uncompiled_library else "")
        + f"labels = {inline_table(labels)}\n"
        f"layers = {lines(list(map(_layer_text, image.layers)))}\n"
        + (f"files = {file_list_text(image.files)}\n" if image.files else "")
    )


def _layer_text(layer: Descriptor) -> str:
    fields = {"digest": layer.digest, "diff-id": layer.diff_id, "media-type": layer.media_type}
    return inline_table({"size": str(layer.size), **{name: string(text) for name, text in fields.items()}})


def read_image_base(table: Table, python: str, platforms: Sequence[Platform]) -> ImageBase:
    """Read what a lock says of a base that is an image. Raises `Wrong`."""
    releases = read_releases(table) if "releases" in table else ()
    found = ImageBase(
        image=table.take("image", read_reference),
        index=table.take("index", untrusted.digest),
        system=table.take("operating-system", untrusted.line),
        images=table.each("images", _image),
        python=python,
        venv=read_place(table),
        **read_common(table, releases, platforms),
    )
    if [each.platform for each in found.images] != list(platforms):
        raise table.wrong("images", "are not those of the lock's platforms")
    return found


def read_reference(value: Any) -> str:
    """Return the reference of an image. Raises ValueError."""
    found = untrusted.line(value)
    try:
        parse_reference(found)
    except InputError:
        raise ValueError(f"is {found!r}, which is not the reference of an image") from None
    return found


def _image(row: Table) -> PinnedImage:
    found = PinnedImage(
        platform=row.take("platform", untrusted.platform),
        manifest=row.take("manifest", untrusted.digest),
        config=row.take("config", untrusted.digest),
        env=row.every("env", _variable),
        has_workdir=row.take("has-workdir", untrusted.flag),
        open_workdir=row.take_or(False, "open-workdir", untrusted.flag),
        has_volumes=row.every("has-volumes", untrusted.line) if "has-volumes" in row else (),
        has_folders=row.every("has-folders", untrusted.line) if "has-folders" in row else (),
        account=read_account(row) if "home" in row else None,
        uncompiled_library=row.take_or("", "uncompiled-library", untrusted.absolute_path),
        labels=row.take("labels", _labels),
        layers=row.each("layers", _layer),
        files=read_file_list(row.inner("files")) if "files" in row else None,
    )
    if not found.layers:
        raise row.wrong("layers", "is empty")
    return found


def _variable(value: Any) -> str:
    """Return a line NAME=value of an environment. A search path has one line; others may have several."""
    found = untrusted.prose(value)
    if not _VARIABLE.match(found):
        raise ValueError(f"is {found[:80]!r}, which is not NAME=value")
    return untrusted.line(found) if found.startswith("PATH=") else found


def _labels(value: Any) -> tuple[tuple[str, str], ...]:
    return tuple((untrusted.line(name), untrusted.prose(text)) for name, text in untrusted.table(value).items())


def _layer(row: Table) -> Descriptor:
    return Descriptor(
        row.take("diff-id", untrusted.digest),
        row.take("digest", untrusted.digest),
        row.take("size", untrusted.size),
        row.take("media-type", _layer_type),
    )


def _layer_type(value: Any) -> str:
    found = untrusted.media_type(value)
    if found not in LAYERS:
        raise ValueError(f"is {found!r}, which is not the media type of a layer")
    return found
