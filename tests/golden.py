"""The list of golden cases, and how a case becomes its files; serves the test and `make golden` alike."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from base_images import LAYER, MACHINES, Made, put_image, python_files
from conftest import ALL_RULES, ROOT, Project
from index_server import IndexServer
from onedigest import zipapp
from onedigest.definition.project import find
from onedigest.definition.script import parse
from onedigest.definition.spec import fields, specify
from onedigest.oci.local_image import Layout
from onedigest.oci.read import list_files, read_image
from registry_server import serve_registry
from wheel_builder import build_wheel

FOLDER = ROOT / "tests" / "cases"
CASES = ("forked", "full", "image", "minimal", "shipped")
OUTPUTS = (
    "spec.json",
    "pylock.toml",
    "Dockerfile",
    "Dockerfile.dockerignore",
    "docker-bake.json",
    "image.BUILD.bazel",
    "layers.json",
    "default.nix",
    "image.toml",
    "linux-amd64.listing",
    "linux-arm64.listing",
)
_STAMPS = re.compile(r"(?m)^(# (?:Content|Rendered from)|    \"Content|        \")( ?)sha256:[0-9a-f]{64}")
"""Checksums of rendered files, which move with every line."""

_ASSEMBLERS = (
    (re.compile(r"assemble-[0-9a-f]{12}\.pyz"), "assemble-….pyz"),
    (re.compile(rf"{zipapp.newest()}"), "sha256:(assembler)"),
)
"""What names the assembler, which is frozen anew without a file being rendered otherwise."""


def script_of(case: str) -> str:
    """Return the text of a case's script."""
    return (FOLDER / case / f"{case}.py").read_text(encoding="utf-8")


def expected_files(case: str) -> dict[str, str]:
    """Return the golden files of a case, in the order of the pipeline."""
    return {name: (FOLDER / case / "expected" / name).read_text(encoding="utf-8") for name in OUTPUTS}


def build_case(
    case: str, project: Project, scratch: Path, *, script: str = "", states_sizes: bool = True
) -> dict[str, str]:
    """Lock and build a case with the real command, from an index on loopback; return its files."""
    index = IndexServer(make_index(scratch / "golden-index"), states_sizes=states_sizes)
    try:
        project.write("onedigest.toml", ALL_RULES)
        project.write(f"{case}.py", script or script_of(case))
        for path in sorted((FOLDER / case).glob("data/*")):
            project.write(f"data/{path.name}", path.read_bytes())
        environment = {"UV_DEFAULT_INDEX": index.address, "UV_CACHE_DIR": str(scratch / "uv")}
        hub: AbstractContextManager[dict[str, str]] = _hub(scratch / "hub") if case == "image" else nullcontext({})
        with hub as mirrors:
            project.ok("build", f"{case}.py", **environment, **mirrors)
    finally:
        index.close()
    found = {
        "spec.json": json.dumps(_spec(case, project), indent=2, sort_keys=True) + "\n",
        "pylock.toml": project.read(f"lockfiles/{case}/pylock.toml"),
        **{
            name: unstamped(project.read(f"lockfiles/{case}/{name}"))
            for name in ("Dockerfile", "Dockerfile.dockerignore", "default.nix")
        },
        "docker-bake.json": unstamped(project.read("lockfiles/docker-bake.json")),
        "image.BUILD.bazel": unstamped(project.read(f"lockfiles/{case}/BUILD.bazel")),
        "layers.json": unstamped(project.read(f"lockfiles/{case}/layers.json")),
        "image.toml": project.read(f"lockfiles/{case}/image.toml"),
    }
    layout = project.root / "dist" / case
    for platform in read_image(layout).platforms:
        lines = [json.dumps(platform.config, sort_keys=True)]
        for layer in platform.layers[1:]:  # the base is Debian's, and its digest is in image.toml
            if layer.holds.startswith("bytecode of debian:"):  # as many files as its library has
                continue
            lines.append(f"layer {layer.holds}")
            lines += [
                f"  {file.kind} {file.mode:04o} {file.size} {file.path}{' -> ' + file.target if file.target else ''}"
                for file in list_files(Layout(layout).blob(layer.digest), layer)
            ]
        found[f"{platform.platform.replace('/', '-')}.listing"] = "\n".join(lines) + "\n"
    return found


