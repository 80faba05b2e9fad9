"""The in-toto statement of what an image was made from: SLSA provenance, without a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from onedigest import formats
from onedigest.attestation import PREDICATE_TYPE
from onedigest.definition.files import File
from onedigest.digest import Digest, canonical_json, hex_of
from onedigest.from_source.model import BuiltFrom, Kind
from onedigest.lock.model import Lock

_STATEMENT = "https://in-toto.io/Statement/v1"
_BUILD_TYPE = "urn:onedigest:image:1"


def make_provenance(
    name: str,
    index: Digest,
    plan: Digest,
    lock: Lock,
    text: Digest,
    assembler: Digest,
    root: str,
    files: tuple[File, ...],
) -> bytes:
    """Return the statement of an image (in-toto Statement v1, SLSA Provenance v1).

    `text` is the digest of the lock's file, `assembler` that of the zipapp, `root` the folder of the files in the
    image. Script, lock and assembler are named by sha256, as is every input.
    """
    script = [file for file in files if isinstance(file.content, bytes)]
    external: dict[str, Any] = {"script": lock.script, "platforms": [platform.oci for platform in lock.platforms]}
    predicate = {
        "buildDefinition": {
            "buildType": _BUILD_TYPE,
            "externalParameters": external,
            "internalParameters": {"plan": plan},
            "resolvedDependencies": [
                *(_resource(lock.script, file.digest) for file in script),
                _resource(formats.LOCK_FILE, text),
                _resource("assembler", assembler),
                *(_resource(file.path_in(root)[1:], file.digest) for file in files if file not in script),
                *_inputs(lock),
            ],
        },
        "runDetails": {"builder": {"id": f"urn:onedigest:assembler:{assembler}"}},
    }
    statement = {
        "_type": _STATEMENT,
        "subject": [{"name": name, "digest": {"sha256": hex_of(index)}}],
        "predicateType": PREDICATE_TYPE,
        "predicate": predicate,
    }
    return canonical_json(statement)


def _inputs(lock: Lock) -> Iterator[dict[str, Any]]:
    for name, digest in lock.base.materials():
        yield _resource(name, digest)
    for wheel in lock.wheels():
        yield _resource(wheel.name, wheel.digest)
    origins = [package.origin for package in lock.packages if package.origin]
    for origin in origins:
        yield _source(origin)
    tools = {file for origin in origins for each in origin.requires for file in each.wheels}
    for file in sorted(tools):
        yield _resource(file.name, file.digest)


def _source(origin: BuiltFrom) -> dict[str, Any]:
    """Return what a wheel was built of, as SLSA names it."""
    if origin.kind is not Kind.GIT:
        return _resource(origin.path, origin.digest)
    digest = {"gitCommit": origin.commit, "gitTree": origin.tree}
    return {"name": origin.path, "uri": f"git+{origin.path}@{origin.commit}", "digest": digest}


def _resource(name: str, digest: str) -> dict[str, Any]:
    return {"name": name, "digest": {"sha256": hex_of(digest)}}
