"""Small layers that inflate to very much: what reads them says so, in little memory and time."""

from __future__ import annotations

import gzip
import io
import json
import lzma
import subprocess
import sys
import tarfile
import time
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from backports import zstd

from onedigest.errors import InputError
from onedigest.oci.compression import InflatedStream, inflated

MEBI = 1 << 20
END = bytes(1024)
CHILD = """
import json, resource, sys
from pathlib import Path
from onedigest.assembler.descriptor import Descriptor
from onedigest.digest import Digest, of_file
from onedigest.store import Store
from onedigest.lock.base.probe import EXAMINER, dpkg_status
from onedigest.oci.rootfs import read_rootfs

path, diff_id = Path(sys.argv[1]), Digest(sys.argv[2])
resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
descriptor = Descriptor(diff_id, of_file(path), path.stat().st_size, "application/vnd.oci.image.layer.v1.tar+gzip")
try:
    said = str(len(dpkg_status(read_rootfs([(descriptor, path)], EXAMINER, Store(path.parent / "store")))))
except Exception as error:
    said = f"{type(error).__name__}: {error}"
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps([(after - before) >> 10, said.replace(descriptor.digest, "DIGEST")]))
"""


def header(name: str, size: int = 0, kind: bytes = b"0", target: str = "") -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname = size, kind, target
    return info.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape")


def zeros(count: int) -> Iterator[bytes]:
    for _ in range(count):
        yield bytes(MEBI)


def layer(folder: Path, pieces: Iterable[bytes]) -> tuple[Path, str]:
    """Write a layer; return where it is, and its diff ID."""
    import hashlib

    packer, digest, path = zlib.compressobj(9, zlib.DEFLATED, 31), hashlib.sha256(), folder / "layer"
    with path.open("wb") as file:
        for piece in pieces:
            digest.update(piece)
            file.write(packer.compress(piece))
        file.write(packer.flush())
    return path, f"sha256:{digest.hexdigest()}"


def read(folder: Path, pieces: Iterable[bytes]) -> tuple[int, str]:
    """Read a layer in a process of its own; return the MiB that it took, and what it said."""
    path, diff_id = layer(folder, pieces)
    assert path.stat().st_size < MEBI
    command = [sys.executable, "-c", CHILD, str(path), diff_id]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    memory, said = json.loads(done.stdout)
    return int(memory), str(said)


def sparse() -> Iterator[bytes]:
    first = bytearray(header("holes", 512, b"S"))
    first[482] = 1
    first[148:156] = b"        "
    first[148:156] = b"%06o\0 " % sum(first)
    yield bytes(first)
    block = (b"00000000001\0" * 42 + b"\1").ljust(512, b"\0")
    for _ in range(100):
        yield block * 2048


def lists() -> Iterator[bytes]:
    for number in range(10):
        yield header(f"var/lib/dpkg/status.d/{number}", 15 * MEBI)
        yield from zeros(15)
    yield END


def linked_lists() -> Iterator[bytes]:
    yield header("var/lib/dpkg/status.d/first", MEBI)
    yield from zeros(1)
    for number in range(150):
        yield header(f"var/lib/dpkg/status.d/{number}", 0, b"1", "var/lib/dpkg/status.d/first")
    yield END


def folders() -> Iterator[bytes]:
    for number in range(100):
        name = f"{number}/" + "a/" * 2000 + "x"
        yield header("././@LongLink", len(name) + 1, b"L") + name.encode().ljust(4096, b"\0") + header("x")
    yield END


@pytest.mark.parametrize(
    ("pieces", "said"),
    [
        ([header("x", 100 * MEBI, b"x"), *zeros(100), END], "no archive of ours: it has an extended header of 104857600 bytes"),
        ([header("x", 100 * MEBI, b"L"), *zeros(100), END], "no archive of ours: it has an extended header of 104857600 bytes"),
        ([header("x", 100 * MEBI, b"g"), *zeros(100), END], "no archive of ours: it has an extended header of 104857600 bytes"),
        (sparse(), "no archive: it has a broken map of holes"),
        (lists(), "no archive of ours: its names, or its lists of packages, are too long"),
        (folders(), "no archive of ours: it has a file below more than 256 folders"),
    ],
    ids=["pax", "long-name", "global-pax", "holes", "package-lists", "folders"],
)  # fmt: skip
def test_small_layer_takes_little_memory(pieces: Iterable[bytes], said: str, tmp_path: Path) -> None:
    memory, found = read(tmp_path, pieces)

    assert memory < 90
    assert found == f"InputError: the layer DIGEST is {said}"


def test_list_of_packages_that_has_many_names_is_read_once_too_often(tmp_path: Path) -> None:
    memory, found = read(tmp_path, linked_lists())

    assert memory < 90
    assert found == "InputError: its lists of Debian packages have more than 16777216 bytes"


def test_large_file_is_passed_over(tmp_path: Path) -> None:
    """A layer may hold a large file that compresses well: it is read, in little memory."""
    memory, found = read(tmp_path, [header("swap", 100 * MEBI), *zeros(100), END])

    assert found == "1"
    assert memory < 30


def test_many_empty_files_are_noted(tmp_path: Path) -> None:
    memory, found = read(tmp_path, (header(f"usr/lib/x/{number}") for number in range(20_000)))

    assert found == "1"
    assert memory < 90


def test_layer_may_hold_so_much_of_its_size() -> None:
    packed = gzip.compress(bytes(3 * MEBI))
    with pytest.raises(InputError) as caught:
        list(inflated(io.BytesIO(packed), "gzip", 2 * MEBI))

    assert str(caught.value) == "larger than 2097152 bytes when it is inflated"


@pytest.mark.parametrize(
    ("compression", "member"),
    [("gzip", gzip.compress(b"", mtime=0)), ("zstd", zstd.compress(b""))],
    ids=["gzip", "zstd"],
)
def test_very_many_members_do_not_cost_more_each(compression: str, member: bytes) -> None:
    packed = member * (MEBI // 2 // len(member))
    before = time.process_time()
    InflatedStream(io.BytesIO(packed), compression).digest()

    assert time.process_time() - before < 2


def test_index_that_unpacks_to_more_than_was_signed_is_given_up(tmp_path: Path) -> None:
    from onedigest.debian import archive

    (tmp_path / "packed").write_bytes(lzma.compress(bytes(40 * MEBI)))
    with (tmp_path / "packed").open("rb") as file:
        found = archive._unpack(file, MEBI)

    assert len(found) == MEBI + 1


def test_pattern_for_licences_is_quick() -> None:
    from onedigest.attestation import licences

    before = time.process_time()
    found = licences._LICENCE.findall("License: a" + " \t" * 30_000 + "b")

    assert time.process_time() - before < 1
    assert len(found) == 1
