"""`inspect` and `diff` of images wherever they are: locks, layouts, registries, earlier revisions."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator

import pytest

from base_images import RUNNING, Made, copy_image, put_image, python_files, python_image
from conftest import Project
from fault_proxy import faults
from index_server import IndexServer
from registry_server import Served, serve_registry
from wheel_builder import build_wheel

pytestmark = pytest.mark.network


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve_registry(tmp_path_factory.mktemp("registry")) as registry:
        put_image(registry.host, "base/one", "3", python_image(RUNNING))
        put_image(registry.host, "base/two", "3", python_image(RUNNING, glibc="2.35"))
        yield registry


@pytest.fixture
def app(project: Project, index: IndexServer, served: Served) -> Project:
    build_wheel(index.folder, "alpha", "1.0")
    write(project, served, "one")
    return project


def write(project: Project, served: Served, base: str, *lines: str, dependencies: str = '["alpha==1.0"]') -> None:
    project.script(
        "app.py", 'requires-python = ">=3.11"', f"dependencies = {dependencies}", "[tool.onedigest]",
        f'base = "{served.host}/base/{base}:3"', 'platforms = ["linux/amd64"]', *lines,
    )  # fmt: skip


def git(project: Project, *arguments: str) -> None:
    identity = ("-c", "user.name=tests", "-c", "user.email=tests@example.com", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *identity, *arguments], cwd=project.root, check=True, capture_output=True)


def short(text: str) -> str:
    return re.sub(r"(?:sha256:)?\b[0-9a-f]{12,64}\b", "…", text)


class TestInspect:
    def test_remote_image_is_shown_as_a_local_one(self, served: Served, app: Project) -> None:
        app.ok("build", "app.py")
        copy_image(f"oci:{app.root / 'dist' / 'app'}", f"docker://{served.host}/seen/app:v1")
        local = app.ok("inspect", "app")
        remote = app.ok("inspect", "--validate", f"{served.host}/seen/app:v1")

        assert remote.out == local.out
        assert remote.err == "every digest, size and diff ID is right\n"
        assert app.ok("inspect", "--files", "--json", f"{served.host}/seen/app:v1").out == (
            app.ok("inspect", "--files", "--json", "app").out
        )

    def test_layers_are_not_fetched_to_show_them(self, served: Served, app: Project) -> None:
        with faults(served.host) as proxy:
            app.ok("inspect", f"{proxy.host}/base/one:3", XDG_CACHE_HOME=str(app.root / "cache"))
            assert proxy.requests("GET", "/blobs/") == 2, "two configurations"

    def test_image_of_others_is_shown(self, served: Served, app: Project) -> None:
        put_image(served.host, "seen/other", "1", {"linux/arm64": Made([{"x": b""}], {"User": "me"})})
        result = app.ok("inspect", f"{served.host}/seen/other:1")

        assert "linux/arm64" in result.out
        assert "user        me" in result.out

    def test_what_is_not_there(self, served: Served, app: Project) -> None:
        assert app.run("inspect", f"{served.host}/seen/none:1").err == (
            f"error: there is no image {served.host}/seen/none:1\nhint: correct the tag or the digest\n"
        )
        assert app.run("inspect", "nothing").err == (
            "error: dist/nothing: there is no built image `nothing`\nhint: run `onedigest build nothing`\n"
        )


class TestDiff:
    def test_equal_images(self, served: Served, app: Project) -> None:
        app.ok("build", "app.py")
        copy_image(f"oci:{app.root / 'dist' / 'app'}", f"docker://{served.host}/diff/app:v1")
        for one, other in (("app", "dist/app"), ("app", f"{served.host}/diff/app:v1"), ("dist/app", "app")):
            result = app.ok("diff", "--check", one, other)
            assert "nothing differs\nlinux/amd64: 8 of 8 layers equal\n0 B to move\n" in result.out

    def test_everything_that_differs_is_named(self, served: Served, app: Project, index: IndexServer) -> None:
        app.ok("build", "--output", "old.tar", "app.py")
        build_wheel(index.folder, "alpha", "1.1", requires=["beta"])
        build_wheel(index.folder, "beta", "2.0")
        told = ("expose = [80]", 'annotations = { "a.b" = "x" }', 'stop-signal = "TERM"', "healthcheck = false")
        write(app, served, "two", 'env = { KIND = "new" }', *told, dependencies='["alpha==1.1"]')
        app.ok("generate", "app.py")
        app.ok("build", "app.py")
        result = app.run("diff", "--check", "old.tar", "app")
        lines = [re.sub(" {2,}", "  ", short(line)).strip() for line in result.out.splitlines()]
        host = served.host

        assert result.code == 3
        assert lines[0:4] == ["old.tar  …", "app  …", "", "linux/amd64"]
        assert lines[5:13] == [
            f"base  base  {host}/base/one:3  {host}/base/two:3",
            "package  alpha  1.0  1.1",
            "package  beta  absent  2.0",
            "setting  Env KIND  absent  new",
            "setting  ExposedPorts  absent  80/tcp",
            'setting  Healthcheck  absent  {"Test":["NONE"]}',
            "setting  StopSignal  SIGINT  SIGTERM",
            "setting  annotation a.b  absent  x",
        ]
        assert [line.partition("  ")[2].partition("  ")[0] for line in lines if line.startswith("layer  ")] == [
            f"{host}/base/two:3, layer 1 of 1", "alpha 1.1, beta 2.0", "app.py",
        ]  # fmt: skip
        assert [line[-15:] for line in lines if line.startswith("layer  alpha")] == [" with bytecode)"]
        assert "linux/amd64: 4 of 8 layers equal" in lines
        assert re.search(r"\d\.\d kB to move", lines[-1])

    def test_earlier_revision_is_the_older_side(self, served: Served, app: Project, index: IndexServer) -> None:
        git(app, "init", "-q")
        app.ok("build", "app.py")
        git(app, "add", "app.py", "lockfiles/app", "onedigest.toml")
        git(app, "commit", "-q", "-m", "one")
        assert "nothing differs" in app.ok("diff", "--check", "app").out
        build_wheel(index.folder, "alpha", "1.1")
        write(app, served, "one", dependencies='["alpha==1.1"]')
        app.ok("generate", "app.py")
        result = app.run("diff", "app", "HEAD", "--format", "markdown")

        assert "- old: app at HEAD `sha256:" in result.out
        assert "| package | alpha | 1.0 | 1.1 |" in result.out
        assert result.err == "lockfiles/app/image.toml is not of the lock and the script as they are now\n"

    def test_json(self, served: Served, app: Project) -> None:
        app.ok("build", "app.py")
        document = json.loads(app.ok("diff", "--json", "app", f"{served.host}/base/two:3").out)
        changes = {(each["platform"], each["kind"], each["name"]) for each in document["changes"]}

        assert ("linux/arm64", "platform", "linux/arm64") in changes
        assert ("linux/amd64", "setting", "User") in changes
        assert not [kind for _, kind, _ in changes if kind == "package"], "of an image of others packages are not known"
        assert document["new"]["name"] == f"{served.host}/base/two:3"
        assert document["bytes_to_move"] > 0

    def test_debian_packages_are_read_from_layers_that_differ(self, served: Served, project: Project) -> None:
        lines = ("[tool.onedigest]", 'base = "debian:bookworm"', 'platforms = ["linux/amd64"]')
        project.script("app.py", 'requires-python = ">=3.11"', *lines)
        name = f"{served.host}/diff/debian"
        project.ok("build", "--push", "--repository", name, "--tag", "v1", "app.py")
        with faults(served.host) as proxy:
            same = project.ok("diff", "app", f"{proxy.host}/diff/debian:v1")
            assert proxy.requests("GET", "/blobs/") <= 1, "the configuration alone"
        project.script("app.py", 'requires-python = ">=3.11"', *lines, 'system-packages = ["libgomp1"]')
        project.ok("generate", "app.py")
        project.ok("build", "app.py")
        other = project.ok("diff", f"{name}:v1", "app")

        assert "nothing differs" in same.out
        assert "Debian package" in other.out
        found = dict(re.findall(r"Debian package +(\S+) +(\S+)", other.out))
        assert found.keys() >= {"libgomp1", "bash"}, "the one that is asked for, and the essential ones"
        assert set(found.values()) == {"absent"}

    def test_two_bases_of_others(self, served: Served, app: Project) -> None:
        files = python_files("linux/amd64", RUNNING)
        put_image(served.host, "diff/more", "1", {"linux/amd64": Made([files, {"added": b"x" * 2000}])})
        result = app.ok("diff", f"{served.host}/base/one:3", f"{served.host}/diff/more:1")

        assert "linux/amd64: 1 of 2 layers equal\n" in result.out

    @pytest.mark.parametrize(
        ("arguments", "code", "expected"),
        [
            (("nothing",), 1, "error: lockfiles: there is no image `nothing`\n"
                "hint: name an image, a layout or a reference HOST/NAME:TAG\n"),
            (("app", "nothing"), 1, "error: `nothing` is neither an image nor a revision of git\n"
                "hint: name an image, a layout, a reference HOST/NAME:TAG or a revision\n"),
            (("app", "--version"), 1, ""),
        ],
    )  # fmt: skip
    def test_what_is_no_image(self, arguments: tuple[str, ...], code: int, expected: str, app: Project) -> None:
        app.ok("generate", "app.py")
        result = app.run("diff", *arguments)
        if expected:
            assert (result.code, result.err.replace(_UNBUILT, "")) == (code, expected)
        else:
            assert result.code == 2

    def test_revision_without_a_lock(self, app: Project) -> None:
        git(app, "init", "-q")
        git(app, "add", "onedigest.toml")
        git(app, "commit", "-q", "-m", "one")
        app.ok("generate", "app.py")

        assert app.run("diff", "app").err.replace(_UNBUILT, "") == (
            "error: lockfiles/app/pylock.toml: HEAD has no lock of `app`\n"
        )


_UNBUILT = "lockfiles/app/image.toml: there is no record of a build\n"
