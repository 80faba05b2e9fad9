"""Base images of registries: read once, pinned, kept byte for byte, and refused with the reason."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from base_images import (
    LAYER,
    MACHINES,
    Files,
    Made,
    copy_image,
    debian_base,
    elf,
    put_image,
    put_index,
    put_platform,
    python_files,
    python_image,
)
from build_tools import MODULE, find_tool, nix_python
from conftest import ALL_RULES, Project, machine_environment
from docker_daemon import run_image
from fault_proxy import Seen, faults
from index_server import IndexServer
from onedigest.lock import text
from onedigest.lock.base.account import Account
from onedigest.lock.base.debian import HOME
from onedigest.lock.base.image import ImageBase
from onedigest.oci.read import read_image
from onedigest.oci.validate import validate
from registry_server import Served, serve_registry
from wheel_builder import build_wheel

OTHERS_TOOLS = ("usr/bin/tar", "bin/gzip", "bin/sh", "usr/bin/readlink", "usr/lib64/libstdc++.so.6")
"""What another system has that Flyte and commands need."""

pytestmark = pytest.mark.network

PRINT = "import os, sys\nprint(sys.version_info[:2], os.getcwd(), os.environ.get('KIND'), os.environ['PATH'])\n"

COMPARE = """import ctypes.util, pathlib, subprocess
subprocess.run(["/sbin/ldconfig", "-X", "-C", "/tmp/cache"], check=True)
caches = [pathlib.Path(path).read_bytes() for path in ("/tmp/cache", "/etc/ld.so.cache")]
print(ctypes.util.find_library("gomp"), caches[0] == caches[1])
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve_registry(tmp_path_factory.mktemp("registry")) as registry:
        yield registry


@pytest.fixture(scope="module")
def real(served: Served, tmp_path_factory: pytest.TempPathFactory, cache: Path) -> str:
    """The name of a real image with Python 3.11, with tags `oci` and `docker`."""
    folder = tmp_path_factory.mktemp("base")
    project = Project(folder / "project", machine_environment(folder, cache))
    layout = debian_base(project)
    name = f"{served.host}/hub/python"
    copy_image(f"oci:{layout}", f"docker://{name}:oci")
    copy_image(f"oci:{layout}", f"docker://{name}:docker", "--format", "v2s2")
    return name


def base_of(project: Project, name: str = "app") -> ImageBase:
    found = text.loads(project.read(f"lockfiles/{name}/pylock.toml"), "").base
    assert isinstance(found, ImageBase)
    return found


def use(project: Project, base: str, *lines: str, python: str = ">=3.11", code: str = PRINT) -> None:
    project.script("app.py", f'requires-python = "{python}"', "[tool.onedigest]", f'base = "{base}"', *lines, code=code)


def refused(project: Project, *arguments: str) -> str:
    result = project.run(*arguments)
    assert result.code in (1, 4), result.err
    return result.err


