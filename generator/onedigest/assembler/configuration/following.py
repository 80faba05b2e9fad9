"""The calls that a shell script is certain to make, found out without running anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from onedigest.assembler.configuration.answers import ASKING, SILENT, answer, is_kept, printed
from onedigest.assembler.configuration.expanding import Endless, Expander, Value
from onedigest.assembler.configuration.setting import LOCAL, SETTERS
from onedigest.assembler.configuration.shell_tree import (
    Branches,
    Case,
    Command,
    Each,
    Function,
    Group,
    Joined,
    Loop,
    Pipeline,
    Simple,
    Substitution,
    Word,
)
from onedigest.assembler.configuration.sourcing import commands_of
from onedigest.assembler.entry import Entry

STEPS = 10_000
"""How many commands of a script are followed: the longest of Debian needs some hundreds."""

FILES = 10
"""How many files a script may read as its own."""

ENDINGS = frozenset({"break", "continue", "exit", "return"})
"""Commands that end a script, a function or a loop."""


Option = tuple[bool | None, tuple[Command, ...]]
"""Whether some commands are chosen, None where that is not known, and these commands."""


@dataclass(frozen=True, slots=True)
class Call:
    """A command that a script calls, or may call: `words` are its name and arguments, `writes` files that it writes to.

    It is `certain` where the script cannot end without having called it, or failed.
    """

    words: tuple[Value, ...]
    writes: tuple[Value, ...]
    certain: bool


class _Ended(Exception):
    """A command such as `exit` ends the script, a function or a loop, with a result that may be known."""

    def __init__(self, command: str, words: list[Value]) -> None:
        super().__init__(command)
        self.command = command
        self.status = words[0] == "0" if words and words[0] is not None else None


def follow(
    commands: tuple[Command, ...], arguments: tuple[str, ...], variables: Mapping[str, str], files: Mapping[str, Entry]
) -> list[Call]:
    """Return what a script calls that is given some arguments, on a system of some files. Raises `Endless`."""
    follower = _Follower(arguments, variables, files)
    with suppress(_Ended):
        follower.run_all(commands)
    return follower.calls


class _Follower:
    """What a script has called and set so far; what is not `certain` may not run at all."""

    def __init__(self, arguments: tuple[str, ...], variables: Mapping[str, str], files: Mapping[str, Entry]) -> None:
        self.calls: list[Call] = []
        self.words = Expander(self._output, files)
        self.words.arguments = arguments
        self.words.variables = dict(variables)
        self._files = files
        self._functions: dict[str, Command] = {}
        self._certain = True
        self._left: set[str] = set()
        self._printed: list[Value] = []
        self._steps = 0
        self._files_read = 0

    def run_all(self, commands: tuple[Command, ...]) -> bool | None:
        """Run commands one after the other; return how the last one ends."""
        status: bool | None = True
        for command in commands:
            status = self.run(command)
        return status

    def run(self, command: Command) -> bool | None:
        """Run a command; return whether it succeeds, None where that is not known."""
        self._steps += 1
        if self._steps > STEPS:
            raise Endless
        with self.words.deeper():
            return self._run(command)

    def _run(self, command: Command) -> bool | None:  # noqa: PLR0911  one answer for each kind
        match command:
            case Simple():
                return self._simple(command)
            case Joined():
                return self._joined(command)
            case Pipeline():
                return self._pipeline(command)
            case Branches():
                return self._choose(self._branches(command))
            case Case():
                return self._choose(self._case(command))
            case Each():
                return self._each(command)
            case Loop():
                return self._loop(command)
            case Group():
                return self._apart(command.body) if command.apart else self.run_all(command.body)
            case Function():
                self._functions[command.name] = command.body
        return True

    def _joined(self, joined: Joined) -> bool | None:
        status = self.run(joined.first)
        for operator, command in joined.rest:
            skipped = operator == "||"
            if status is skipped:
                continue
            if status is None:
                other: bool | None = skipped  # where the command ends the script
                with self._perhaps():
                    other = self.run(command)
                status = skipped if other is skipped else None
            else:
                status = self.run(command)
        return status

    def _pipeline(self, pipeline: Pipeline) -> bool | None:
        status = None
        if len(pipeline.commands) > 1:
            for command in pipeline.commands:
                status = self._apart((command,))
            self._printed = [None]
        else:
            status = self.run(pipeline.commands[0])
        return None if status is None else status is not pipeline.negated

    def _branches(self, command: Branches) -> Iterator[Option]:
        for condition, body in command.branches:
            yield self.run_all(condition), body
        yield True, command.otherwise

    def _case(self, case: Case) -> Iterator[Option]:
        value = self.words.value(case.word)
        for patterns, body in case.arms:
            fits = [self._fits(value, pattern) for pattern in patterns]
            yield True if True in fits else None if None in fits else False, body

    def _choose(self, options: Iterator[Option]) -> bool | None:
        """Run the first that holds; behind one of which that is not known, each may run up to one that holds."""
        certain = self._certain
        states: list[dict[str, Value]] = []
        while True:
            try:
                holds, body = next(options, (None, None))
            except _Ended as ended:
                if not states:
                    raise
                self._doubt(ended)
                break
            if body is None:
                break
            if holds is True and not states:
                return self.run_all(body)
            if holds is False:
                continue
            self._certain = False
            before = dict(self.words.variables)
            with self._perhaps(forgetful=False):
                self.run_all(body)
            states.append(self.words.variables)
            self.words.variables = before
            if holds:
                self.words.variables = states.pop()
                break
        for state in states:
            self._forget_other_than(state)
        self._certain = certain and not self._left
        return None if states else True

    def _fits(self, value: Value, pattern: Word) -> bool | None:
        found = self.words.pattern(pattern)
        if found == "*":
            return True
        return None if value is None or found is None else self.words.fits(value, found)

    def _each(self, each: Each) -> bool | None:
        words = list(self.words.arguments) if each.words is None else self.words.fields(each.words)
        status: bool | None = True
        certain = self._certain
        for word in words:
            self.words.variables[each.name] = word
            try:
                if word is None:  # perhaps several, perhaps none
                    with self._perhaps():
                        self.run_all(each.body)
                    status = None
                else:
                    status = self.run_all(each.body)
            except _Ended as ended:
                if ended.command == "break":
                    break
                if ended.command != "continue":
                    raise
        self._left -= {"break", "continue"}
        self._certain = certain and not self._left
        return status

    def _loop(self, loop: Loop) -> bool | None:
        """Follow what may run any number of times: once, so that what it sets is known to be unknown."""
        before = dict(self.words.variables)
        calls = len(self.calls)
        with self._perhaps():
            self.run_all((*loop.condition, *loop.body))
        # once more, now that what the first time set is known to be unknown
        self._forget_other_than(before)
        del self.calls[calls:]
        with self._perhaps():
            self.run_all((*loop.condition, *loop.body))
        return None

    def _apart(self, body: tuple[Command, ...]) -> bool | None:
        before, arguments = dict(self.words.variables), self.words.arguments
        try:
            return self.run_all(body)
        except _Ended:
            return None
        finally:
            self.words.variables, self.words.arguments = before, arguments

    def _simple(self, command: Simple) -> bool | None:
        words = self.words.fields(command.words)
        writes = tuple(filter(is_kept, map(self.words.value, command.writes)))
        values = {name: self.words.value(value) for name, value in command.assignments}
        if not words:
            self.words.variables |= {} if command.words else values
            self._note((), writes)
            return None if None in values.values() else True
        if words[0] == "exec" and len(words) > 1:
            self._note(tuple(words[1:]), writes)
            raise _Ended("exit", [None])
        while words[:1] in (["command"], ["exec"], ["builtin"]) and words[1:2] not in (["-v"], ["-V"]):
            words = words[1:]
        name = words[0] if words else ":"
        if name in self._functions:
            return self._function(self._functions[name], words[1:])
        if name in SETTERS:
            self._note((), writes)
            return self._set(name, words[1:], command.words[1:])
        if name and name in ENDINGS:
            raise _Ended(name, words[1:])
        sourced = self._sourced(words) if name == "." else None
        if sourced is not None:
            return self.run_all(sourced)
        found = printed(words, self.words.variables, self._files) if not writes else ""
        if found != "":
            self.words.take(len(found or "") >> 5)
            self._printed.append(found if self._certain else None)
        self.words.forget(name or "")
        if not found and (writes or name not in ASKING):
            self._note(tuple(words), writes)
        return True if name in SILENT else answer(words, self._files, self.words.is_folder)

    def _set(self, name: Value, words: list[Value], written: tuple[Word, ...]) -> bool | None:
        """Run a command that sets variables, by its words as they are known, and as they are written."""
        if name in LOCAL:
            self.words.localize(written)
        status = SETTERS[name](self.words, words)
        if None in words:
            self.words.forget_assigned(written)
        return status

    def _sourced(self, words: list[Value]) -> tuple[Command, ...] | None:
        """Return the commands of a file that a script reads as its own, None where they are not known."""
        self._files_read += 1
        path = words[1] if len(words) > 1 else None
        return commands_of(path, self._files) if path and self._files_read <= FILES else None

    def _note(self, words: tuple[Value, ...], writes: tuple[Value, ...]) -> None:
        if writes or words:
            self.calls.append(Call(words, writes, self._certain))

    def _function(self, body: Command, arguments: list[Value]) -> bool | None:
        certain, before, outer = self._certain, self.words.arguments, self.words.outer
        self.words.arguments, self.words.outer = tuple(arguments), {}
        try:
            return self.run(body)
        except _Ended as ended:
            if ended.command != "return":
                raise
            return ended.status
        finally:
            self.words.variables |= self.words.outer
            self.words.arguments, self.words.outer = before, outer
            self._left.discard("return")
            self._certain = certain and not self._left

    @contextmanager
    def _perhaps(self, *, forgetful: bool = True) -> Iterator[None]:
        """Run what may or may not run: what it sets is not known afterwards, and neither is what follows its end."""
        certain, before = self._certain, dict(self.words.variables)
        self._certain = False
        try:
            yield
        except _Ended as ended:
            self._doubt(ended)
        finally:
            self._certain = certain and not self._left
            if forgetful:
                self._forget_other_than(before)

    def _doubt(self, ended: _Ended) -> None:
        """Note that what follows may not run, but where the script fails: nothing is made then."""
        if ended.command != "exit" or ended.status is not False:
            self._left.add(ended.command)

    def _forget_other_than(self, others: Mapping[str, Value]) -> None:
        self.words.take(len(others) + len(self.words.variables))
        for name in self.words.variables.keys() | others.keys():
            if self.words.variables.get(name, "") != others.get(name, ""):
                self.words.variables[name] = None

    def _output(self, substitution: Substitution) -> Value:
        """Return what commands print, as far as it is known; what they call is noted."""
        if substitution.commands is None:
            return None
        before, self._printed = self._printed, []
        self._apart(substitution.commands)
        lines, self._printed = self._printed, before
        text = None if None in lines else self.words.line([str(line) for line in lines], "\n")
        return None if text is None else text.rstrip("\n")
