"""The builder through which Flyte calls onedigest: the entry point `onedigest` of `flyte.plugins.image_builders`.

Locking and building go on in a process of their own, for they fork workers, and Flyte runs threads.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import IO, Any

from flyte import Image, ImageBuild
from flyte.errors import ImageBuildError
from flyte.extend import ImageChecker

from onedigest.definition.flyte.definition import dumps
from onedigest.errors import EngineError, OnedigestError
from onedigest.flyte_plugin.defining_files import environments_of, find_files, find_siblings
from onedigest.flyte_plugin.sdk import host_defaults, private, read_image

_START = "import sys; sys.path.append(sys.argv[1]); from onedigest.flyte_plugin.child import main; main(sys.argv[2:])"
"""What the other process begins with: modules of Python's own come first there, whatever stands beside a script."""

_RUN = os.urandom(8).hex()
"""What this run of a program is called, in which one thing is said once."""


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
            wanted = {"force": bool(force), "dry_run": bool(dry_run), "run": _RUN}
            request = {**self._options, **_describe(image), **wanted}
        except OnedigestError as error:
            raise ImageBuildError(str(error)) from None
        try:
            reference = await _answered(json.dumps(request))
        except OSError as error:
            raise ImageBuildError(f"onedigest cannot be started: {error}") from None
        return ImageBuild(uri=reference or image.uri, remote_run=None)


def _describe(image: Image) -> dict[str, Any]:
    """Return what the other process is told of an image. Raises `EngineError` where Flyte holds it in another way."""
    try:
        files, (python, flyte) = find_files(image), host_defaults()
        place, registry = Path(files[0]).parent if files else Path(), _push_registry()

        def read(each: Image) -> str:
            found = read_image(each, place)
            named = replace(found, registry=found.registry or registry, environments=environments_of(each))
            return dumps(_as_text(named))

        siblings = []
        for each in find_siblings(image, files):
            with suppress(OnedigestError):  # whoever builds that one is told
                siblings.append(read(each))
        return {"definition": read(image), "siblings": siblings, "files": files, "python": python, "flyte": flyte}
    except (ArithmeticError, LookupError, OSError, TypeError, ValueError) as error:
        name = f" `{image.name}`" if isinstance(image.name, str) else ""
        raise EngineError.of(f"the image{name} cannot be read: {error}", hint="correct its arguments") from error


def _as_text(value: Any, *, is_item: bool = False) -> Any:
    """Return a definition whose numbers and paths are the text that Flyte's own builder makes of them."""
    if is_dataclass(value) and not isinstance(value, type):
        own = {field.name: getattr(value, field.name) for field in fields(value) if field.name != "line"}
        return replace(value, **{name: _as_text(each) for name, each in own.items()})
    if isinstance(value, tuple):
        return tuple(_as_text(each, is_item=True) for each in value)
    if isinstance(value, str) or (isinstance(value, bool) and not is_item):
        return value
    if isinstance(value, int | float | Path):
        return str(value)
    raise TypeError(f"it has {f'{value!r}'[:80]} where text belongs")


def _push_registry() -> str:
    """Return the registry that the configuration gives images without one, or else that of an endpoint on this machine.

    Images are often made before a configuration is read, so what they were given then does not tell.
    """
    with private():
        from flyte._image import _get_push_registry

        return _get_push_registry() or ""


async def _answered(request: str) -> str:
    """Have the other process answer; return the image's reference.

    A thread waits for it that keeps no program from ending: with the program the end of its pipe is closed, and then
    the other process ends too.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[str] = loop.create_future()
    worker = _Worker(request)

    def settle(text: str, error: Exception | None) -> None:
        if answer.done():
            return
        if error:
            answer.set_exception(error)
        else:
            answer.set_result(text)

    def wait() -> None:
        try:
            settled: tuple[str, Exception | None] = worker.run(), None
        except Exception as error:  # noqa: BLE001  whoever waits gets it
            settled = "", error
        with suppress(RuntimeError):  # nobody waits any more
            loop.call_soon_threadsafe(settle, *settled)

    threading.Thread(target=wait, name="onedigest", daemon=True).start()
    try:
        return await answer
    finally:
        worker.leave()


class _Worker:
    """The other process, which has the command line do what is asked for."""

    def __init__(self, request: str) -> None:
        self._request = request
        self._input: IO[str] | None = None
        self._left = False

    def run(self) -> str:
        """Return the image's reference. Raises `ImageBuildError`."""
        options = ["-I", "-S", *(["-B"] if sys.dont_write_bytecode else [])]
        if sys.pycache_prefix:
            options += ["-X", f"pycache_prefix={sys.pycache_prefix}"]
        places = [path for path in sys.path if Path(path).is_absolute()]
        command = [sys.executable, *options, "-c", _START, str(Path(__file__).parents[2]), *places]
        # what it says goes where the words of this process go
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8") as process:
            self._input = process.stdin
            with suppress(OSError, ValueError):
                if process.stdin and not self._left:
                    process.stdin.write(f"{self._request}\n")
                    process.stdin.flush()
            said = process.stdout.readline() if process.stdout else ""
            self.leave()
        try:
            answer: dict[str, str] = json.loads(said)
        except json.JSONDecodeError:
            why = f"onedigest ended without an answer, with exit code {process.returncode}"
            raise ImageBuildError(why) from None
        if "error" in answer:
            raise ImageBuildError(answer["error"])
        return answer["reference"]

    def leave(self) -> None:
        """Want nothing any more: the process ends, and what it started."""
        self._left = True
        if self._input is not None:
            with suppress(OSError, ValueError):
                self._input.close()