class TestReal:
    @pytest.mark.parametrize("tag", ["oci", "docker"])
    def test_layers_and_media_types_of_the_base_are_kept(self, tag: str, real: str, project: Project) -> None:
        use(project, f"{real}:{tag}", 'workdir = "/srv/work"')
        project.ok("build", "app.py")
        base, layout = base_of(project), project.root / "dist" / "app"

        assert (base.image, base.python, base.libc_version) == (f"{real}:{tag}", "3.11.2", "2.36")
        assert (base.interpreter, base.system, base.releases) == ("/usr/bin/python3.11", "debian 12", ())
        assert validate(layout) == []
        for platform, pinned in zip(read_image(layout).platforms, base.images, strict=True):
            assert platform.layers[0].descriptor == pinned.layers[0]
            assert ("docker" in platform.layers[0].media_type) == (tag == "docker")
            assert [layer.holds for layer in platform.layers] == [
                f"{real}:{tag}, layer 1 of 1",
                f"bytecode of {real}:{tag}",
                "folder /srv/work",
                "working directory /srv/work",
                "virtual environment, Python 3.11.2",
                "app.py",
            ]

    def test_crane_finds_an_image_of_mixed_media_types_valid(self, real: str, served: Served, project: Project) -> None:
        crane = shutil.which("crane")
        if crane is None:
            pytest.skip("crane is not installed (`make engines` brings it)")
        use(project, f"{real}:docker")
        project.ok("build", "--push", "--repository", f"{served.host}/out/mixed", "--tag", "v1", "app.py")
        command = [crane, "validate", "--insecure", "--remote", f"{served.host}/out/mixed:v1"]

        assert subprocess.run(command, capture_output=True, check=False).returncode == 0

    @pytest.mark.bazel
    @pytest.mark.nix
    def test_bazel_and_nix_take_the_layers_as_they_are(self, real: str, project: Project) -> None:
        """With layers of ours above them: folders and a working directory, and packages of Debian."""
        for tool in ("bazel", "nix-build"):
            find_tool(tool)
        project.write("onedigest.toml", ALL_RULES)
        project.write("MODULE.bazel", MODULE)
        project.write(".bazelrc", "startup --max_idle_secs=5\n")
        use(project, f"{real}:docker", 'workdir = "/srv/work"', 'system-packages = ["libgomp1"]')
        embedded = project.ok("build", "app.py")

        for engine in ("bazel", "nix"):
            result = project.ok("build", "--engine", engine, "--locked", "app", ONEDIGEST_NIX_PYTHON=nix_python())
            assert result.out == embedded.out, engine

    @pytest.mark.docker
    @pytest.mark.emulation
    def test_working_directory_is_the_users_own(self, real: str, project: Project, docker: str) -> None:
        code = (
            "import os\nopen('/srv/mine/new', 'w').close()\nos.truncate('data.txt', 0)\nprint(os.getcwd(), 'written')\n"
        )
        lines = ('workdir = "/srv/mine"', "own-workdir = true", 'copy = { "data.txt" = "notes.txt" }')
        use(project, f"{real}:oci", *lines, code=code)
        project.write("notes.txt", "text\n")
        embedded = project.ok("build", "app.py")
        result = project.ok("build", "--engine", "buildx", "--load", "app.py")
        said = [run_image(docker, "app:latest", platform) for platform in MACHINES]
        subprocess.run([docker, "image", "rm", "app:latest"], env=project.environment, capture_output=True, check=True)

        assert result.out == embedded.out
        assert said == ["/srv/mine written\n"] * 2

    @pytest.mark.docker
    @pytest.mark.emulation
    def test_image_runs_on_both_platforms(self, real: str, project: Project, docker: str) -> None:
        use(project, f"{real}:docker", 'env = { KIND = "ours" }')
        project.ok("build", "--load", "app.py")
        said = [run_image(docker, "app:latest", platform) for platform in MACHINES]
        subprocess.run([docker, "image", "rm", "app:latest"], env=project.environment, capture_output=True, check=True)

        path = "/opt/venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        assert said == [f"(3, 11) /app ours {path}\n"] * 2

    @pytest.mark.docker
    @pytest.mark.parametrize("lines", [(), ('workdir = "/"', "entrypoint = []", 'system-packages = ["libgomp1"]')])
    def test_buildkit_gives_the_same_image(
        self, lines: tuple[str, ...], real: str, project: Project, docker: str
    ) -> None:
        use(project, f"{real}:docker", *lines)
        embedded = project.ok("build", "app.py").out

        assert project.ok("build", "--locked", "--engine", "buildx", "--output", "other", "app.py").out == embedded

    @pytest.mark.docker
    def test_commands_run_on_the_base(self, real: str, project: Project, docker: str) -> None:
        command = "python -c \\\"open('/app/made', 'w').write('made')\\\""
        use(project, f"{real}:oci", f'run = ["{command}"]', 'platforms = ["linux/amd64"]')
        project.ok("build", "--engine", "buildx", "app.py")
        result = project.ok("inspect", "--files", "app")

        assert " app/made" in result.out

    @pytest.mark.docker
    def test_packages_of_debian_are_put_above(self, real: str, project: Project, docker: str) -> None:
        lines = ('platforms = ["linux/amd64"]', 'system-packages = ["libgomp1", "libc6"]')
        use(project, f"{real}:oci", *lines, code=COMPARE)
        project.ok("build", "--load", "app.py")
        base = base_of(project)
        said = run_image(docker, "app:latest", "linux/amd64")
        subprocess.run([docker, "image", "rm", "app:latest"], env=project.environment, capture_output=True, check=True)

        assert said == "libgomp.so.1 True\n", "the cache of libraries is that of ldconfig for the whole image"

        assert {package.name for package in base.system_packages} == {"libgomp1"}, "the base has the rest"
        assert [each.suite for each in base.releases] == ["bookworm", "bookworm-security", "bookworm-updates"]
        assert "libgomp.so.1" in project.ok("inspect", "--files", "app").out

    def test_default_base_is_an_image_where_no_suite_fits(self, served: Served, project: Project) -> None:
        put_image(served.host, "hub/library/python", "3.12-slim", python_image())
        project.script("app.py", 'requires-python = "==3.12.*"')
        project.ok("build", "app.py", ONEDIGEST_REGISTRY_MIRRORS=f"docker.io={served.host}/hub")
        base = base_of(project)

        assert (base.image, base.python) == ("docker.io/library/python:3.12-slim", "3.12.4")
        assert served.host not in project.read("lockfiles/app/pylock.toml")
        assert f"FROM --platform=linux/amd64 docker.io/library/python@{base.images[0].manifest} AS base-amd64\n" in (
            project.read("lockfiles/app/Dockerfile")
        )


