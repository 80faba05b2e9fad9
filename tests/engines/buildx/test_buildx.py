"""Real BuildKit builds from the generated files what the embedded engine builds, with and without onedigest."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import ROOT, Project, Result, machine_environment
from determinism.test_examples import EXPECTED
from docker_daemon import run_image
from golden import CASES, FOLDER, make_index, script_of
from index_server import IndexServer
from onedigest.oci.buildkit_export import ExportedPlatform, read_export
from onedigest.oci.read import read_image
from onedigest.oci.validate import validate
from wheel_builder import build_wheel

pytestmark = [pytest.mark.docker, pytest.mark.network]

BOTH = ("linux/amd64", "linux/arm64")
BOOKWORM = 'base = "debian:bookworm"'
DIGEST = re.compile(r"sha256:[0-9a-f]{64}\n")


@pytest.fixture
def golden_index(tmp_path: Path, project: Project) -> Iterator[IndexServer]:
    server = IndexServer(make_index(tmp_path / "golden-index"))
    project.environment |= {"UV_DEFAULT_INDEX": server.address, "UV_CACHE_DIR": str(tmp_path / "uv")}
    yield server
    server.close()


def docker_here(project: Project, *arguments: str, **variables: str) -> Result:
    """Run docker from the project's folder, as a person would who has no onedigest."""
    done = subprocess.run(
        ["docker", *arguments],
        cwd=project.root,
        env={**project.environment, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    return Result(done.returncode, done.stdout, done.stderr)


def record_of(project: Project, name: str) -> dict[str, Any]:
    return tomllib.loads(project.read(f"lockfiles/{name}/image.toml"))


def planned_diff_ids(project: Project, name: str) -> dict[str, list[str]]:
    platforms = record_of(project, name)["platforms"]
    return {each["platform"]: [layer["diff-id"] for layer in each["layers"]] for each in platforms}


def built_diff_ids(exported: dict[str, ExportedPlatform]) -> dict[str, list[str]]:
    return {platform: [diff_id for diff_id, _ in each.layers] for platform, each in exported.items()}


@pytest.mark.parametrize("case", [case for case in CASES if case != "image"])  # its Python is none that runs
def test_buildkit_gives_the_digest_of_the_embedded_engine(
    case: str, project: Project, docker: str, golden_index: IndexServer
) -> None:
    project.write(f"{case}.py", script_of(case))
    for path in sorted((FOLDER / case).glob("data/*")):
        project.write(f"data/{path.name}", path.read_bytes())
    embedded = project.ok("build", f"{case}.py")
    record = project.read(f"lockfiles/{case}/image.toml")
    shutil.rmtree(project.root / "dist")

    built = project.ok("build", "--engine", "buildx", "--locked", f"{case}.py")

    assert built.out == embedded.out
    assert project.read(f"lockfiles/{case}/image.toml") == record
    assert validate(project.root / "dist" / case) == []
    assert re.search(r"^  layer-python-3\.11\.2(-amd64)?: ", built.err, re.MULTILINE)


def test_buildkit_builds_one_platform(project: Project, docker: str) -> None:
    project.script("one.py", 'requires-python = ">=3.11"', "[tool.onedigest]", BOOKWORM)
    project.ok("build", "--engine", "buildx", "--platform", "linux/arm64", "one.py")

    assert [each.platform for each in read_image(project.root / "dist" / "one").platforms] == ["linux/arm64"]


def test_buildkit_needs_no_onedigest_and_no_emulation(project: Project, docker: str, golden_index: IndexServer) -> None:
    """By hand: the same diff IDs from `docker buildx build`, and the same configurations from `docker buildx bake`."""
    project.script("hand.py", 'requires-python = ">=3.11"', 'dependencies = ["alpha", "native"]', "[tool.onedigest]", BOOKWORM)  # fmt: skip
    project.ok("build", "hand.py")
    project.ok("fetch", "hand")
    expected = planned_diff_ids(project, "hand")
    options = ("--platform", ",".join(BOTH), "--output", "type=oci,dest=plain,tar=false")
    plain = docker_here(project, "buildx", "build", "-f", "lockfiles/hand/Dockerfile", *options, ".")
    baked = docker_here(project, "buildx", "bake", "-f", "lockfiles/docker-bake.json")

    assert (plain.code, baked.code) == (0, 0), plain.err + baked.err
    plainly = built_diff_ids(read_export(project.root / "plain"))
    plainly.pop("unknown/unknown")  # the attestation that BuildKit adds unless it is told not to
    assert plainly == expected
    exported = read_export(project.root / "dist" / "buildx" / "hand")
    assert built_diff_ids(exported) == expected
    configurations = {each["config"] for each in record_of(project, "hand")["platforms"]}
    blobs = {f"sha256:{path.name}" for path in (project.root / "dist/buildx/hand/blobs/sha256").iterdir()}
    assert configurations <= blobs
    assert not re.search(r"\[linux/arm64 layer-", baked.err), "a layer was made for the other platform"


def test_layer_of_both_platforms_is_made_once(project: Project, docker: str, index: IndexServer) -> None:
    build_wheel(index.folder, "unseen", str(time.time_ns()))
    project.script("once.py", 'requires-python = ">=3.11"', 'dependencies = ["unseen"]', "[tool.onedigest]", BOOKWORM)
    log = project.ok("build", "--engine", "buildx", "--verbose", "once.py").err

    made = re.findall(r"(?m)^#(\d+) \[linux/\S+ layer-unseen-\d+ 1/1\] RUN", log)
    assert len([step for step in set(made) if f"#{step} CACHED" not in log]) == 1


def test_generated_files_pass_buildkits_own_checks(project: Project, docker: str, golden_index: IndexServer) -> None:
    project.write("full.py", script_of("full"))
    for path in sorted((FOLDER / "full").glob("data/*")):
        project.write(f"data/{path.name}", path.read_bytes())
    project.ok("generate", "full.py")
    project.ok("fetch", "full")
    checked = docker_here(project, "buildx", "build", "--check", "-f", "lockfiles/full/Dockerfile", ".")
    printed = docker_here(project, "buildx", "bake", "-f", "lockfiles/docker-bake.json", "--print")

    assert "Check complete, no warnings found." in checked.out + checked.err
    target = json.loads(printed.out)["target"]["full"]
    assert (target["dockerfile"], target["platforms"]) == ("lockfiles/full/Dockerfile", list(BOTH))


@pytest.fixture
def checkout(project: Project) -> Project:
    shutil.copytree(ROOT / "examples", project.root / "examples")
    shutil.copytree(ROOT / "lockfiles", project.root / "lockfiles", ignore=shutil.ignore_patterns(".inputs"))
    return project


@pytest.mark.emulation
def test_loaded_image_prints_what_the_script_prints(checkout: Project, docker: str) -> None:
    name, tag = "penguins", "test-buildx"
    result = checkout.ok("build", "--locked", "--engine", "buildx", "--load", "--tag", tag, name)
    try:
        assert result.err.endswith(f"{name}: loaded as {name}:{tag}\n")
        for platform in BOTH:
            assert run_image(docker, f"{name}:{tag}", platform) == EXPECTED[name]
        inspected = docker_here(checkout, "image", "inspect", "-f", "{{.Id}}", f"{name}:{tag}").out
        assert inspected == f"{record_of(checkout, name)['index']}\n"
    finally:
        docker_here(checkout, "image", "rm", "--force", f"{name}:{tag}")


def run_script(project: Project, *commands: str, platforms: tuple[str, ...] = BOTH[:1]) -> None:
    listed = ", ".join(json.dumps(each) for each in commands)
    lines = ("[tool.onedigest]", BOOKWORM, f"platforms = {json.dumps(platforms)}", f"run = [{listed}]")
    project.script("job.py", 'requires-python = ">=3.11"', *lines)


def test_buildkit_gives_the_recorded_digest_of_large_wheels(checkout: Project, docker: str) -> None:
    """The image itself runs in test_examples.py: under emulation scikit-learn takes long."""
    result = checkout.ok("build", "--locked", "--engine", "buildx", "species")

    assert result.out == f"{record_of(checkout, 'species')['index']}\n"


MAKE = """python -c "import os; os.makedirs('/srv/d'); open('/srv/d/x', 'w').write('1')" """
READ = """python -c "import sys; print(open('/srv/d/x').read() == '1' or sys.exit(3))" """


@pytest.mark.emulation
def test_commands_that_give_the_same_files_are_accepted(project: Project, docker: str) -> None:
    run_script(project, MAKE, READ, platforms=BOTH)
    result = project.ok("build", "--engine", "buildx", "job.py")

    assert DIGEST.fullmatch(result.out)
    assert validate(project.root / "dist" / "job") == []
    for platform in record_of(project, "job")["platforms"]:
        assert [layer["encoding"] for layer in platform["layers"]] == [
            "libdeflate-6-1MiB",
            "splice-1",
            "splice-1",
            "splice-1",
            "libdeflate-6-1MiB",
            "libdeflate-6-1MiB",
            "splice-1",
        ]


@pytest.mark.emulation
def test_command_that_gives_other_files_is_reported(project: Project, docker: str) -> None:
    run_script(
        project,
        """python -Bc "import os, time; os.makedirs('/var/log/x'); open('/var/log/x/y', 'w').write(str(time.time()))" """,
    )
    result = project.run("build", "--engine", "buildx", "--platform", "linux/amd64", "job.py")

    assert result.code == 3
    said = result.err[result.err.index("error: ") :]
    assert re.sub(r"size \d+ first, \d+ then; ", "", said) == (
        "error: job: two builds of `run` gave different files\n"
        "  linux/amd64: run 1: python -Bc \"import os, time; os.makedirs('/var/log/x');"
        " open('/var/log/x/y', 'w').write(str(time.time()))\" \n"
        "    /var/log/x/y: other content\n"
        "    likely cause: a log holds the time; remove the log\n"
        "hint: mend the command until it gives the same files each time\n"
    )
    assert not (project.root / "lockfiles/job/image.toml").exists()
    assert not (project.root / "dist/job").exists()


def test_command_that_fails_is_reported_with_its_output(project: Project, docker: str) -> None:
    run_script(project, """python -c "import sys; sys.exit('no such luck')" """)
    result = project.run("build", "--engine", "buildx", "--platform", "linux/amd64", "job.py")

    assert result.code == 1
    assert result.err[result.err.index("error: ") :] == (
        "error: `run` failed on linux/amd64 with code 1: python -c import sys; sys.exit('no such luck')\n"
        "  no such luck\n"
    )


EDIT = "import os; p = '/opt/venv/lib/python3.11/site-packages/alpha/'; open(p + '__init__.py', 'a').write('x = 1')"
REMOVE = "; os.remove(p + '__pycache__/__init__.cpython-311.pyc')"


@pytest.mark.parametrize("remove", ["", REMOVE])
def test_command_that_changes_a_source_must_remove_its_bytecode(
    remove: str, project: Project, docker: str, golden_index: IndexServer
) -> None:
    run = f"""run = ['''python -c "{EDIT}{remove}"''']"""
    block = ('requires-python = ">=3.11"', 'dependencies = ["alpha"]', "[tool.onedigest]", BOOKWORM, run)
    project.script("job.py", *block)
    result = project.run("build", "--engine", "buildx", "--platform", "linux/amd64", "job.py")

    changed = "/opt/venv/lib/python3.11/site-packages/alpha/__init__.py"
    assert result.code == (0 if remove else 1), result.err
    assert (f"Python would still run the old code of {changed}," in result.err) == (not remove)
    assert ("error: job.py:6: run 1: python -c " in result.err) == (not remove)


def test_commands_have_no_network(project: Project, docker: str) -> None:
    code = "import socket; print(sorted(name for _, name in socket.if_nameindex()))"
    run_script(project, f"""python -c "{code}; socket.create_connection(('192.0.2.1', 80), 3)" """)
    result = project.run("build", "--engine", "buildx", "--platform", "linux/amd64", "job.py")

    assert result.code == 1
    assert "['lo']" in result.err
    assert "Network is unreachable" in result.err


@pytest.fixture(scope="module")
def app_built(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Path:
    """The files of a project whose image was built once."""
    folder = tmp_path_factory.mktemp("built")
    index = IndexServer(make_index(folder / "index"))
    variables = {"UV_DEFAULT_INDEX": index.address, "UV_CACHE_DIR": str(folder / "uv")}
    project = Project(folder / "project", machine_environment(folder, cache) | variables)
    project.write("onedigest.toml", "")
    project.script("app.py", 'requires-python = ">=3.11"', 'dependencies = ["alpha"]', "[tool.onedigest]", BOOKWORM)
    project.ok("build", "app.py")
    project.ok("fetch", "app")
    index.close()
    return project.root


@pytest.fixture
def built(project: Project, docker: str, golden_index: IndexServer, app_built: Path) -> Project:
    """A project of its own with those files."""
    shutil.copytree(app_built, project.root, symlinks=True, dirs_exist_ok=True)
    return project


def wrapped_docker(project: Project, before: str) -> dict[str, str]:
    """Return variables that put a docker on PATH which does something before it builds."""
    folder = project.root.parent / "wrapper"
    folder.mkdir()
    real = shutil.which("docker")
    script = f'#!/bin/sh\nif [ "$2" = build ]; then\n{before}\nfi\nexec {real} "$@"\n'
    (folder / "docker").write_text(script)
    (folder / "docker").chmod(0o755)
    return {"PATH": f"{folder}:{project.environment['PATH']}"}


def test_layer_that_buildkit_builds_differently_is_shown(built: Project) -> None:
    """What BuildKit is sent is not what was locked: the base, which nothing in a Dockerfile can check."""
    target = built.root / "base"
    target.mkdir()
    (target / "srv").mkdir()
    archive = next((built.root / "lockfiles/.inputs").glob("debian-bookworm-amd64-*.tar.gz"))
    code = (
        f"{sys.executable} - <<'END'\n"
        "import gzip, io, os, tarfile\n"
        f"path = {str(archive)!r}\n"
        "old = tarfile.open(path)\n"
        "new = io.BytesIO()\n"
        "with tarfile.open(fileobj=new, mode='w') as output:\n"
        "    for member in old:\n"
        "        data = old.extractfile(member) if member.isreg() else None\n"
        "        if member.name == 'etc/host.conf': member.mode = 0o600\n"
        "        if member.name == 'etc/debian_version': member.size, data = 5, io.BytesIO(b'13.0\\n')\n"
        "        if member.name == 'etc/issue': continue\n"
        "        output.addfile(member, data)\n"
        "os.unlink(path)\n"
        "open(path, 'wb').write(gzip.compress(new.getvalue()))\n"
        "END"
    )
    result = built.run("build", "--engine", "buildx", "app.py", **wrapped_docker(built, code))

    assert result.code == 3
    said = re.sub(r"[0-9a-f]{64}", "…", result.err[result.err.index("error: ") :])
    assert said == (
        "error: app: BuildKit built an image that differs from the plan\n"
        "  linux/amd64: debian:bookworm: diff ID sha256:… built, sha256:… planned\n"
        "  linux/amd64:   /etc/debian_version: size 6 planned, 5 built; other content\n"
        "  linux/amd64:   /etc/host.conf: mode 0644 planned, 0600 built\n"
        "  linux/amd64:   /etc/issue: only planned\n"
        "hint: see whether the inputs are as fetched (`onedigest fetch`); else report it with BuildKit's version\n"
    )


def test_wheel_that_was_changed_is_refused_inside_buildkit(built: Project) -> None:
    wheel = next((built.root / "lockfiles/.inputs").glob("alpha-*.whl"))
    change = f"cp {wheel} {wheel}.new; chmod u+w {wheel}.new; echo >>{wheel}.new; mv {wheel}.new {wheel}"
    result = built.run("build", "--engine", "buildx", "app.py", **wrapped_docker(built, change))

    assert result.code == 1
    assert result.err[result.err.index("error: ") :].startswith(
        f"error: {wheel.name}: not the file of the lock, whose digest is sha256:"
    )


def test_inputs_that_were_emptied_are_brought_again(built: Project) -> None:
    shutil.rmtree(built.root / "lockfiles/.inputs")

    assert DIGEST.fullmatch(built.ok("build", "--engine", "buildx", "--offline", "app.py").out)


def test_inputs_that_vanish_meanwhile_are_named(built: Project) -> None:
    wheel = next((built.root / "lockfiles/.inputs").glob("alpha-*.whl"))
    result = built.run("build", "--engine", "buildx", "app.py", **wrapped_docker(built, f"rm -f {wheel}"))

    assert result.code == 1
    assert result.err[result.err.index("error: ") :] == (
        f"error: `lockfiles/.inputs/{wheel.name}` is missing\nhint: run `onedigest fetch`\n"
    )


def test_dockerfile_that_was_edited_is_noticed(built: Project) -> None:
    path = built.root / "lockfiles/app/Dockerfile"
    path.write_text(path.read_text().replace("USER 65532:65532", "USER 0:0"))
    said = (
        "error: lockfiles/app/Dockerfile: was changed by hand\n"
        "hint: run `onedigest generate app.py`\n"
    )  # fmt: skip

    assert (found := built.run("generate", "--check", "app.py")).code == 3
    assert found.err == said
    for engine in ("embedded", "buildx"):
        found = built.run("build", "--locked", "--engine", engine, "app.py")
        assert (found.code, found.err) == (3, said)
    assert (found := built.run("build", "--engine", "buildx", "app.py")).code == 1
    assert found.err == said


def test_interrupt_leaves_everything_as_it_was(built: Project) -> None:
    before = {path: path.read_bytes() for path in (built.root / "lockfiles").rglob("*") if path.is_file()}
    started = built.root.parent / "started"
    environment = {**built.environment, **wrapped_docker(built, f"touch {started}; sleep 1")}
    built.write("app.py", built.read("app.py") + "# changed\n")
    command = [sys.executable, "-m", "onedigest", "build", "--engine", "buildx", "app.py"]
    process = subprocess.Popen(
        command,
        cwd=built.root,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509  tests may run ignoring it
    )
    deadline = time.monotonic() + 60
    while not started.exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)

    assert process.returncode == 130
    assert said.endswith("interrupted\n")
    after = {path: path.read_bytes() for path in (built.root / "lockfiles").rglob("*") if path.is_file()}
    assert after == before
    assert list((Path(built.environment["XDG_CACHE_HOME"]) / "onedigest" / "scratch").iterdir()) == []
    assert DIGEST.fullmatch(built.ok("build", "--engine", "buildx", "app.py").out)


def test_paths_of_every_kind_reach_buildkit(project: Project, docker: str, golden_index: IndexServer) -> None:
    """Folders and files whose names mean something in a Dockerfile, a .dockerignore or JSON."""
    folder = "scripts [a] 'b' \"c\" $d ${e} größe #1 {{ *? ^"
    names = ("data [1].csv", "a=b, c.csv", " both ends ", "#x", "!y", "ÿ{{ }}", "-z.csv", "sub/$HOME.csv")
    for name in names:
        project.write(f"{folder}/{name}", name)
    project.write("real/kept.csv", "kept")
    (project.root / folder / "link.csv").symlink_to("sub/$HOME.csv")
    project.script(
        f"{folder}/app.py", 'requires-python = ">=3.11"', 'dependencies = ["alpha"]', "[tool.onedigest]", BOOKWORM,
        'files = ["*.csv", " both ends ", "#x", "!y", "ÿ*", "sub"]', 'workdir = "/work \'x\' \\"y\\" $z/ö"',
        code="print('x')\r\n",
    )  # fmt: skip
    locks = ("--lockfiles", "locks größe $x")
    embedded = project.ok("build", *locks, f"{folder}/app.py", "--output", "one")

    assert project.ok("build", *locks, "--engine", "buildx", f"{folder}/app.py", "--output", "two").out == embedded.out


def test_missing_docker_is_said(built: Project, tmp_path: Path) -> None:
    result = built.run("build", "--engine", "buildx", "app.py", PATH=str(tmp_path))

    assert (result.code, result.err) == (
        5,
        "error: docker is not installed: there is no `docker` on PATH\n"
        "hint: install docker with its buildx plugin (docs.docker.com/engine/install), or use the embedded engine\n",
    )


def test_missing_plugin_is_said(built: Project, tmp_path: Path) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "docker").symlink_to(os.path.realpath(str(shutil.which("docker"))))
    result = built.run("build", "--engine", "buildx", "app.py", PATH=str(folder), DOCKER_CONFIG=str(tmp_path))

    assert (result.code, result.err) == (
        5,
        "error: docker has no buildx plugin\n"
        "hint: install the package docker-buildx-plugin (Docker's) or docker-buildx (Debian's)\n",
    )


def test_daemon_that_is_down_is_said(built: Project) -> None:
    for arguments in (("--engine", "buildx"), ("--load",)):
        result = built.run("build", *arguments, "app.py", DOCKER_HOST="unix:///nonexistent.sock")

        assert result.code == 5
        assert result.err[result.err.index("error: ") :] == (
            "error: the docker daemon does not answer: Cannot connect to the Docker daemon at"
            " unix:///nonexistent.sock. Is the docker daemon running?\n"
            "hint: start it (`systemctl start docker`, or Docker Desktop), or set DOCKER_HOST;"
            " the embedded engine needs none\n"
        )


def test_builder_that_is_unknown_is_said(built: Project) -> None:
    result = built.run("build", "--engine", "buildx", "--builder", "nope", "app.py")

    assert (result.code, result.err) == (
        5,
        'error: the builder `nope` cannot be used: no builder "nope" found\n'
        "hint: `docker buildx ls` lists the builders\n",
    )


def test_builder_is_passed_through(built: Project) -> None:
    assert DIGEST.fullmatch(built.ok("build", "--engine", "buildx", "--builder", "default", "app.py").out)
    result = built.run("build", "--builder", "default", "app.py")
    assert (result.code, result.err) == (
        5,
        "error: the embedded engine has no builders\nhint: use --engine buildx with --builder\n",
    )
