"""An archive of bytecode that somebody put among the inputs: nothing but bytecode is taken, and nothing hangs or crashes."""

from __future__ import annotations

import gzip
import tarfile
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest

from bytecode_archives import MAGIC, bytecode_of, entries_of, member, pyc, write_archive, write_blocks
from onedigest.assembler import bytecode_archive, tar
from onedigest.assembler.__main__ import main
from onedigest.assembler.entry import Entry

GOOD = bytecode_of(b"")
PATH = pyc("a/b.py")
FOLDERS = member("a", kind="dir", mode=0o755) + member("a/__pycache__", kind="dir", mode=0o755)


def refusal(archive: Path, capsys: pytest.CaptureFixture[str]) -> str:
    arguments = ["bytecode", "--tree", "--encoded", str(archive), "--output", str(archive.parent / "out")]
    assert main(arguments) == 1
    assert not (archive.parent / "out").exists()
    return capsys.readouterr().err.removeprefix("refused: a.gz: ").removesuffix("\n")


def with_pax(records: bytes) -> bytes:
    """Return a PAX header with any records, before a good file."""
    head = bytearray(tar.header(Entry("a/PaxHeaders.0/b", "file", 0, len(records))))
    head[156:157] = b"x"
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head)
    return FOLDERS + bytes(head) + records + tar.padding(len(records)) + member(PATH, GOOD)


def changed(block: bytes, at: int, new: bytes) -> bytes:
    """Return a header with other bytes, and the checksum of them."""
    head = bytearray(block)
    head[at : at + len(new)] = new
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head[:512])
    return bytes(head)


