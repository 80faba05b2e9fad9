"""Bad input gets a clear error, word for word, and nothing is written or lost."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import pytest

from conftest import Project, machine_environment
from index_server import IndexServer
from onedigest import __version__
from onedigest.header import add_header
from onedigest.plan import record as records
from wheel_builder import build_wheel

BOOKWORM = ("[tool.onedigest]", 'base = "debian:bookworm"')


def files(project: Project) -> set[str]:
    return {path.relative_to(project.root).as_posix() for path in project.root.rglob("*") if path.is_file()}


def refused(project: Project, *arguments: str, code: int = 1) -> str:
    """Run a command that must fail and must not write a file; return its message."""
    before = files(project)
    result = project.run(*arguments)
    assert result.code == code, result.err
    assert result.out == ""
    assert files(project) == before
    return result.err


def fill(index: IndexServer) -> None:
    """Give an index projects that cannot be locked, each for another reason."""
    build_wheel(index.folder, "alpha", "1.0")
    (index.folder / "source-1.0.tar.gz").write_bytes(b"never opened")
    build_wheel(index.folder, "intel", "1.0", tag="cp311-cp311-manylinux_2_17_x86_64")
    build_wheel(index.folder, "old-python", "1.0", tag="cp310-cp310-manylinux_2_17_x86_64")
    for machine in ("x86_64", "aarch64"):
        build_wheel(index.folder, "new-glibc", "1.0", tag=f"cp311-abi3-manylinux_2_39_{machine}")


@pytest.mark.network
@pytest.mark.parametrize(
    ("requirement", "reason"),
    [
        ('"no-such-project"', "no-such-project was not found in the package registry"),
        ('"alpha>=2"', "only alpha==1.0 is available and your project depends on alpha>=2"),
        ('"alpha<1", "alpha>=1"', "your project depends on alpha<1 and alpha>=1"),
        (
            '"source"',
            'hint: where it is pure Python, write `build = ["source"]` in [tool.onedigest]: then it is built here',
        ),
        ('"intel"', "Python 3.11 on aarch64-compatible wheels"),
        ('"old-python"', "no wheels with a matching Python version tag"),
    ],
)
def test_dependencies_without_a_solution(requirement: str, reason: str, project: Project, index: IndexServer) -> None:
    """The reason is in uv's words, without what it says of a project that the author never saw."""
    fill(index)
    project.script("app.py", f"dependencies = [{requirement}]", *BOOKWORM)
    text = refused(project, "generate", "app.py")

    assert re.match(
        r"error: app.py: no solution found when resolving dependencies for Python 3.11 on (x86_64|aarch64)\n  cause: ",
        text,
    )
    assert reason in text
    assert "tool.uv.environments" not in text
    assert "python_full_version" not in text


@pytest.mark.network
def test_wheel_that_needs_a_newer_glibc(project: Project, index: IndexServer) -> None:
    fill(index)
    project.script("app.py", 'dependencies = ["new-glibc"]', *BOOKWORM)

    assert refused(project, "generate", "app.py") == (
        "error: `new-glibc 1.0` has no wheel for glibc 2.36 on linux/amd64:"
        " new_glibc-1.0-cp311-abi3-manylinux_2_39_x86_64.whl needs a newer one\n"
        "hint: the base is debian:bookworm; use a newer one, or an older version of the package\n"
        "error: `new-glibc 1.0` has no wheel for glibc 2.36 on linux/arm64:"
        " new_glibc-1.0-cp311-abi3-manylinux_2_39_aarch64.whl needs a newer one\n"
        "hint: the base is debian:bookworm; use a newer one, or an older version of the package\n"
    )


