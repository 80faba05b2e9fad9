"""What ELF files say of themselves is read, whatever they are made of."""

from __future__ import annotations

import random
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from elf_builder import AARCH64, I386, X86_64, elf_file
from onedigest.assembler.elf import SHARED, Elf, elf_of, elf_of_entry
from onedigest.assembler.entry import Content, Entry
from onedigest.assembler.spool import Spool


@dataclass
class Pieces:
    """Content that is told in pieces of an odd size."""

    content: bytes
    size: int
    told: int = 0

    def splice(self) -> None: ...

    def pieces(self) -> Iterator[bytes]:
        for at in range(0, len(self.content), self.size):
            self.told = max(self.told, at + self.size)
            yield self.content[at : at + self.size]


EVERYTHING = elf_file(
    "libäöü.so.1",
    needed=["libc.so.6", "libm.so.6"],
    rpath="/opt/a:/opt/b",
    runpath="$ORIGIN/../lib",
    interpreter="/lib64/ld-linux-x86-64.so.2",
    isa_needed=0b101,
    moved=0x200000,
)
SAID = Elf(
    bits=64,
    machine=X86_64,
    flags=0,
    kind=SHARED,
    dynamic=True,
    interpreter="/lib64/ld-linux-x86-64.so.2",
    soname="libäöü.so.1",
    needed=("libc.so.6", "libm.so.6"),
    isa_level=2,
)


def spooled(content: bytes) -> bytes | Content:
    return Spool(memory=0).keep(iter([content]), len(content))[0]


def test_everything_is_read() -> None:
    assert elf_of(EVERYTHING) == SAID


@pytest.mark.parametrize("size", [1, 7, 64, 1 << 20])
def test_content_in_pieces_says_the_same(size: int) -> None:
    assert elf_of(Pieces(EVERYTHING, size)) == SAID


def test_content_that_waits_says_the_same() -> None:
    assert elf_of(spooled(EVERYTHING)) == SAID


def test_no_more_than_needed_is_read() -> None:
    content = Pieces(EVERYTHING + bytes(1 << 20), 1 << 10)

    assert elf_of(content) == SAID
    assert content.told <= (64 << 10) + (2 << 10)


def test_a_file_of_32_bits_is_read() -> None:
    content = elf_file("libx.so.1", needed=["libc.so.6"], bits=32, machine=I386, isa_needed=0b11, moved=0x1000)

    assert elf_of(content) == Elf(32, I386, 0, SHARED, True, "", "libx.so.1", ("libc.so.6",), isa_level=1)


def test_a_file_without_a_soname_has_none() -> None:
    assert elf_of(elf_file(machine=AARCH64)) == Elf(64, AARCH64, 0, SHARED, True)


def test_an_empty_soname_is_a_soname() -> None:
    assert elf_of(elf_file("")) == Elf(64, X86_64, 0, SHARED, True, soname="")


@pytest.mark.parametrize("content", [b"", b"\x7fELF", b"#!/bin/sh\n" * 20, b"\x7fELF\x02\x02" + bytes(60)])
def test_other_files_are_no_elf_files(content: bytes) -> None:
    assert elf_of(content) is None


def test_entries_other_than_files_are_no_elf_files() -> None:
    link = Entry("usr/lib/a.so", "link", 0o777, target="b.so")
    file = Entry("usr/lib/b.so", "file", 0o644, len(EVERYTHING), EVERYTHING)

    assert (elf_of_entry(link), elf_of_entry(file)) == (None, SAID)


def test_a_cut_file_is_not_dynamic() -> None:
    for size in range(64, len(EVERYTHING) - 16, 13):
        for content in (EVERYTHING[:size], Pieces(EVERYTHING[:size], 50), spooled(EVERYTHING[:size])):
            cut = elf_of(content)
            assert cut is not None
            assert not cut.dynamic, size


def test_broken_files_are_read_the_same_from_everywhere() -> None:
    chance = random.Random(1)
    for _ in range(300):
        broken = bytearray(EVERYTHING)
        for _ in range(chance.randrange(1, 6)):
            at = chance.randrange(4, len(broken))
            broken[at] = chance.choice((0, 1, 0x7F, 0x80, 0xFF))
        content = bytes(broken)
        assert elf_of(content) == elf_of(Pieces(content, 100)) == elf_of(spooled(content))


def test_a_program_of_this_machine_is_read() -> None:
    found = elf_of(Path(shutil.which("ldconfig", path="/sbin:/usr/sbin") or sys.executable).read_bytes())

    assert found is not None
    assert found.bits == 64
