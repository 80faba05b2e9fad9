"""Measures images of one Flyte script side by side: Flyte's own builder, and onedigest as its builder (`make bench`).

Flyte's builder is the SDK's, with docker. What it takes from the internet is supplied here: a base with Debian's Python under the
name that it expects, uv's own image, and one index on loopback for both ways.
Then both build again what they have: Flyte's builder finds its image in its own cache, and onedigest asks the registry.
Last, two images without a name are built for the first time, again and again, and the locks are compared.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from images import BIN, Bench, QuickIndex, bring_uv

from registry_server import serve_registry

NAME = "bench"
AGAIN, FIRST = 11, 20
MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}

SCRIPT = """\
# /// script
# requires-python = "==3.11.*"
# dependencies = ["flyte", "polars"]
# ///
import flyte

env = flyte.TaskEnvironment(
    name="bench",
    image=flyte.Image.from_uv_script(
        __file__, name="bench", registry="REGISTRY/acme", platform=("linux/amd64", "linux/arm64"), index_url="INDEX"
    ),
)
"""

# Flyte's frontend line would be pulled; nothing else of its Dockerfile is changed
BUILD = """\
import sys
from string import Template
import flyte
from flyte._internal.imagebuild import docker_builder as own
template = own.DOCKER_FILE_UV_BASE_TEMPLATE.template
own.DOCKER_FILE_UV_BASE_TEMPLATE = Template(template.partition("\\n")[2])
flyte.init(image_builder=sys.argv[1])
import script
print(flyte.build(script.env.image, force=sys.argv[1] == "local").uri)
"""

TWO = """\
import flyte

cpu = flyte.TaskEnvironment("cpu", image=flyte.Image.from_debian_base(registry="REGISTRY/acme").with_pip_packages("polars"))
gpu = flyte.TaskEnvironment(
    "gpu", image=flyte.Image.from_debian_base(registry="REGISTRY/acme").with_env_vars({"GPU": "1"}), depends_on=[cpu]
)
"""

BASE = """\
FROM scratch
ARG TARGETARCH
ADD base-${TARGETARCH}.tar /
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
"""
UV = "FROM scratch\nARG TARGETARCH\nCOPY uv-${TARGETARCH} /uv\n"


def run(command: list[str], folder: Path, **environment: str) -> str:
    """Run a command; return what it prints."""
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:] + done.stdout[-2000:]
    return done.stdout


def make_layouts(bench: Bench) -> str:
    """Make what Flyte's Dockerfile starts from, for both platforms; return the version of uv's image that it names."""
    from flyte._internal.imagebuild import docker_builder

    version = docker_builder.DOCKER_FILE_UV_BASE_TEMPLATE.template.partition("astral-sh/uv:")[2].split()[0]
    targets = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"]
    mirror = next(line for line in sorted(set(run(targets, bench.plain).split())) if "security" not in line)
    for architecture, machine in MACHINES.items():
        bring_uv(bench.root, architecture, machine, bench.plain / f"uv-{architecture}")
        made = f"base-{architecture}.tar"
        options = [
            "--variant=apt",
            "--skip=check/qemu",
            f"--arch={architecture}",
            "--include=python3,python3-venv,bash,ca-certificates",
        ]
        run(["mmdebstrap", "--quiet", "--mode=root", *options, "bookworm", made, mirror], bench.plain)
    for name, text in (("base", BASE), ("uv", UV)):
        (bench.plain / f"{name}.Dockerfile").write_text(text)
        output = f"type=oci,dest=layout-{name},tar=false"
        platforms = ["--platform", "linux/amd64,linux/arm64", "--provenance=false", "--output", output]
        run(["docker", "buildx", "build", "-q", "-f", f"{name}.Dockerfile", *platforms, "."], bench.plain)
    return version


@dataclass
class Measured:
    """Seconds and digests of two builds, and the bytes that the registry had after the first."""

    seconds: list[float] = field(default_factory=list)
    digests: list[str] = field(default_factory=list)
    bytes: int = 0


def measure_flyte(bench: Bench, project: Path, uv: str, registry: Path) -> Measured:
    """Build twice with Flyte's own builder and no cache."""
    contexts = {
        "python:3.11-slim-bookworm": f"oci-layout://{bench.plain}/layout-base",
        f"ghcr.io/astral-sh/uv:{uv}": f"oci-layout://{bench.plain}/layout-uv",
    }
    arguments = [*("--no-cache", "--network=host", "--allow=network.host")]
    arguments += [f"--build-context={name}={place}" for name, place in contexts.items()]
    environment = {
        "FLYTE_DOCKER_BUILDKIT_BUILDER_NAME": "default",
        "FLYTE_DOCKER_BUILD_EXTRA_ARGS": " ".join(arguments),
        "HOME": str(bench.root),
    }
    found = Measured()
    for _ in range(2):
        run(["docker", "buildx", "prune", "--all", "--force"], project)
        start = time.perf_counter()
        image = run([sys.executable, "-c", BUILD, "local"], project, **environment).split()[-1]
        found.seconds.append(time.perf_counter() - start)
        described = json.loads(
            run(["docker", "buildx", "imagetools", "inspect", "--format", "{{json .}}", image], project)
        )
        found.digests.append(described["manifest"]["digest"])
        found.bytes = found.bytes or size(registry)
    return found