@pytest.mark.parametrize(
    ("requirement", "kind"),
    [
        ("thing @ git+https://127.0.0.1:1/thing", "a git repository"),
        ("thing @ https://127.0.0.1:1/thing-1.0.tar.gz", "an archive of its source"),
    ],
)
def test_requirement_that_names_no_wheel(requirement: str, kind: str, project: Project) -> None:
    project.script("app.py", f'dependencies = ["{requirement}"]', *BOOKWORM)

    assert refused(project, "generate", "app.py") == (
        f"error: app.py: `thing` comes from {kind}, which is not a wheel\n"
        'hint: write `build = ["thing"]` in [tool.onedigest]\n'
    )


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (
            ("[tool.uv.sources]", 'alpha = { path = "alpha" }'),
            "error: app.py: `alpha` comes from alpha, which is not there\n",
        ),
        (
            ("[tool.uv.sources]", 'alpha = { git = "https://127.0.0.1:1/x" }', "beta = { workspace = true }"),
            "error: app.py: `alpha` comes from a git repository, which is not a wheel\n"
            'hint: write `build = ["alpha"]` in [tool.onedigest]\n',
        ),
        (
            ("[tool.uv]", "no-binary = true"),
            "error: app.py:4: `no-binary` in [tool.uv] cannot be followed:"
            " wheels are installed, and what `build` in [tool.onedigest] names is built\n"
            "hint: leave it out, and name in `build` what is to be built\n",
        ),
        (
            ("[tool.onedigest]", 'base = "debian:sid"'),
            "error: app.py: unknown Debian suite `sid`\nhint: the suites are trixie, bookworm\n",
        ),
        (
            ("[tool.onedigest]", 'base = "ghcr.io/Acme/Python"'),
            "error: app.py: `ghcr.io/Acme/Python` is not the reference of an image\n"
            "hint: write HOST/NAME:TAG or HOST/NAME@sha256:…\n",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_for(lines: tuple[str, ...], expected: str, project: Project) -> None:
    project.script("app.py", 'dependencies = ["alpha"]', *lines)

    assert refused(project, "generate", "app.py") == expected


def test_key_of_uv_that_is_left_out_is_named_with_its_line(project: Project) -> None:
    project.script("app.py", "dependencies = []", "[tool.uv]", 'cache-dir = "x"', 'exclude-never = "2026-01-01"')

    assert refused(project, "graph", "app.py").startswith(
        "warning: app.py:4: `cache-dir` in [tool.uv] is left out: it is about a machine, and counts in a uv.toml of your own\n"
        "warning: app.py:5: unknown key `exclude-never` in [tool.uv] is left out\n"
        "hint: did you mean `exclude-newer`?\n"
        "error: "
    )


def test_key_of_uv_that_cannot_be_followed_stops_every_command(project: Project) -> None:
    project.script("app.py", "dependencies = []", "[tool.uv]", "no-binary = true")

    for command in ("generate", "graph", "build"):
        assert refused(project, command, "app.py") == (
            "error: app.py:4: `no-binary` in [tool.uv] cannot be followed:"
            " wheels are installed, and what `build` in [tool.onedigest] names is built\n"
            "hint: leave it out, and name in `build` what is to be built\n"
        )


OFFERED = (
    "hint: Debian has 3.13.5 (trixie) and 3.11.2 (bookworm), and images have 3.11 to 3.16, as far as these are out:"
    ' allow one of them, such as with `requires-python = ">=3.11"`\n'
)


@pytest.mark.parametrize(
    ("python", "base", "message", "hint"),
    [
        ("<3", "debian", "no base has a Python that satisfies", OFFERED),
        ("==3.10.*", "debian", "no base has a Python that satisfies", OFFERED),
        (">=3.99", "debian", "no base has a Python that satisfies", OFFERED),
        (">=3.12", "debian:bookworm", "Debian bookworm has Python 3.11.2, which does not satisfy",
         "hint: leave `base` out, or allow Python 3.11\n"),
    ],
)  # fmt: skip
def test_python_that_no_base_has(python: str, base: str, message: str, hint: str, project: Project) -> None:
    project.script("app.py", f'requires-python = "{python}"', "[tool.onedigest]", f'base = "{base}"')

    assert refused(project, "generate", "app.py") == (
        f"error: app.py: {message} `requires-python = '{python}'`\n{hint}"
    )


@pytest.mark.parametrize(("python", "minor"), [(">=3.14", "3.14"), ("==3.12.*", "3.12"), ("~=3.12.0", "3.12")])
def test_python_that_an_image_has(python: str, minor: str, project: Project) -> None:
    project.script("app.py", f'requires-python = "{python}"')

    result = project.run("generate", "app.py", ONEDIGEST_REGISTRY_MIRRORS="docker.io=127.0.0.1:9")

    assert (result.code, result.err) == (
        4,
        f"app: no Debian suite has a Python for `requires-python = '{python}'`,"
        f" so the base is docker.io/library/python:{minor}-slim\n"
        "error: the registry 127.0.0.1:9 cannot be reached: Connection refused\n"
        f"hint: no Debian suite has a Python for `requires-python = '{python}'`,"
        f" so the base is docker.io/library/python:{minor}-slim; where docker.io cannot be reached,"
        " set `ONEDIGEST_REGISTRY_MIRRORS='docker.io=HOST'` to a mirror of it, or set another `base`\n",
    )


@pytest.mark.network
def test_system_package_that_does_not_exist(project: Project) -> None:
    project.script("app.py", *BOOKWORM, 'system-packages = ["no-such-package", "nor-this"]')

    assert refused(project, "generate", "app.py") == (
        "error: app.py: there is no Debian package `no-such-package` in bookworm (main)\n"
        "hint: correct the name\n"
        "error: app.py: there is no Debian package `nor-this` in bookworm (main)\n"
        "hint: correct the name\n"
    )


def test_missing_script(project: Project) -> None:
    assert refused(project, "generate", "app.py") == "error: app.py: cannot be read: No such file or directory\n"


def test_script_without_a_block_is_told_how_one_looks(project: Project) -> None:
    project.write("app.py", "print()\n")

    assert refused(project, "generate", "app.py") == (
        "error: app.py:1: no PEP 723 `script` block\n"
        "hint: start the file with\n"
        "  # /// script\n"
        '  # requires-python = ">=3.11"\n'
        "  # dependencies = []\n"
        "  # ///\n"
    )


def test_help_is_said_once(project: Project) -> None:
    found = project.run()

    assert (found.code, found.out, found.err.count("Usage: ")) == (2, "", 1)
    assert "Error" not in found.err


def test_unknown_image(project: Project) -> None:
    assert refused(project, "build", "app").endswith(
        "there is no image `app`\nhint: name the script: onedigest build SCRIPT\n"
    )


def test_nothing_named(project: Project) -> None:
    assert refused(project, "build", code=2) == (
        "error: name a script or an image, or use --all\nhint: onedigest COMMAND --help\n"
    )


def test_two_scripts_of_one_name(project: Project) -> None:
    project.script("a/app.py", "dependencies = []")
    project.script("b/app.py", "dependencies = []")

    assert refused(project, "generate", "a/app.py", "b/app.py") == (
        "error: b/app.py: the name `app` is also that of a/app.py\n"
        "hint: set `name` in [tool.onedigest] of one of the two\n"
    )


@pytest.mark.network
def test_name_of_an_image_that_is_there_already(project: Project) -> None:
    project.script("a/app.py", "[tool.onedigest]", 'base = "debian:bookworm"')
    project.ok("generate", "a/app.py")
    project.script("b/app.py", "[tool.onedigest]", 'base = "debian:bookworm"')

    assert refused(project, "generate", "b/app.py") == (
        "error: b/app.py: the name `app` is also that of a/app.py\n"
        "hint: set `name` in [tool.onedigest] of one of the two\n"
    )
    (project.root / "a" / "app.py").unlink()
    project.ok("generate", "b/app.py")


@pytest.mark.network
def test_file_of_somebody_else_is_not_replaced(project: Project) -> None:
    project.script("app.py", "[tool.onedigest]", 'base = "debian:bookworm"', 'rules = ["bazel"]')
    project.write("lockfiles/BUILD.bazel", 'exports_files(["mine"])\n')

    assert refused(project, "generate", "app.py") == (
        "error: lockfiles/BUILD.bazel: is not a file of onedigest, which writes one of this name\n"
        "hint: move it away: this folder is for generated files\n"
    )
    assert project.read("lockfiles/BUILD.bazel") == 'exports_files(["mine"])\n'


def test_problems_of_all_scripts_are_told(project: Project) -> None:
    project.write("a.py", "print()\n")
    project.script("b.py", "[tool.onedigest]", "x = 1")

    text = refused(project, "generate", "a.py", "b.py")

    assert "error: a.py:1: no PEP 723 `script` block\n" in text
    assert "error: b.py:3: unknown key `x` in [tool.onedigest]\n" in text


@pytest.mark.parametrize("command", ["build", "verify"])
def test_unknown_engine(command: str, project: Project) -> None:
    assert refused(project, command, "app.py", "--engine", "kaniko", code=2) == (
        "error: there is no engine `kaniko`\nhint: the engines are embedded, buildx, bazel, nix\n"
    )


def test_run_is_refused_by_the_embedded_engine(project: Project) -> None:
    project.script("app.py", "[tool.onedigest]", 'run = ["true"]')

    assert refused(project, "build", "app.py", code=5) == (
        "error: app.py:3: `run` needs an engine that runs commands, which the embedded one does not\n"
        "hint: build with --engine buildx, or leave `run` out: the other engines execute nothing in an image\n"
    )


@pytest.fixture(scope="module")
def alpha_built(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Path:
    """A folder with a project, whose image is locked and built, and with its index and the cache of uv."""
    folder = tmp_path_factory.mktemp("built")
    build_wheel(folder / "index", "alpha", "1.0")
    index = IndexServer(folder / "index")
    variables = {"UV_DEFAULT_INDEX": index.address, "UV_CACHE_DIR": str(folder / "uv")}
    project = Project(folder / "project", machine_environment(folder, cache) | variables)
    project.write("onedigest.toml", "")
    project.script("app.py", 'dependencies = ["alpha"]', *BOOKWORM)
    project.ok("build", "app.py")
    index.close()
    return folder


def inputs_alone(project: Project, folder: Path) -> str:
    """Return a cache that has what was downloaded, and nothing that was made of it."""
    kept = Path(project.environment["XDG_CACHE_HOME"]) / "onedigest" / "sha256"
    shutil.copytree(kept, folder / "onedigest" / "sha256", copy_function=os.link)
    return str(folder)


@pytest.mark.network
class TestLocked:
    """What happens to an image that is locked and built, when something about it is changed."""

    @pytest.fixture(autouse=True)
    def _build(self, project: Project, index: IndexServer, alpha_built: Path) -> None:
        own = {"project": project.root, "index": index.folder, "uv": Path(project.environment["UV_CACHE_DIR"])}
        for name, folder in own.items():
            shutil.copytree(alpha_built / name, folder, symlinks=True, dirs_exist_ok=True)

    def test_lock_that_was_edited(self, project: Project) -> None:
        text = project.read("lockfiles/app/pylock.toml")
        project.write("lockfiles/app/pylock.toml", text.replace('version = "1.0"', 'version = "1.1"', 2))

        assert refused(project, "build", "app") == (
            "error: lockfiles/app/pylock.toml: the lock was changed by hand\nhint: run `onedigest generate app.py`\n"
        )
        assert refused(project, "generate", "--check", "app", code=3) == (
            "error: lockfiles/app/pylock.toml: the lock was changed by hand\nhint: run `onedigest generate app.py`\n"
        )

    def test_script_that_asks_for_more(self, project: Project) -> None:
        project.script("app.py", 'dependencies = ["alpha", "beta"]', *BOOKWORM, 'user = "1"')

        assert refused(project, "generate", "--check", "app", code=3) == (
            "error: lockfiles/app/pylock.toml: these settings changed since app.py was locked:\n"
            '  - dependencies = ["alpha"]\n'
            '  + dependencies = ["alpha", "beta"]\n'
            "  - user = (default)\n"
            '  + user = "1:1"\n'
            "hint: run `onedigest generate app.py`\n"
        )
        assert refused(project, "build", "--offline", "app") == (
            "error: lockfiles/app/pylock.toml: app.py changed since it was locked\n"
            "hint: run `onedigest generate app.py`\n"
        )

    def test_check_needs_no_network_and_says_what_it_did(self, project: Project, index: IndexServer) -> None:
        index.close()
        result = project.ok("generate", "--check", "--offline", "app", ONEDIGEST_DEBIAN_MIRROR="http://127.0.0.1:9")

        assert (result.out, result.err) == ("", "1 lock checked\n")

    @pytest.mark.parametrize(
        ("stated", "said"),
        [
            (
                'format = 3\nlayer-format = 1\nversion = "99.1"',
                f"a newer release made the lock: `format = 3`, and onedigest {__version__} reads 2\n"
                'hint: run `uv tool install "onedigest>=99.1"`\n',
            ),
            (
                "format = 1",
                f"an older release made the lock: `format = 1`, and onedigest {__version__} reads 2\n"
                "hint: run `onedigest generate app.py`, which keeps its pins\n",
            ),
        ],
    )
    def test_lock_of_another_release(self, stated: str, said: str, project: Project) -> None:
        text = project.read("lockfiles/app/pylock.toml")
        body = text.split("\n", 2)[2].replace(f'format = 2\nlayer-format = 1\nversion = "{__version__}"', stated)
        project.write("lockfiles/app/pylock.toml", add_header("app.py", body))

        expected = f"error: lockfiles/app/pylock.toml: {said}"
        assert refused(project, "generate", "--check", "app", code=3) == expected
        assert refused(project, "build", "app") == expected
        if "newer" in said:
            assert refused(project, "generate", "app") == expected

    def test_shared_file_that_was_edited(self, project: Project) -> None:
        project.write("lockfiles/.gitignore", "nothing\n")

        assert "was changed by hand\nhint: run `onedigest generate --all`\n" in refused(
            project, "generate", "--check", "app", code=3
        )

    def test_record_that_lies_about_a_diff_id_fools_no_later_build(self, project: Project, tmp_path: Path) -> None:
        """A rebuild from a record inflates nothing, so what it states is not taken as known afterwards."""
        honest = project.read("lockfiles/app/image.toml")
        record = records.loads(honest, "image.toml")
        layers = record.platforms[0].layers
        diff_id = next(layer.descriptor.diff_id for layer in layers if layer.holds == "alpha 1.0")
        project.write("lockfiles/app/image.toml", honest.replace(diff_id, f"sha256:{'0' * 64}"))
        shutil.rmtree(project.root / "dist")
        empty = inputs_alone(project, tmp_path / "empty")
        lied = project.run("build", "app", "--locked", XDG_CACHE_HOME=empty)
        project.write("lockfiles/app/image.toml", honest)

        assert lied.code == 3
        assert project.ok("build", "app", XDG_CACHE_HOME=empty).out == f"{record.index}\n"
        assert project.ok("build", "app", "--locked", XDG_CACHE_HOME=empty).out == f"{record.index}\n"
        assert project.read("lockfiles/app/image.toml") == honest

    def test_code_that_changed_is_built_but_not_as_locked(self, project: Project) -> None:
        project.script("app.py", 'dependencies = ["alpha"]', *BOOKWORM, code="print('other')\n")
        shutil.rmtree(project.root / "dist")
        text = refused(project, "build", "--locked", "app", code=3)
        lines = text.splitlines()

        assert lines[0] == "error: app: the image is not the recorded one"
        assert lines[1].split() == ["what", "recorded", "built"]
        assert [line.split()[:2] for line in lines[2:-1]] == [
            ["index", lines[2].split()[1]],
            ["linux/amd64", "manifest"],
            ["linux/amd64", "config"],
            ["linux/amd64", "app.py"],
            ["linux/arm64", "manifest"],
            ["linux/arm64", "config"],
            ["linux/arm64", "app.py"],
        ]
        assert lines[-1] == "hint: run `onedigest build` without --locked and review image.toml"

    def test_unchanged_build_does_no_work(self, project: Project, index: IndexServer) -> None:
        index.close()
        before = {path: path.stat().st_mtime_ns for path in (project.root / "dist").rglob("*")}
        result = project.ok("build", "app", "--offline", ONEDIGEST_DEBIAN_MIRROR="http://127.0.0.1:9")

        assert result.err == "app: unchanged\n"
        assert {path: path.stat().st_mtime_ns for path in (project.root / "dist").rglob("*")} == before

    def test_everything_afterwards_works_offline(self, project: Project, index: IndexServer, cache: Path) -> None:
        project.ok("fetch", "app")
        index.close()
        shutil.rmtree(project.root / "dist")
        shutil.rmtree(project.root / "lockfiles" / ".inputs")
        result = project.ok("build", "app", "--offline", "--locked", ONEDIGEST_DEBIAN_MIRROR="http://127.0.0.1:9")

        assert result.out.startswith("sha256:")
        assert cache.is_dir()

    def test_offline_without_inputs(self, project: Project, tmp_path: Path) -> None:
        shutil.rmtree(project.root / "lockfiles" / ".inputs")
        shutil.rmtree(project.root / "dist")
        result = project.run("build", "app", "--offline", XDG_CACHE_HOME=str(tmp_path / "empty"))

        assert result.code == 4
        assert "not fetched: `--offline` is set\nhint: run `onedigest fetch`\n" in result.err or "offline" in result.err

    def test_index_that_changed_a_wheel(self, project: Project, index: IndexServer, tmp_path: Path) -> None:
        build_wheel(index.folder, "alpha", "1.0", files={"alpha/__init__.py": b"evil = True\n"})
        environment = {"XDG_CACHE_HOME": str(tmp_path / "empty"), "UV_CACHE_DIR": str(tmp_path / "uv-empty")}
        shutil.rmtree(project.root / "lockfiles" / ".inputs")
        shutil.rmtree(project.root / "dist")
        result = project.run("fetch", "app", **environment)

        assert result.code == 1
        assert "error: the index has another `alpha-1.0-py3-none-any.whl`: sha256 " in result.err
        assert "hint: find out why it changed before you run `onedigest generate`\n" in result.err

    def test_existing_pins_are_kept_unless_upgraded(self, project: Project, index: IndexServer) -> None:
        first = project.read("lockfiles/app/pylock.toml")
        build_wheel(index.folder, "alpha", "2.0")
        shutil.rmtree(project.environment["UV_CACHE_DIR"])
        assert project.ok("generate", "app").err.startswith("app: unchanged, ")
        assert project.read("lockfiles/app/pylock.toml") == first
        result = project.ok("generate", "app", "--upgrade-package", "Alpha")

        assert "  alpha 1.0 -> 2.0\n" in result.err
        assert 'version = "2.0"' in project.read("lockfiles/app/pylock.toml")

    def test_system_package_that_is_not_asked_for_any_more_is_gone(self, project: Project) -> None:
        """One of two is removed, so that something is still asked for."""
        wanted = ('dependencies = ["alpha"]', *BOOKWORM)
        project.script("app.py", *wanted, 'system-packages = ["libgomp1", "libgdbm6"]')
        project.ok("generate", "app.py")
        project.script("app.py", *wanted, 'system-packages = ["libgomp1"]')
        project.ok("generate", "app.py")
        lock = project.read("lockfiles/app/pylock.toml")

        assert 'name = "libgomp1"' in lock
        assert 'name = "libgdbm6"' not in lock

    def test_upgrade_of_a_package_that_is_not_there(self, project: Project) -> None:
        assert refused(project, "generate", "app", "--upgrade-package", "beta") == (
            "error: `--upgrade-package beta`: the lock has no such package\n"
        )

    def test_input_that_was_tampered_with(self, project: Project, tmp_path: Path) -> None:
        project.ok("fetch", "app")
        shutil.rmtree(project.root / "dist")
        wheel = project.root / "lockfiles" / ".inputs" / "alpha-1.0-py3-none-any.whl"
        data = wheel.read_bytes()
        wheel.unlink()
        wheel.write_bytes(data[:-1] + b"!")
        result = project.run("build", "app", XDG_CACHE_HOME=inputs_alone(project, tmp_path / "empty"))

        assert result.code == 0, "a wrong input is replaced by the right one from the store"
        assert wheel.read_bytes() == data

    def test_truncated_input_without_store(self, project: Project, tmp_path: Path, index: IndexServer) -> None:
        project.ok("fetch", "app")
        shutil.rmtree(project.root / "dist")
        wheel = project.root / "lockfiles" / ".inputs" / "alpha-1.0-py3-none-any.whl"
        wheel.unlink()
        wheel.write_bytes(b"PK\3\4")
        project.ok("build", "app", XDG_CACHE_HOME=str(tmp_path / "empty"))

        assert wheel.stat().st_size > 4

    def test_output_that_is_no_layout_is_not_replaced(self, project: Project) -> None:
        (project.root / "own").mkdir()
        project.write("own/notes.txt", "mine\n")

        assert refused(project, "build", "app", "--output", "own") == (
            "error: own: the output folder is not empty, and no OCI layout\nhint: name another folder\n"
        )

    def test_output_through_a_link_is_refused(self, project: Project) -> None:
        (project.root / "real").mkdir()
        (project.root / "link").symlink_to("real")

        assert refused(project, "build", "app", "--output", "link") == "error: link: a symbolic link is not followed\n"

    def test_unknown_platform(self, project: Project) -> None:
        assert refused(project, "build", "app", "--platform", "linux/s390x", code=2) == (
            "error: the image has no platform `linux/s390x`\nhint: it has linux/amd64, linux/arm64\n"
        )

    def test_nothing_recorded_is_not_locked(self, project: Project) -> None:
        (project.root / "lockfiles" / "app" / "image.toml").unlink()

        assert refused(project, "build", "app", "--locked", code=3).splitlines()[1] == (
            "hint: run `onedigest build` without --locked"
        )

    def test_broken_record(self, project: Project) -> None:
        project.write("lockfiles/app/image.toml", "name = \n")

        assert refused(project, "build", "app").endswith("hint: delete it, and run `onedigest build`\n")

    def test_package_that_is_not_needed(self, project: Project) -> None:
        assert refused(project, "graph", "app", "--why", "beta").startswith("error: ")
        assert "app does not need `beta`\n" in refused(project, "graph", "app", "--why", "beta")


@pytest.mark.network
@pytest.mark.parametrize("kind", ["address", "path", "folder"])
def test_wheel_that_is_named_is_locked_without_its_address(kind: str, project: Project, index: IndexServer) -> None:
    wheel = build_wheel(index.folder, "alpha", "1.0")
    address = index.address.replace("/simple", f"/files/{wheel.name}")
    project.write(f"wheels/{wheel.name}", wheel.read_bytes())
    lines = {
        "address": (f'dependencies = ["alpha @ {address}"]',),
        "path": ('dependencies = ["alpha"]', "[tool.uv.sources]", f'alpha = {{ path = "wheels/{wheel.name}" }}'),
        "folder": ('dependencies = ["alpha"]', "[tool.uv]", "no-index = true", 'find-links = ["wheels"]'),
    }[kind]
    project.script("app.py", *lines, *BOOKWORM)
    first = project.ok("build", "app.py").out
    lock = project.read("lockfiles/app/pylock.toml")

    assert f"size = {wheel.stat().st_size}, " in lock
    assert "127.0.0.1" not in lock
    assert str(project.root) not in lock
    shutil.rmtree(project.root / "dist")
    found = json.loads(project.ok("build", "app", "--locked", "--json").out)["images"][0]
    assert f"{found['digest']}\n" == first
    assert json.loads(project.ok("build", "app", "--json").out)["images"][0] == {**found, "made": []}


@pytest.mark.network
def test_hostile_wheel_is_refused_with_its_reason(project: Project, index: IndexServer) -> None:
    build_wheel(index.folder, "bad", "1.0", files={"bad/../../../../etc/cron.d/x": b"* * * * * root true\n"})
    project.script("app.py", 'dependencies = ["bad"]', *BOOKWORM)
    result = project.run("build", "app.py")

    assert result.code == 1
    assert (
        "error: app.py:2: bad-1.0-py3-none-any.whl: path 'bad/../../../../etc/cron.d/x' has an empty, '.' or '..'"
        " component [name]\nhint: for another version of bad write `bad!=1.0` in place of `bad`\n"
    ) in result.err
    assert not (project.root / "dist").exists()
    assert not (project.root / "lockfiles" / "app" / "image.toml").exists()


@pytest.mark.network
def test_no_network(project: Project) -> None:
    project.script("app.py", *BOOKWORM)
    result = project.run(
        "generate", "app.py", UV_DEFAULT_INDEX="http://127.0.0.1:9/simple", ONEDIGEST_DEBIAN_MIRROR="http://127.0.0.1:9"
    )

    assert result.code == 4
    assert "error: http://127.0.0.1:9/dists/bookworm/InRelease: cannot be reached: " in result.err
    assert files(project) == {"app.py", "onedigest.toml"}


@pytest.mark.network
def test_index_out_of_reach(project: Project) -> None:
    project.script("app.py", 'dependencies = ["alpha"]', *BOOKWORM)
    result = project.run("generate", "app.py", UV_DEFAULT_INDEX="http://127.0.0.1:9/simple", UV_HTTP_RETRIES="0")

    assert result.code == 4
    assert result.err.startswith("error: app.py: uv could not reach the package index: ")
    assert result.err.endswith("hint: check the network\n")
