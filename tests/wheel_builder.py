"""Builds real wheels, the same bytes each time."""

from __future__ import annotations

import base64
import hashlib
import struct
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from onedigest.assembler import gzip_member


def wheel_bytes(
    name: str,
    version: str,
    *,
    files: Mapping[str, bytes] | None = None,
    requires: Sequence[str] = (),
    extras: Sequence[str] = (),
    requires_python: str = "",
    tag: str = "py3-none-any",
    entry_points: str = "",
    deflate: bool = True,
) -> bytes:
    """Return a wheel (PEP 427)."""
    stem = f"{name.replace('-', '_')}-{version}"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    metadata += f"Requires-Python: {requires_python}\n" if requires_python else ""
    metadata += "".join(f"Provides-Extra: {extra}\n" for extra in extras)
    metadata += "".join(f"Requires-Dist: {each}\n" for each in requires)
    purelib = str(tag.endswith("any")).lower()
    contents = {
        **(
            files if files is not None else {f"{name.replace('-', '_')}/__init__.py": f'NAME = "{name}"\n'.encode() * 4}
        ),
        f"{stem}.dist-info/METADATA": metadata.encode(),
        f"{stem}.dist-info/WHEEL": f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: {purelib}\nTag: {tag}\n".encode(),
    }
    if entry_points:
        contents[f"{stem}.dist-info/entry_points.txt"] = entry_points.encode()
    rows = [f"{path},{_hash(data)},{len(data)}" for path, data in contents.items()]
    contents[f"{stem}.dist-info/RECORD"] = "\n".join([*rows, f"{stem}.dist-info/RECORD,,", ""]).encode()
    return zip_bytes(contents, deflate=deflate)


def zip_bytes(contents: Mapping[str, bytes], *, deflate: bool = True) -> bytes:
    """Return a zip file of regular members. No compressor has a part in it, so its bytes are the same everywhere."""
    out, directory = bytearray(), bytearray()
    for path, data in contents.items():
        packed = gzip_member.fixed(data)[10:-8] if deflate else data
        name = path.encode()
        flags = 0 if path.isascii() else 0x800
        common = struct.pack(
            "<HHHHIIIHH", flags, 8 if deflate else 0, 0, 0x21, zlib.crc32(data), len(packed), len(data), len(name), 0
        )
        directory += b"PK\1\2" + struct.pack("<BBH", 20, 3, 20) + common
        directory += struct.pack("<HHHII", 0, 0, 0, 0o100644 << 16, len(out)) + name
        out += b"PK\3\4" + struct.pack("<H", 20) + common + name + packed
    end = struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, len(contents), len(contents), len(directory), len(out), 0)
    return bytes(out + directory + end)


def build_wheel(folder: Path, name: str, version: str, *, tag: str = "py3-none-any", **options: object) -> Path:
    """Write a wheel into a folder; return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name.replace('-', '_')}-{version}-{tag}.whl"
    path.write_bytes(wheel_bytes(name, version, tag=tag, **options))  # type: ignore[arg-type]  # passed on as they are
    return path


def _hash(data: bytes) -> str:
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