def measure_onedigest(bench: Bench, registry: Path) -> Measured:
    """Build twice with onedigest as Flyte's builder and nothing at hand but the lock."""
    found = Measured()
    for _ in range(2):
        shutil.rmtree(bench.root / "cold", ignore_errors=True)
        (bench.project / "lockfiles" / NAME / "image.toml").unlink(missing_ok=True)
        shutil.rmtree(bench.project / "lockfiles" / ".inputs", ignore_errors=True)
        start = time.perf_counter()
        image = run([sys.executable, "-c", BUILD, "onedigest"], bench.project, **own_folders(bench)).split()[-1]
        found.seconds.append(time.perf_counter() - start)
        found.digests.append(image.partition("@")[2])
        found.bytes = found.bytes or size(registry)
    return found


def own_folders(bench: Bench) -> dict[str, str]:
    """Return where programs keep what is theirs."""
    return {"XDG_CACHE_HOME": str(bench.root / "cold"), "HOME": str(bench.root)}


def measure_again(bench: Bench, projects: dict[str, Path]) -> dict[str, list[float]]:
    """Build by `flyte build` what is built and did not change, one way after the other."""
    found: dict[str, list[float]] = {way: [] for way in projects}
    for way, project in projects.items():
        (project / "config.yaml").write_text(f"image:\n  builder: {'onedigest' if way == 'onedigest' else 'local'}\n")
    for _ in range(AGAIN):
        for way, project in projects.items():
            command = [str(BIN / "flyte"), "--config", "config.yaml", "build", "script.py", "env"]
            start = time.perf_counter()
            run(command, project, **own_folders(bench))
            found[way].append(time.perf_counter() - start)
    return {way: several[1:] for way, several in found.items()}


def count_first_builds(bench: Bench, host: str) -> set[str]:
    """Build two images without a name, each time as if for the first time; return the different locks that come of it."""
    project = bench.root / "two"
    project.mkdir()
    (project / "onedigest.toml").touch()
    (project / "script.py").write_text(TWO.replace("REGISTRY", host))
    (project / "config.yaml").write_text("image:\n  builder: onedigest\n")
    found = set()
    for _ in range(FIRST):
        shutil.rmtree(project / "lockfiles", ignore_errors=True)
        run([str(BIN / "flyte"), "--config", "config.yaml", "build", "script.py", "gpu"], project, **own_folders(bench))
        files = sorted((project / "lockfiles").glob("*/*.toml"))
        found.add(repr([(file.relative_to(project), hashlib.sha256(file.read_bytes()).hexdigest()) for file in files]))
    return found


def size(registry: Path) -> int:
    """Return the bytes of all blobs that a registry holds."""
    return sum(path.stat().st_size for path in registry.rglob("data") if path.parent.parent.parent.name == "sha256")


def main() -> int:
    """Print the tables."""
    if not shutil.which("docker") or subprocess.run(["docker", "version"], capture_output=True, check=False).returncode:
        print("no docker daemon answers, so images of Flyte are not measured (`make engines` starts one)")
        return 0
    with tempfile.TemporaryDirectory() as folder, ExitStack() as open_until_the_end:
        bench = Bench(Path(folder))
        uv = make_layouts(bench)
        script = bench.project / "script.py"
        script.write_text(SCRIPT.replace(', index_url="INDEX"', "").replace("REGISTRY", "127.0.0.1:1"))
        bench.onedigest("generate", "script.py")
        bench.onedigest("fetch", NAME)
        index = bench.root / "index"
        index.mkdir()
        for wheel in (bench.project / "lockfiles" / ".inputs").glob("*.whl"):
            shutil.copy(wheel, index)
        server = QuickIndex(index)
        open_until_the_end.callback(server.close)
        found: dict[str, Measured] = {}
        projects = {"Flyte's own builder": bench.root / "flyte", "onedigest": bench.project}
        for way, project in projects.items():
            project.mkdir(exist_ok=True)
            registry = bench.root / f"registry of {way}"
            served = open_until_the_end.enter_context(serve_registry(registry))
            text = SCRIPT.replace("REGISTRY", served.host).replace("INDEX", server.address)
            (project / "script.py").write_text(text)
            if way == "onedigest":
                bench.onedigest("generate", "script.py")
                found[way] = measure_onedigest(bench, registry)
                host = served.host
            else:
                found[way] = measure_flyte(bench, project, uv, registry)
        again = measure_again(bench, projects)
        first = count_first_builds(bench, host)
    print("\nflyte and polars for Python 3.11; both platforms; nothing cached, pushed to a registry on loopback\n")
    print("| | build and push | again | compressed, both platforms | digests of two builds |")
    print("| --- | --: | --: | --: | --- |")
    for way, each in found.items():
        digests = " / ".join(digest[7:15] for digest in each.digests)
        second = f"{statistics.median(again[way]):.2f} s"
        print(f"| {way} | {min(each.seconds):.1f} s | {second} | {each.bytes / 1e6:.0f} MB | {digests} |")
    own, ours = (statistics.median(several) for several in again.values())
    print(
        f"\nagain: the median of {AGAIN - 1} `flyte build`s each, one way after the other; {ours / own:.2f} times as long"
    )
    print(f"{FIRST} first builds of two images without a name: {len(first)} result(s)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
