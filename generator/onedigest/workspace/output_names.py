"""The name of an image where it is pushed, loaded or written: its repository, or else its own name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onedigest.errors import UsageError

if TYPE_CHECKING:
    from onedigest.definition.spec import Spec
    from onedigest.oci.reference import Reference

LATEST = ("latest",)
"""The tags of an image that is given none."""


def repository_of(spec: Spec, named: str) -> Reference | None:
    """Return the repository of an image: the one that a command names, or its script's, if it has one."""
    from onedigest.oci.reference import parse_reference

    text = named or spec.repository
    if not text:
        return None
    reference = parse_reference(text, "" if named else spec.script)
    if reference.tag or reference.digest:
        raise UsageError.of(f"`{text}` names a tag or a digest", hint="name the repository alone, and use --tag")
    return reference


def names_of(spec: Spec, named: str, tags: tuple[str, ...]) -> tuple[str, ...]:
    """Return what an image is called, in the order of its tags.

    Without a repository that is its own name, as docker calls images that it builds: `docker run NAME` and a pod with
    `image: NAME` find it under the registry that they take for granted.
    """
    reference = repository_of(spec, named)  # refuses what is no repository
    name = named or spec.repository or spec.name
    host, slash, path = name.partition("/")
    if slash and reference and host.lower() == reference.registry:
        name = f"{reference.registry}/{path}"  # docker takes no capitals there
    return tuple(dict.fromkeys(f"{name}:{tag}" for tag in tags or LATEST))
