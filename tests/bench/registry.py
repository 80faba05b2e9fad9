"""Measures pushes side by side with crane and skopeo (`make bench`): one layout, one registry on loopback, one run."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench import BIN, Place
from fault_proxy import faults
from index_server import IndexServer
from registry_server import serve_registry
from wheel_builder import build_wheel

RUNS = 3
MOST_MEMORY = 150
PACKAGES = 41
WHEEL_BYTES = 3_100_000


def make_place(root: Path) -> Place:
    """Return a project whose image for both platforms has 90 blobs and 300 MB, built."""
    for number in range(PACKAGES):
        for machine in ("x86_64", "aarch64"):
            data = hashlib.shake_256(f"{number} {machine}".encode()).digest(WHEEL_BYTES)
            tag = f"cp313-cp313-manylinux_2_28_{machine}"
            build_wheel(
                root / "index", f"large{number}", "1", tag=tag, files={f"large{number}.so": data}, deflate=False
            )
    place = Place(root / "project")
    place.write(tuple(f"large{number}" for number in range(PACKAGES)))
    index = IndexServer(root / "index")
    place.environment["UV_DEFAULT_INDEX"] = index.address
    place.run("build", "-q", "bench.py")
    index.close()
    return place


def timed(command: Sequence[str | Path], place: Place) -> tuple[float, int]:
    """Run a command; return its seconds, and the most memory that it had, in MB.

    The kernel's own count for a child (`ru_maxrss`) begins with what this process has, so it is read while it runs.
    """
    start, most = time.perf_counter(), 0
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, cwd=place.root, env=place.environment, stdout=said, stderr=said)
        while process.poll() is None:
            with suppress(OSError):
                status = Path(f"/proc/{process.pid}/status").read_text()
                most = max(most, *map(int, re.findall(r"(?m)^VmHWM:\s+(\d+) kB", status)), 0)
            time.sleep(0.005)
        seconds = time.perf_counter() - start
        said.seek(0)
        assert process.returncode == 0, said.read().decode()
    return seconds, most // 1024


def commands(host: str, name: str, tag: str) -> dict[str, list[str | Path]]:
    """Return how each tool pushes the image."""
    reference = f"{host}/{name}"
    return {
        "onedigest": [BIN / "onedigest", "build", "-q", "--push", "--repository", reference, "--tag", tag, "bench.py"],
        "crane": ["crane", "push", "--insecure", "--index", "dist/bench", f"{reference}:{tag}"],
        "skopeo": [
            "skopeo",
            "copy",
            "-q",
            "--all",
            "--dest-tls-verify=false",
            "oci:dist/bench",
            f"docker://{reference}:{tag}",
        ],
    }


def measure(place: Place, root: Path) -> tuple[dict[str, dict[str, float]], int]:
    """Return seconds by tool and case, and the most memory of our pushes in MB."""
    found: dict[str, dict[str, float]] = {}
    memory = 0
    for run in range(RUNS):
        for tool in commands("", "", ""):
            with serve_registry(root / f"{tool}-{run}") as served:

                def push(case: str, tag: str, tool: str = tool, host: str = served.host) -> None:
                    nonlocal memory
                    seconds, used = timed(commands(host, "acme/bench", tag)[tool], place)
                    row = found.setdefault(case, {})
                    row[tool] = min(seconds, row.get(tool, seconds))
                    memory = max(memory, used) if tool == "onedigest" else memory

                push("cold", "one")
                push("all present, another tag", "two")
                edit(place, f"{tool} {run}")
                push("one layer changed", "three")
                if tool == "onedigest":
                    push("existence check", "three")
    return found, memory


def edit(place: Place, text: str) -> None:
    """Change the script and build, so that one layer is another."""
    script = place.root / "bench.py"
    script.write_text(script.read_text().rpartition("print(")[0] + f"print({text!r})\n")
    place.run("build", "-q", "bench.py")


def count_bytes(place: Place, root: Path) -> list[tuple[str, int, int]]:
    """Return, for a cold push and one of a changed layer, the bytes of missing blobs and those that were sent."""
    rows = []
    with serve_registry(root / "counted") as served, faults(served.host) as proxy:
        for case in ("cold", "one layer changed"):
            before = len(proxy.seen)
            arguments = ("--json", "--push", "--repository", f"{proxy.host}/acme/bench", "bench.py")
            pushed = json.loads(place.run("build", *arguments))["images"][0]["pushed"]["blobs"]
            sent = sum(seen.body for seen in proxy.seen[before:] if "/blobs/" in seen.path)
            rows.append((case, pushed["bytes"], sent))
            edit(place, "counted")
        before = len(proxy.seen)
        place.run("build", "--push", "--repository", f"{proxy.host}/acme/bench", "bench.py")
        rows.append(("existence check", 1, len(proxy.seen) - before))
    return rows


def main(say: Callable[[str], object] = print) -> int:
    """Print the table; return 1 where a goal is missed."""
    missing = [tool for tool in ("crane", "skopeo", "docker-registry") if not shutil.which(tool)]
    if missing:
        say(
            f"pushes are not measured: there is no {', '.join(missing)} (`make engines`, Debian's skopeo and docker-registry)"
        )
        return 0
    with tempfile.TemporaryDirectory(prefix="onedigest-bench-") as folder:
        root = Path(folder)
        (root / "project").mkdir()
        place = make_place(root)
        shown = json.loads(place.run("inspect", "--json", "bench"))
        layers = {each["digest"]: each["size"] for platform in shown["platforms"] for each in platform["layers"]}
        blobs = len(layers) + len(shown["platforms"])
        say(
            f"\n{blobs} blobs, {sum(layers.values()) / 1e6:.0f} MB, to docker-registry on loopback; seconds, best of {RUNS}\n"
        )
        found, memory = measure(place, root)
        counted = count_bytes(place, root)
    say("| push | onedigest | crane | skopeo |\n| --- | --: | --: | --: |")
    for case, row in found.items():
        cells = [f"{row[tool]:.2f}" if tool in row else "" for tool in ("onedigest", "crane", "skopeo")]
        say(f"| {case} | {' | '.join(cells)} |")
    say("")
    goals = [(f"peak memory of a push {memory} MB, {MOST_MEMORY} at most", memory <= MOST_MEMORY)]
    goals += [
        (f"{case}: {sent} bytes or requests sent, {wanted} needed", sent == wanted) for case, wanted, sent in counted
    ]
    for text, met in goals:
        say(f"{text}{'' if met else '  **missed**'}")
    return 0 if all(met for _, met in goals) else 1


if __name__ == "__main__":
    sys.exit(main())
