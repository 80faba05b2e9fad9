"""A git repository elsewhere, and the bare one on this machine that keeps what came from it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from onedigest.digest import hex_of, of_bytes
from onedigest.errors import InputError, NetworkError
from onedigest.from_source.git_address import OBJECT_NAME, SCHEMES, GitRemote, read_remote
from onedigest.store import exclusive
from onedigest.tools import git

if TYPE_CHECKING:
    from onedigest.sources import Sources

_MOST_REFERENCES = 32 << 20
_NO_WAY = re.compile(r"[Cc]onnection (?:refused|timed out|reset)|[Cc]ould not resolve|unreachable|No route to host")
_OPTIONS = (
    "--quiet",
    "--force",
    "--update-shallow",
    "--no-write-fetch-head",
    "--no-recurse-submodules",
    "--no-auto-gc",
)
_EVERYTHING = ("+refs/heads/*:refs/onedigest/heads/*", "+refs/tags/*:refs/tags/*")
_NO_ACCESS = re.compile(
    r"[Aa]uthentication failed|could not read (?:Username|Password)|Permission denied|not found|error: 40[134]|"
    r"Host key verification failed|Could not read from remote repository"
)
_NOT_GIVEN = re.compile(r"not our ref|unadvertised object|find remote ref|bad object|not a valid object|shallow")
"""What servers answer where they do not have a commit, or give none away by its name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GitRepository:
    """A repository elsewhere; `folder` is the bare one on this machine, `name` the project that is built of it."""

    remote: GitRemote
    folder: Path
    name: str
    where: str
    sources: Sources

    def remote_run(self) -> git.GitRun:
        """Return how git runs to ask elsewhere: by the user's settings, with what the address had of secrets."""
        variables = {**git.users_variables(self.sources.environment), "GIT_DIR": str(self.folder)}
        variables = git.with_settings(variables, self.remote.settings)
        asking = git.GitRun(variables=variables, folder=self.folder, where=self.where)
        # a user's settings may name a mirror for an address, and how it is asked
        real = (git.ask(asking, "ls-remote", "--get-url", "--", self.remote.address) or b"").decode("utf-8", "replace")
        schemes = (each for each in (self.remote.scheme, real.partition("://")[0]) if each in SCHEMES)
        variables = {**variables, "GIT_ALLOW_PROTOCOL": ":".join(dict.fromkeys(("https", "ssh", *schemes)))}
        return git.GitRun(variables=variables, folder=self.folder, where=self.where, secrets=self.remote.secrets)

    def local_run(self) -> git.GitRun:
        """Return how git runs in the one on this machine."""
        variables = {**git.own_variables(self.sources.environment), "GIT_DIR": str(self.folder)}
        return git.GitRun(variables=variables, folder=self.folder, where=self.where)


@contextmanager
def opened(place: str, name: str, where: str, sources: Sources) -> Iterator[GitRepository]:
    """Give a repository by its address, for this process alone. Raises `InputError` for one that is none."""
    remote = read_remote(place, where, name)
    folder = sources.store.root / "git" / hex_of(of_bytes(remote.shown.encode()))
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with exclusive(folder):
        found = GitRepository(remote=remote, folder=folder, name=name, where=where, sources=sources)
        try:
            if not (folder / "HEAD").is_file():
                git.tell(found.local_run(), "init", "--quiet", "--bare")
            yield found
        except git.GitFailed as error:
            message = f"git cannot use what is here of the repository of `{name}`: {error}"
            raise InputError.of(message, where=where, hint=f"remove {folder}, and try it again") from None


def has_commit(repository: GitRepository, commit: str) -> bool:
    """Tell whether a commit is on this machine, with its history."""
    return git.ask(repository.local_run(), "cat-file", "-e", f"{commit}^{{commit}}") is not None


def fetch_commit(repository: GitRepository, commit: str) -> bool:
    """Fetch a commit by its full name to this machine; tell whether it could be had. Raises `NetworkError`."""
    if not has_commit(repository, commit):
        try:
            _fetch(repository, f"+{commit}:refs/onedigest/{commit}")
        except git.GitFailed as error:
            if not _NOT_GIVEN.search(str(error)):
                raise _failure(repository, error) from None
    if not has_commit(repository, commit):
        fetch_everything(repository)  # a server may give away what branches and tags name alone
    if not has_commit(repository, commit):
        return False
    git.tell(repository.local_run(), "update-ref", f"refs/onedigest/{commit}", commit)
    return True


def fetch_everything(repository: GitRepository) -> None:
    """Fetch all branches and tags to this machine. Raises `NetworkError`."""
    try:
        _fetch(repository, *_EVERYTHING)
    except git.GitFailed as error:
        raise _failure(repository, error) from None


def list_references(repository: GitRepository, patterns: Sequence[str] = ()) -> dict[str, str]:
    """Return the object of each name that a repository elsewhere has now. Raises `NetworkError`."""
    _refuse_offline(repository)
    arguments = ("ls-remote", "--quiet", "--", repository.remote.address, *patterns)
    try:
        text = git.tell(repository.remote_run(), *arguments, most=_MOST_REFERENCES)
    except git.GitFailed as error:
        raise _failure(repository, error) from None
    rows = (row.split("\t") for row in text.decode("utf-8", "replace").splitlines())
    return {row[1]: row[0] for row in rows if len(row) == 2 and OBJECT_NAME.fullmatch(row[0])}


def _failure(repository: GitRepository, error: git.GitFailed) -> NetworkError | git.GitFailed:
    """Return the error of a repository elsewhere that cannot be asked; what is wrong here is another matter."""
    said, shown = str(error), repository.remote.shown
    if str(repository.folder) in said:
        return error
    hint = "check the network"
    if _NO_ACCESS.search(said) and not _NO_WAY.search(said):
        hint = f"`git ls-remote {shown}` must work without a question: set a credential helper, or a key"
    return NetworkError.of(f"git could not reach the source of `{repository.name}`: {said}", where=shown, hint=hint)


def _fetch(repository: GitRepository, *wanted: str) -> None:
    """Fetch what is wanted, with all of its history and the tags in it. Raises `GitFailed`."""
    _refuse_offline(repository)
    # tags that were here are of another time
    shutil.rmtree(repository.folder / "refs" / "tags", ignore_errors=True)
    (repository.folder / "packed-refs").unlink(missing_ok=True)
    git.tell(repository.remote_run(), "fetch", *_OPTIONS, "--", repository.remote.address, *wanted)


def _refuse_offline(repository: GitRepository) -> None:
    if repository.sources.offline:
        raise NetworkError.of(
            f"the source of `{repository.name}` is not on this machine: `--offline` is set",
            where=repository.remote.shown,
            hint="run the command once without it",
        )