class TestPins:
    def test_tag_that_moves_moves_nothing_but_an_upgrade(self, served: Served, project: Project) -> None:
        old = put_image(served.host, "pins/python", "3", python_image("3.12.4"))
        use(project, f"{served.host}/pins/python:3")
        project.ok("generate", "app.py")
        new = put_image(served.host, "pins/python", "3", python_image("3.12.5"))
        project.ok("generate", "app.py")
        kept = base_of(project).index
        use(project, f"{served.host}/pins/python:3", 'workdir = "/work"', 'platforms = ["linux/arm64"]')
        project.ok("generate", "app.py")
        asked = base_of(project)
        result = project.ok("generate", "--upgrade", "app.py")

        assert (kept, asked.index, asked.python) == (old, old, "3.12.4")
        assert [image.platform.oci for image in asked.images] == ["linux/arm64"]
        assert (base_of(project).index, base_of(project).python) == (new, "3.12.5")
        assert f"  base {served.host}/pins/python@{old} -> {served.host}/pins/python@{new}\n" in result.err

    def test_base_that_is_known_needs_no_network(self, served: Served, project: Project) -> None:
        digest = put_image(served.host, "pins/known", "3", python_image())
        use(project, f"{served.host}/pins/known@{digest}")
        project.ok("generate", "app.py")
        use(project, f"{served.host}/pins/known@{digest}", 'workdir = "/work"')
        project.ok("generate", "--offline", "app.py")

        assert base_of(project).index == digest

    def test_digest_stays_as_it_is(self, served: Served, project: Project) -> None:
        digest = put_image(served.host, "pins/digest", "3", python_image("3.12.4"))
        put_image(served.host, "pins/digest", "3", python_image("3.12.5"))
        use(project, f"{served.host}/pins/digest@{digest}")
        project.ok("generate", "--upgrade", "app.py")

        assert (base_of(project).index, base_of(project).python) == (digest, "3.12.4")

    def test_another_reference_is_another_base(self, served: Served, project: Project) -> None:
        put_image(served.host, "pins/other", "a", python_image("3.12.4"))
        put_image(served.host, "pins/other", "b", python_image("3.12.5"))
        use(project, f"{served.host}/pins/other:a")
        project.ok("generate", "app.py")
        use(project, f"{served.host}/pins/other:b")
        project.ok("generate", "app.py")

        assert base_of(project).python == "3.12.5"

    def test_image_is_found_in_an_index_of_other_things(self, served: Served, project: Project) -> None:
        """An index in the index, a variant that not every machine runs, an artifact, and an entry without a platform."""
        name = "pins/odd"
        made = {platform: Made([python_files(platform)], {"Labels": {"is": platform}}) for platform in MACHINES}
        rows = {platform: put_platform(served.host, name, platform, each) for platform, each in made.items()}
        other = put_platform(served.host, name, "linux/amd64", Made([python_files("linux/amd64", "3.13.1")]))
        amd64 = {"os": "linux", "architecture": "amd64"}
        inner = [{**other, "platform": {**amd64, "variant": "v3"}}, {**rows["linux/amd64"], "platform": amd64}]
        artifact = {**other, "platform": amd64, "artifactType": "application/vnd.example+json"}
        index = put_index(
            served.host, name, "3", [artifact, put_index(served.host, name, "", inner), rows["linux/arm64"]]
        )
        use(project, f"{served.host}/{name}:3", 'platforms = "aarch64, linux/amd64/v1"')
        project.ok("generate", "app.py")
        base = base_of(project)
        project.ok("build", "app.py", XDG_CACHE_HOME=str(project.root / "cache"))  # where the lock is proven

        assert base.index == index["digest"]
        assert [each.manifest for each in base.images] == [rows[platform]["digest"] for platform in MACHINES]
        assert [dict(each.labels)["is"] for each in base.images] == list(MACHINES)

    def test_layers_are_read_once_and_documents_by_digest(self, served: Served, project: Project) -> None:
        put_image(served.host, "pins/once", "3", python_image())
        with faults(served.host) as proxy:
            use(project, f"{proxy.host}/pins/once:3")
            project.environment["XDG_CACHE_HOME"] = str(project.root / "cache")
            project.ok("generate", "app.py")
            first = proxy.requests("GET", "/blobs/")
            project.ok("generate", "--upgrade", "app.py")
            project.ok("build", "app.py")

            assert (first, proxy.requests("GET", "/blobs/")) == (4, 4), "two layers, two configurations"

    def test_build_brings_base_layers_only_for_an_output(self, served: Served, project: Project) -> None:
        put_image(served.host, "pins/lazy", "3", python_image())
        with faults(served.host) as proxy:
            use(project, f"{proxy.host}/pins/lazy:3")
            project.ok("build", "app.py")
            before = len(proxy.seen)
            fresh = {"XDG_CACHE_HOME": str(project.root / "fresh")}
            project.ok("build", "--locked", "--push", "--repository", f"{proxy.host}/pins/pushed", "app.py", **fresh)
            pushed = [seen.path for seen in proxy.seen[before:] if seen.method == "GET"]
            project.ok("build", "--locked", "--output", "out.tar", "app.py", **fresh)
            written = [seen.path for seen in proxy.seen[before:] if seen.method == "GET"]

        assert len(pushed) == 5, "index, manifests and configurations, which the lock is held against"
        assert len([path for path in written if "/blobs/" in path]) == 4, "the layers too, and nothing twice"

    def test_lock_is_the_same_each_time(self, served: Served, project: Project) -> None:
        made = {
            each: Made([python_files(each)], {"Env": ["B=2", "A=1"], "Labels": {"b": "2", "a": "1"}})
            for each in MACHINES
        }
        put_image(served.host, "pins/same", "3", made)
        use(project, f"{served.host}/pins/same:3")
        project.ok("generate", "app.py")
        first = project.read("lockfiles/app/pylock.toml")
        project.ok("generate", "--upgrade", "app.py", XDG_CACHE_HOME=str(project.root / "other"), PYTHONHASHSEED="7")

        assert project.read("lockfiles/app/pylock.toml") == first
        assert text.dumps(text.loads(first, "")) == first


