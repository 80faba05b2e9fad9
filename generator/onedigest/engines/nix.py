"""The engine by which Nix builds an image from its generated default.nix."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from onedigest.engines.diagnosis import build_failure
from onedigest.engines.embedded import refuse_commands
from onedigest.engines.engine import BuildRequest, Built
from onedigest.engines.foreign import adopt
from onedigest.engines.prepared import place_encoded
from onedigest.errors import EngineError
from onedigest.plan.layers import Plan
from onedigest.rules.nix import layer_names
from onedigest.tools.find import check_version, find_tool
from onedigest.tools.processes import ask, running

OLDEST = (2, 8)

_MADE = re.compile(r"building '\S+/[0-9a-z]{32}-(?P<name>\S+)\.drv'")
_NO_PYTHON = (
    "add nixpkgs to NIX_PATH, or set ONEDIGEST_NIX_PYTHON to a python3 (3.11 or newer) that Nix's builders can run"
)


class Nix:
    """The engine of Nix. `python` runs the assembler, or else that of nixpkgs; `say` and `show` take what goes on."""

    name = "nix"

    def __init__(
        self,
        environment: Mapping[str, str],
        python: str,
        *,
        say: Callable[[str], object],
        show: Callable[[str], object],
    ) -> None:
        self._environment = environment
        self._python = python
        self._say = say
        self._show = show

    def check(self, plan: Plan) -> None:
        """Raise `EngineError` where Nix is missing, too old or without Python, or for a plan that runs commands."""
        refuse_commands(plan, "Nix")
        check_version(self._find("nix-build"), OLDEST, self._environment, hint="upgrade it: `nix upgrade-nix`")
        if (
            not self._python
            and ask([self._find("nix-instantiate"), "--find-file", "nixpkgs"], self._environment).returncode
        ):
            raise EngineError.of("Nix has no nixpkgs to take Python from", hint=_NO_PYTHON)

    def build(self, request: BuildRequest) -> Built:
        """Build the OCI layout with Nix, hold it against the plan, and return it."""
        request.fetch(request.whole.layers(), lambda _: None)
        place_encoded(
            request.whole, inputs=request.inputs, store=request.store, workers=request.workers, find=request.find
        )
        made: list[str] = []
        with request.store.scratch() as folder:
            link = folder / "result"
            command = [self._find("nix-build"), str(request.rules), "--out-link", str(link)]
            if self._python:
                command += ["--argstr", "python", self._python]
            with running(
                command, self._environment, folder=request.root, take=lambda line: self._take(line, made)
            ) as process:
                code, log = process.finish()
            if code:
                raise build_failure("Nix", log)
            names = layer_names(request.whole)
            titles = tuple(sorted(each.holds for each in request.whole.layers() if names[each.key()] in made))
            return adopt(request.plan, link.resolve(), request.store, "Nix", titles)

    def _take(self, line: str, made: list[str]) -> None:
        if found := _MADE.search(line):
            made.append(found["name"])
            self._show(f"Nix: {found['name']}")
        self._say(line)

    def _find(self, program: str) -> str:
        hint = "install it (nixos.org/download), or Debian's nix-bin"
        return find_tool((program,), "Nix", self._environment, hint)
