"""A pull request names files of the machine: by `..`, by links, by devices; nothing outside of the project is read."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from onedigest.cli import run
from onedigest.definition.files import File, collect, digest_file
from onedigest.definition.flyte.recipe import FlyteRecipe, make_recipe
from onedigest.definition.flyte.syntax import find_images
from onedigest.definition.project import Project
from onedigest.definition.script import parse
from onedigest.definition.spec import specify
from onedigest.engines.variations import BuildFiles, Variation, build_varied
from onedigest.errors import InputError, OnedigestError
from onedigest.store import Store

SECRET = "SECRET PRIVATE KEY"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with a script in `jobs`, beside the home of whoever builds it."""
    root = tmp_path / "checkout"
    (root / "jobs" / "data").mkdir(parents=True)
    (root / ".git").mkdir()
    (root / "lib").mkdir()
    (root / "lib" / "a.py").write_text("a")
    (root / "jobs" / "data" / "x.csv").write_text("x")
    (tmp_path / "home" / "keys").mkdir(parents=True)
    (tmp_path / "home" / "keys" / "secret.txt").write_text(f"{SECRET}\n")
    monkeypatch.chdir(root / "jobs")
    return root


def collected(root: Path, *lines: str, folder: str = "jobs") -> dict[str, File]:
    block = "".join(f"# {line}\n" for line in ("[tool.onedigest]", "include-script = false", *lines))
    path = f"{folder}/a.py".removeprefix("./")
    script = parse(f"# /// script\n{block}# ///\n".encode(), path)
    files = collect(specify(script, Project(root=root), path), script, (root / folder).resolve())
    return {file.target: file for file in files}


def refused(root: Path, *lines: str, folder: str = "jobs") -> str:
    with pytest.raises(OnedigestError) as caught:
        collected(root, *lines, folder=folder)
    assert SECRET not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    "source",
    [
        "../../home",
        "../../home/keys/secret.txt",
        "../../../" + "../" * 40 + "etc/passwd",
        "../../../" + "../" * 40 + "proc/self/environ",
        "../../../" + "../" * 40 + "dev/zero",
        "../..",
        "link",
        "link/keys",
        "link/keys/secret.txt",
        "loop",
    ],
)
def test_a_copy_of_what_is_outside_is_refused(root: Path, source: str) -> None:
    (root / "jobs" / "link").symlink_to(root.parent / "home")
    (root / "jobs" / "loop").symlink_to("loop")
    source = os.path.normpath(source)

    assert refused(root, f'copy = {{ "x" = "{source}" }}') == (
        f"jobs/a.py:4: `copy` names {source!r}, which is outside the project\n"
        "hint: move it below checkout, the project's folder"
    )


def test_a_script_in_no_project_copies_from_its_own_folder_alone(root: Path) -> None:
    assert refused(root / "jobs", 'copy = { "." = ".." }', folder=".") == (
        "a.py:4: `copy` names '..', which is outside the project\nhint: move it below jobs, the project's folder"
    )
    assert list(collected(root / "jobs", 'copy = { "." = "data" }', folder=".")) == ["x.csv"]


@pytest.mark.parametrize(
    "pattern", ["data/*", "data/**/*", "data/home", "data/home/keys/*", "data/home/keys/secret.txt", "data", "**/*"]
)
def test_a_pattern_does_not_go_through_a_link_out_of_the_folder(root: Path, pattern: str) -> None:
    (root / "jobs" / "data" / "home").symlink_to(root.parent / "home")

    assert refused(root, f'files = ["{pattern}"]') == (
        f"jobs/a.py:4: `files` pattern {pattern!r} matches 'home', a link to a file outside the script's folder\n"
        "hint: copy the file into the folder"
    )


def test_a_link_to_a_file_elsewhere_in_the_project_is_no_file_of_the_folder(root: Path) -> None:
    (root / "jobs" / "data" / "a.py").symlink_to("../../lib/a.py")

    assert "a link to a file outside the script's folder" in refused(root, 'files = ["data/*"]')


@pytest.mark.parametrize("name", ["../../home/keys/secret.txt", "link", "../" * 40 + "etc/passwd"])
def test_an_ignore_file_outside_is_refused(root: Path, name: str) -> None:
    (root / "jobs" / "link").symlink_to(root.parent / "home" / "keys" / "secret.txt")

    assert refused(root, 'copy = { "x" = "data" }', f'ignore-file = "{name}"') == (
        f"jobs/a.py:5: `ignore-file` names {name!r}, which is outside the project"
    )


