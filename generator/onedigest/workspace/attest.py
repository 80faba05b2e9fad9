"""The attaching of statements to a pushed image: what it contains, and what it was made from."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from onedigest.errors import InputError, Problem
from onedigest.workspace.fetch_inputs import fetch_inputs_of

if TYPE_CHECKING:
    from onedigest.assembler.descriptor import Descriptor
    from onedigest.assembler.image import Image as BuiltImage
    from onedigest.digest import Digest
    from onedigest.lock.base.installed import InstalledPackage
    from onedigest.platforms import Platform
    from onedigest.registry.repository import Repository
    from onedigest.workspace.context import Context
    from onedigest.workspace.planned_image import PlannedImage

Attached = dict[str, str]
"""Digests of what is attached, by media type."""


def attest(context: Context, job: PlannedImage, image: BuiltImage, repository: Repository) -> Attached:
    """Attach a bill of materials and the provenance to an image that was pushed.

    Where both are attached already nothing is made: the bill of materials needs every wheel.
    """
    from onedigest.assembler.image import INDEX_TYPE
    from onedigest.attestation import PREDICATE_TYPE, SBOM_TYPE, STATEMENT_TYPE
    from onedigest.digest import Digest, canonical_json, of_bytes
    from onedigest.registry.referrers import KEY, Artifact, attach, list_referrers
    from onedigest.rules.files import read

    name, index = job.whole.name, Digest(image.digest)
    lock = of_bytes((read(job.image.lock_path) or "").encode())
    key = of_bytes(canonical_json([index, lock, job.plan.digest()]))
    there = _attached(list_referrers(repository, index), KEY, key)
    if {SBOM_TYPE, STATEMENT_TYPE} <= there.keys():
        context.said(f"{name}: bill of materials and provenance are attached already")
        return there
    sbom = _sbom(context, job, image)
    statement = _provenance(job, index, lock)
    subject = {"mediaType": INDEX_TYPE, "digest": index, "size": len(image.index)}
    artifacts = (
        Artifact(media_type=SBOM_TYPE, data=sbom, key=key, title=f"{name}.cdx.json"),
        Artifact(
            media_type=STATEMENT_TYPE,
            data=statement,
            key=key,
            title=f"{name}.intoto.json",
            predicate=PREDICATE_TYPE,
        ),
    )
    digests = attach(repository, subject, artifacts)
    context.said(f"{name}: bill of materials and provenance attached")
    return {each.media_type: digest for each, digest in zip(artifacts, digests, strict=True)}


def _attached(rows: Iterable[Any], name: str, key: str) -> Attached:
    """Return what is attached under a key, of descriptors that a registry gave, which may be anything."""
    from onedigest import untrusted

    found: Attached = {}
    for row in rows:
        notes = row.get("annotations") if isinstance(row, dict) else None
        if isinstance(notes, dict) and notes.get(name) == key:
            with suppress(ValueError):
                found[untrusted.media_type(row.get("artifactType"))] = untrusted.digest(row.get("digest"))
    return found


def _provenance(job: PlannedImage, index: Digest, lock: Digest) -> bytes:
    from onedigest import zipapp
    from onedigest.attestation.provenance import make_provenance

    return make_provenance(
        job.whole.name,
        index,
        plan=job.plan.digest(),
        lock=job.lock,
        text=lock,
        assembler=zipapp.newest(),
        root=job.image.spec.root,
        files=job.files,
    )


def _sbom(context: Context, job: PlannedImage, image: BuiltImage) -> bytes:
    from onedigest import zipapp
    from onedigest.attestation import debian_source, licences
    from onedigest.attestation.sbom import Materials, make_sbom
    from onedigest.plan.inputs import inputs_of

    # licences, and the sources of Debian packages, stand in the files themselves
    fetch_inputs_of(context, job.image, job.lock, replace(inputs_of(job.lock, job.lock.platforms), layers=(), lists=()))
    noted = partial(_noted, context)
    return make_sbom(
        Materials(
            name=job.whole.name,
            image=image,
            lock=job.lock,
            assembler=zipapp.newest(),
            root=job.image.spec.root,
            files=job.files,
            below=_below(context, job),
            licences_of_wheel=lambda wheel: noted("licences", wheel.digest, licences.of_wheel),
            licences_of_debian=lambda package: noted("licences", package.digest, licences.of_debian),
            source_of_debian=lambda package: noted("sources", package.digest, debian_source.stated_in),
        )
    )


def _below(context: Context, job: PlannedImage) -> dict[Platform, tuple[InstalledPackage, ...]]:
    """Return what the image below has installed; of lists that cannot be read it is said that they are missing."""
    from onedigest.lock.base.installed import read_below
    from onedigest.plan.inputs import Inputs

    def fetch_layers(layers: tuple[Descriptor, ...]) -> None:
        fetch_inputs_of(context, job.image, job.lock, Inputs(layers=layers))

    base, found = job.lock.base, {}
    said = f"the packages of the base {base.reference} are not in the bill of materials"
    hint = "scan the image itself, such as with syft"
    for platform in job.lock.platforms if base.origin else ():
        try:
            found[platform] = read_below(base, platform, context.store, fetch_layers)
            if not any(each.kind == "deb" for each in found[platform]):
                context.warn([Problem(f"{said}: it has no list of dpkg", hint=hint)])
        except InputError as error:
            context.warn(Problem(f"{said}: {each.message}", hint=hint) for each in error.problems)
    return found


def _noted(context: Context, what: str, digest: Digest, read: Callable[[Path], tuple[str, ...]]) -> tuple[str, ...]:
    """Read what a stored file states, once on this machine: unpacking a .deb takes a while."""
    from onedigest.digest import canonical_json, hex_of

    name = f"{what}/{hex_of(digest)}"
    if (note := context.store.read_note(name)) is not None:
        with suppress(ValueError):
            kept = json.loads(note)
            if isinstance(kept, list) and all(isinstance(each, str) for each in kept):
                return tuple(kept)
    found = read(context.store.path(digest))
    context.store.write_note(name, canonical_json(list(found)))
    return found