@pytest.mark.parametrize(
    ("blocks", "said"),
    [
        (member("bin/sh", b"#!"), "/bin/sh is not where Python keeps bytecode [bytecode]"),
        (member("a.pyc", GOOD), "/a.pyc is not where Python keeps bytecode [bytecode]"),
        (member("__pycache__/a.py", GOOD), "/__pycache__/a.py is not where Python keeps bytecode [bytecode]"),
        (member(PATH, GOOD, mode=0o4755), f"/{PATH} has the mode 4755, not 0644 [bytecode]"),
        (member(PATH, GOOD, mode=0o755), f"/{PATH} has the mode 0755, not 0644 [bytecode]"),
        (member(f"../{PATH}", GOOD), f"path '../{PATH}' has an empty, '.' or '..' component [name]"),
        (member(f"/{PATH}", GOOD), f"path '/{PATH}' is absolute [name]"),
        (member("a/.wh.b", kind="dir"), "path 'a/.wh.b' would be read as a whiteout [name]"),
        (member("a\nb", kind="dir"), "path 'a\\nb' holds a backslash or a control character [name]"),
        (member(PATH, kind="link", target="/etc/shadow"), f"/{PATH} is neither a file nor a folder [type]"),
        (member(PATH, kind="hardlink", target="etc/shadow"), f"/{PATH} is neither a file nor a folder [type]"),
        (changed(member("x"), 156, b"3"), "/x is neither a file nor a folder [type]"),
        (changed(member("x"), 156, b"S"), "/x is neither a file nor a folder [type]"),
        (changed(member("x"), 156, b"L"), "/x is neither a file nor a folder [type]"),
        (changed(member("x"), 156, b"g"), "/x is neither a file nor a folder [type]"),
        (changed(member("x"), 100, b"\x80\0\0\0\0\0\1"), "b'\\x80\\x00\\x00\\x00\\x00\\x00\\x01\\x00' in a header of its"
         " archive is no octal number [bytecode]"),
        (changed(member("x"), 0, b"\xff"), "name b'\\xff' is not UTF-8 [name]"),
        (FOLDERS, "/a is a folder without bytecode [bytecode]"),
        (FOLDERS + member(PATH, GOOD) + member("etc", kind="dir", mode=0o777),
         "/etc is a folder without bytecode [bytecode]"),
        (member(PATH, GOOD), "its entries are not those of a layer, each once and in order [bytecode]"),
        (FOLDERS + member(PATH, GOOD) * 2, "its entries are not those of a layer, each once and in order [bytecode]"),
        (FOLDERS + member(PATH, GOOD) + member(PATH, bytecode_of(b"x")),
         f"a.gz and a.gz: both bring /{PATH}, with different content [conflict]"),
        (member(PATH, GOOD) + FOLDERS, "its entries are not those of a layer, each once and in order [bytecode]"),
        (FOLDERS + member(PATH, b"x = 1\n"), f"/{PATH} is no bytecode that knows its source by a hash [bytecode]"),
        (FOLDERS + member(PATH, MAGIC + bytes(12)),
         f"/{PATH} is no bytecode that knows its source by a hash [bytecode]"),
        (FOLDERS + member(PATH, GOOD[:12]), f"/{PATH} is no bytecode that knows its source by a hash [bytecode]"),
        (with_pax(b"15 path=bin/sh\n"), "/bin/sh is not where Python keeps bytecode [bytecode]"),
        (with_pax(b"24 GNU.sparse.major=1\n"), "a PAX header that says more than a path [bytecode]"),
        (with_pax(b"13 path=a/b\n20 linkpath=/etc/x\n"), "a PAX header that says more than a path [bytecode]"),
        (with_pax(b"1" * 9000), "a name of 9000 bytes [name]"),
        (with_pax(f"{len(PATH) + 9} path={PATH}\n".encode()), "its archive is not written as layers are [bytecode]"),
        (FOLDERS + member(PATH, GOOD)[:-1] + b"x", "its archive is not written as layers are [bytecode]"),
        (changed(FOLDERS + member(PATH, GOOD), 136, b"00000000001"), "its archive is not written as layers are [bytecode]"),
        (changed(FOLDERS, 124, b"00000000001"), "/a is a folder, but has content [bytecode]"),
    ],
)  # fmt: skip
def test_what_is_no_bytecode_is_refused(
    blocks: bytes, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = refusal(write_blocks(tmp_path / "a.gz", blocks + tar.END), capsys)

    assert found.removeprefix("refused: ") == said


@pytest.mark.parametrize(
    ("cut", "said"),
    [
        (lambda blocks: blocks[:-512], "its archive is cut off [bytecode]"),
        (lambda blocks: blocks[:700], "its archive is cut off [bytecode]"),
        (lambda blocks: b"", "its archive is cut off [bytecode]"),
        (lambda blocks: blocks + bytes(512), "its archive is not written as layers are [bytecode]"),
        (lambda blocks: blocks + blocks, "its archive goes on after its end [bytecode]"),
        (lambda blocks: blocks + b"x", "its archive goes on after its end [bytecode]"),
    ],
)
def test_archive_ends_where_it_ends(
    cut: Callable[[bytes], bytes], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    blocks = FOLDERS + member(PATH, GOOD) + tar.END

    assert refusal(write_blocks(tmp_path / "a.gz", cut(blocks)), capsys) == said


def test_stream_that_is_cut_or_goes_on_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = write_archive(tmp_path / "a.gz", entries_of({"a.py": b"x" * 9999})).read_bytes()
    for data in (whole[:-1], whole[:40], whole + b"more", b"", b"no gzip", gzip.compress(b"")):
        (tmp_path / "a.gz").write_bytes(data)
        said = refusal(tmp_path / "a.gz", capsys)
        assert said.startswith("broken gzip stream (") or said == "its archive is cut off [bytecode]"


def test_bomb_is_given_up_soon(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of content, of zeros after the end, and of entries."""
    begun = time.monotonic()
    huge = tar.header(Entry(PATH, "file", 0o644, (256 << 20) + 1))
    said = refusal(write_blocks(tmp_path / "a.gz", FOLDERS + huge), capsys)
    assert said == f"/{PATH}: 268435457 bytes, the limit is 268435456 [limit]"
    large = tar.header(Entry(PATH, "file", 0o644, 256 << 20))
    (tmp_path / "a.gz").write_bytes(gzip.compress(FOLDERS + large, 1) + gzip.compress(bytes(8 << 20), 1) * 32)
    assert refusal(tmp_path / "a.gz", capsys) == f"/{PATH} is no bytecode that knows its source by a hash [bytecode]"
    assert time.monotonic() - begun < 5


def test_number_of_bytes_and_of_entries_is_bounded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = write_archive(tmp_path / "a.gz", entries_of({f"a{number}.py": b"" for number in range(20)}))
    monkeypatch.setattr(bytecode_archive, "MOST_ENTRIES", 20)
    assert refusal(archive, capsys) == "it has more than 20 entries [limit]"
    monkeypatch.setattr(bytecode_archive, "MOST_ENTRIES", 21)
    monkeypatch.setattr(bytecode_archive, "MOST_BYTES", 4096)
    assert refusal(archive, capsys) == "unpacks to more than is taken [limit]"


def test_forms_of_other_programs_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Python's tarfile writes the same files in three forms, none of which is that of layers."""
    for form in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        output = BytesIO()
        with tarfile.open(fileobj=output, mode="w", format=form) as archive:
            for name, content in (("a", None), ("a/__pycache__", None), (PATH, GOOD)):
                info = tarfile.TarInfo(name)
                info.mtime, info.size = tar.MTIME, len(content or b"")
                info.type, info.mode = (tarfile.DIRTYPE, 0o755) if content is None else (tarfile.REGTYPE, 0o644)
                archive.addfile(info, BytesIO(content or b""))
        said = refusal(write_blocks(tmp_path / "a.gz", output.getvalue()), capsys)
        assert said == "its archive is not written as layers are [bytecode]"


def test_device_is_no_archive(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.gz").symlink_to("/dev/zero")
    assert refusal(tmp_path / "a.gz", capsys) == "not a regular file [type]"