def test_a_pipe_is_named_where_it_is_meant_and_left_out_else(root: Path) -> None:
    os.mkfifo(root / "jobs" / "data" / "pipe")

    assert refused(root, 'copy = { "x" = "data/pipe" }') == (
        "jobs/a.py:4: `copy` names 'data/pipe', where there is no file: it is a device, a pipe or a socket"
    )
    assert refused(root, 'files = ["data/pipe"]') == (
        "jobs/a.py:4: `files` pattern 'data/pipe' matches nothing: it is a device, a pipe or a socket"
    )
    assert list(collected(root, 'files = ["data/*"]')) == ["data/x.csv"]
    assert list(collected(root, 'copy = { "." = "data" }')) == ["x.csv"]


def test_a_pipe_as_the_ignore_file_does_not_hang(root: Path) -> None:
    os.mkfifo(root / "jobs" / "pipe")

    assert refused(root, 'copy = { "x" = "data" }', 'ignore-file = "pipe"') == (
        "jobs/a.py:5: `ignore-file` names 'pipe', where there is no file"
    )


def test_what_is_longer_than_it_says_has_no_digest() -> None:
    with pytest.raises(InputError, match=r"^status: changes while it is read$"):
        digest_file(Path(f"/proc/{os.getpid()}/status"), Path("/proc"), "status")


@pytest.mark.parametrize("name", ["a\nb", "a\\b", "a\x1b[31m", "a\x7f", os.fsdecode(b"a\xff")])
def test_a_name_that_no_generated_file_can_hold_is_a_message(root: Path, name: str) -> None:
    (root / "jobs" / "data" / name).write_text("x")
    hint = "\nhint: rename the file, or leave it out"
    expected = "whose name holds a backslash, a control character or what is not UTF-8" + hint

    assert refused(root, 'files = ["data/*"]') == (
        f"jobs/a.py:4: `files` pattern 'data/*' matches {f'data/{name}'!r}, {expected}"
    )
    assert refused(root, 'copy = { "." = "data" }') == f"jobs/a.py:4: `copy` brings {name!r}, {expected}"


def test_links_that_lead_round_in_circles_are_no_endless_tree(root: Path) -> None:
    for name in ("b", "c", "d"):
        (root / "jobs" / "data" / name).symlink_to(".")
    began = time.monotonic()

    assert len(collected(root, 'files = ["data/*/*/*/*/x.csv"]')) == 3**4
    assert refused(root, 'files = ["data"]').startswith(
        "jobs/a.py:4: `files` pattern 'data' matches 'b', a link to a folder\n"
        "hint: name the folder in a pattern of its own\n"
    )
    assert list(collected(root, 'copy = { "." = "data" }')) == ["x.csv"]
    assert time.monotonic() - began < 10


