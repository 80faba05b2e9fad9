"""The running of images with docker or podman, where they are loaded first."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from onedigest.digest import hex_of
from onedigest.errors import UsageError
from onedigest.platforms import canonical_name, split
from onedigest.wording import amount
from onedigest.workspace.choose_engine import make_engine
from onedigest.workspace.context import Context
from onedigest.workspace.planned_image import PlannedImage, fetch_base, prepare, run_engine
from onedigest.workspace.script_image import ScriptImage

if TYPE_CHECKING:
    from onedigest.engines.containers import ContainerOptions, Containers

_HERE = "localhost/onedigest"
"""Where images are called so that no registry has them, and none of the user's own is replaced."""


def run_image(context: Context, image: ScriptImage, asked: ContainerOptions) -> None:
    """Run an image in the place of this process, as `asked`: built where it is not, and loaded where it is missing."""
    from onedigest.engines.containers import find_containers

    containers = find_containers(dict(context.variables))
    reference = _loaded(context, image, containers, asked.platform or containers.platform())
    containers.run(replace(asked, image=reference))


def one_platform(text: str) -> str:
    """Return the canonical name of the platform that is asked for, nothing where none is. Raises `UsageError`."""
    names = split(text)
    if len(set(map(canonical_name, names))) > 1 or (text and not names):
        raise UsageError.of(f"`--platform {text}`: an image runs on one platform", hint="name one, such as linux/amd64")
    return canonical_name(names[0]) or names[0] if names else ""


def _loaded(context: Context, image: ScriptImage, containers: Containers, platform: str) -> str:
    """Build an image for one platform, load it where it is not, and return its name there, which its digest is in."""
    from onedigest.oci.docker_archive import write_docker_archive

    engine = "buildx" if image.spec.run else "embedded"
    with context.events.status() as status:
        job: PlannedImage = prepare(context, image, engine, locked=False, platforms=(platform,))
        built = run_engine(context, job, make_engine(engine, context, "", status))
        status.clear()
        reference = f"{_HERE}/{image.spec.name}:{hex_of(built.image.digest)[:12]}"
        if containers.has(reference):
            return reference
        fetch_base(context, job)
        status.show(f"{image.spec.name}: loading into {containers.name}")
        containers.load(lambda file: write_docker_archive(built.image, built.blobs, [reference], platform, file))
    size = amount(sum(layer.size for layer in built.image.layers()))
    context.said(f"{image.spec.name}: {size} loaded into {containers.name} as {reference}")
    return reference
