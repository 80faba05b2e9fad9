"""The options of `onedigest build`, and which of them go together."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from onedigest.errors import EngineError, UsageError

_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_PACKED = re.compile(r"(?i)(?P<stem>.+)\.(?:tar\.\w+|t[gbx]z|tzst)")
_FORM = re.compile(r"type=[\w-]+(?:,.*)?")


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildOptions:
    """What is to become of an image."""

    locked: bool = False
    platforms: tuple[str, ...] = ()
    output: Path | None = None
    load: bool = False
    debug: bool = False
    push: bool = False
    attest: bool = False
    repository: str = ""
    tags: tuple[str, ...] = ()

    def check(self) -> None:
        """Raise `UsageError` for wishes that have no meaning."""
        named = self.load or self.push or self.output is not None
        if self.tags and not named:
            raise UsageError.of("--tag needs --output, --load or --push")
        if self.attest and not self.push:
            raise UsageError.of("--attest needs --push")
        if self.debug and (self.locked or self.attest):
            wrong_one = "--locked" if self.locked else "--attest"
            raise UsageError.of(
                f"{wrong_one} says nothing of a debug image, which no lock and no record is about",
                hint=f"`onedigest build {wrong_one}` without --debug is about the image below it",
            )
        if self.repository and not named:
            raise UsageError.of("--repository needs --output, --load or --push")
        if wrong := [tag for tag in self.tags if not _TAG.fullmatch(tag)]:
            name, _, tag = wrong[0].rpartition(":")
            both = f"name both: --repository {name} --tag {tag}" if name and _TAG.fullmatch(tag) else ""
            hint = both or "letters, digits, `_`, `.` and `-`, 128 at most"
            raise UsageError.of(f"`{wrong[0]}` is no tag", hint=hint)
        if self.output is not None:
            _check_output(str(self.output))

    def check_engine(self, engine: str) -> None:
        """Raise `EngineError` for an engine that does not make what is asked for."""
        if self.debug and engine != "embedded":
            raise EngineError.of(
                f"the {engine} engine makes no debug image", hint="leave out --engine: the layers below are the same"
            )

    def check_several(self, count: int) -> None:
        """Raise `UsageError` where one place is named for several images."""
        for option, given in (("--output", self.output), ("--repository", self.repository)):
            if given and count > 1:
                raise UsageError.of(f"{option} names one place for several images", hint="build one image at a time")


def _check_output(name: str) -> None:
    """Raise `UsageError` for an output that means an archive to other tools, and would be a folder here."""
    if name in ("-", "/dev/stdout"):
        raise UsageError.of(
            "no image is written to standard output", hint="name a file: --output FILE.tar; `--load` needs none"
        )
    if _FORM.fullmatch(name):
        raise UsageError.of(
            f"`{name}` is a form of buildx", hint="name the file or the folder alone: --output FILE.tar"
        )
    if packed := _PACKED.fullmatch(name):
        raise UsageError.of(
            f"`{name}`: an archive is a plain .tar, whose layers are compressed",
            hint=f"name it {packed['stem']}.tar",
        )
