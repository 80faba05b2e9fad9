"""The events of a piece of work as a terminal shows them: words on stderr, a bar and a line where somebody watches."""

from __future__ import annotations

from dataclasses import dataclass

from onedigest.errors import Problem
from onedigest.terminal import progress
from onedigest.terminal.output import print_warning, say
from onedigest.workspace.events import Events, Progress, Status


@dataclass(frozen=True, slots=True)
class TerminalEvents(Events):
    """Shows events. `quiet` shows none; with `results_alone`, words that a result holds too are left out."""

    quiet: bool = False
    results_alone: bool = False
    verbose: bool = False

    @property
    def _silent(self) -> bool:
        return self.quiet or self.results_alone

    def said(self, text: str) -> None:
        """Print words, unless results alone are wanted."""
        if not self._silent:
            say(text)

    def noticed(self, text: str) -> None:
        """Print words beside results, too."""
        if not self.quiet:
            say(text)

    def detailed(self, text: str) -> None:
        """Print words for whoever asked for all of them."""
        if self.verbose and not self._silent:
            say(text)

    def warned(self, problem: Problem) -> None:
        """Print a warning."""
        if not self.quiet:
            print_warning(problem)

    def progress(self, title: str, total: int | None) -> Progress:
        """Return a bar, which is shown on a terminal alone."""
        return progress.Bar(title, total, quiet=self._silent)

    def status(self) -> Status:
        """Return a line, which is shown on a terminal alone; words beside it are those of programs."""
        return progress.Line(quiet=self._silent)