def _spec(case: str, project: Project) -> dict[str, Any]:
    if case == "shipped":  # its block does not say what its image is
        stated: dict[str, Any] = tomllib.loads(project.read(f"lockfiles/{case}/pylock.toml"))["tool"]["onedigest"][
            "spec"
        ]
        return stated
    text = (project.root / f"{case}.py").read_bytes()
    return fields(specify(parse(text, f"{case}.py"), find(project.root), f"{case}.py"))


@contextmanager
def _hub(folder: Path) -> Iterator[dict[str, str]]:
    """Serve a base image as if it were Docker Hub's; its layers are not compressed, so no compressor has a part in it."""
    settings = {"Env": ["PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8", "KIND=base"], "Labels": {"kept": "yes"}}
    made = {
        platform: Made([{**python_files(platform), "srv": None}, {"lower": b"second layer\n"}], settings, LAYER)
        for platform in MACHINES
    }
    with serve_registry(folder) as served:
        put_image(served.host, "hub/library/python", "3.12-slim", made)
        yield {"ONEDIGEST_REGISTRY_MIRRORS": f"docker.io={served.host}/hub"}


def unstamped(text: str) -> str:
    """Return a rendered text without what moves for other reasons than that it is rendered otherwise."""
    text = _STAMPS.sub(r"\1\2sha256:…", text)
    for name, stands in _ASSEMBLERS:
        text = name.sub(stands, text)
    return text


def make_index(folder: Path) -> Path:
    """Write the wheels of the golden cases: everything that selection has to tell apart."""
    if folder.is_dir():
        return folder
    build_wheel(
        folder,
        "alpha",
        "1.0",
        files={"alpha/__init__.py": b'NAME = "alpha"\n' * 4, "LICENSE": b"That of alpha.\n" * 9},  # native has one, too
        requires=["beta>=1", "gamma[fast]", 'windows-only; sys_platform == "win32"'],
    )
    build_wheel(folder, "alpha", "2.0", requires_python=">=3.12")
    build_wheel(folder, "beta", "1.5", requires=["alpha"], entry_points="[console_scripts]\nbeta = beta:main\n")
    build_wheel(folder, "beta", "1.6a1")
    build_wheel(folder, "flyte", "2.12.1", entry_points="[console_scripts]\na0 = flyte:main\n")
    build_wheel(
        folder,
        "gamma",
        "3",
        requires=['delta; extra == "fast"', 'intel; platform_machine == "x86_64"'],
        extras=["fast"],
    )
    build_wheel(folder, "delta", "0.1", files={"delta/größe.txt": "größe\n".encode() * 9, "delta/__init__.py": b""})
    build_wheel(folder, "intel", "1", tag="cp311-cp311-manylinux_2_17_x86_64")
    large = b"".join(number.to_bytes(4, "big") for number in range(1 << 19))  # enough for a layer of its own
    for machine in ("x86_64", "aarch64"):
        library = {"native/lib.so": machine.encode() + large, "native/__init__.py": b"x = 1\n" * 9}
        library["LICENSE"] = b"That of native.\n" * 9
        build_wheel(folder, "native", "1.0", tag=f"cp311-abi3-manylinux_2_28_{machine}", files=library, deflate=False)
        build_wheel(folder, "native", "1.0", tag=f"cp311-abi3-manylinux_2_39_{machine}", files=library, deflate=False)
        build_wheel(folder, "native", "1.0", tag=f"cp311-cp311-musllinux_1_2_{machine}", files=library, deflate=False)
    build_wheel(folder, "split", "2.0", tag="cp311-cp311-manylinux_2_17_x86_64")
    build_wheel(folder, "split", "1.0", tag="cp311-cp311-manylinux_2_17_x86_64")
    build_wheel(folder, "split", "1.0", tag="cp311-cp311-manylinux_2_17_aarch64")
    return folder
