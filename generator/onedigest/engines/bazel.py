"""The engine by which Bazel builds an image from its generated BUILD file, in the user's own workspace."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from onedigest.engines.diagnosis import build_failure
from onedigest.engines.embedded import refuse_commands
from onedigest.engines.engine import BuildRequest, Built
from onedigest.engines.foreign import adopt
from onedigest.engines.prepared import place_encoded
from onedigest.errors import EngineError
from onedigest.plan.layers import Plan
from onedigest.rules.bazel import find_package, find_root
from onedigest.rules.bazel_layers import layer_targets
from onedigest.tools.find import check_version, find_tool
from onedigest.tools.processes import ask, running

OLDEST = (7, 1)

_MADE = re.compile(r"SUBCOMMAND: # (?://|@@?//)\S*:(?P<name>\S+) \[action 'Making layer ")
_FLAGS = ("--color=no", "--curses=no", "--show_result=0", "--noshow_progress", "--subcommands")
_NO_WORKSPACE = "a file MODULE.bazel makes one; {extensions} says what belongs into it"


class Bazel:
    """The engine of Bazel. `say` takes lines of the log with `verbose`; `show` says what is made."""

    name = "bazel"

    def __init__(
        self, environment: Mapping[str, str], *, say: Callable[[str], object], show: Callable[[str], object]
    ) -> None:
        self._environment = environment
        self._say = say
        self._show = show

    def check(self, plan: Plan) -> None:
        """Raise `EngineError` where Bazel is missing or too old, or for a plan that runs commands."""
        refuse_commands(plan, "Bazel")
        check_version(
            self._program(),
            OLDEST,
            self._environment,
            hint="say which one in .bazelversion, and call it by bazelisk",
        )

    def build(self, request: BuildRequest) -> Built:
        """Build the OCI layout with Bazel, hold it against the plan, and return it."""
        lockfiles = request.rules.parent
        root = find_root(lockfiles)
        if root is None:
            raise EngineError.of(
                "there is no Bazel workspace: no MODULE.bazel or WORKSPACE in a folder above the locks",
                where=lockfiles.name,
                hint=_NO_WORKSPACE.format(extensions=f"{lockfiles.name}/extensions.bzl"),
            )
        request.fetch(request.whole.layers(), lambda _: None)
        place_encoded(
            request.whole, inputs=request.inputs, store=request.store, workers=request.workers, find=request.find
        )
        package = f"{find_package(lockfiles)}/{request.plan.name}"
        made: list[str] = []
        command = [self._program(), "build", *_FLAGS, f"{package}:{request.plan.name}"]
        with running(command, self._environment, folder=root, take=lambda line: self._take(line, made)) as process:
            code, log = process.finish()
        if code:
            raise build_failure("Bazel", log)
        output = ask([self._program(), "info", "bazel-bin"], self._environment, root)
        if output.returncode:
            raise build_failure("Bazel", output.stderr)
        layout = Path(output.stdout.strip()) / package.removeprefix("//") / f"{request.plan.name}.layout"
        return adopt(request.plan, layout, request.store, "Bazel", self._titles(request.whole, made))

    def _take(self, line: str, made: list[str]) -> None:
        if found := _MADE.match(line):
            made.append(found["name"])
            self._show(f"Bazel: {found['name']}")
        self._say(line)

    def _titles(self, plan: Plan, made: list[str]) -> tuple[str, ...]:
        """Return what the layers hold that Bazel had to make."""
        targets = layer_targets(plan)
        return tuple(sorted(layer.holds for layer in plan.layers() if targets[layer.key()].name in made))

    def _program(self) -> str:
        hint = "install bazelisk (bazel.build/install), or Debian's bazel-bootstrap"
        return find_tool(("bazel", "bazelisk"), "Bazel", self._environment, hint)
