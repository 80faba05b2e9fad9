"""The proof that a base image is what its lock says: the documents behind its digest have the last word."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from onedigest.digest import Digest, canonical_json, hex_of, of_bytes
from onedigest.errors import InputError, Problem, generating
from onedigest.lock.base import Base
from onedigest.lock.base.image import ImageBase, PinnedImage
from onedigest.lock.base.image_choice import described
from onedigest.oci.read import ReadImage, read_from
from onedigest.registry.remote import Remote
from onedigest.registry.transport import Access
from onedigest.sources import silent
from onedigest.store import Store


def prove_base(base: Base, access: Access, store: Store, *, user: str, script: str, where: str) -> None:
    """Hold what the lock of a script says of its base against the base's own documents, once on this machine.

    They come from the store, or else by the network. Packages need no such proof: each of them is pinned by sha256.
    Raises `InputError` with all that differs, and `NetworkError`.
    """
    if isinstance(base, ImageBase):
        _prove_image(base, access, store, script=script, where=where)
        _raise(base, other_files(base, user, store), script, where)


def documents(base: Base, access: Access, store: Store) -> tuple[Digest, ...]:
    """Return the documents that a base is proven by, also those of indexes in its index, as far as the store has them.

    Raises `InputError`, `NetworkError`.
    """
    found = base.documents()
    if isinstance(base, ImageBase) and store.has(base.index):
        read = read_from(Remote(base.origin, access, store), [image.platform.oci for image in base.images])
        found = (*found, *read.walked)
    return tuple(filter(store.has, found))


def _prove_image(base: ImageBase, access: Access, store: Store, *, script: str, where: str) -> None:
    note = f"bases/{hex_of(_key(base))}"
    if store.read_note(note) is not None:
        return
    remote = Remote(base.origin, access, store)
    read = read_from(remote, [image.platform.oci for image in base.images])
    _raise(base, list(_differences(base, read)) or _other_lists(base, remote, store), script, where)
    store.write_note(note, b"")


def _raise(base: ImageBase, messages: Iterable[str], script: str, where: str) -> None:
    """Raise `InputError` with what differs, if anything does."""
    hint = f"run `{generating(script)}`"
    problems = [Problem(f"the base {base.image}: {message}", where, hint) for message in messages]
    if problems:
        raise InputError(problems)


def other_files(base: ImageBase, user: str, store: Store) -> Iterator[str]:
    """Yield what is not as the layers say: accounts, the standard library, the place of the virtual environment.

    A lock may name no library: it has all bytecode, or was not looked at when the lock was made. All this
    is known where they were read on this machine: none is fetched.
    """
    from onedigest.lock.base.account import find_account
    from onedigest.lock.base.probe import EXAMINER
    from onedigest.lock.base.standard_library import find_library
    from onedigest.lock.base.venv_path import free_place
    from onedigest.oci.rootfs import cached_rootfs

    roots = []
    for image in base.images:
        rootfs = cached_rootfs(image.layers, EXAMINER, store) if image.account else None
        if rootfs:
            roots.append(rootfs)
            if image.account != find_account(rootfs, user):
                yield f"{image.platform}: the account of its user in the lock is not its own"
            stated = image.uncompiled_library
            if stated and stated != find_library(rootfs, base.interpreter, base.python):
                yield f"{image.platform}: the standard library in the lock is not its own"
    if len(roots) == len(base.images) and (place := free_place(roots)) != base.venv:
        yield f"the virtual environment is /{base.venv} in the lock, and belongs in /{place}"


def _key(base: ImageBase) -> Digest:
    """Return the digest of all that is stated of an image."""
    images = [
        [
            image.platform.oci,
            image.manifest,
            image.config,
            list(image.env),
            [list(pair) for pair in image.labels],
            [[layer.digest, layer.diff_id, layer.media_type, layer.size] for layer in image.layers],
            [image.files.digest, image.files.size] if image.files else [],
        ]
        for image in base.images
    ]
    return of_bytes(canonical_json([base.image, base.index, images]))


def _differences(base: ImageBase, read: ReadImage) -> Iterator[str]:
    if read.digest != base.index:
        yield f"its index is {read.digest}, and {base.index} in the lock"
    found = {each.platform: each for each in read.platforms}
    for image in base.images:
        there = found.get(image.platform.oci)
        if there is None:
            yield f"it has no image for {image.platform}"
            continue
        # what its files tell has been read when it was locked
        expected = described(image.platform, there)
        yield from (f"{image.platform}: {name} in the lock is not its own" for name in _other_fields(image, expected))


def _other_lists(base: ImageBase, remote: Remote, store: Store) -> Iterator[str]:
    """Yield which lists of files are not those of the layers, which are proven."""
    from onedigest.lock.base.listing import list_files

    for image in base.images:
        if image.files:
            data = list_files(zip(image.layers, remote.layers(image.layers, silent), strict=True), store)
            if (of_bytes(data), len(data)) != (image.files.digest, image.files.size):
                yield f"{image.platform}: `files` in the lock is not its own"


def _other_fields(image: PinnedImage, expected: PinnedImage) -> list[str]:
    names = ("manifest", "config", "layers", "env", "labels")
    return [f"`{name}`" for name in names if getattr(image, name) != getattr(expected, name)]
