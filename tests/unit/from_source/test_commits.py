"""Git sources: which commit they are, how it comes to this machine, and what is never run, asked or told."""

from __future__ import annotations

import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from git_server import GitServer
from onedigest.errors import InputError, NetworkError, OnedigestError, Problem
from onedigest.from_source.commits import check_out, find_commit
from onedigest.from_source.model import BuiltFrom, Kind, Source
from onedigest.sources import Sources
from onedigest.tools import git as door
from source_trees import commit, git, project_files, repository, sources_in

TOKEN = "ghp_abcdefghijklmnopqrstuvwxyz0123456789"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with two commits, a branch and two tags."""
    folder = tmp_path_factory.mktemp("template")
    repository(folder, project_files("core"))
    git(folder, "tag", "v1")
    git(folder, "tag", "--annotate", "--message=.", "v2")
    git(folder, "branch", "topic/one")
    commit(folder, {"core/__init__.py": "A = 2\n"})
    return folder


@pytest.fixture
def elsewhere(tmp_path: Path, template: Path) -> Path:
    """A copy of that repository."""
    return shutil.copytree(template, tmp_path / "elsewhere", symlinks=True)


def asked(place: Path | str, reference: str = "", subdirectory: str = "") -> Source:
    return Source(
        name="core",
        kind=Kind.GIT,
        place=f"file://{place}" if isinstance(place, Path) else place,
        stated="git+…",
        where="app.py",
        reference=reference,
        subdirectory=subdirectory,
    )


def written(source: Source, origin: BuiltFrom, sources: Sources, target: Path) -> list[Problem]:
    heard: list[Problem] = []
    check_out(source, origin, sources, target, heard.append)
    return heard


def test_a_reference_is_what_git_has_under_that_name(tmp_path: Path, elsewhere: Path) -> None:
    old, new = git(elsewhere, "rev-parse", "v1^{commit}", "main").split()
    tree = git(elsewhere, "rev-parse", "v1^{tree}")
    sources = sources_in(tmp_path)

    for reference in ("topic/one", "v1", "v2", "refs/tags/v2", old, old[:9]):
        expected = BuiltFrom(
            kind=Kind.GIT, path=f"file://{elsewhere}", reference=reference, commit=old, tree=tree, subdirectory="sub"
        )
        assert find_commit(asked(elsewhere, reference, subdirectory="sub"), None, sources) == expected
    assert {find_commit(asked(elsewhere, each), None, sources).commit for each in ("", "HEAD", "main")} == {new}


def test_a_branch_comes_before_a_tag_of_its_name_as_uv_has_it(tmp_path: Path, elsewhere: Path) -> None:
    git(elsewhere, "branch", "v1", "main")

    assert find_commit(asked(elsewhere, "v1"), None, sources_in(tmp_path)).commit == git(elsewhere, "rev-parse", "main")


def test_a_commit_that_is_pinned_stays_without_any_network(tmp_path: Path, elsewhere: Path) -> None:
    source = asked(elsewhere, "main")
    origin = find_commit(source, None, sources_in(tmp_path))
    commit(elsewhere, {"x": ""})
    offline = sources_in(tmp_path, offline=True)

    assert find_commit(source, origin, offline) == origin
    assert written(source, origin, offline, tmp_path / "out") == []
    assert (tmp_path / "out/core/__init__.py").read_text() == "A = 2\n"


def test_another_reference_or_address_is_another_commit(tmp_path: Path, elsewhere: Path) -> None:
    sources = sources_in(tmp_path)
    origin = find_commit(asked(elsewhere, "main"), None, sources)

    assert find_commit(asked(elsewhere, "v1"), origin, sources).commit == git(elsewhere, "rev-parse", "v1")
    assert find_commit(asked(elsewhere, "main"), replace(origin, path="https://other"), sources) == origin


def test_the_history_and_its_tags_are_in_the_checkout_and_no_others(tmp_path: Path, elsewhere: Path) -> None:
    git(elsewhere, "tag", "v3")
    source, sources, target = asked(elsewhere, "topic/one"), sources_in(tmp_path), tmp_path / "out"
    find_commit(asked(elsewhere), None, sources)
    written(source, find_commit(source, None, sources), sources, target)

    assert git(target, "tag").split() == ["v1", "v2"]
    assert git(target, "describe", "--tags", "--dirty", "--long").startswith("v2-0-g")
    assert git(target, "status", "--porcelain") == ""


def test_a_tag_that_moved_is_said_and_the_commit_stays(tmp_path: Path, elsewhere: Path) -> None:
    source = asked(elsewhere, "v1")
    origin = find_commit(source, None, sources_in(tmp_path))
    git(elsewhere, "tag", "--force", "v1", "main")
    new = git(elsewhere, "rev-parse", "main")
    heard = written(source, origin, sources_in(tmp_path, store="other"), tmp_path / "out")

    assert heard == [
        Problem(
            f"the tag `v1` of `core` was the commit {origin.commit}, which stays, and is {new} now",
            "app.py",
            "`--upgrade-package core` takes what is there now",
        )
    ]
    assert git(tmp_path / "out", "rev-parse", "HEAD", "v1^{commit}").split() == [origin.commit] * 2


def test_a_commit_that_is_gone_is_named_with_what_is_there_now(tmp_path: Path, elsewhere: Path) -> None:
    source = asked(elsewhere, "main")
    origin = find_commit(source, None, sources_in(tmp_path))
    git(elsewhere, "checkout", "--quiet", "--orphan", "fresh")
    new = commit(elsewhere, {"y": ""})
    git(elsewhere, "branch", "--force", "main")
    for kind in ("reflog expire --expire=now --all", "gc --quiet --prune=now"):
        git(elsewhere, *kind.split())
    with pytest.raises(InputError) as error:
        written(source, origin, sources_in(tmp_path, store="other"), tmp_path / "out")

    assert str(error.value) == (
        f"app.py: the commit {origin.commit} of `core` is no longer in file://{elsewhere}, and `main` is {new} now\n"
        "hint: `--upgrade-package core` takes what is there now"
    )


def test_a_tree_that_is_not_the_stated_one_is_refused(tmp_path: Path, elsewhere: Path) -> None:
    source, sources = asked(elsewhere), sources_in(tmp_path)
    origin = find_commit(source, None, sources)
    with pytest.raises(InputError, match=f"has the tree {origin.tree}, and the lock states {'0' * 40}"):
        written(source, replace(origin, tree="0" * 40), sources, tmp_path / "out")


def test_a_name_that_is_not_there_is_answered_with_near_ones(tmp_path: Path, elsewhere: Path) -> None:
    with pytest.raises(InputError) as error:
        find_commit(asked(elsewhere, "topic/on"), None, sources_in(tmp_path))

    assert str(error.value) == (
        "app.py: the repository of `core` has neither branch, tag nor commit `topic/on`\n"
        "hint: did you mean `topic/one`?"
    )


def test_a_full_name_is_of_its_kind_alone(tmp_path: Path, elsewhere: Path) -> None:
    with pytest.raises(InputError) as error:
        find_commit(asked(elsewhere, "refs/tags/topic/one"), None, sources_in(tmp_path))

    assert str(error.value) == "app.py: the repository of `core` has no tag `topic/one`"


@pytest.mark.parametrize("reference", ["--upload-pack=touch ran", "a..b", "a b", "x^{commit}", "a:b", "-c", "@{-1}"])
def test_what_is_no_name_of_git_is_refused(tmp_path: Path, reference: str) -> None:
    with pytest.raises(InputError, match="which is no name of git's"):
        find_commit(asked(tmp_path, reference), None, sources_in(tmp_path))


@pytest.mark.parametrize(
    "place",
    [
        "ext::sh -c touch% ran",
        "git://host/x",
        "fd::17",
        "-oProxyCommand=touch ran",
        "ssh://-oProxyCommand=touch/x",
        "https:///x",
        "file://host/x",
        "https://host:port/x",
        "data:x",
        "https://ho st/x",
    ],
)
def test_an_address_that_git_is_not_let_near_is_refused(tmp_path: Path, place: str) -> None:
    with pytest.raises(InputError, match="the address of `core`"):
        find_commit(asked(place), None, sources_in(tmp_path))


def test_offline_says_what_is_not_here(tmp_path: Path) -> None:
    with pytest.raises(NetworkError) as error:
        find_commit(asked(tmp_path), None, sources_in(tmp_path, offline=True))

    assert str(error.value) == (
        f"file://{tmp_path}: the source of `core` is not on this machine: `--offline` is set\n"
        "hint: run the command once without it"
    )


def test_a_shallow_clone_gives_what_it_has(tmp_path: Path, elsewhere: Path) -> None:
    git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{elsewhere}", "shallow")
    source, sources = asked(tmp_path / "shallow"), sources_in(tmp_path)
    written(source, find_commit(source, None, sources), sources, tmp_path / "out")

    assert (tmp_path / "out/core/__init__.py").read_text() == "A = 2\n"
    assert git(tmp_path / "out", "rev-list", "--count", "HEAD") == "1"


def test_a_server_that_is_not_there_is_a_matter_of_the_network(tmp_path: Path) -> None:
    ssh = tmp_path / "ssh"
    ssh.write_text("#!/bin/sh\necho ssh: connect to host 127.0.0.1 port 1: Connection refused >&2\nexit 255\n")
    ssh.chmod(0o755)
    for scheme in ("ssh", "http"):
        with pytest.raises(NetworkError) as error:
            find_commit(asked(f"{scheme}://127.0.0.1:1/core"), None, sources_in(tmp_path, GIT_SSH=str(ssh)))

        assert str(error.value).startswith(f"{scheme}://127.0.0.1:1/core: git could not reach the source of `core`: ")
        assert str(error.value).endswith("\nhint: check the network")


def test_a_damaged_copy_on_this_machine_is_named(tmp_path: Path, elsewhere: Path) -> None:
    source, sources = asked(elsewhere), sources_in(tmp_path)
    origin = find_commit(source, None, sources)
    (kept,) = (tmp_path / "store" / "git").iterdir()
    for pack in (*kept.glob("objects/pack/*"), *kept.glob("objects/??/*")):
        pack.chmod(0o600)
        pack.write_bytes(b"")
    with pytest.raises(InputError) as error:
        written(source, origin, sources, tmp_path / "out")

    assert str(error.value).startswith("app.py: git cannot use what is here of the repository of `core`: ")
    assert str(error.value).endswith(f"\nhint: remove {kept}, and try it again")


def test_a_submodule_behind_a_link_is_written_nowhere(tmp_path: Path, elsewhere: Path) -> None:
    """A tree may have one name twice, of which git checks out the link, and has the submodule below it."""
    victim = tmp_path / "victim"
    victim.mkdir()
    repository(tmp_path / "inner", project_files("inner"))
    (elsewhere / ".gitmodules").write_text(f'[submodule "s"]\n\tpath = a/sub\n\turl = file://{tmp_path}/inner\n')
    (elsewhere / "target").write_text(str(victim))
    modules, link = (git(elsewhere, "hash-object", "-w", name).strip() for name in (".gitmodules", "target"))
    (elsewhere / "rows").write_bytes(b"160000 sub\0" + bytes.fromhex(git(tmp_path / "inner", "rev-parse", "HEAD")))
    written_by_hand = ("hash-object", "-t", "tree", "-w", "--literally", "rows")
    folder = git(elsewhere, *written_by_hand).strip()
    rows = ((b"100644 .gitmodules", modules), (b"40000 a", folder), (b"120000 a", link))
    (elsewhere / "rows").write_bytes(b"".join(name + b"\0" + bytes.fromhex(each) for name, each in rows))
    made = git(elsewhere, "commit-tree", "-m", ".", git(elsewhere, *written_by_hand).strip()).strip()
    git(elsewhere, "update-ref", "refs/heads/main", made)
    origin = find_commit(asked(elsewhere), None, sources_in(tmp_path))

    with pytest.raises(InputError) as error:
        written(asked(elsewhere), origin, sources_in(tmp_path), tmp_path / "out")

    assert str(error.value) == "app.py: the submodule `a/sub` of `core` is behind a symbolic link"
    assert list(victim.iterdir()) == []


def test_submodules_are_written_whatever_their_address(tmp_path: Path, elsewhere: Path) -> None:
    repository(tmp_path / "deep", {"deep.txt": "d"})
    repository(tmp_path / "inner", {"inner.txt": "i"})
    git(tmp_path / "inner", "submodule", "--quiet", "add", str(tmp_path / "deep"), "deep")
    git(tmp_path / "inner", "config", "--file", ".gitmodules", "submodule.deep.url", "../deep")
    commit(tmp_path / "inner", {})
    git(elsewhere, "submodule", "--quiet", "add", f"file://{tmp_path}/inner", "vendor/inner")
    git(elsewhere, "submodule", "--quiet", "add", f"file://{elsewhere}", "itself")
    commit(elsewhere, {})
    source, sources, out = asked(elsewhere), sources_in(tmp_path), tmp_path / "out"
    written(source, find_commit(source, None, sources), sources, out)

    assert (out / "vendor/inner/inner.txt").read_text() == "i"
    assert (out / "vendor/inner/deep/deep.txt").read_text() == "d"
    assert (out / "itself/core/__init__.py").is_file()
    assert git(out, "describe", "--tags", "--dirty", "--long").startswith("v2-2-g")


def test_a_repository_elsewhere_names_no_file_of_this_machine(tmp_path: Path, elsewhere: Path) -> None:
    repository(tmp_path / "own", {"secret": "s"})
    git(elsewhere, "submodule", "--quiet", "add", f"file://{tmp_path}/own", "own")
    commit(elsewhere, {})
    server = GitServer(tmp_path)
    source, sources = asked(f"http://{server.host}/elsewhere/.git"), sources_in(tmp_path)
    origin = find_commit(source, None, sources)
    with pytest.raises(InputError) as error:
        written(source, origin, sources, tmp_path / "out")
    server.close()

    assert str(error.value) == "app.py: the submodule `own` of `core` is asked by file, and that by http"


def test_nothing_runs_that_a_repository_or_its_attributes_name(tmp_path: Path, elsewhere: Path) -> None:
    ran = tmp_path / "ran"
    program = f"touch {ran}; cat"
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text(
        f'[filter "own"]\n\tsmudge = {program}\n\tclean = {program}\n\trequired = true\n'
        f"[core]\n\thooksPath = {home}/hooks\n\tfsmonitor = {program}\n"
    )
    for hook in ("post-checkout", "reference-transaction", "pre-auto-gc"):
        (home / "hooks").mkdir(exist_ok=True)
        (home / "hooks" / hook).write_text(f"#!/bin/sh\ntouch {ran}\n")
        (home / "hooks" / hook).chmod(0o755)
    commit(elsewhere, {".gitattributes": "*.txt filter=own\n", "a.txt": "plain\n"})
    source, sources = asked(elsewhere), sources_in(tmp_path)
    written(source, find_commit(source, None, sources), sources, tmp_path / "out")

    assert (tmp_path / "out/a.txt").read_text() == "plain\n"
    assert not ran.exists()


def test_a_link_out_of_a_commit_is_refused_and_one_to_nowhere_is_not(tmp_path: Path, elsewhere: Path) -> None:
    (elsewhere / "nowhere").symlink_to("/nowhere/at/all")
    (elsewhere / "inside").symlink_to("core")
    commit(elsewhere, {})
    source, sources = asked(elsewhere), sources_in(tmp_path)
    written(source, find_commit(source, None, sources), sources, tmp_path / "one")
    (elsewhere / "out").symlink_to("../../../../../../../../../../../etc/passwd")
    commit(elsewhere, {})
    with pytest.raises(InputError, match="`out` of `core`: a symbolic link that leaves the repository"):
        written(source, find_commit(source, None, sources), sources, tmp_path / "two")


def test_a_commit_of_too_much_is_refused_before_it_is_written(
    tmp_path: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("onedigest.from_source.commit_files.MOST_FILES", 1)
    source, sources = asked(elsewhere), sources_in(tmp_path)
    with pytest.raises(InputError, match="`core` has more than 1 files or 4294967296 bytes in"):
        written(source, find_commit(source, None, sources), sources, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.fixture
def private(elsewhere: Path) -> Iterator[GitServer]:
    """The repository behind a token."""
    server = GitServer(elsewhere.parent, f"{TOKEN}:x-oauth-basic")
    yield server
    server.close()


def test_a_token_of_an_address_reaches_its_server_and_stands_nowhere(
    tmp_path: Path, private: GitServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[str] = []
    real = subprocess.Popen

    def noted(command: list[str], **options: object) -> object:
        started.append(" ".join(command))
        return real(command, **options)  # type: ignore[call-overload]  # as it is called

    monkeypatch.setattr(subprocess, "Popen", noted)
    source = asked(f"http://{TOKEN}:x-oauth-basic@{private.host}/elsewhere/.git")
    sources = sources_in(tmp_path)
    origin = find_commit(source, None, sources)
    written(source, origin, sources, tmp_path / "out")
    files = [path for place in ("store", "out", "home") for path in (tmp_path / place).rglob("*") if path.is_file()]

    assert origin.path == f"http://{private.host}/elsewhere/.git"
    assert len(started) > 5
    assert [line for line in started if TOKEN in line] == []
    assert [path for path in files if TOKEN.encode() in path.read_bytes()] == []
    assert {bool(stated) for _, stated in private.requests} == {True}


def test_a_server_that_wants_a_password_is_named_without_what_was_shown_to_it(
    tmp_path: Path, private: GitServer
) -> None:
    with pytest.raises(NetworkError) as error:
        find_commit(asked(f"http://me:{TOKEN}x@{private.host}/elsewhere/.git"), None, sources_in(tmp_path))

    assert TOKEN not in str(error.value)
    assert str(error.value).endswith(
        f"\nhint: `git ls-remote http://{private.host}/elsewhere/.git` must work without a question:"
        " set a credential helper, or a key"
    )


def test_the_users_own_helper_and_mirror_count(tmp_path: Path, private: GitServer) -> None:
    home = tmp_path / "home"
    home.mkdir()
    helper = f"!f() {{ echo username={TOKEN}; echo password=x-oauth-basic; }}; f"
    (home / ".gitconfig").write_text(
        f'[credential "http://{private.host}"]\n\thelper = "{helper}"\n'
        f'[url "http://{private.host}/elsewhere/.git"]\n\tinsteadOf = https://git.test/core\n'
    )
    found = find_commit(asked("https://git.test/core", "main"), None, sources_in(tmp_path))

    assert len(found.commit) == 40
    assert found.path == "https://git.test/core"


def test_a_password_goes_nowhere_in_clear_text(tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        find_commit(asked("http://me:secret@git.test/core"), None, sources_in(tmp_path))

    assert str(error.value) == (
        "app.py: the address of `core` would show a password in clear text: http://git.test/core\nhint: write https"
    )


@pytest.mark.slow
def test_a_git_that_never_ends_is_ended_with_all_that_it_started(
    tmp_path: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "LONGEST_RUN", 1)
    ssh = tmp_path / "ssh"
    ssh.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\nexec sleep 60\n")
    ssh.chmod(0o755)
    start = time.monotonic()
    with pytest.raises(NetworkError, match="git took more than 0 minutes, so it was stopped"):
        find_commit(asked("ssh://git@git.test/core"), None, sources_in(tmp_path, GIT_SSH=str(ssh)))

    program = Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}/exe")
    while program.exists() and time.monotonic() - start < 20:
        time.sleep(0.01)
    assert not program.exists()


def test_several_commands_at_once_bring_one_commit(tmp_path: Path, elsewhere: Path) -> None:
    source, found, wrong = asked(elsewhere), set(), list[OnedigestError]()

    def ask() -> None:
        try:
            found.add(find_commit(source, None, sources_in(tmp_path)).commit)
        except OnedigestError as error:
            wrong.append(error)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (len(found), wrong) == (1, [])