def test_a_pattern_that_follows_circles_for_ever_ends_in_words(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from onedigest.assembler import file_tree, selection

    monkeypatch.setattr(selection, "Budget", lambda *_: file_tree.Budget(2000))
    for name in ("b", "c", "d"):
        (root / "jobs" / "data" / name).symlink_to(".")

    said = refused(root, f'files = ["data/{"*/" * 30}x.csv"]')
    assert "more than 2000 files and folders are to be looked at\nhint: name fewer" in said


class TestWhatHonestProjectsDo:
    def test_links_inside_are_followed(self, root: Path) -> None:
        (root / "jobs" / "data" / "y.csv").symlink_to("x.csv")
        (root / "jobs" / "now").symlink_to("data")
        (root / "jobs" / "lib").symlink_to("../lib")

        assert list(collected(root, 'files = ["now/*.csv", "data/y.csv"]')) == ["data/y.csv", "now/x.csv", "now/y.csv"]
        assert list(collected(root, 'files = ["now"]')) == ["now/x.csv", "now/y.csv"]
        assert list(collected(root, 'copy = { "." = "lib", "b" = "../lib/a.py" }')) == ["a.py", "b"]

    def test_folders_that_link_elsewhere_are_no_part_of_a_copy(self, root: Path) -> None:
        (root / "bazel-bin").symlink_to(root.parent / "home")

        assert "bazel-bin" not in " ".join(collected(root, 'copy = { "." = ".." }'))

    @pytest.mark.parametrize(
        ("pattern", "expected"),
        [
            ("data", ["data/.hidden", "data/deep/z.csv", "data/x.csv"]),
            ("data/", ["data/.hidden", "data/deep/z.csv", "data/x.csv"]),
            ("./data/*.csv", ["data/x.csv"]),
            ("data//x.csv", ["data/x.csv"]),
            ("**/*.csv", ["data/deep/z.csv", "data/x.csv"]),
            ("data/**", ["data/.hidden", "data/deep/z.csv", "data/x.csv"]),
            ("data/**/**/*.csv", ["data/deep/z.csv", "data/x.csv"]),
            ("**", ["data/.hidden", "data/deep/z.csv", "data/x.csv"]),
            ("*/*", ["data/.hidden", "data/deep/z.csv", "data/x.csv"]),
            ("[a-d]ata/[xyz].c?v", ["data/x.csv"]),
            ("data/*/", ["data/deep/z.csv"]),
            ("**/deep/*", ["data/deep/z.csv"]),
        ],
    )
    def test_patterns_mean_what_they_meant(self, root: Path, pattern: str, expected: list[str]) -> None:
        (root / "jobs" / "data" / "deep").mkdir()
        (root / "jobs" / "data" / "deep" / "z.csv").write_text("z")
        (root / "jobs" / "data" / ".hidden").write_text("h")

        assert list(collected(root, f'files = ["{pattern}"]')) == expected


class TestTheProjectItself:
    @pytest.mark.parametrize("name", ["onedigest.toml", "pyproject.toml"])
    def test_is_no_link_out_of_it(
        self, root: Path, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (root / name).symlink_to(root.parent / "home" / "keys" / "secret.txt")
        monkeypatch.chdir(root)

        assert run(["generate", "--check", "--all"]) == 1
        assert capsys.readouterr().err == (
            f"error: {name}: is a link that leaves the project\nhint: replace it by a real file\n"
        )

    def test_has_no_scripts_outside(
        self, root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (root / "onedigest.toml").write_text('scripts = ["jobs/*.py"]\n')
        (root / "jobs" / "b.py").symlink_to(root.parent / "home" / "keys" / "secret.txt")
        monkeypatch.chdir(root)

        assert run(["generate", "--check", "--all"]) == 1
        assert capsys.readouterr().err == (
            "error: onedigest.toml:1: `scripts` matches 'b.py', a link to a file outside the project\n"
            "hint: copy the file into the project\n"
        )

    def test_that_a_script_is_linked_into_begins_where_the_script_is(
        self, root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """A link to a script that is deeper must not make the folder above the checkout the project."""
        (root / "onedigest.toml").write_text('scripts = ["b.py"]\n')
        (root / "jobs" / "a.py").write_text(
            '# /// script\n# dependencies = []\n# [tool.onedigest]\n# copy = { "x" = "../../home" }\n# ///\n'
        )
        (root / "b.py").symlink_to("jobs/a.py")
        monkeypatch.chdir(root)
        from onedigest.cli.options import open_context
        from onedigest.workspace.images import find_images

        session = open_context(
            lockfiles=None, offline=True, insecure=(), as_json=False, quiet=True, verbose=False, color="auto"
        )
        (image,) = find_images(session, (), everything=True)
        with pytest.raises(InputError, match="which is outside the project"):
            collect(image.spec, image.script, image.script_folder)


def recipe(root: Path, *calls: str) -> FlyteRecipe:
    text = f"import flyte\nx = flyte.Image.from_debian_base(name='x', registry='r'){''.join(calls)}\n"
    file = root / "jobs" / "a.py"
    file.write_text(text)
    (definition,) = find_images(text, file, "jobs/a.py").all()
    return make_recipe(definition, root=root, shown=lambda path: os.path.relpath(path, root))


def refused_recipe(root: Path, *calls: str) -> str:
    with pytest.raises(OnedigestError) as caught:
        recipe(root, *calls)
    assert SECRET not in str(caught.value)
    assert "root:" not in str(caught.value)
    return str(caught.value)


class TestFlyte:
    @pytest.mark.parametrize(
        ("call", "name"),
        [
            (".with_requirements('/etc/passwd')", "passwd"),
            (".with_requirements('../../home/keys/secret.txt')", "secret.txt"),
            (".with_requirements('link.txt')", "link.txt"),
            (".with_source_folder('../../home')", "home"),
            (".with_source_folder('/proc/self')", "self"),
            (".with_source_file('../../home/keys/secret.txt')", "secret.txt"),
            (".with_source_file('link.txt')", "link.txt"),
            (".with_source_file('/dev/zero')", "zero"),
            (".with_uv_project('../../home/keys/secret.txt')", "secret.txt"),
            (".with_uv_project('link.txt')", "link.txt"),
            (".with_uv_project('pyproject.toml', 'link.txt')", "link.txt"),
        ],
    )
    def test_what_is_outside_is_named_and_not_read(self, root: Path, call: str, name: str) -> None:
        (root / "jobs" / "link.txt").symlink_to(root.parent / "home" / "keys" / "secret.txt")
        (root / "jobs" / "pyproject.toml").write_text("[project]\nname = 'x'\n")

        said = refused_recipe(root, call)
        assert f"{name} is not below checkout, the folder that holds the locks\nhint: move it there" in said

    @pytest.mark.parametrize("line", ["-r {}", "--requirement={}", "-c {}", "--constraint {}"])
    @pytest.mark.parametrize("name", ["/etc/passwd", "../../home/keys/secret.txt", "link.txt"])
    def test_requirements_name_no_file_outside(self, root: Path, line: str, name: str) -> None:
        (root / "jobs" / "link.txt").symlink_to(root.parent / "home" / "keys" / "secret.txt")
        (root / "jobs" / "requirements.txt").write_text(line.format(name) + "\n")

        said = refused_recipe(root, ".with_requirements('requirements.txt')")
        assert f"{Path(name).name} is not below checkout, the folder that holds the locks" in said

    def test_a_script_outside_is_not_read(self, root: Path) -> None:
        text = "import flyte\nx = flyte.Image.from_uv_script('../../home/keys/secret.txt', name='x', registry='r')\n"
        file = root / "jobs" / "a.py"
        file.write_text(text)
        (definition,) = find_images(text, file, "jobs/a.py").all()

        with pytest.raises(InputError, match=r"secret.txt is not below checkout, the folder that holds the locks"):
            make_recipe(definition, root=root, shown=str)

    def test_a_pipe_does_not_hang(self, root: Path) -> None:
        os.mkfifo(root / "jobs" / "requirements.txt")

        assert refused_recipe(root, ".with_requirements('requirements.txt')") == (
            "jobs/requirements.txt: is not a regular file"
        )

    def test_files_of_the_project_are_read(self, root: Path) -> None:
        (root / "constraints.txt").write_text("attrs<30\n")
        (root / "jobs" / "requirements.txt").write_text("-c ../constraints.txt\nattrs\n")
        made = recipe(root, ".with_requirements('requirements.txt').with_source_folder('../lib')")

        assert made.script.dependencies == ("attrs", "flyte")
        assert made.script.onedigest["copy"] == {"lib": ["../lib"]}


class TestVerify:
    def files(self, root: Path, *paths: str) -> BuildFiles:
        return BuildFiles(root=root, files=paths, image="a", lockfiles="lockfiles", digests=())

    def test_copies_nothing_to_a_place_outside_of_its_folder(self, root: Path, tmp_path: Path) -> None:
        store = Store(tmp_path / "cache" / "onedigest")

        with pytest.raises(OnedigestError) as caught:
            build_varied(self.files(root, "../home/keys/secret.txt"), Variation(name="x"), store, {})
        assert str(caught.value) == "../home/keys/secret.txt: is not in the project, which is copied"
        assert [path for path in tmp_path.rglob("secret.txt*") if "home" not in path.parts[:-2]] == []
        assert list((store.root / "scratch").iterdir()) == []

    def test_leaves_nothing_and_nobody_behind_after_a_signal(self, root: Path, tmp_path: Path) -> None:
        """The build starts a process of its own, as workers are, which would go on writing."""
        store, note = Store(tmp_path / "cache" / "onedigest"), tmp_path / "pids"
        code = (
            "import os, subprocess, sys, time\n"
            f"child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
            f"open({str(note)!r}, 'w').write(f'{{child.pid}} {{oct(os.stat(\"..\").st_mode)}}')\n"
            "time.sleep(60)\n"
        )
        variation = Variation(name="x", prefix=(sys.executable, "-c", code))

        def interrupt(*_: object) -> None:
            if note.exists() and note.read_text():
                raise KeyboardInterrupt
            signal.setitimer(signal.ITIMER_REAL, 0.05)

        before = signal.signal(signal.SIGALRM, interrupt)
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            with pytest.raises(KeyboardInterrupt):
                build_varied(self.files(root, "lib/a.py"), variation, store, {**os.environ})
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
        pid, mode = note.read_text().split()
        assert mode == "0o40700"
        assert list((store.root / "scratch").iterdir()) == []
        assert _is_gone(int(pid))


def _is_gone(pid: int) -> bool:
    for _ in range(100):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False
