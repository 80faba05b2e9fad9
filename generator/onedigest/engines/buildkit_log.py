"""The plain log of BuildKit: the parts that are worth a line of ours, and the meaning of a failure."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection

from onedigest.errors import EngineError, InputError, OnedigestError

_STEP = re.compile(r"#(?P<number>\d+) \[(?:linux/\S+ )?(?P<stage>[a-z][\w.-]*) +\d+/\d+\] RUN ")
_END = re.compile(r"#(?P<number>\d+) (?:DONE (?P<seconds>[\d.]+)s|(?P<cached>CACHED))$")
_MISSING = re.compile(r'"/?(?P<path>[^"]*)": not found')
_COMMAND = re.compile(r'process "(?P<command>.*)" did not complete successfully: exit code: (?P<code>\d+)')
_STAGE = re.compile(r"(?m)^ > \[(?:linux/\S+ )?(?P<stage>[a-z][\w.-]*) +\d+/\d+\]")
_FAILED = re.compile(r"(?m)^#(?P<number>\d+) ERROR: process ")
_OUTPUT = re.compile(r"(?m)^#(?P<number>\d+) [\d.]+ (?P<line>.*)$")
_LAST_LINES = 10
_LONGEST, _LONGEST_LINE = 8000, 1000
"""Characters of an error, and of a line of output, that are read and shown: a command prints what it likes."""


class CleanLog:
    """Turns BuildKit's log into one line for each step that ended, and tells which are running."""

    def __init__(self, say: Callable[[str], object], running: Callable[[Collection[str]], object]) -> None:
        self._say = say
        self._running = running
        self._steps: dict[str, str] = {}
        self._told: set[str] = set()

    def take(self, line: str) -> None:
        """Take the next line of the log."""
        if step := _STEP.match(line):
            self._steps[step["number"]] = step["stage"]
            self._running(sorted(set(self._steps.values())))
        elif (end := _END.match(line)) and (stage := self._steps.pop(end["number"], "")):
            if stage not in self._told:  # both platforms name a stage that they share
                self._told.add(stage)
                self._say(f"  {stage}: {'cached' if end['cached'] else end['seconds'] + ' s'}")
            self._running(sorted(set(self._steps.values())))


def failure(log: str, inputs: str) -> OnedigestError:
    """Return the error that a failed build's log stands for; `inputs` is the name of the folder of inputs."""
    error = next((line for line in reversed(log.splitlines()) if line.startswith("ERROR: ")), "")
    said = re.sub(r"^ERROR: (?:failed to build: )?(?:failed to solve: )?", "", error)[:_LONGEST] or "it gave no reason"
    if "no space left on device" in log:
        return EngineError.of(
            "BuildKit has no space left on its disk",
            hint="free some with `docker buildx prune`, or use another builder",
        )
    if "exporter is not supported" in said or "exporting to OCI" in said:
        return EngineError.of(
            f"this builder cannot export OCI: {said}", hint="`docker buildx create --driver docker-container` makes one"
        )
    if (missing := _MISSING.search(said)) and f"/{inputs}/" in f"/{missing['path']}":
        return InputError.of(f"`{missing['path']}` is missing", hint="run `onedigest fetch`")
    if "exec format error" in log:
        return EngineError.of(
            "the builder cannot run commands of the other platform", hint="install qemu-user-static where it runs"
        )
    if command := _COMMAND.search(said):
        return _command_failure(log, command["command"], command["code"])
    return EngineError.of(f"BuildKit failed: {said}", hint="--verbose shows its log")


def _command_failure(log: str, command: str, code: str) -> OnedigestError:
    stage = _STAGE.search(log)
    printed = list(_OUTPUT.finditer(log.partition("\n------\n")[0]))
    if failed := _FAILED.search(log):  # others run meanwhile, and print too
        printed = [match for match in printed if match["number"] == failed["number"]]
    said = [match["line"] for match in printed][-_LAST_LINES:]
    shown = "".join(f"\n  {line[:_LONGEST_LINE]}" for line in said)
    if stage and stage["stage"].startswith("run-"):
        return InputError.of(f"`run` failed on linux/{stage['stage'][4:]} with code {code}: {command}{shown}")
    if refused := next((line for line in said if line.startswith("refused: ")), ""):
        return InputError.of(refused.removeprefix("refused: "), hint="run `onedigest fetch`")
    return EngineError.of(f"a build stage failed with code {code}: {command}{shown}", hint="--verbose shows the log")
