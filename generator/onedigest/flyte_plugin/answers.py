"""The last answer of a build for Flyte, which holds while nothing that it came from has changed.

All files of the project are held against what they were: by size, times and number, and by content where they are so
young that a change could leave those as they are. The registry is asked each time. This imports little; where it cannot
tell, all is looked at.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import stat
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import onedigest
from onedigest.assembler.left_out import COMPILED, COMPILED_SUFFIX, ENVIRONMENT, REPOSITORY
from onedigest.seal import read_key, unsealed
from onedigest.workspace.own_store import key_path, store_path

if TYPE_CHECKING:
    from onedigest.store import Store

_FORMAT = "1"
_MOST_FILES = 4000
"""So many are looked at in less time than the long way takes."""

_MOST_YOUNG = 8 << 20
_SETTLED = 3.0
"""Seconds after which a change moves a file's times on every file system."""

_OF_SHELLS = {"COLUMNS", "LINES", "OLDPWD", "SHLVL", "_"}
"""Variables that shells move from one command to the next."""

_PASSED = {ENVIRONMENT: "", "cache.db": "local-cache"}
"""Files that tell a folder, and what it is called: a virtual environment, and what Flyte writes to at each build."""

_ABOVE = ("onedigest.toml", "pyproject.toml", REPOSITORY)
_PATIENCE = 5.0
_MOST_HEAD = 1 << 16


class Answer(NamedTuple):
    """What a build answered: the image, where it is, and what is said when it is there already.

    `accept` is what a registry is told to be asked for.
    """

    registry: str
    repository: str
    tag: str
    digest: str
    accept: str
    said: str

    @property
    def reference(self) -> str:
        """The image by its digest."""
        return f"{self.registry}/{self.repository}@{self.digest}"


class ProjectFiles:
    """The files below a folder, as they are now; `lockfiles` is the folder of all locks in it.

    `passed` are the folders whose files do not count.
    """

    def __init__(self, root: Path, lockfiles: str, further: Iterable[str]) -> None:
        self.root = root
        self.lockfiles = lockfiles
        self.further = tuple(further)
        self.passed: list[str] = []
        self.states = dict(self._states(str(root), lockfiles))
        for folder in root.parents:
            self.states.update(_state(f"{folder}/{name}") for name in _ABOVE)
        self.states.update(_state(path) for path in self.further)

    @property
    def is_whole(self) -> bool:
        """Tell whether all files were looked at."""
        return len(self.states) <= _MOST_FILES

    def of_image(self, name: str) -> dict[str, str]:
        """Return the states of all files, and of those in the folder of one lock."""
        return {**self.states, **dict(self._states(f"{self.root}/{self.lockfiles}/{name}", ""))}

    def _states(self, start: str, left_out: str) -> Iterator[tuple[str, str]]:
        waiting, count = [start], 0
        while waiting and count <= _MOST_FILES:
            folder = waiting.pop()
            with os.scandir(folder) as several:
                entries = [
                    each for each in several if each.name != COMPILED and not each.name.endswith(COMPILED_SUFFIX)
                ]
            if folder != start and any(folder.endswith(_PASSED.get(each.name, "/")) for each in entries):
                self.passed.append(folder)
                continue
            count += len(entries)
            for each in entries:
                if (folder, each.name) == (start, left_out):
                    continue
                if not each.is_dir(follow_symlinks=False):
                    yield _state(each.path)
                    continue
                yield each.path, "folder"
                if each.name != REPOSITORY:
                    waiting.append(each.path)


def recall_answer(request: Mapping[str, Any], find_modules: Callable[[], object] = lambda: None) -> str:
    """Return the reference of an image that is as it was, and where it was; nothing where that is not certain.

    `find_modules` is called before more is imported than Python's own modules.
    """
    text = _read_note(_name(request)) if _may_be_kept(request) else None
    if text is None:
        return ""
    kept: dict[str, Any] = json.loads(text)
    project = ProjectFiles(Path(kept["root"]), kept["lockfiles"], kept["further"])
    if not project.is_whole or _digest(project.of_image(kept["name"])) != kept["states"]:
        return ""
    if any(_content(path) != digest for path, digest in kept["young"].items()):
        return ""
    answer = Answer(*kept["answer"])
    if not _is_here(answer):
        find_modules()
        if not _is_there(answer, request):
            return ""
    print(answer.said, file=sys.stderr, flush=True)
    return answer.reference


