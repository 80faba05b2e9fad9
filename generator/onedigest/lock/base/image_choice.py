"""The choice of a registry's image as a base: pinned by digest, with the Python that its layers hold."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from onedigest import untrusted
from onedigest.assembler.descriptor import Descriptor
from onedigest.debian.index import installed
from onedigest.definition.spec import Spec
from onedigest.digest import Digest
from onedigest.errors import InputError, Problem
from onedigest.formats import PATH, VENV
from onedigest.lock.base.account import Account, find_account
from onedigest.lock.base.choice import SUITES
from onedigest.lock.base.debian_choice import PackagesAbove, resolve_above
from onedigest.lock.base.debian_pins import EarlierPackages
from onedigest.lock.base.file_list import FileList
from onedigest.lock.base.folders_above import list_folders, unfit_folders
from onedigest.lock.base.image import ImageBase, PinnedImage
from onedigest.lock.base.interpreter import choose_python, no_glibc
from onedigest.lock.base.listing import list_files
from onedigest.lock.base.missing_platforms import refuse_missing_platforms
from onedigest.lock.base.probe import EXAMINER, dpkg_status, glibc_version, release_fields
from onedigest.lock.base.standard_library import find_uncompiled_library
from onedigest.lock.base.venv_path import free_place
from onedigest.oci.read import ReadPlatform, distinct_layers, read_from
from onedigest.oci.reference import parse_reference
from onedigest.oci.rootfs import Rootfs, read_rootfs
from onedigest.platforms import Platform
from onedigest.registry.remote import Remote
from onedigest.sources import Sources
from onedigest.store import Store

NO_SHELL = "write the `command` as a list of words, the first an absolute path"

_PROGRAMS = {"coreutils": "readlink", "dash": "sh"}
"""By which program packages are known that have none of their own name."""

_LIBRARY = "libstdc++6"
_LIBRARIES = ("usr/lib64", "usr/lib", "usr/lib/x86_64-linux-gnu", "usr/lib/aarch64-linux-gnu")
"""Where a library is that other systems have in a package of another name."""

_OF_A_SHELL = frozenset({*_PROGRAMS, _LIBRARY})
"""What an image is good without, but for shells and debuggers in it; all else that is asked for has to be there."""

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")


@dataclass(frozen=True, kw_only=True, slots=True)
class _BaseFacts:
    """What the files of one platform's image tell."""

    interpreter: str
    python: str
    libc_version: str
    system: str
    suite: str


def resolve_image(
    spec: Spec,
    text: str,
    pinned: Digest | None,
    sources: Sources,
    earlier: EarlierPackages | None = None,
    tell: Callable[[Problem], None] = lambda _: None,
) -> ImageBase:
    """Read the image `text` that is the base of a spec, at the digest `pinned`, or as the reference stands now.

    Of the Debian packages above it, those of `earlier` stay. `tell` hears what it lacks that an image is good
    without.

    Raises `InputError` with all that is wrong with it, and `NetworkError`.
    """
    reference = parse_reference(text, spec.script)
    asked = reference.at(pinned) if pinned else reference
    remote = Remote(asked, sources.access, sources.store)
    image = read_from(remote, [platform.oci for platform in spec.platforms])
    refuse_missing_platforms(spec, text, image)
    layers = [layer.descriptor for layer in distinct_layers(image)]
    paths = dict(zip((layer.digest for layer in layers), remote.layers(layers, sources.report), strict=True))
    by_name = {each.platform: each for each in image.platforms}
    roots, found = _look_at_all(spec, text, by_name, paths, sources.store)
    first = _agreed(spec, text, found)
    accounts = {platform: find_account(root, spec.user) for platform, root in roots.items()}
    _refuse_several_homes(spec, text, accounts)
    venv = _free_place(spec, text, roots.values())
    above = _above(spec, text, first, roots, sources, earlier, tell)
    return ImageBase(
        image=text,
        index=image.digest,
        system=first.system,
        interpreter=first.interpreter,
        python=first.python,
        libc_version=first.libc_version,
        releases=above.releases,
        venv=venv,
        essential_packages=above.essential_packages,
        system_packages=above.system_packages,
        images=tuple(
            replace(
                described(each, by_name[each.oci]),
                has_workdir=roots[each].find(spec.workdir) is not None,
                open_workdir=venv != VENV and _is_open(roots[each], spec.workdir),
                has_volumes=tuple(path for path in spec.volumes if roots[each].find(path)),
                has_folders=list_folders(spec, roots[each]),
                account=accounts[each],
                uncompiled_library=find_uncompiled_library(roots[each], first.interpreter, first.python),
                files=_listed(by_name[each.oci], paths, sources.store) if above.releases else None,
            )
            for each in spec.platforms
        ),
    )


