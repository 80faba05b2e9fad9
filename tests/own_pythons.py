"""Images for tests whose Python starts: the files of the one that runs the tests, laid out as images have them."""

from __future__ import annotations

import hashlib
import io
import json
import re
import struct
import sys
import sysconfig
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from base_images import Files, make_tar
from elf_builder import elf_file
from onedigest.assembler.descriptor import Descriptor
from onedigest.assembler.elf import elf_of
from onedigest.digest import of_bytes
from onedigest.lock.base.image import ImageBase, PinnedImage
from onedigest.platforms import ALL, Platform
from onedigest.store import Store

NAME = f"python{sys.version_info[0]}.{sys.version_info[1]}"
VERSION = sys.version.split()[0]
PROGRAM = Path(sys.executable).resolve()
"""The running Python, which is that of no environment."""

HERE = next(each for each in ALL if sysconfig.get_platform().endswith(each.machine))
OTHER = next(each for each in ALL if each != HERE)
LAYER = "application/vnd.oci.image.layer.v1.tar"

_SOURCES = ("os.py", "encodings/__init__.py", "encodings/aliases.py", "encodings/utf_8.py", "codecs.py", "io.py")


@dataclass(frozen=True)
class RunningPython:
    """What the running Python needs to start, and how its program names its loader."""

    program: bytes
    loader: bytes
    loader_path: str
    libraries: Mapping[str, bytes]
    sources: Mapping[str, bytes]


@cache
def running_python() -> RunningPython:
    """Read the files of the Python that runs this, by what the kernel says it has loaded."""
    program = _stripped(PROGRAM.read_bytes())
    elf = elf_of(program)
    assert elf
    maps = Path("/proc/self/maps").read_text(encoding="utf-8")
    loaded = {
        name: Path(name).read_bytes() for name in sorted(set(re.findall(r"/\S+\.so[.0-9]*$", maps, re.MULTILINE)))
    }
    by_name = {(found.soname or ""): data for data in loaded.values() if (found := elf_of(data))}
    names, waiting = set[str](), list(elf.needed)
    while waiting:
        name = waiting.pop()
        if name not in names and name in by_name:
            names.add(name)
            library = elf_of(by_name[name])
            waiting += library.needed if library else ()
    loader = _stripped(Path(elf.interpreter).resolve().read_bytes())
    names -= {Path(elf.interpreter).name}
    folder = Path(sysconfig.get_path("stdlib"))
    return RunningPython(
        program, loader, elf.interpreter, {name: _stripped(by_name[name]) for name in names},
        {name: (folder / name).read_bytes() for name in _SOURCES},
    )  # fmt: skip


def _stripped(data: bytes) -> bytes:
    """Return a program or library of 64 bits without its sections, which are for debuggers and linkers alone."""
    start, size, count = struct.unpack_from("<Q", data, 32)[0], *struct.unpack_from("<HH", data, 54)
    rows = [struct.unpack_from("<IIQQQQQQ", data, start + number * size) for number in range(count)]
    kept = bytearray(data[: max(offset + length for _, _, offset, _, _, length, _, _ in rows)])
    struct.pack_into("<Q", kept, 40, 0)
    struct.pack_into("<HH", kept, 60, 0, 0)
    return bytes(kept)


def files(
    prefix: str, *, library: str = "lib", libraries: str = "usr/lib", real_loader: str = "", merged: str = ""
) -> dict[str, bytes | str | None]:
    """Return the files of an image: its Python below a prefix, and the libraries in a folder.

    The path that the program has of its loader is a link where there is another, and below `merged` where there is one.
    """
    python = running_python()
    loader = merged + python.loader_path.lstrip("/")
    found: dict[str, bytes | str | None] = {
        f"{prefix}/bin/{NAME}": python.program,
        f"{prefix}/bin/python3": NAME,
        loader: f"/{real_loader}" if real_loader else python.loader,
    }
    if real_loader:
        found[real_loader] = python.loader
    found |= {f"{libraries}/{name}": data for name, data in python.libraries.items()}
    return found | {f"{prefix}/{library}/{NAME}/{name}": data for name, data in python.sources.items()}


def image_base(store: Store, layers: Sequence[Files], prefix: str, platform: Platform = HERE) -> ImageBase:
    """Put layers into a store, and return the base that they are."""
    descriptors = []
    for each in layers:
        tar = make_tar(each)
        digest = store.add(tar)
        descriptors.append(Descriptor(digest, digest, len(tar), LAYER))
    digest = of_bytes(b"")
    image = PinnedImage(
        platform=platform,
        manifest=digest,
        config=digest,
        env=(),
        labels=(),
        has_workdir=False,
        layers=tuple(descriptors),
    )
    return ImageBase(
        image="registry.example/python:3", index=digest, system="debian 12", images=(image,), python=VERSION,
        interpreter=f"/{prefix}/bin/{NAME}", libc_version="2.36",
    )  # fmt: skip


def small(machine: int = HERE.elf_machine, needed: Sequence[str] = ("libc.so.6",)) -> dict[str, bytes | str | None]:
    """Return the files of an image that looks whole, and has nothing to run."""
    return {
        f"usr/bin/{NAME}": elf_file(interpreter="/lib/ld.so", needed=needed, machine=machine),
        "lib/ld.so": elf_file(machine=machine),
        "lib/libc.so.6": elf_file("libc.so.6", needed=["ld.so"], machine=machine),
        f"usr/lib/{NAME}/os.py": b"",
    }


def downloads(folder: Path, version: str, address: str = "") -> dict[str, str]:
    """Write a list of Pythons that uv can bring, of one that is this one; return the variable that names it."""
    text = io.BytesIO()
    with tarfile.open(fileobj=text, mode="w:gz") as archive:
        script = f'#!/bin/sh\nexec {PROGRAM} "$@"\n'.encode()
        library = f"lib/{NAME}/_sysconfigdata__linux_{HERE.machine}-linux-gnu.py"
        for path, data in {
            f"bin/{NAME}": script,
            f"lib/{NAME}/os.py": b"",
            library: b"# system configuration generated and used by the sysconfig module\nbuild_time_vars = {}\n",
        }.items():
            member = tarfile.TarInfo(f"python/{path}")
            member.mode, member.size = 0o755, len(data)
            archive.addfile(member, io.BytesIO(data))
    file = folder / "cpython.tar.gz"
    file.write_bytes(text.getvalue())
    machine = HERE.machine
    row = {
        "name": "cpython", "arch": {"family": machine, "variant": None}, "os": "linux", "libc": "gnu",
        **dict(zip(("major", "minor", "patch"), map(int, version.split(".")), strict=True)), "prerelease": "",
        "url": f"{address or f'file://{folder}'}/{file.name}", "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        "variant": None, "build": "20260101",
    }  # fmt: skip
    listing = folder / "downloads.json"
    listing.write_text(json.dumps({f"cpython-{version}-linux-{machine}-gnu": row}))
    return {"UV_PYTHON_DOWNLOADS_JSON_URL": str(listing)}
