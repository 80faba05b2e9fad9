"""Knows how Flyte has onedigest build an image: the entry point `onedigest` of `flyte.plugins.image_builders`.

Locking and building go on in a process of their own, for they fork workers, and Flyte runs threads.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from flyte import Image, ImageBuild
from flyte.errors import ImageBuildError
from flyte.extend import ImageChecker

from onedigest.errors import OnedigestError
from onedigest.flyte.definition import dumps
from onedigest.flyte.sdk import host_defaults, list_files, read_image


class Unchecked(ImageChecker):
    """Says of every image that it is not there: whether it is, the builder asks the registry by the image's digest."""

    @classmethod
    async def image_exists(cls, repository: str, tag: str, arch: tuple[Any, ...] = ()) -> str | None:  # noqa: ARG003  Flyte's protocol
        """Return None, so that the builder is called: Flyte's tags of different images can be the same."""
        return None


class OnedigestImageBuilder:
    """Locks, builds and pushes images of Flyte; each is known by its digest.

    `locked` refuses to write a lock or a record, as in CI. `builder` is the one of buildx that runs commands.
    `insecure_registries` are hosts that may be spoken to without TLS; `lockfiles` is the folder of the locks.
    """

    def __init__(
        self,
        *,
        locked: bool = False,
        lockfiles: str | Path | None = None,
        builder: str = "",
        insecure_registries: tuple[str, ...] = (),
    ) -> None:
        self._options = {
            "locked": locked,
            "lockfiles": str(lockfiles) if lockfiles else None,
            "builder": builder,
            "insecure": list(insecure_registries),
        }

    def get_checkers(self) -> list[type[ImageChecker]]:
        """Return a checker that never says that an image exists: no checker at all would mean that it does."""
        return [Unchecked]

    async def build_image(
        self,
        image: Image,
        dry_run: bool,  # noqa: FBT001  Flyte's protocol
        wait: bool = True,  # noqa: ARG002, FBT001, FBT002  Flyte's protocol; a build always ends before this does
        force: bool = False,  # noqa: FBT001, FBT002  Flyte's protocol
    ) -> ImageBuild:
        """Build and push an image unless the registry has it; return its digest reference.

        Raises `ImageBuildError` with what is wrong and what to do.
        """
        try:
            files, (python, flyte) = list_files(image), host_defaults()
            definition = read_image(image, Path(files[0]).parent if files else Path())
        except OnedigestError as error:
            raise ImageBuildError(str(error)) from error
        request = {
            **self._options,
            "definition": dumps(definition),
            "files": files,
            "python": python,
            "flyte": flyte,
            "force": force,
            "dry_run": dry_run,
        }
        reference = await asyncio.to_thread(_run, request)
        return ImageBuild(uri=reference or image.uri, remote_run=None)


def _run(request: dict[str, Any]) -> str:
    """Have the command line do what is asked for; return the image's reference."""
    command = [sys.executable, "-P", "-m", "onedigest.cli.flyte_build"]
    # what it says goes where the words of this process go
    done = subprocess.run(command, input=json.dumps(request), stdout=subprocess.PIPE, text=True, check=False)  # noqa: TID251  no digest is taken of it
    try:
        answer: dict[str, str] = json.loads(done.stdout)
    except json.JSONDecodeError:
        raise ImageBuildError(f"onedigest ended without an answer, with exit code {done.returncode}") from None
    if "error" in answer:
        raise ImageBuildError(answer["error"])
    return answer["reference"]
