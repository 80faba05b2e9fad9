"""Measures images of one Flyte script side by side: Flyte's own builder, and onedigest as its builder (`make bench`).

Flyte's builder is the SDK's, with docker. What it takes from the internet is supplied here: a base with Debian's Python under the
name that it expects, uv's own image, and one index on loopback for both ways.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from images import Bench, QuickIndex

from registry_server import serve_registry

NAME = "bench"
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
        bench._bring_uv(architecture, machine)
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


def measure_flyte(bench: Bench, uv: str, registry: Path) -> Measured:
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
        run(["docker", "buildx", "prune", "--all", "--force"], bench.project)
        start = time.perf_counter()
        image = run([sys.executable, "-c", BUILD, "local"], bench.project, **environment).split()[-1]
        found.seconds.append(time.perf_counter() - start)
        described = json.loads(
            run(["docker", "buildx", "imagetools", "inspect", "--format", "{{json .}}", image], bench.project)
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
        environment = {"XDG_CACHE_HOME": str(bench.root / "cold"), "HOME": str(bench.root)}
        start = time.perf_counter()
        image = run([sys.executable, "-c", BUILD, "onedigest"], bench.project, **environment).split()[-1]
        found.seconds.append(time.perf_counter() - start)
        found.digests.append(image.partition("@")[2])
        found.bytes = found.bytes or size(registry)
    return found


def size(registry: Path) -> int:
    """Return the bytes of all blobs that a registry holds."""
    return sum(path.stat().st_size for path in registry.rglob("data") if path.parent.parent.parent.name == "sha256")


def main() -> int:
    """Print the table."""
    if not shutil.which("docker") or subprocess.run(["docker", "version"], capture_output=True, check=False).returncode:
        print("no docker daemon answers, so images of Flyte are not measured (`make engines` starts one)")
        return 0
    with tempfile.TemporaryDirectory() as folder:
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
        found: dict[str, Measured] = {}
        for way in ("Flyte's own builder", "onedigest"):
            registry = bench.root / f"registry of {way}"
            with serve_registry(registry) as served:
                script.write_text(SCRIPT.replace("REGISTRY", served.host).replace("INDEX", server.address))
                if way == "onedigest":
                    bench.onedigest("generate", "script.py")
                    found[way] = measure_onedigest(bench, registry)
                else:
                    found[way] = measure_flyte(bench, uv, registry)
        server.close()
    print("\nflyte and polars for Python 3.11; both platforms; nothing cached, pushed to a registry on loopback\n")
    print("| | build and push | compressed, both platforms | digests of two builds |")
    print("| --- | --: | --: | --- |")
    for way, each in found.items():
        digests = " / ".join(digest[7:15] for digest in each.digests)
        print(f"| {way} | {min(each.seconds):.1f} s | {each.bytes / 1e6:.0f} MB | {digests} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
