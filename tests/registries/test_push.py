"""`build --push`: what moves, what it is called, and that nothing half-pushed has a tag."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from base_images import copy_image, put_image, python_image
from conftest import Project, machine_environment
from docker_daemon import run_image
from fault_proxy import FaultProxy, Seen, faults
from index_server import IndexServer
from onedigest.oci.read import read_image
from onedigest.oci.validate import validate
from registry_server import SECRET, USER, Served, TokenService, login, serve_registry
from wheel_builder import build_wheel

pytestmark = pytest.mark.network

METADATA = ('requires-python = ">=3.11"', 'dependencies = ["alpha"]', "[tool.onedigest]", 'base = "debian:bookworm"')


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve_registry(tmp_path_factory.mktemp("registry")) as registry:
        yield registry


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Path:
    """The files of a project whose script has a wheel, locked."""
    folder = tmp_path_factory.mktemp("locked")
    project = Project(folder / "project", machine_environment(folder, cache))
    project.script("app.py", *METADATA, code="import alpha\nprint(alpha.x)\n")
    project.write("onedigest.toml", "")
    build_alpha(folder / "index")
    index = IndexServer(folder / "index")
    project.ok("generate", "app.py", UV_DEFAULT_INDEX=index.address, UV_CACHE_DIR=str(folder / "uv"))
    index.close()
    return project.root


@pytest.fixture
def app(project: Project, index: IndexServer, locked: Path) -> Project:
    """A project of its own with those files."""
    build_alpha(index.folder)
    shutil.copytree(locked, project.root, dirs_exist_ok=True)
    return project


def build_alpha(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    build_wheel(folder, "alpha", "1.0", files={"alpha/__init__.py": b"x = 1\n" * 50})


def tags(host: str, name: str) -> list[str]:
    done = subprocess.run(["curl", "-s", f"http://{host}/v2/{name}/tags/list"], capture_output=True, check=True)
    return sorted(json.loads(done.stdout).get("tags") or [])


def key_of(project: Project, name: str = "app") -> str:
    match = re.search(r'(?m)^plan = "sha256:(\w{16})', project.read(f"lockfiles/{name}/image.toml"))
    assert match
    return match[1]


def digest_of(project: Project, name: str = "app") -> str:
    match = re.search(r'(?m)^index = "(sha256:\w+)"', project.read(f"lockfiles/{name}/image.toml"))
    assert match
    return match[1]


class TestWhatMoves:
    def test_image_is_pushed_whole_under_its_key_and_tags(self, served: Served, app: Project, tmp_path: Path) -> None:
        name = f"{served.host}/moves/first"
        result = app.ok("build", "--push", "--repository", name, "--tag", "v1", "--tag", "latest", "app.py")
        copy_image(f"docker://{name}:v1", f"oci:{tmp_path / 'copy'}")

        assert result.out == f"{name}@{digest_of(app)}\n"
        assert tags(served.host, "moves/first") == sorted((key_of(app), "latest", "v1"))
        assert read_image(tmp_path / "copy").digest == digest_of(app)
        assert validate(tmp_path / "copy") == []
        assert not (app.root / "dist").exists(), "a push writes no layout"

    def test_second_push_is_one_request(self, served: Served, app: Project) -> None:
        app.ok("build", "--push", "--repository", f"{served.host}/moves/again", "app.py")
        with faults(served.host) as proxy:
            name = f"{proxy.host}/moves/again"
            result = app.ok("build", "--push", "--repository", name, "app.py", "--locked")

            assert [(seen.method, seen.path) for seen in proxy.seen] == [
                ("HEAD", f"/v2/moves/again/manifests/{key_of(app)}")
            ]
        assert result.out == f"{name}@{digest_of(app)}\n"
        assert result.err == f"app: pushed already, as {name}:{key_of(app)}\n"

    def test_push_by_record_needs_neither_wheels_nor_base(self, served: Served, app: Project) -> None:
        app.ok("build", "--push", "--repository", f"{served.host}/moves/bare", "app.py")
        shutil.rmtree(app.root / "lockfiles" / ".inputs")
        fresh = {"XDG_CACHE_HOME": str(app.root / "fresh"), "UV_DEFAULT_INDEX": "http://127.0.0.1:9/simple"}
        with faults(served.host) as proxy:
            app.ok("build", "--push", "--repository", f"{proxy.host}/moves/bare", "--tag", "v2", "app.py", **fresh)

            assert proxy.requests("POST") == 0
            assert proxy.requests("PUT", "/blobs/") == 0
        assert "v2" in tags(served.host, "moves/bare")
        assert not list((app.root / "fresh").rglob("*.whl"))

    def test_bytes_sent_are_those_of_missing_blobs(self, served: Served, app: Project) -> None:
        name = f"{served.host}/moves/count"
        app.ok("build", "--push", "--repository", name, "app.py")
        app.script("app.py", *METADATA, code="import alpha\nprint('other')\n")
        with faults(served.host) as proxy:
            result = app.ok("build", "--json", "--push", "--repository", f"{proxy.host}/moves/count", "app.py")
            blobs = [seen.body for seen in proxy.seen if "/blobs/" in seen.path and seen.method in ("PUT", "PATCH")]
        pushed = json.loads(result.out)["images"][0]["pushed"]
        record = app.read("lockfiles/app/image.toml")
        layer = re.search(r'holds = "app.py", size = (\d+)', record)
        assert layer

        assert pushed["blobs"]["uploaded"] == len(blobs) == 3, "the application's layer and two configurations"
        assert pushed["blobs"]["bytes"] == sum(blobs)
        assert int(layer[1]) in blobs

    def test_siblings_and_base_lend_their_blobs(self, served: Served, project: Project) -> None:
        put_image(served.host, "lend/base", "3", python_image())
        base = (f'base = "{served.host}/lend/base:3"',)
        for name in ("one", "two"):
            repository = f'repository = "{served.host}/lend/{name}"'
            project.script(f"{name}.py", 'requires-python = ">=3.11"', "[tool.onedigest]", *base, repository)
        first = json.loads(project.ok("build", "--json", "--push", "one.py").out)["images"][0]["pushed"]["blobs"]
        second = json.loads(project.ok("build", "--json", "--push", "two.py").out)["images"][0]["pushed"]["blobs"]

        assert (first["mounted"], second["mounted"]) == (2, 6), (
            "layers of the base; then also account, folder, working directory, Python"
        )

    def test_several_images_are_told_apart(self, served: Served, project: Project) -> None:
        for name in ("one", "two"):
            line = f'repository = "{served.host}/several/{name}"'
            project.script(
                f"{name}.py", 'requires-python = ">=3.11"', "[tool.onedigest]", 'base = "debian:bookworm"', line
            )
        project.ok("generate", "one.py", "two.py")
        result = project.ok("build", "--push", "--all")

        assert result.out == "".join(
            f"{each} {served.host}/several/{each}@{digest_of(project, each)}\n" for each in ("one", "two")
        )

    def test_one_platform_alone(self, served: Served, app: Project) -> None:
        name = f"{served.host}/moves/single"
        result = app.ok("build", "--push", "--repository", name, "--platform", "linux/arm64", "app.py")
        shown = app.ok("inspect", result.out.strip())

        assert "linux/arm64" in shown.out
        assert "linux/amd64" not in shown.out
        assert not (app.root / "lockfiles/app/image.toml").exists()

    def test_record_that_is_no_longer_true_is_not_pushed(self, served: Served, app: Project) -> None:
        name = f"{served.host}/moves/stale"
        app.ok("build", "app.py")
        record = app.read("lockfiles/app/image.toml")
        app.write(
            "lockfiles/app/image.toml",
            record.replace('diff-id = "sha256:', 'diff-id = "sha256:' + "0" * 64 + '", x = "', 1),
        )
        app.write("lockfiles/app/image.toml", re.sub(r"(?m)size = \d+,", "size = 7,", record))
        app.ok("build", "--push", "--repository", name, "app.py")

        assert app.read("lockfiles/app/image.toml") == record
        assert app.ok("inspect", f"{name}:{key_of(app)}").out.startswith(f"index       {digest_of(app)}")

    @pytest.mark.docker
    @pytest.mark.emulation
    def test_what_is_pushed_is_pulled_and_run_by_digest(self, served: Served, app: Project, docker: str) -> None:
        name = app.ok("build", "--push", "--repository", f"{served.host}/moves/run", "app.py").out.strip()
        for platform in ("linux/amd64", "linux/arm64"):
            subprocess.run([docker, "pull", "-q", "--platform", platform, name], check=True, capture_output=True)
            assert run_image(docker, name, platform) == "1\n"
        subprocess.run([docker, "image", "rm", name], check=True, capture_output=True)

    @pytest.mark.docker
    def test_buildx_pushes_the_same_image(self, served: Served, app: Project, docker: str) -> None:
        name = f"{served.host}/moves/buildx"
        result = app.ok("build", "--engine", "buildx", "--push", "--repository", name, "app.py")
        again = app.ok("build", "--push", "--repository", name, "app.py")

        assert (result.out, again.err) == (again.out, f"app: pushed already, as {name}:{key_of(app)}\n")

    def test_crane_finds_it_valid(self, served: Served, app: Project) -> None:
        crane = shutil.which("crane")
        if crane is None:
            pytest.skip("crane is not installed (`make engines` brings it)")
        app.ok("build", "--push", "--repository", f"{served.host}/moves/crane", "--tag", "v1", "app.py")
        command = [crane, "validate", "--insecure", "--remote", f"{served.host}/moves/crane:v1"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)

        assert done.returncode == 0, done.stderr
        assert "PASS" in done.stdout + done.stderr


class TestBadLine:
    @pytest.mark.parametrize("word", ["429", "503", "reset", "lost answer"])
    def test_push_goes_on_through_faults(self, word: str, served: Served, app: Project) -> None:
        with faults(served.host, lambda seen: word if seen.number % 7 == 3 else "") as proxy:
            name = f"line/{word.replace(' ', '-')}"
            repository = f"{proxy.host}/{name}"
            app.ok("build", "--push", "--repository", repository, "--tag", "v1", "app.py")

        assert app.ok("inspect", "--validate", f"{served.host}/{name}:v1").err.endswith("is right\n")

    def test_nothing_half_pushed_has_a_tag(self, served: Served, app: Project) -> None:
        """Whatever request is the last that gets through, a tag is there only with all that it names."""
        for last in range(1, 60, 3):
            count = iter(range(1000))
            name = f"half/app{last}"
            with faults(served.host, lambda _, last=last, count=count: "" if next(count) < last else "400") as proxy:  # type: ignore[misc]
                result = app.run("build", "--push", "--repository", f"{proxy.host}/{name}", "--tag", "v1", "app.py")
            there = tags(served.host, name)
            if result.code == 0:
                assert len(there) == 2
                break
            assert result.code == 4, result.err
            for tag in there:
                app.ok("inspect", "--validate", f"{served.host}/{name}:{tag}")
        else:
            pytest.fail("it never came to an end")

    def test_push_that_is_killed_leaves_no_tag_and_goes_on(self, served: Served, app: Project) -> None:
        with faults(served.host, lambda seen: "slow" if seen.method == "PUT" else "") as proxy:
            name = f"{proxy.host}/line/killed"
            command = [sys.executable, "-m", "onedigest", "build", "--push", "--repository", name, "app.py"]
            process = subprocess.Popen(command, cwd=app.root, env=app.environment, stderr=subprocess.DEVNULL)
            deadline = time.monotonic() + 30
            while proxy.requests("PUT") == 0 and time.monotonic() < deadline:
                time.sleep(0.01)
            process.kill()
            process.wait()
            assert tags(served.host, "line/killed") == []
            app.ok("build", "--push", "--repository", name, "app.py")

        assert tags(served.host, "line/killed") == [key_of(app)]

    def test_interrupt_ends_a_long_upload(self, served: Served, app: Project) -> None:
        """The base layers would take twenty seconds each."""
        with faults(served.host, lambda seen: "slow upload" if seen.method == "PUT" else "") as proxy:
            name = f"{proxy.host}/line/interrupted"
            command = [sys.executable, "-m", "onedigest", "build", "--push", "--repository", name, "app.py"]
            process = subprocess.Popen(command, cwd=app.root, env=app.environment, stderr=subprocess.PIPE, text=True)
            deadline = time.monotonic() + 30
            while proxy.requests("PUT") < 2 and time.monotonic() < deadline:
                time.sleep(0.01)
            process.send_signal(signal.SIGINT)
            start = time.monotonic()
            said = process.communicate(timeout=60)[1]
            ended = time.monotonic() - start

        assert (process.returncode, said.splitlines()[-1]) == (130, "interrupted")
        assert ended < 8
        assert tags(served.host, "line/interrupted") == []

    def test_two_at_once_push_the_same(self, served: Served, app: Project) -> None:
        name = f"{served.host}/line/twice"
        command = [sys.executable, "-m", "onedigest", "build", "--push", "--repository", name, "app.py"]
        several = [
            subprocess.Popen(command, cwd=app.root, env=app.environment, stdout=subprocess.PIPE, text=True)
            for _ in range(3)
        ]

        assert {process.communicate(timeout=120)[0] for process in several} == {f"{name}@{digest_of(app)}\n"}
        app.ok("inspect", "--validate", f"{name}:{key_of(app)}")

    def test_redirected_upload_is_refused(self, served: Served, app: Project) -> None:
        proxy = FaultProxy(served.host)

        def lead(seen: Seen, status: int, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
            return (
                status,
                {**headers, "location": "http://plain.example.com/x"} if seen.method == "POST" else headers,
                body,
            )

        proxy.rewrite = lead
        result = app.run("build", "--push", "--repository", f"{proxy.host}/line/lead", "app.py")
        proxy.close()

        assert (result.code, result.err[result.err.index("error: ") :]) == (
            4,
            f"error: http://plain.example.com/x: {proxy.host} leads to an address without TLS\n",
        )


class TestCredentials:
    def test_token_service_and_no_secret_anywhere(self, app: Project, tmp_path: Path) -> None:
        service = TokenService(tmp_path / "tokens", {"deborah": {"acme/app": "pull,push"}})
        with serve_registry(tmp_path / "registry", tokens=service) as closed:
            variables = login(tmp_path / "docker", closed.host)
            result = app.ok("build", "-v", "--push", "--repository", f"{closed.host}/acme/app", "app.py", **variables)
            wrong = login(tmp_path / "wrong", closed.host, secret="wr0ng")
            refused = app.run(
                "build", "--push", "--repository", f"{closed.host}/acme/app", "--tag", "x", "app.py", **wrong
            )
            other = app.run("build", "--push", "--repository", f"{closed.host}/acme/other", "app.py", **variables)
        service.close()

        assert result.out == f"{closed.host}/acme/app@{digest_of(app)}\n"
        assert (refused.code, refused.err) == (
            4,
            f"error: {closed.host} refuses the credential from {tmp_path}/wrong/config.json\nhint: docker login {closed.host}\n",
        )
        assert other.code == 4
        assert f"{closed.host} does not permit to" in other.err
        said = "".join(each.out + each.err for each in (result, refused, other))
        for secret in (SECRET, "wr0ng", "deborah"):
            assert secret not in said
            for path in (path for path in app.root.rglob("*") if path.is_file()):
                assert secret.encode() not in path.read_bytes()

    def test_auth_file_of_podman(self, app: Project, tmp_path: Path) -> None:
        with serve_registry(tmp_path / "registry", password=True) as closed:
            (tmp_path / "runtime").mkdir()
            login(tmp_path / "podman", closed.host)
            target = tmp_path / "runtime" / "containers" / "auth.json"
            target.parent.mkdir()
            (tmp_path / "podman" / "config.json").rename(target)
            app.ok(
                "build",
                "--push",
                "--repository",
                f"{closed.host}/a/b",
                "app.py",
                XDG_RUNTIME_DIR=str(tmp_path / "runtime"),
            )

    @pytest.mark.docker
    def test_login_by_docker_itself(self, app: Project, tmp_path: Path, docker: str) -> None:
        with serve_registry(tmp_path / "registry", password=True) as closed:
            variables = {**app.environment, "DOCKER_CONFIG": str(tmp_path / "docker")}
            command = [docker, "login", "--username", USER, "--password-stdin", closed.host]
            subprocess.run(command, input=SECRET.encode(), env=variables, check=True, capture_output=True)
            arguments = ("build", "--push", "--repository", f"{closed.host}/a/b", "app.py")
            app.ok(*arguments, DOCKER_CONFIG=str(tmp_path / "docker"))

    def test_login_by_the_library_of_podman(self, app: Project, tmp_path: Path) -> None:
        skopeo = shutil.which("skopeo")
        if skopeo is None:
            pytest.skip("skopeo is not installed")
        with serve_registry(tmp_path / "registry", password=True) as closed:
            variables = {**app.environment, "XDG_RUNTIME_DIR": str(tmp_path / "run")}
            (tmp_path / "run").mkdir()
            command = [skopeo, "login", "--tls-verify=false", "--username", USER, "--password-stdin", closed.host]
            subprocess.run(command, input=SECRET.encode(), env=variables, check=True, capture_output=True)
            arguments = ("build", "--push", "--repository", f"{closed.host}/a/b", "app.py")
            app.ok(*arguments, XDG_RUNTIME_DIR=str(tmp_path / "run"))

    def test_own_authority_by_the_usual_variable(self, app: Project, tmp_path: Path) -> None:
        with serve_registry(tmp_path / "registry", tls=True) as closed:
            refused = app.run(
                "build", "--push", "--repository", f"{closed.host}/a/b", "app.py", SSL_CERT_FILE=_public(app)
            )
            app.ok(
                "build", "--push", "--repository", f"{closed.host}/a/b", "app.py", SSL_CERT_FILE=str(closed.authority)
            )

        assert (refused.code, refused.err[refused.err.index("error: ") :]) == (
            4,
            f"error: no trusted connection to {closed.host}: unable to get local issuer certificate\n"
            "hint: name your authority's certificates with SSL_CERT_FILE\n",
        )


def _public(app: Project) -> str:
    return (
        app.environment.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_FILE") or "/etc/ssl/certs/ca-certificates.crt"
    )


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        (("--push",), 1, "error: app.py: app: no repository to push to is known\n"
            'hint: set `repository = "HOST/NAME"` in [tool.onedigest], or use --repository\n'),
        (("--push", "--repository", "ghcr.io/acme/app:v1"), 2, "error: `ghcr.io/acme/app:v1` names a tag or a digest\n"
            "hint: name the repository alone, and use --tag\n"),
        (("--push", "--repository", "ghcr.io/Acme"), 1, "error: `ghcr.io/Acme` is not the reference of an image\n"
            "hint: write HOST/NAME:TAG or HOST/NAME@sha256:…\n"),
        (("--attest",), 2, "error: --attest needs --push\n"),
        (("--repository", "ghcr.io/acme/app"), 2, "error: --repository needs --output, --load or --push\n"),
        (("--tag", "v1"), 2, "error: --tag needs --output, --load or --push\n"),
        (("--push", "--repository", "127.0.0.1:9/a/b"), 4,
            "error: the registry 127.0.0.1:9 cannot be reached: Connection refused\nhint: check the name and the network\n"),
        (("--push", "--repository", "registry.invalid/a/b"), 4,
            "error: the registry registry.invalid is not known: its name has no address\nhint: check the name and the network\n"),
        (("--push", "--offline", "--repository", "ghcr.io/a/b"), 4,
            "error: https://ghcr.io/v2/a/b/blobs/uploads/: not reached: `--offline` is set\n"),
    ],
)  # fmt: skip
def test_what_cannot_be_pushed(arguments: tuple[str, ...], code: int, expected: str, app: Project) -> None:
    app.ok("build", "app.py")
    result = app.run("build", *arguments, "app.py")
    if "--offline" in arguments:
        assert (result.code, re.sub(r"v2/a/b/\S+:", "v2/a/b/blobs/uploads/:", result.err)) == (code, expected)
    else:
        assert (result.code, result.err) == (code, expected)
