"""Flyte's own SDK, from the package index, has onedigest build images of its tasks, and its entry point runs in them."""

from __future__ import annotations

import base64
import re
import subprocess
import threading
import time
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from conftest import Project, Result, machine_environment
from docker_daemon import docker_variables, find_docker
from fault_proxy import FaultProxy, faults
from flyte_sdk import BUILD_IMAGES, SCRIPT, Sdk, run_in_image, serve_in_image, share_sdk
from index_server import IndexServer
from registry_server import serve_registry
from wheel_builder import build_wheel

pytestmark = pytest.mark.network


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultProxy]:
    """A real registry, behind a proxy that counts requests."""
    with serve_registry(tmp_path_factory.mktemp("registry")) as served, faults(served.host) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def newest(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Sdk:
    """The newest Flyte, with the Python that runs the tests."""
    return share_sdk(tmp_path_factory, cache, "newest")


@pytest.fixture(scope="module")
def oldest(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Sdk:
    """The oldest Flyte that is supported, with another Python."""
    return share_sdk(tmp_path_factory, cache, "oldest")


def make_project(root: Path, cache: Path, registry: FaultProxy, script: str = SCRIPT) -> Project:
    root.mkdir(parents=True)
    project = Project(root, machine_environment(root, cache))
    project.write("onedigest.toml", "")
    project.write("config.yaml", "image:\n  builder: onedigest\n")
    project.write("jobs/script.py", script.replace("REGISTRY", registry.host))
    return project


@pytest.fixture(scope="module")
def built(
    tmp_path_factory: pytest.TempPathFactory, cache: Path, registry: FaultProxy, newest: Sdk
) -> tuple[Project, str]:
    """A project whose image the newest Flyte had built, and the image."""
    project = make_project(tmp_path_factory.mktemp("built") / "project", cache, registry)
    result = newest.build_images(project, "script")
    assert result.code == 0, result.err + result.out
    return project, result.out.strip().splitlines()[-1]


def test_build_images_gives_the_recorded_digest(built: tuple[Project, str], registry: FaultProxy) -> None:
    project, image = built
    index = tomllib.loads(project.read("lockfiles/flyte/image.toml"))["index"]

    assert image == f"{registry.host}/acme/flyte@{index}"


def test_what_was_locked_is_what_generate_locks(
    built: tuple[Project, str], registry: FaultProxy, tmp_path: Path, cache: Path
) -> None:
    other = make_project(tmp_path / "other", cache, registry)
    result = other.ok("generate", "jobs/script.py")

    assert "flyte: locked" in result.err
    assert built[0].ok("generate", "--check", "jobs/script.py").code == 0
    assert other.read("lockfiles/flyte/pylock.toml") == built[0].read("lockfiles/flyte/pylock.toml")


def test_command_line_of_flyte_builds_it_too(built: tuple[Project, str], newest: Sdk) -> None:
    project, image = built
    result = newest.run(project, "flyte", "--config", "config.yaml", "build", "jobs/script.py", "env")

    assert result.code == 0, result.err
    assert f"Built image for environment polars_image: {image}" in result.out + result.err


def test_nothing_is_done_again_but_one_request(built: tuple[Project, str], newest: Sdk, registry: FaultProxy) -> None:
    project, image = built
    before = {path: path.stat().st_mtime_ns for path in sorted((project.root / "lockfiles").rglob("*"))}
    registry.seen.clear()
    result = newest.build_images(project, "script")

    assert result.out.strip().splitlines()[-1] == image
    assert [seen.method for seen in registry.seen] == ["HEAD"]
    assert {path: path.stat().st_mtime_ns for path in sorted((project.root / "lockfiles").rglob("*"))} == before


def test_change_of_code_builds_nothing(built: tuple[Project, str], newest: Sdk, registry: FaultProxy) -> None:
    project, image = built
    before = project.read("jobs/script.py")
    project.write("jobs/script.py", before.replace("Alice", "Carol") + "\n\nMORE = 1\n")
    registry.seen.clear()
    result = newest.build_images(project, "script")
    project.write("jobs/script.py", before)

    assert result.out.strip().splitlines()[-1] == image
    assert [seen.method for seen in registry.seen] == ["HEAD"]


def test_older_flyte_on_another_python_in_another_folder_gives_the_same_digest(
    built: tuple[Project, str], oldest: Sdk, registry: FaultProxy, tmp_path: Path, cache: Path
) -> None:
    project = make_project(tmp_path / "elsewhere" / "größe", cache, registry)
    for path in ("pylock.toml",):
        project.write(f"lockfiles/flyte/{path}", built[0].read(f"lockfiles/flyte/{path}"))
    project.ok("generate", "jobs/script.py")
    result = oldest.build_images(project, "script")

    assert result.code == 0, result.err
    assert result.out.strip().splitlines()[-1] == built[1]
    assert re.search(r"flyte: the image has Flyte 2\.\d+\.\d+, and this is 2\.8\.\d+;", result.err)


@pytest.mark.docker
@pytest.mark.emulation
@pytest.mark.parametrize("platform", ["linux/amd64", "linux/arm64"])
def test_entry_point_runs_a_task_from_a_bundle(
    built: tuple[Project, str], newest: Sdk, registry: FaultProxy, platform: str
) -> None:
    docker = find_docker()
    project = Project(built[0].root, {**built[0].environment, **docker_variables()})
    outputs = run_in_image(docker, newest, project, direct(built[1], registry), platform, bundle=True)

    assert f"5 rows of 1, uid 65532, {machine(platform)}".encode() in outputs


@pytest.mark.docker
def test_app_and_debugger_find_a_shell_and_a_home_to_write_to(built: tuple[Project, str], registry: FaultProxy) -> None:
    project = Project(built[0].root, {**built[0].environment, **docker_variables()})
    command = (
        "echo $((40 + 2)) > ~/x && $SHELL -c 'cat ~/x' && dirname $(readlink -f ./y) && uname && which fserve python"
    )
    said = serve_in_image(find_docker(), project, direct(built[1], registry), command)

    assert said.splitlines()[-5:] == ["42", "/app", "Linux", "/opt/venv/bin/fserve", "/opt/venv/bin/python"]


@pytest.mark.docker
@pytest.mark.emulation
def test_entry_point_runs_a_task_with_baked_code(
    tmp_path: Path, cache: Path, registry: FaultProxy, newest: Sdk
) -> None:
    docker = find_docker()
    script = (
        SCRIPT.replace("    ),\n)", "    ).with_code_bundle(),\n)")
        .replace(', "polars"', "")
        .replace("import polars as pl\n", "")
    )
    script = script.replace("{pl.DataFrame({'x': [1]}).height}", "1").replace("pl.DataFrame", "list")
    project = make_project(tmp_path / "project", cache, registry, script)
    project.environment.update(docker_variables())
    lean = newest.build_images(project, "script").out.strip().splitlines()[-1]
    result = newest.build_images(project, "script", "none")
    image = result.out.strip().splitlines()[-1]
    registry.seen.clear()
    again = newest.build_images(project, "script", "none")

    assert result.code == 0, result.err
    assert image != lean, "the code is in the image"
    assert tomllib.loads(project.read("lockfiles/flyte/image.toml"))["index"] == lean.partition("@")[2]
    assert again.out.strip().splitlines()[-1] == image
    assert [seen.method for seen in registry.seen] == ["HEAD"]
    for platform in ("linux/amd64", "linux/arm64"):
        outputs = run_in_image(docker, newest, project, direct(image, registry), platform, bundle=False)
        assert f"5 rows of 1, uid 65532, {machine(platform)}".encode() in outputs


def direct(image: str, registry: FaultProxy) -> str:
    return image.replace(registry.host, registry.target)


def machine(platform: str) -> str:
    return {"linux/amd64": "x86_64", "linux/arm64": "aarch64"}[platform]


EVERYTHING = """\
# /// script
# dependencies = ["flyte"]
# ///
import pathlib
from pathlib import Path

import flyte

HERE = "not a literal"
debian = flyte.Image.from_debian_base(registry="REGISTRY/acme")
project = Path(__file__).resolve().parent / "project"
IMAGES = [
    flyte.Image.from_uv_script(
        __file__, name="script", pre=True, index_url="https://index.example/simple",
        extra_index_urls="https://more.example/simple", extra_args="--no-cache",
        secret_mounts=[flyte.Secret(key="token", group="g"), "plain-key"],
    ),
    flyte.Image.from_uv_script(Path(__file__), name="minor", python_version=(3, 12), platform=("linux/arm64",)),
    flyte.Image.from_debian_base(install_flyte=False, name="bare").with_pip_packages("attrs", "flyte>=2"),
    debian.clone(name="versions", python_version=(3, 11)).with_workdir("/srv/x").with_env_vars({"A": "b c", "D": "1"}),
    flyte.Image.from_debian_base(flyte_version="2.8.0", name="old", registry_secret="pull"),
    flyte.Image.from_base("docker.io/library/python:3.12-slim").clone(name="based", extendable=True)
    .with_apt_packages("curl", "git", secret_mounts="token"),
    debian.with_requirements(Path(__file__).parent / "requirements.txt", extra_args="--pre").with_commands(["a", "b && c"]),
    debian.clone(name="projects").with_uv_project(
        pathlib.Path(__file__).parent / "project" / "pyproject.toml", extra_args="--only-group dev"
    ),
    debian.clone(name="files").with_source_folder(Path(__file__).parent / "project")
    .with_source_folder(Path(__file__).parent / "project", dst="other", copy_contents_only=True)
    .with_source_file([Path(__file__).parent / "requirements.txt"], dst="data/")
    .with_dockerignore(Path(__file__).parent / ".dockerignore"),
    debian.clone(name="bundle").with_code_bundle(copy_style="all"),
    debian.clone(name="poetry").with_poetry_project(Path(__file__).parent / "project" / "pyproject.toml"),
    debian.clone(name="pixi").with_pixi_project(Path(__file__).parent / "project" / "pyproject.toml"),
    flyte.Image.from_dockerfile(Path(__file__).parent / "Dockerfile", registry="REGISTRY/acme", name="docker"),
]
"""

COMPARE = """\
import pathlib, sys
sys.path.insert(0, "jobs")
import everything
from onedigest.flyte_plugin.written import find_written
from onedigest.flyte_plugin.sdk import host_defaults, read_image
from onedigest.definition.flyte.syntax import find_images
python, flyte = host_defaults()
path = pathlib.Path("jobs/everything.py").absolute()
written = find_images(path.read_text(), path, "everything.py").all()
assert len(written) == len(everything.IMAGES), len(written)
for image in everything.IMAGES:
    held = read_image(image, path.parent)
    found = find_written(held, [str(path)], python=python, flyte=flyte)
    assert found, f"not found in the text: {held}"
    assert found[0] in written or held.name == "bundle", found  # that of a bundle has no part in what is locked
print("equal", len(written))
"""


@pytest.mark.parametrize("version", ["newest", "oldest"])
def test_sdk_and_syntax_tree_agree_on_every_layer(
    version: str, request: pytest.FixtureRequest, tmp_path: Path, cache: Path, registry: FaultProxy
) -> None:
    sdk: Sdk = request.getfixturevalue(version)
    project = make_project(tmp_path / "project", cache, registry)
    project.write("jobs/everything.py", EVERYTHING.replace("REGISTRY", registry.host))
    project.write("jobs/project/pyproject.toml", "[project]\nname = 'x'\nversion = '1'\n")
    for name in ("uv.lock", "poetry.lock", "pixi.lock"):
        project.write(f"jobs/project/{name}", "version = 1\n")
    for name in ("requirements.txt", ".dockerignore", "Dockerfile"):
        project.write(f"jobs/{name}", "")
    result = sdk.run(project, "python", "-c", COMPARE)

    assert (result.code, result.out) == (0, "equal 13\n"), result.err


def small_project(tmp_path: Path, cache: Path, registry: FaultProxy, image: str) -> Project:
    """A project whose image needs nothing but a small index on loopback."""
    text = f"from pathlib import Path\nimport flyte\nenv = flyte.TaskEnvironment(name='e', image={image})\n"
    project = make_project(tmp_path / "project", cache, registry, text)
    wheels = tmp_path / "index"
    build_wheel(wheels, "flyte", "2.12.1")
    build_wheel(wheels, "private", "1.0")
    return project


@pytest.fixture
def private_index(tmp_path: Path) -> Iterator[PrivateIndex]:
    """An index that asks for a password."""
    (tmp_path / "index").mkdir()
    server = PrivateIndex(tmp_path / "index")
    yield server
    server.close()


class PrivateIndex(IndexServer):
    """Answers whoever knows the password."""

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        expected = "Basic " + base64.b64encode(b"robot:s3cret").decode()
        if request.headers.get("authorization") != expected:
            request.send_response(401)
            request.send_header("www-authenticate", 'Basic realm="index"')
            request.send_header("content-length", "0")
            request.end_headers()
            return
        super().answer(request)


def private_image(index: IndexServer) -> str:
    address = index.address.replace("http://", "http://robot:$INDEX_PASSWORD@")
    return (
        "flyte.Image.from_debian_base(name='secret', registry='REGISTRY/acme')"
        f".with_pip_packages('private', index_url='{address}', secret_mounts=[flyte.Secret(key='index_password')])"
    )


def test_private_index_is_read_with_a_secret_that_goes_nowhere(
    tmp_path: Path, cache: Path, registry: FaultProxy, newest: Sdk, private_index: PrivateIndex
) -> None:
    project = small_project(tmp_path, cache, registry, private_image(private_index))
    project.environment["XDG_CACHE_HOME"] = str(tmp_path / "cache")
    secrets = {"INDEX_PASSWORD": "s3cret", "ONEDIGEST_SECRETS": "INDEX_PASSWORD@127.0.0.1"}
    result = newest.build_images(project, "script", **secrets)

    assert result.code == 0, result.err
    assert "@sha256:" in result.out
    kept = [path for path in sorted(project.root.rglob("*")) if path.is_file() and path.suffix != ".py"]
    assert not [path for path in kept if b"s3cret" in path.read_bytes()]
    assert project.ok("generate", "--check", "jobs/script.py").code == 0


def test_private_index_without_its_secret(
    tmp_path: Path, cache: Path, registry: FaultProxy, newest: Sdk, private_index: PrivateIndex
) -> None:
    project = small_project(tmp_path, cache, registry, private_image(private_index))
    project.environment["ONEDIGEST_SECRETS"] = "INDEX_PASSWORD"
    written = project.run("generate", "jobs/script.py")
    built = newest.build_images(project, "script")

    expected = (
        "jobs/script.py:3: the secret `index_password` is neither in the variable INDEX_PASSWORD nor in"
        " /etc/secrets/index_password\nhint: set INDEX_PASSWORD, as for Flyte's own builder"
    )
    assert (written.code, written.err) == (1, f"error: {expected}\n")
    assert built.code != 0
    assert expected in built.out + built.err


def test_private_index_without_credentials(
    tmp_path: Path, cache: Path, registry: FaultProxy, private_index: PrivateIndex
) -> None:
    image = (
        private_image(private_index)
        .replace("robot:$INDEX_PASSWORD@", "")
        .replace("flyte.Secret(key='index_password')", "")
    )
    project = small_project(tmp_path, cache, registry, image)
    result = project.run("generate", "jobs/script.py")

    assert result.code == 1
    assert "wants a user and a password: it answered 401" in result.err
    assert not (project.root / "lockfiles" / "secret").exists()


def test_package_without_a_wheel(tmp_path: Path, cache: Path, registry: FaultProxy) -> None:
    image = "flyte.Image.from_debian_base(name='s').with_pip_packages('sdistonly')"
    project = small_project(tmp_path, cache, registry, image)
    server = IndexServer(tmp_path / "index")
    (tmp_path / "index" / "sdistonly-1.0.tar.gz").write_bytes(b"x")
    result = project.run("generate", "jobs/script.py", UV_DEFAULT_INDEX=server.address)
    server.close()

    assert result.code == 1
    assert result.err.startswith(
        "error: jobs/script.py: no solution found when resolving dependencies for Python 3.13 on"
    )
    assert "Because sdistonly==1.0 has no usable wheels and only sdistonly==1.0 is available" in result.err
    assert result.err.splitlines()[-1] == (
        'hint: where it is pure Python, write `build = ["sdistonly"]` in onedigest.toml: then it is built here'
    )
    assert "active Python" not in result.err


@pytest.mark.docker
@pytest.mark.emulation
def test_commands_are_run_by_buildx(tmp_path: Path, cache: Path, registry: FaultProxy, newest: Sdk) -> None:
    image = (
        "flyte.Image.from_debian_base(name='commands', registry='REGISTRY/acme', platform=('linux/amd64',))"
        ".with_commands(['echo $((40 + 2)) | cat > /opt/answer && chmod 600 /opt/answer'])"
    )
    find_docker()
    project = small_project(tmp_path, cache, registry, image)
    server = IndexServer(tmp_path / "index")
    environment = {"UV_DEFAULT_INDEX": server.address, "UV_CACHE_DIR": str(tmp_path / "uv")}
    without = newest.build_images(project, "script", **environment, PATH="/nowhere")
    result = newest.build_images(project, "script", **environment, **docker_variables())
    registry.seen.clear()
    again = newest.build_images(project, "script", **environment, **docker_variables())
    requests = [seen.method for seen in registry.seen]
    server.close()

    assert result.code == 0, result.err
    found = project.ok("inspect", "--files", result.out.strip().splitlines()[-1])
    assert "opt/answer" in found.out
    assert again.out == result.out
    assert requests == ["HEAD"]
    assert without.code != 0
    assert "ImageBuildError: docker is not installed: there is no `docker` on PATH\n" in without.out + without.err


class TestNothingIsAssumed:
    IMAGE = "flyte.Image.from_debian_base(name='lost').with_pip_packages('private')"

    def build(self, sdk: Sdk, project: Project, tmp_path: Path, **environment: str) -> Result:
        server = IndexServer(tmp_path / "index")
        try:
            return sdk.build_images(project, "script", UV_DEFAULT_INDEX=server.address, **environment)
        finally:
            server.close()

    def test_without_a_registry(self, tmp_path: Path, cache: Path, registry: FaultProxy, newest: Sdk) -> None:
        project = small_project(tmp_path, cache, registry, self.IMAGE)
        result = self.build(newest, project, tmp_path)

        assert result.code != 0
        assert (
            "jobs/script.py:3: image `lost` has no registry to be pushed to\n"
            "hint: give it `registry=`, or set `image.registry` in Flyte's configuration or FLYTE_IMAGE_REGISTRY"
        ) in result.out + result.err
        assert "assuming" not in result.out + result.err

    def test_registry_of_the_configuration_is_used(
        self, tmp_path: Path, cache: Path, registry: FaultProxy, newest: Sdk
    ) -> None:
        project = small_project(tmp_path, cache, registry, self.IMAGE)
        result = self.build(newest, project, tmp_path, FLYTE_IMAGE_REGISTRY=f"{registry.host}/team")

        assert result.code == 0, result.err
        assert result.out.strip().splitlines()[-1].startswith(f"{registry.host}/team/lost@sha256:")
        assert project.ok("generate", "--check", "jobs/script.py").code == 0

    def test_registry_out_of_reach(self, tmp_path: Path, cache: Path, registry: FaultProxy, newest: Sdk) -> None:
        project = small_project(tmp_path, cache, registry, self.IMAGE)
        result = self.build(newest, project, tmp_path, FLYTE_IMAGE_REGISTRY="127.0.0.1:9/team")

        assert result.code != 0
        assert "127.0.0.1:9" in result.err
        assert "assuming" not in result.out + result.err

    def test_locked_builder_writes_nothing(
        self, tmp_path: Path, cache: Path, registry: FaultProxy, newest: Sdk
    ) -> None:
        project = small_project(tmp_path, cache, registry, self.IMAGE)
        variables = {"FLYTE_IMAGE_REGISTRY": f"{registry.host}/team", "ONEDIGEST_LOCKED": "1"}
        result = self.build(newest, project, tmp_path, **variables)

        assert result.code != 0
        assert (
            "lockfiles/lost/pylock.toml: there is no lock\nhint: run `onedigest generate jobs/script.py`"
            in result.out + result.err
        )
        assert not (project.root / "lockfiles").exists()


def test_image_that_only_flyte_can_read_is_locked_by_it(
    tmp_path: Path, cache: Path, registry: FaultProxy, newest: Sdk
) -> None:
    image = "flyte.Image.from_debian_base(name='x'.title().swapcase(), registry='REGISTRY/acme').with_pip_packages('private')"
    project = small_project(tmp_path, cache, registry, image)
    server = IndexServer(tmp_path / "index")
    result = newest.build_images(project, "script", UV_DEFAULT_INDEX=server.address)
    again = newest.build_images(project, "script", UV_DEFAULT_INDEX=server.address)
    locked = newest.build_images(project, "script", UV_DEFAULT_INDEX=server.address, ONEDIGEST_LOCKED="1")
    server.close()
    check = project.run("generate", "--check", "jobs/script.py")

    assert result.code == 0, result.err
    said = "x: jobs/script.py:3 cannot be read without being run, so `onedigest generate` does not know the image\n"
    assert said in result.err
    assert "cannot be read" not in again.err + locked.err
    assert result.out == again.out == locked.out
    assert project.read("lockfiles/x/pylock.toml").startswith("# Generated by onedigest from jobs/script.py.")
    assert check.code == 1
    assert "`'x'.title()` is no literal" in check.err


@pytest.mark.parametrize("version", ["newest", "oldest"])
def test_folder_named_flyte_and_a_configuration_that_is_given(
    version: str, request: pytest.FixtureRequest, tmp_path: Path, cache: Path, registry: FaultProxy
) -> None:
    sdk: Sdk = request.getfixturevalue(version)
    image = "flyte.Image.from_debian_base(name='x').with_pip_packages('private').with_env_vars({'A': 'b'.upper()})"
    project = small_project(tmp_path / "flyte", cache, registry, image)
    project.write("conf/my.yaml", f"image:\n  builder: onedigest\n  registry: {registry.host}/team\n")
    project.write("jobs/secrets.py", "raise ValueError('this is not the module of Python')\n")
    (project.root / "config.yaml").unlink()
    server = IndexServer(tmp_path / "flyte" / "index")
    command = ("flyte", "--config", "conf/my.yaml", "build", "jobs/script.py", "env")
    result = sdk.run(project, *command, UV_DEFAULT_INDEX=server.address)
    registry.seen.clear()
    again = sdk.run(project, *command, UV_DEFAULT_INDEX=server.address)
    server.close()

    index = tomllib.loads(project.read("lockfiles/x/image.toml"))["index"]
    for each in (result, again):
        assert f"Built image for environment e: {registry.host}/team/x@{index}" in each.out + each.err
    assert [seen.method for seen in registry.seen] == ["HEAD"]
    assert not list(sdk.folder.rglob("lockfiles"))


def test_build_ends_with_flyte(tmp_path: Path, cache: Path, registry: FaultProxy, newest: Sdk) -> None:
    image = "flyte.Image.from_debian_base(name='x', registry='REGISTRY/acme').with_pip_packages('private')"
    project = small_project(tmp_path, cache, registry, image)
    asked, answered = threading.Event(), threading.Event()

    class Slow(IndexServer):
        def answer(self, request: BaseHTTPRequestHandler) -> None:
            asked.set()
            answered.wait(60)

    server = Slow(tmp_path / "index")
    environment = {**project.environment, "UV_DEFAULT_INDEX": server.address}
    program = [newest.python, "-c", BUILD_IMAGES, "script"]
    with subprocess.Popen(
        program, cwd=project.root, env=environment, start_new_session=True, stderr=-3, stdout=-3
    ) as flyte:
        assert asked.wait(60)
        started = members(flyte.pid)
        flyte.kill()
    end = time.monotonic() + 30
    while members(flyte.pid) and time.monotonic() < end:
        time.sleep(0.02)
    answered.set()
    server.close()

    assert len(started) > 2, "Flyte, what it started, and uv"
    assert members(flyte.pid) == []
    assert not (project.root / "lockfiles").exists()


def members(session: int) -> list[str]:
    """Return the processes of a session that run, by their states."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, _, own = path.read_text().rpartition(")")[2].split()[:4]
            found += [state] if own == str(session) and state != "Z" else []
    return found


def test_several_images_of_a_script_are_built_at_once(
    tmp_path: Path, cache: Path, registry: FaultProxy, newest: Sdk
) -> None:
    image = "flyte.Image.from_debian_base(name='NAME', registry='REGISTRY/acme').with_pip_packages('private')"
    project = small_project(tmp_path, cache, registry, image.replace("NAME", "first"))
    others = [
        f"e{n} = flyte.TaskEnvironment(name='e{n}', image={image.replace('NAME', f'image-{n}')})" for n in range(3)
    ]
    text = project.read("jobs/script.py") + "\n".join(others).replace("REGISTRY", registry.host)
    project.write("jobs/script.py", f"{text}\nenv.add_dependency(e0, e1, e2)\n")
    server = IndexServer(tmp_path / "index")
    result = newest.build_images(project, "script", UV_DEFAULT_INDEX=server.address)
    server.close()

    assert result.code == 0, result.err
    assert project.ok("generate", "--check", "--all").err.endswith("4 locks checked\n")
    assert sorted(path.parent.name for path in project.root.glob("lockfiles/*/image.toml")) == [
        "first",
        "image-0",
        "image-1",
        "image-2",
    ]