class TestConfiguration:
    def test_variables_and_labels_stand_below_ours(self, served: Served, project: Project) -> None:
        settings = {
            "Env": ["PATH=/opt/python/bin:/bin", "KIND=base", "KEPT=yes", "EMPTY=", "HOME=/x", "PYTHONUNBUFFERED="],
            "StopSignal": "SIGQUIT",
            "Labels": {"a": "base", "b": "base"},
            "User": "1234",
            "WorkingDir": "/elsewhere",
            "Entrypoint": ["/bin/sh"],
            "Cmd": ["-c", "true"],
            "ExposedPorts": {"80/tcp": {}},
        }
        made = {}
        for platform in MACHINES:
            files = {
                path.replace("usr/local", "opt/python"): content for path, content in python_files(platform).items()
            }
            made[platform] = Made([files], settings)
        put_image(served.host, "conf/env", "3", made)
        use(
            project,
            f"{served.host}/conf/env:3",
            'env = { KIND = "ours" }',
            'labels = { b = "ours" }',
            "entrypoint = []",
            "bytecode = false",
        )
        project.ok("build", "app.py")
        built = read_image(project.root / "dist" / "app").platforms[0]

        assert built.config["config"] == {
            "Env": [
                *("EMPTY=", "HOME=/home/nonroot", "KEPT=yes", "KIND=ours", "PATH=/opt/venv/bin:/opt/python/bin:/bin"),
                "PYTHONUNBUFFERED=",
            ],
            "StopSignal": "SIGINT",
            "Labels": {"a": "base", "b": "ours"},
            "User": "65532:65532",
            "WorkingDir": "/app",
        }
        assert base_of(project).interpreter == "/opt/python/bin/python3.12"

    def test_account_is_that_of_the_user_who_is_asked_for(self, served: Served, project: Project) -> None:
        accounts: Files = {"etc/passwd": b"root:$6$hash:0:0::/root:\nme:x:7:8::/srv/me:", "etc/group": b"us:x:8:\n"}
        made = {platform: Made([{**python_files(platform), **accounts, "data": None}]) for platform in MACHINES}
        put_image(served.host, "conf/account", "3", made)
        project.write("notes.txt", "x")
        copied = 'copy = { "/data/in/a.txt" = "notes.txt", "/none/b.txt" = "notes.txt" }'
        told = ('volumes = ["/data", "/new"]', 'annotations = { "a.b" = "x" }', copied)
        use(project, f"{served.host}/conf/account:3", *told)
        project.ok("build", "app.py")
        first = base_of(project).images[0]
        use(project, f"{served.host}/conf/account:3", 'user = "7"', *told)
        project.ok("build", "app.py")
        second = base_of(project).images[0]
        built = read_image(project.root / "dist" / "app").platforms[0]

        assert first.account == Account(
            home="/home/nonroot",
            has_home=False,
            passwd=(
                "root:*:0:0::/root:",
                "me:x:7:8::/srv/me:",
                f"nonroot:*:65532:65532:nonroot:{HOME}:/usr/sbin/nologin",
            ),
            group=("us:x:8:", "nonroot:*:65532:"),
        )
        assert second.account == Account(home="/home/nonroot", has_home=False, group=("us:x:8:", "nonroot:*:7:"))
        assert first.has_volumes == second.has_volumes == first.has_folders == second.has_folders == ("/data",)
        assert built.annotations == {"a.b": "x"}
        assert [each.holds for each in built.layers[1:4]] == [
            "account of user 7:7", "volume /new of user 7:7", "folder /app",
        ]  # fmt: skip

    @pytest.mark.parametrize("media_type", [LAYER, f"{LAYER}+gzip", f"{LAYER}+zstd"])
    def test_every_compression_is_read_and_kept(self, media_type: str, served: Served, project: Project) -> None:
        made = {platform: Made([python_files(platform), {"x": b"y"}], media_type=media_type) for platform in MACHINES}
        put_image(served.host, "conf/packed", "3", made)
        use(project, f"{served.host}/conf/packed:3")
        project.ok("build", "app.py")
        layout = project.root / "dist" / "app"

        assert validate(layout) == []
        assert [layer.media_type for layer in read_image(layout).platforms[0].layers[:2]] == [media_type] * 2

    def test_upper_layers_decide(self, served: Served, project: Project) -> None:
        lower = {**python_files("linux/amd64", "3.13.1"), "opt/venv/bin/python": b"", "srv/work": None}
        upper = {**python_files("linux/amd64", "3.12.4"), "opt/.wh.venv": b"", "usr/local/bin/.wh.python3.13": b""}
        put_image(served.host, "conf/upper", "3", {"linux/amd64": Made([lower, upper])})
        use(project, f"{served.host}/conf/upper:3", 'platforms = ["linux/amd64"]', 'workdir = "/srv/work"')
        project.ok("generate", "app.py")

        assert (base_of(project).python, base_of(project).venv) == ("3.12.4", "opt/venv")
        assert base_of(project).images[0].has_workdir

    def test_first_python_that_fits_is_taken(self, served: Served, project: Project) -> None:
        system = {"usr/bin/python3": "python3.11", **{
            path.replace("usr/local", "usr"): content for path, content in python_files("linux/amd64", "3.11.2").items()
        }}  # fmt: skip
        put_image(served.host, "conf/two", "3", {"linux/amd64": Made([python_files("linux/amd64"), system])})
        use(project, f"{served.host}/conf/two:3", 'platforms = ["linux/amd64"]', python="<3.12")
        project.ok("generate", "app.py")

        assert base_of(project).interpreter == "/usr/bin/python3.11"