def _free_place(spec: Spec, text: str, roots: Collection[Rootfs]) -> str:
    try:
        return free_place(roots)
    except InputError as error:
        said = (replace(each, message=f"the base {text}: {each.message}", where=spec.script) for each in error.problems)
        raise InputError(said) from None


def _is_open(rootfs: Rootfs, path: str) -> bool:
    """Tell whether everybody may write to a folder of root, as to the working directories that are made here."""
    place = rootfs.find(path)
    return place is not None and (place[1].mode, place[1].owner) == (0o1777, 0)


def _listed(read: ReadPlatform, paths: Mapping[str, Path], store: Store) -> FileList:
    """Make the list of the files of an image, and keep it."""
    data = list_files(_blobs(read, paths), store)
    return FileList(digest=store.add(data), size=len(data))


def _refuse_several_homes(spec: Spec, text: str, accounts: Mapping[Platform, Account]) -> None:
    homes = {account.home for account in accounts.values()}
    if len(homes) > 1:
        raise InputError.of(
            f"the platforms of the base {text} differ: the home of user {spec.user} is {' or '.join(sorted(homes))}",
            where=spec.script,
            hint="set another `user`, or another base",
        )


def _look_at_all(
    spec: Spec, text: str, by_name: Mapping[str, ReadPlatform], paths: Mapping[str, Path], store: Store
) -> tuple[dict[Platform, Rootfs], dict[Platform, _BaseFacts]]:
    """Read the files of the image of each platform, and what they tell. Raises `InputError` with all that is wrong."""
    problems: list[Problem] = []
    found: dict[Platform, _BaseFacts] = {}
    roots: dict[Platform, Rootfs] = {}
    for platform in spec.platforms:
        read = by_name[platform.oci]
        try:
            roots[platform] = read_rootfs(_blobs(read, paths), EXAMINER, store)
            found[platform] = _look(spec, text, platform, read, roots[platform])
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    return roots, found


def _blobs(read: ReadPlatform, paths: Mapping[str, Path]) -> list[tuple[Descriptor, Path]]:
    return [(layer.descriptor, paths[layer.digest]) for layer in read.layers]


def _look(spec: Spec, text: str, platform: Platform, read: ReadPlatform, rootfs: Rootfs) -> _BaseFacts:
    """Find in the files of an image what a lock needs to know. Raises `InputError` for an image that does not fit."""
    settings = _settings(read)
    problems = [*_unfit(spec, settings, rootfs), *_unwritable(settings)]
    fields = release_fields(rootfs)
    problems += [
        Problem(f"in its os-release, `{key}` {wrong}")
        for key in ("ID", "VERSION_ID", "VERSION_CODENAME")
        if fields.get(key) and (wrong := _wrong(untrusted.word, fields[key]))
    ]
    python = None
    try:
        python = choose_python(spec, platform, rootfs, _variables(settings))
    except InputError as error:
        problems += error.problems
    libc = glibc_version(rootfs, platform.elf_machine)
    if python and not libc:
        problems.append(no_glibc(rootfs))
    if python and (wrong := _wrong(untrusted.absolute_path, python.path)):
        problems.append(Problem(f"the path of its Python {wrong}"))
    if python is None or problems:
        raise InputError(
            Problem(f"the base {text}, {platform}: {each.message}", spec.script, each.hint) for each in problems
        )
    return _BaseFacts(
        interpreter=python.path,
        python=python.version,
        libc_version=libc,
        system=f"{fields.get('ID', 'linux')} {fields.get('VERSION_ID', '')}".strip(),
        suite=fields.get("VERSION_CODENAME", "") if fields.get("ID") == "debian" else "",
    )


def _unfit(spec: Spec, settings: Mapping[str, Any], rootfs: Rootfs) -> Iterable[Problem]:
    if settings.get("OnBuild"):
        yield Problem("it has commands for builds on it (ONBUILD), and nothing is executed here")
    folders = [spec.workdir, *spec.volumes, *(f"/{path}" for path in ("app", "opt"))]
    for folder in dict.fromkeys(folders):
        for path in _prefixes(folder):
            node = rootfs.plain(path)
            if node and node.kind != "dir":
                yield Problem(f"its {path} is no folder, but {'a link' if node.kind == 'link' else 'a file'}")
    for name, kind, folder in (
        ("`workdir`", "a `workdir`", spec.workdir),
        *(("the volume", "a volume", each) for each in spec.volumes),
    ):
        above = next((node for path in reversed(_prefixes(folder)) if (node := rootfs.plain(path))), None)
        if folder != "/" and not rootfs.find(folder) and above and (above.mode, above.owner) != (0o755, 0):
            message = f"{name} {folder} is not there, and the folder above it is not plainly root's"
            yield Problem(
                message, hint=f"choose {kind} that the base has, or one below a folder of root with mode 0755"
            )
    yield from unfit_folders(spec, rootfs)
    if spec.healthcheck and spec.healthcheck.needs_shell and not (spec.system_packages or rootfs.find("bin/sh")):
        yield Problem("it has no /bin/sh, which reads the `command` of `healthcheck`", hint=NO_SHELL)