def remember(store: Store, request: Mapping[str, Any], name: str, before: ProjectFiles, answer: Answer) -> None:
    """Keep an answer, unless a file of the project was changed since `before`, when none had been read."""
    now = time.time()
    after = ProjectFiles(before.root, before.lockfiles, before.further)
    if not (_may_be_kept(request) and after.is_whole and after.states == before.states):
        return
    states = after.of_image(name)
    young = [path for path, state in states.items() if _moved(state) > now - _SETTLED]
    if sum(Path(path).stat().st_size for path in young) > _MOST_YOUNG:
        return
    kept = {
        "root": str(after.root),
        "lockfiles": after.lockfiles,
        "further": after.further,
        "name": name,
        "states": _digest(states),
        "young": {path: _content(path) for path in young},
        "answer": answer,
    }
    store.write_note(_name(request), json.dumps(kept).encode())


def _read_note(name: str) -> bytes | None:
    """Return a note of the store, without what it takes to write one."""
    path, key = store_path(os.environ) / name, key_path(os.environ)
    return unsealed(read_key(key), name, path.read_bytes()) if key and path.exists() else None


def _may_be_kept(request: Mapping[str, Any]) -> bool:
    return not (request["locked"] or request["force"] or request["dry_run"] or os.environ.get("ONEDIGEST_LOCKED"))


def _name(request: Mapping[str, Any]) -> str:
    """Return what an answer is kept under: all that it came from, but for files."""
    own = os.lstat(onedigest.__file__)
    variables = {name: value for name, value in os.environ.items() if name not in _OF_SHELLS}
    program = [_FORMAT, onedigest.__version__, onedigest.__file__, own.st_ino, own.st_ctime_ns, sys.version]
    asked = {name: value for name, value in request.items() if name != "run"}
    return f"flyte-answers/{_digest([program, str(Path.cwd()), variables, asked])}"


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _state(path: str) -> tuple[str, str]:
    """Return a path, and what changes with the file that it names."""
    try:
        found, link = os.lstat(path), ""
        if stat.S_ISLNK(found.st_mode):
            found, link = Path(path).stat(), str(Path(path).readlink())
    except (OSError, ValueError):
        return path, "none"
    if stat.S_ISDIR(found.st_mode):
        return path, f"folder {link}"
    return path, f"{found.st_mode} {found.st_size} {found.st_ino} {found.st_mtime_ns} {found.st_ctime_ns} {link}"


def _moved(state: str) -> float:
    """Return when a file was changed last, in seconds; 0 where there is none."""
    words = state.split(" ")
    return int(words[4]) / 1e9 if len(words) > 4 else 0.0


def _content(path: str) -> str:
    with Path(path).open("rb") as file:
        return hashlib.sha256(file.read(_MOST_YOUNG + 1)).hexdigest()


def _is_here(answer: Answer) -> bool:
    """Tell whether a registry on this machine says that it has the image, by one request without TLS."""
    host, _, port = answer.registry.rpartition(":")
    if host not in ("localhost", "127.0.0.1") or not port.isdigit():
        return False
    head = b""
    with suppress(OSError), socket.create_connection((host, int(port)), _PATIENCE) as connection:
        connection.settimeout(_PATIENCE)
        lines = (
            f"HEAD /v2/{answer.repository}/manifests/{answer.tag} HTTP/1.1",
            f"Host: {answer.registry}",
            f"Accept: {answer.accept}",
            "User-Agent: onedigest",
            "Connection: close",
        )
        connection.sendall("".join(f"{line}\r\n" for line in (*lines, "")).encode())
        while b"\r\n\r\n" not in head and len(head) < _MOST_HEAD and (data := connection.recv(1 << 12)):
            head += data
    first, *fields = head.partition(b"\r\n\r\n")[0].split(b"\r\n")
    pairs = {name.strip().lower(): value.strip() for name, _, value in (field.partition(b":") for field in fields)}
    return first.split(b" ")[1:2] == [b"200"] and pairs.get(b"docker-content-digest") == answer.digest.encode()


def _is_there(answer: Answer, request: Mapping[str, Any]) -> bool:
    """Tell whether the registry has the image under the tag of its plan, asked as for a push."""
    from onedigest.oci.reference import Reference
    from onedigest.registry.repository import Repository
    from onedigest.workspace.machine import Machine

    access = Machine.from_environment(insecure=tuple(request["insecure"])).access
    reference = Reference(registry=answer.registry, repository=answer.repository)
    return Repository(reference, access, "pull,push").resolve(answer.tag) == answer.digest