class TestRefused:
    def made(
        self,
        served: Served,
        name: str,
        platforms: dict[str, Made],
        project: Project,
        *lines: str,
        python: str = ">=3.11",
    ) -> tuple[str, str]:
        """Return the reference of an image, and what is said of it as a base."""
        put_image(served.host, f"bad/{name}", "3", platforms)
        reference = f"{served.host}/bad/{name}:3"
        use(project, reference, *lines, python=python)
        return reference, refused(project, "generate", "app.py")

    def both(self, reference: str, message: str) -> str:
        return "".join(f"error: app.py: the base {reference}, {platform}: {message}\n" for platform in MACHINES)

    def test_musl(self, served: Served, project: Project) -> None:
        reference, said = self.made(served, "musl", python_image(loader="/lib/ld-musl-x86_64.so.1"), project)

        assert said == self.both(
            reference,
            "its Python is linked with musl: 3.12.4 (/usr/local/bin/python3.12)\n"
            "hint: use a base with glibc, such as python:3.13-slim",
        )

    def test_script_in_the_place_of_python(self, served: Served, project: Project) -> None:
        files = {platform: Made([{"usr/bin/python3": b"#!/bin/sh\n"}]) for platform in MACHINES}
        reference, said = self.made(served, "none", files, project)

        assert said == self.both(
            reference,
            "its /usr/bin/python3 is no interpreter of CPython that tells its version\n"
            "hint: have its PATH lead to the interpreter itself, or use a base with Python, such as python:3.13-slim",
        )

    def test_python_of_another_machine(self, served: Served, project: Project) -> None:
        files = {platform: Made([python_files("linux/amd64")]) for platform in MACHINES}
        reference, said = self.made(served, "machine", files, project)

        assert said == (
            f"error: app.py: the base {reference}, linux/arm64:"
            " its Python is a program of linux/amd64: 3.12.4 (/usr/local/bin/python3.12)\n"
            "hint: build that base for the platform that it is said to be of, or leave the platform out of `platforms`\n"
        )

    def test_python_that_does_not_satisfy(self, served: Served, project: Project) -> None:
        reference, said = self.made(served, "wrong", python_image("3.12.4"), project, python=">=3.13")

        assert said == self.both(
            reference,
            "its Python does not satisfy `requires-python = '>=3.13'`: 3.12.4 (/usr/local/bin/python3.12)\n"
            "hint: use another base, or change `requires-python`",
        )

    def test_python_that_is_too_old(self, served: Served, project: Project) -> None:
        reference, said = self.made(served, "old", python_image("3.10.9"), project, python=">=3.9")

        assert said == self.both(
            reference, "its Python is too old: 3.10.9 (/usr/local/bin/python3.10)\nhint: Python 3.11 or newer is needed"
        )

    def test_platform_that_is_missing(self, served: Served, project: Project) -> None:
        reference, said = self.made(served, "amd64", {"linux/amd64": Made([python_files("linux/amd64")])}, project)

        assert said == (
            f"error: app.py: the base {reference} has no image for linux/arm64\n"
            "hint: it has linux/amd64; choose `platforms` among them, or another base\n"
        )

    def test_platforms_that_differ(self, served: Served, project: Project) -> None:
        files = {
            "linux/amd64": Made([python_files("linux/amd64", "3.12.4")]),
            "linux/arm64": Made([python_files("linux/arm64", "3.12.3")]),
        }
        reference, said = self.made(served, "differ", files, project)

        assert said == (
            f"error: app.py: the platforms of the base {reference} differ:"
            " linux/amd64 has Python 3.12.4 (/usr/local/bin/python3.12) and glibc 2.36 on example 7;"
            " linux/arm64 has Python 3.12.3 (/usr/local/bin/python3.12) and glibc 2.36 on example 7\n"
            "hint: try again later, or name an image by a tag or digest that has the same on all platforms\n"
        )

    def test_python_whose_path_names_the_machine(self, served: Served, project: Project) -> None:
        """As uv installs it: all else is the same, and no later time helps."""
        files = {}
        for platform, name in zip(MACHINES, ("x86_64", "aarch64"), strict=True):
            real = f"opt/uv/python/cpython-3.12-{name}/bin/python3.12"
            moved = {**python_files(platform), real: elf(platform, "3.12.4"), "usr/local/bin/python3.12": f"/{real}"}
            files[platform] = Made([moved])
        _, said = self.made(served, "machines", files, project)

        assert "linux/arm64 has Python 3.12.4 (/opt/uv/python/cpython-3.12-aarch64/bin/python3.12)" in said
        assert said.endswith(
            "hint: name one of them in `platforms`, or use a base whose Python has the same path on all\n"
        )

    def test_all_that_is_unfit_is_told_at_once(self, served: Served, project: Project) -> None:
        files = {**python_files("linux/amd64"), "opt": "srv/opt", "app": "srv/app"}
        made = {"linux/amd64": Made([files], {"OnBuild": ["RUN true"]})}
        reference, said = self.made(served, "unfit", made, project, 'platforms = ["linux/amd64"]')
        where = f"error: app.py: the base {reference}, linux/amd64"

        assert said == (
            f"{where}: it has commands for builds on it (ONBUILD), and nothing is executed here\n"
            f"{where}: its /app is no folder, but a link\n"
            f"{where}: its /opt is no folder, but a link\n"
        )

    def test_system_packages_on_something_else_than_debian(self, served: Served, project: Project) -> None:
        reference, said = self.made(served, "example", python_image(), project, 'system-packages = ["libgomp1"]')

        assert said == (
            f"error: app.py: `system-packages` cannot be put on the base {reference}, which is example 7 and has no libgomp1\n"
            "hint: they come from Debian: trixie, bookworm; install what they have in a base of your own\n"
        )

    def test_what_shells_and_debuggers_need_is_missed_but_not_refused(self, served: Served, project: Project) -> None:
        tools = dict.fromkeys(OTHERS_TOOLS[:2], b"")
        put_image(served.host, "base/few", "1", {name: Made([{**python_files(name), **tools}]) for name in MACHINES})
        use(project, f"{served.host}/base/few:1", 'system-packages = ["dash", "gzip", "libstdc++6", "tar"]')

        assert project.ok("generate", "app.py").err.startswith(
            f"warning: app.py: shells, apps and debuggers may not start on the base {served.host}/base/few:1,"
            " which is example 7 and has no dash or libstdc++6\n"
            "hint: they come from Debian: trixie, bookworm; install what they have in a base of your own\n"
        )

    def test_programs_that_another_base_has_need_no_packages(self, served: Served, project: Project) -> None:
        made = {
            platform: Made([{**python_files(platform), **dict.fromkeys(OTHERS_TOOLS, b"")}]) for platform in MACHINES
        }
        put_image(served.host, "base/tools", "1", made)
        use(
            project,
            f"{served.host}/base/tools:1",
            'system-packages = ["coreutils", "dash", "gzip", "libstdc++6", "tar"]',
        )
        project.ok("generate", "app.py")

        assert base_of(project).system_packages == ()

    def test_tag_that_does_not_exist(self, served: Served, project: Project) -> None:
        use(project, f"{served.host}/bad/nothing:3")

        assert refused(project, "generate", "app.py") == (
            f"error: there is no image {served.host}/bad/nothing:3\nhint: correct the tag or the digest\n"
        )

    def test_layer_that_is_not_what_its_digest_says(self, served: Served, project: Project) -> None:
        def lie(_: Seen, status: int, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
            return status, headers, body[:-1] + b"?" if body[:2] == b"\x1f\x8b" else body

        put_image(served.host, "bad/digest", "3", {"linux/amd64": Made([python_files("linux/amd64")])})
        project.environment["XDG_CACHE_HOME"] = str(project.root / "cache")
        with faults(served.host) as proxy:
            proxy.rewrite = lie
            use(project, f"{proxy.host}/bad/digest:3", 'platforms = ["linux/amd64"]')
            said = refused(project, "generate", "app.py")

        assert said.startswith(f"error: {proxy.host}/bad/digest:3: layer ")
        assert said.endswith(": the content does not have the expected size and sha256\n")
        assert not (project.root / "lockfiles").exists()

    def test_layer_that_is_not_what_the_configuration_says(self, served: Served, project: Project) -> None:
        wrong = "sha256:" + "0" * 64
        files = {"linux/amd64": Made([python_files("linux/amd64"), {"lie": b""}], diff_ids=[wrong, wrong])}
        _, said = self.made(served, "diff", files, project, 'platforms = ["linux/amd64"]')

        assert said.startswith("error: the layer sha256:")
        assert said.endswith(f", {wrong} in the configuration\n")


def test_too_few_layers_for_a_base(served: Served, project: Project, index: IndexServer) -> None:
    build_wheel(index.folder, "alpha", "1.0")
    layers: list[Files] = [python_files("linux/amd64"), *({f"file{number}": b""} for number in range(5))]
    put_image(served.host, "few/python", "3", {"linux/amd64": Made(layers)})
    lines = (
        "[tool.onedigest]",
        f'base = "{served.host}/few/python:3"',
        'platforms = ["linux/amd64"]',
        "max-layers = 6",
    )
    project.script("app.py", 'requires-python = ">=3.11"', 'dependencies = ["alpha"]', *lines)

    assert refused(project, "generate", "app.py") == (
        "error: app.py: `max-layers` leaves no layer for wheels\n"
        "hint: set `max-layers` to 13 or more, or leave out bytecode: `bytecode = false`\n"
    )
