"""Base images for tests: a real one of Debian packages, and small ones made for one trait."""

from __future__ import annotations

import gzip
import io
import json
import platform as machine
import shutil
import struct
import subprocess
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from backports import zstd

from conftest import Project
from onedigest.assembler.image import CONFIG_TYPE, INDEX_TYPE, MANIFEST_TYPE
from onedigest.digest import Digest, of_bytes
from onedigest.net.connection import Connection, Pools
from onedigest.oci.reference import parse_reference
from onedigest.registry.credentials import RegistryCredentials
from onedigest.registry.repository import Repository
from onedigest.registry.transport import Access

LAYER = "application/vnd.oci.image.layer.v1.tar"
RUNNING = machine.python_version()
"""The version of the Python that runs this, which compiles for bases that are said to have it."""

MINOR = ".".join(RUNNING.split(".")[:2])
TAG = f"cp{MINOR.replace('.', '')}"
"""What wheels for it are tagged with."""

MACHINES = {"linux/amd64": 62, "linux/arm64": 183}
LOADERS = {"linux/amd64": "/lib64/ld-linux-x86-64.so.2", "linux/arm64": "/lib/ld-linux-aarch64.so.1"}

Files = Mapping[str, bytes | str | None]
"""Content of files by path; a text is the target of a link, None stands for a folder."""


@dataclass
class Made:
    """What one platform's image is made of: layers of files, and its configuration."""

    layers: Sequence[Files]
    config: Mapping[str, object] = field(default_factory=dict)
    media_type: str = f"{LAYER}+gzip"
    diff_ids: Sequence[str] = ()
    """What the configuration says, where it is not what the layers are."""


def debian_base(project: Project, suite: str = "bookworm") -> Path:
    """Return the layout of a real base: Debian's Python, for both platforms."""
    lines = ("[tool.onedigest]", f'base = "debian:{suite}"', 'workdir = "/"', "include-script = false")
    project.script("baseimage.py", 'requires-python = ">=3.11"', *lines)
    project.ok("generate", "baseimage.py")
    project.ok("fetch", "baseimage")
    return next(path for path in (project.root / "lockfiles" / ".inputs").glob(f"debian-{suite}-*") if path.is_dir())


def copy_image(source: str, target: str, *options: str) -> None:
    """Copy an image with skopeo, all platforms."""
    skopeo = shutil.which("skopeo")
    if skopeo is None:
        pytest.skip("skopeo is not installed")
    command = [skopeo, "copy", "--all", "--quiet", "--src-tls-verify=false", "--dest-tls-verify=false", *options]
    subprocess.run([*command, source, target], check=True, capture_output=True)


def elf(platform: str, version: str, loader: str = "") -> bytes:
    """Return what looks like a program: its machine, its loader, and a version that it holds."""
    text = (loader or LOADERS[platform]).encode() + b"\0"
    head = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHI", 3, MACHINES[platform], 1)
    head += struct.pack("<QQQIHHHHHH", 0, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    program = struct.pack("<IIQQQQQQ", 3, 4, 120, 120, 120, len(text), len(text), 1)
    return head + program + text + b"\0" + version.encode() + b"\0"


def python_files(
    platform: str, version: str = "3.12.4", *, glibc: str = "2.36", loader: str = ""
) -> dict[str, bytes | str | None]:
    """Return the files of an image that has a Python, as far as they are looked at."""
    minor = version.rpartition(".")[0]
    return {
        f"usr/local/bin/python{minor}": elf(platform, version, loader),
        "usr/local/bin/python3": f"python{minor}",
        "usr/lib/libc.so.6": elf(platform, f"GNU C Library stable release version {glibc}.\n"),
        "etc/os-release": "../usr/lib/os-release",
        "usr/lib/os-release": b'ID=example\nVERSION_ID="7"\n',
    }


def python_image(version: str = "3.12.4", **options: str) -> dict[str, Made]:
    """Return an image for both platforms that has a Python."""
    return {platform: Made([python_files(platform, version, **options)]) for platform in MACHINES}


def put_image(host: str, name: str, tag: str, platforms: Mapping[str, Made]) -> Digest:
    """Put an image into a registry; return the digest of its index."""
    rows = []
    for platform, made in platforms.items():
        system, _, architecture = platform.partition("/")
        row = put_platform(host, name, platform, made)
        rows.append({**row, "platform": {"os": system, "architecture": architecture}})
    attestation = {**rows[0], "platform": {"os": "unknown", "architecture": "unknown"}}
    return Digest(str(put_index(host, name, tag, [attestation, *rows])["digest"]))


def put_platform(host: str, name: str, platform: str, made: Made) -> dict[str, object]:
    """Put the image of one platform into a registry; return its descriptor, which states no platform."""
    manifest = _put_manifest(_repository(host, name), platform, made)
    return {"mediaType": MANIFEST_TYPE, "digest": of_bytes(manifest), "size": len(manifest)}


def put_index(host: str, name: str, tag: str, rows: Sequence[Mapping[str, object]]) -> dict[str, object]:
    """Put an index into a registry under a tag, or under its digest where there is none; return its descriptor."""
    index = json.dumps({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": rows}).encode()
    _repository(host, name).put_manifest(tag or of_bytes(index), INDEX_TYPE, index)
    return {"mediaType": INDEX_TYPE, "digest": of_bytes(index), "size": len(index)}


def _repository(host: str, name: str) -> Repository:
    access = Access(pools=Pools(Connection()), credentials=RegistryCredentials((), {}))
    return Repository(parse_reference(f"{host}/{name}"), access, "pull,push")


def _put_manifest(repository: Repository, platform: str, made: Made) -> bytes:
    tars = [make_tar(files) for files in made.layers]
    blobs = [_compressed(tar, made.media_type) for tar in tars]
    system, _, architecture = platform.partition("/")
    rootfs = {"type": "layers", "diff_ids": list(made.diff_ids) or [of_bytes(tar) for tar in tars]}
    config = json.dumps({"os": system, "architecture": architecture, "rootfs": rootfs, "config": made.config}).encode()
    for blob in (*blobs, config):
        repository.upload(of_bytes(blob), len(blob), blob, "", lambda _: None)
    layers = [{"mediaType": made.media_type, "digest": of_bytes(blob), "size": len(blob)} for blob in blobs]
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": {"mediaType": CONFIG_TYPE, "digest": of_bytes(config), "size": len(config)},
            "layers": layers,
        }
    ).encode()
    repository.put_manifest(of_bytes(manifest), MANIFEST_TYPE, manifest)
    return manifest


def make_tar(files: Files) -> bytes:
    """Return the tar of a layer."""
    text = io.BytesIO()
    with tarfile.open(fileobj=text, mode="w") as archive:
        for path, content in files.items():
            member = tarfile.TarInfo(path)
            member.mode = 0o755
            if content is None:
                member.type = tarfile.DIRTYPE
            elif isinstance(content, str):
                member.type, member.linkname = tarfile.SYMTYPE, content
            else:
                member.size = len(content)
            archive.addfile(member, io.BytesIO(content) if isinstance(content, bytes) else None)
    return text.getvalue()


def _compressed(tar: bytes, media_type: str) -> bytes:
    if media_type.endswith("zstd"):
        return zstd.compress(tar)
    return gzip.compress(tar, mtime=0) if media_type.endswith("gzip") else tar
