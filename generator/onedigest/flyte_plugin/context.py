"""The messages of a build for Flyte, each said once: not at every build, nor for every image of a script."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from onedigest.checkout import read_inside
from onedigest.digest import hex_of, of_bytes
from onedigest.errors import InputError, Problem
from onedigest.store import exclusive
from onedigest.terminal.events import TerminalEvents
from onedigest.terminal.output import say
from onedigest.workspace.context import Context
from onedigest.workspace.machine import Machine
from onedigest.workspace.script_image import ScriptImage

_SAID = "flyte-said"


class FlyteContext(Context):
    """What one build for Flyte sees of the world. What it warns of waits until it is known whether that is new."""

    def __init__(self, request: Mapping[str, Any]) -> None:
        events = TerminalEvents()
        machine = Machine.from_environment(insecure=tuple(request["insecure"]), said=events.noticed)
        super().__init__(machine, events, lockfiles=Path(request["lockfiles"]) if request["lockfiles"] else None)
        self._run = str(request["run"])
        self._states: tuple[str, ...] = ()
        self._waiting: list[Problem | str] = []

    def warn(self, problems: Iterable[Problem]) -> None:
        """Print problems that do not stop a build, each once as long as the script is the same."""
        self._take(problems)

    def advise(self, text: str) -> None:
        """Say what somebody is to know of an image, once as long as its script is the same."""
        self._take([text])

    def begin(self, image: ScriptImage, *, anew: bool) -> None:
        """Say what waits, and all else at once: of an image that is locked `anew` also what was said before."""
        path = image.script_folder / Path(image.spec.script).name
        content = of_bytes(read_inside(path, path.parent, image.spec.script))
        state = f"{image.folder.parent} {image.spec.script} {content}"
        self._states = (f"{state} {self._run}", state) if anew else (state,)
        waiting, self._waiting = self._waiting, []
        self._take(waiting)

    def flush(self) -> None:
        """Say what waits, for there is an end."""
        self._states = self._states or (self._run,)
        waiting, self._waiting = self._waiting, []
        self._take(waiting)

    def _take(self, several: Iterable[Problem | str]) -> None:
        if not self._states:
            self._waiting += several
            return
        for each in several:
            if not self._is_new(str(each)):
                continue
            if isinstance(each, str):
                say(each)
            else:
                super().warn([each])

    def _is_new(self, text: str) -> bool:
        """Tell whether nothing said a text yet: several builds of one program are asked at once."""
        texts = [ascii((state, text)) for state in self._states]
        notes = [f"{_SAID}/{hex_of(of_bytes(each.encode()))}" for each in texts]
        with suppress(OSError, InputError), exclusive(self.store.root / _SAID):
            if self.store.read_note(notes[0]) is not None:
                return False
            for note in notes:
                self.store.write_note(note, b"")
        return True
