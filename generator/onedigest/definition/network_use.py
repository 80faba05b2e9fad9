"""The commands of a shell that reach for a network, by their names and arguments; nothing of them is run."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from onedigest.assembler.configuration.shell import read_script
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
    Text,
    Variable,
    Word,
)
from onedigest.assembler.configuration.shell_words import Unreadable

PYTHON_PACKAGES, DEBIAN_PACKAGES, FILES = "python packages", "debian packages", "files"
"""What a command fetches, which decides what is to be written instead."""

_MOST_INNER = 4
"""How many shells may be in each other."""


class _Fetching(NamedTuple):
    """What a program fetches, and behind which of its words: all of them where there are none."""

    kind: str
    words: frozenset[str] = frozenset()


def _rows(kind: str, programs: str, words: str = "") -> dict[str, _Fetching]:
    return {program: _Fetching(kind, frozenset(words.split())) for program in programs.split()}


_PROGRAMS = {
    **_rows(FILES, "curl wget aria2c scp sftp rsync gdown nltk.downloader"),
    **_rows(FILES, "git", "clone fetch pull submodule ls-remote lfs remote-update"),
    **_rows(FILES, "svn hg", "checkout co export update clone pull"),
    **_rows(FILES, "huggingface-cli hf", "download upload login"),
    **_rows(
        FILES, "aws gsutil gcloud az s3cmd rclone kaggle mc dvc", "s3 cp sync storage download pull get copy rsync"
    ),
    **_rows(FILES, "npm pnpm", "install i ci add exec update"),
    **_rows(FILES, "yarn", "install add dlx"),
    **_rows(FILES, "npx bunx brew"),
    **_rows(FILES, "bun deno", "install add cache x"),
    **_rows(FILES, "go", "get install mod"),
    **_rows(FILES, "cargo", "install build fetch add"),
    **_rows(FILES, "gem bundle", "install update"),
    **_rows(FILES, "conda mamba micromamba", "install create update env"),
    **_rows(FILES, "pixi", "install add global"),
    **_rows(FILES, "playwright spacy", "install download"),
    **_rows(FILES, "docker podman", "pull"),
    **_rows(FILES, "ollama", "pull run"),
    **_rows(PYTHON_PACKAGES, "pip pip3 pipx", "install download wheel run"),
    **_rows(PYTHON_PACKAGES, "uv", "pip sync add tool python run lock"),
    **_rows(PYTHON_PACKAGES, "poetry pdm rye hatch", "install add sync update"),
    **_rows(PYTHON_PACKAGES, "uvx easy_install"),
    **_rows(
        DEBIAN_PACKAGES, "apt apt-get aptitude", "update install upgrade dist-upgrade full-upgrade build-dep source"
    ),
    **_rows(DEBIAN_PACKAGES, "apk dnf yum microdnf tdnf zypper", "add update install upgrade makecache"),
    **_rows(DEBIAN_PACKAGES, "add-apt-repository"),
}
_NUMBERED = re.compile(r"(pip|python)[0-9.]*")
_OFFLINE = {"--no-index", "--offline", "--version", "-V", "--help", "-h"}
_LOCAL = re.compile(r"(?:https?|ftp)://(?:localhost|127\.0\.0\.1|\[::1\])[:/]|file://")
_CODE = re.compile(
    r"urlopen|urlretrieve|requests\.(?:get|post|Session)|httpx\.|from_pretrained|snapshot_download|hf_hub_download"
    r"|nltk\.download|spacy\.cli\.download|torch\.hub|load_dataset|gdown\.|SentenceTransformer\(|fetch_openml"
)
_SHELLS = {"sh", "bash", "dash", "ash", "zsh", "ksh"}
_BEFORE = frozenset(
    (
        *("command", "doas", "env", "eval", "exec", "ionice", "nice"),
        *("nohup", "stdbuf", "sudo", "time", "timeout", "xargs"),
    )
)
"""Programs that run the others of their words."""
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=.*", re.DOTALL)
_WORD = re.compile(r"[\w.+/-]+")
_PIPE = re.compile(r"(?<!\|)\|(?!\|)")


@dataclass(frozen=True, kw_only=True, slots=True)
class NetworkUse:
    """A command that reaches for a network. `hidden` tells whether a shell may go on as if it had not failed."""

    program: str
    kind: str
    hidden: bool = False

    @property
    def message(self) -> str:
        """What is to be said of it."""
        goes_on = "it fails, and the shell goes on without what it was to bring"
        then = goes_on if self.hidden else "the build fails there"
        return f"`{self.program}` reaches for a network, and commands of an image have none: {then}"


def network_uses(script: str) -> list[NetworkUse]:
    """Return the commands of a shell script that reach for a network, a program once, in their order."""
    found: dict[str, NetworkUse] = {}
    for use in _of_script(script, hidden=False, pipes_tell=True, depth=0):
        name = use.program.partition(" ")[0]
        known = found.get(name)
        found[name] = replace(use, hidden=use.hidden and (known is None or known.hidden))
    return list(found.values())


def network_use_of(words: Sequence[str]) -> list[NetworkUse]:
    """Return what a command, given as its words, has of it."""
    return list(_of_words(list(words), hidden=False, depth=0))


def has_pipeline(script: str) -> bool:
    """Tell whether commands of a script read from each other, or may: what cannot be read is taken at its word."""
    if not _PIPE.search(script):
        return False
    try:
        commands = read_script(script.encode("utf-8", "surrogateescape"))
    except (Unreadable, RecursionError):
        return True
    return any(isinstance(each, Pipeline) and len(each.commands) > 1 for each in _every(commands))


def _of_script(script: str, *, hidden: bool, pipes_tell: bool, depth: int) -> Iterator[NetworkUse]:
    try:
        commands = read_script(script.encode("utf-8", "surrogateescape"))
    except (Unreadable, RecursionError):
        for name in dict.fromkeys(map(posixpath.basename, _WORD.findall(script))):
            if name in _PROGRAMS and not _PROGRAMS[name].words:
                yield NetworkUse(program=name, kind=_PROGRAMS[name].kind, hidden=True)
        return
    yield from _Walk(pipes_tell=pipes_tell, depth=depth).several(commands, hidden=hidden)


class _Walk:
    """Goes through the commands of a script, and keeps whether the result of each counts."""

    def __init__(self, *, pipes_tell: bool, depth: int) -> None:
        self._pipes_tell = pipes_tell
        self._depth = depth
        self._ends_on_errors = False

    def several(self, commands: Sequence[Command], *, hidden: bool) -> Iterator[NetworkUse]:
        for number, command in enumerate(commands, 1):
            goes_on = number < len(commands) and not self._ends_on_errors
            yield from self._one(command, hidden=hidden or goes_on)

    def _one(self, command: Command, *, hidden: bool) -> Iterator[NetworkUse]:
        if isinstance(command, Simple):
            yield from self._simple(command, hidden=hidden)
        else:
            for commands, is_hidden in _parts(command, pipes_tell=self._pipes_tell):
                yield from self.several(commands, hidden=hidden or is_hidden)

    def _simple(self, command: Simple, *, hidden: bool) -> Iterator[NetworkUse]:
        words = [_text(word) for word in command.words]
        if words[:1] == ["set"] and _has_error_option(words[1:]):
            self._ends_on_errors = True
        yield from _of_words(words, hidden=hidden, depth=self._depth)
        for commands in _substituted(_words_of(command)):
            yield from self.several(commands, hidden=hidden or bool(words))


def _has_error_option(words: Sequence[str | None]) -> bool:
    options = [word for word in words if word and word.startswith("-")]
    return any(re.fullmatch(r"-[a-z]*e[a-z]*", option) for option in options) or "errexit" in words


def _of_words(words: Sequence[str | None], *, hidden: bool, depth: int) -> Iterator[NetworkUse]:
    """Yield what a command is of it; a word that is not known is None."""
    words = _without_wrappers(words)
    if not words or words[0] is None:
        return
    name, rest = posixpath.basename(words[0]), list(words[1:])
    if name in _SHELLS:
        yield from _of_shell(rest, hidden=hidden, depth=depth)
        return
    if _NUMBERED.fullmatch(name):
        name = re.sub(r"[0-9.]+\Z", "", name)
    if name == "python":
        if rest[:1] == ["-m"] and len(rest) > 1:
            yield from _of_words(rest[1:], hidden=hidden, depth=depth)
        elif "-c" in rest[:-1] and (code := rest[rest.index("-c") + 1]) and _CODE.search(code):
            yield NetworkUse(program="python -c", kind=FILES, hidden=hidden)
        return
    row = _PROGRAMS.get(name)
    if row and _fetches(name, rest, row):
        yield NetworkUse(program=_shown(name, rest, row), kind=row.kind, hidden=hidden)


def _without_wrappers(words: Sequence[str | None]) -> list[str | None]:
    """Take off programs that run the others of their words, with what belongs to them."""
    left = list(words)
    while left and left[0] is not None and posixpath.basename(left[0]) in _BEFORE:
        wrapper = posixpath.basename(left.pop(0) or "")
        if wrapper == "command" and left[:1] and (left[0] or "").startswith("-"):
            return []  # it only asks
        while left and left[0] and (left[0].startswith("-") or _ASSIGNMENT.fullmatch(left[0])):
            left.pop(0)
        if wrapper == "timeout" and left:
            left.pop(0)
        if wrapper in ("nice", "xargs", "stdbuf", "ionice") and left and left[0] and left[0].isdecimal():
            left.pop(0)
    return left


def _of_shell(rest: Sequence[str | None], *, hidden: bool, depth: int) -> Iterator[NetworkUse]:
    options = [word for word in rest if word and word.startswith("-")]
    at = next((n for n, word in enumerate(rest) if word and re.fullmatch(r"-[a-z]*c", word)), -1)
    script = rest[at + 1] if 0 <= at < len(rest) - 1 else None
    if script and depth < _MOST_INNER:
        own = f"set -e\n{script}" if _has_error_option(options) else script
        yield from _of_script(
            own, hidden=hidden, pipes_tell="pipefail" in rest or "pipefail" in script, depth=depth + 1
        )


def _fetches(name: str, rest: Sequence[str | None], row: _Fetching) -> bool:
    known = [word for word in rest if word is not None]
    if _OFFLINE & set(known) or not rest:
        return False
    if row.kind == PYTHON_PACKAGES and "--no-deps" in known and len(known) == len(rest):
        places = [word for word in known if not word.startswith("-") and word not in row.words]
        return not all(place.endswith(".whl") and "://" not in place for place in places)
    if row.words:
        return any(word in row.words for word in [each for each in known if not each.startswith("-")][:3])
    if name in ("curl", "wget"):
        places = [word for word in known if not word.startswith("-")]
        return len(known) < len(rest) or any(not _LOCAL.match(place) for place in places)
    return name not in ("scp", "rsync") or any(":" in word for word in known)


def _shown(name: str, rest: Sequence[str | None], row: _Fetching) -> str:
    second = next((word for word in rest if word in row.words), "")
    return f"{name} {second}".strip()


def _text(word: Word) -> str | None:
    """Return a word that stands for itself; of one with variables, its text with them as they are written."""
    parts = []
    for piece in word:
        match piece:
            case Text():
                parts.append(piece.value)
            case Variable():
                parts.append(f"${{{piece.name}}}")
            case _:
                return None
    return "".join(parts)


def _words_of(command: Simple) -> list[Word]:
    return [*command.words, *(word for _, word in command.assignments), *command.writes]


def _substituted(words: Sequence[Word]) -> Iterator[tuple[Command, ...]]:
    for word in words:
        for piece in word:
            if isinstance(piece, Substitution) and piece.commands:
                yield piece.commands
            elif isinstance(piece, Variable):
                yield from _substituted([piece.operand])


def _parts(command: Command, *, pipes_tell: bool) -> list[tuple[Sequence[Command], bool]]:
    """Return the commands in one, each with whether it may fail without the whole failing.

    `pipes_tell` is for shells whose pipelines fail with any of their commands.
    """
    found: list[tuple[Sequence[Command], bool]] = []
    match command:
        case Joined():
            operators = [operator for operator, _ in command.rest]
            several = [command.first, *(each for _, each in command.rest)]
            found = [((each,), "||" in operators[number:]) for number, each in enumerate(several)]
        case Pipeline():
            last = len(command.commands)
            tells = [pipes_tell or number == last for number in range(1, last + 1)]
            found = [((each,), command.negated or not tell) for each, tell in zip(command.commands, tells, strict=True)]
        case Branches():
            found = [pair for condition, body in command.branches for pair in ((condition, True), (body, False))]
            found.append((command.otherwise, False))
        case Case():
            found = [(body, False) for _, body in command.arms]
        case Loop():
            found = [(command.condition, True), (command.body, True)]
        case Each():
            found = [(command.body, True)]
        case Group():
            found = [(command.body, False)]
        case Function():
            found = [((command.body,), False)]
    return found


def _every(commands: Sequence[Command]) -> Iterator[Command]:
    """Yield commands with all that are in them."""
    waiting = list(commands)
    while waiting:
        command = waiting.pop()
        yield command
        if isinstance(command, Simple):
            waiting += [each for several in _substituted(_words_of(command)) for each in several]
        waiting += [each for several, _ in _parts(command, pipes_tell=True) for each in several]