def _unwritable(settings: Mapping[str, Any]) -> Iterable[Problem]:
    """Yield what is wrong with settings that come into locks and Dockerfiles."""
    for line in settings.get("Env") or ():
        name, _, text = line.partition("=")
        if not _VARIABLE.fullmatch(name):
            yield Problem(f"its variable {name!r} has no plain name"[:200])
        elif wrong := _wrong(untrusted.line if name == "PATH" else untrusted.prose, text):
            yield Problem(f"its variable `{name}` {wrong}"[:200])
    for name, text in (settings.get("Labels") or {}).items():
        if wrong := _wrong(untrusted.line, name) or _wrong(untrusted.prose, text):
            yield Problem(f"its label {name!r} {wrong}"[:200])


def _wrong(check: Callable[[str], object], value: str) -> str:
    try:
        check(value)
    except ValueError as error:
        return str(error)
    return ""


def _agreed(spec: Spec, text: str, found: Mapping[Platform, _BaseFacts]) -> _BaseFacts:
    """Return what all platforms have. Raises `InputError` where they differ, as when a tag is being moved."""
    first = next(iter(found.values()))
    if any(each != first for each in found.values()):
        several = "; ".join(
            f"{platform} has Python {each.python} ({each.interpreter}) and glibc {each.libc_version} on {each.system}"
            for platform, each in found.items()
        )
        alike = {replace(each, interpreter="") for each in found.values()}
        raise InputError.of(
            f"the platforms of the base {text} differ: {several}",
            where=spec.script,
            hint="name one of them in `platforms`, or use a base whose Python has the same path on all"
            if len(alike) == 1
            else "try again later, or name an image by a tag or digest that has the same on all platforms",
        )
    return first


def _above(
    spec: Spec,
    text: str,
    found: _BaseFacts,
    roots: Mapping[Platform, Rootfs],
    sources: Sources,
    earlier: EarlierPackages | None,
    tell: Callable[[Problem], None],
) -> PackagesAbove:
    if not spec.system_packages:
        return PackagesAbove()
    if found.suite not in SUITES:
        missing = [
            name for name in spec.system_packages if not all(_has_program(root, name) for root in roots.values())
        ]
        hint = f"they come from Debian: {', '.join(SUITES)}; install what they have in a base of your own"
        lacks = f"the base {text}, which is {found.system} and has no {' or '.join(missing)}"
        if not _OF_A_SHELL.issuperset(missing):
            raise InputError.of(f"`system-packages` cannot be put on {lacks}", where=spec.script, hint=hint)
        if missing:
            tell(Problem(f"shells, apps and debuggers may not start on {lacks}", spec.script, hint))
        return PackagesAbove()
    try:
        there = {platform: installed(dpkg_status(rootfs)) for platform, rootfs in roots.items()}
    except InputError as error:
        said = (replace(each, message=f"the base {text}: {each.message}", where=spec.script) for each in error.problems)
        raise InputError(said) from None
    return resolve_above(spec, found.suite, there, sources, earlier)


def _has_program(rootfs: Rootfs, name: str) -> bool:
    """Tell whether an image that is not Debian has what a package is for: a program, of its name but for some."""
    if name == _LIBRARY:
        return any(rootfs.find(f"{folder}/libstdc++.so.6") for folder in _LIBRARIES)
    program = _PROGRAMS.get(name, name)
    return any(rootfs.find(f"{folder}/{program}") for folder in PATH.split(":"))


def described(platform: Platform, read: ReadPlatform) -> PinnedImage:
    """Return what a lock says of the image of one platform, from its documents: of its files it says nothing."""
    settings = _settings(read)
    return PinnedImage(
        platform=platform,
        manifest=read.manifest,
        config=read.config_digest,
        env=tuple(settings.get("Env") or ()),
        labels=tuple((settings.get("Labels") or {}).items()),
        has_workdir=False,
        layers=tuple(layer.descriptor for layer in read.layers),
    )


def _settings(read: ReadPlatform) -> Mapping[str, Any]:
    """Return the settings of an image; their form was checked when it was read."""
    return read.config.get("config") or {}


def _variables(settings: Mapping[str, Any]) -> dict[str, str]:
    pairs = (str(line).partition("=") for line in settings.get("Env") or ())
    return {name: text for name, _, text in pairs}


def _prefixes(path: str) -> list[str]:
    """Return an absolute path with the folders above it, the outermost first."""
    found = []
    while path != "/":
        found.append(path)
        path = posixpath.dirname(path)
    return found[::-1]
