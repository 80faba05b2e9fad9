"""The machines that libraries are for, as ldconfig recognises and records them (sysdeps of glibc 2.36 and 2.41)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from onedigest.assembler.elf import AARCH64, I386, SHARED, X86_64, Elf

LDCONFIG = "usr/sbin/ldconfig"

_GENERATOR = re.compile(rb"(ldconfig [ -~]{0,200} release version ([0-9]{1,4})\.([0-9]{1,4})[0-9.]{0,20})\0")
_TRIPLETS = {X86_64: "x86_64-linux-gnu", AARCH64: "aarch64-linux-gnu"}

_UNKNOWN, _LIBC6 = 1, 3
_X86_64, _X32, _AARCH64, _ARM_HARD, _ARM_SOFT = 0x300, 0x800, 0xA00, 0x900, 0xB00
"""What the cache says of a library: which libc it is for, and for which machine."""
_ARM_CONVENTION, _ARM_FIFTH, _HARD, _SOFT = 0xFF000000, 0x05000000, 0x400, 0x200
"""What a file for ARM says of its calling convention, and of floating-point numbers in the fifth."""
_INTERPRETERS = {
    X86_64: frozenset(
        [
            "/lib/ld-linux.so.2",
            "/libx32/ld-linux-x32.so.2",
            "/lib64/ld-linux-x86-64.so.2",
            "/lib/ld-linux-x86-64.so.2",
        ]
    ),
    AARCH64: frozenset(
        [
            "/lib/ld-linux-aarch64.so.1",
            "/lib/ld-linux-aarch64_be.so.1",
            "/lib/ld-linux-aarch64_ilp32.so.1",
            "/lib/ld-linux-aarch64_be_ilp32.so.1",
            "/lib/ld-linux.so.3",
            "/lib/ld-linux-armhf.so.3",
        ]
    ),
}
_LIBC = frozenset({"libc.so.6", "libm.so.6"})

_X86_BITS = {"sse2": 0, "x86_64": 1, "avx512_1": 2, "i586": 48, "i686": 49, "haswell": 50, "xeon_phi": 51, "tls": 63}
_ARM_NAMES = (
    "fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm jscvt fcma lrcpc dcpop sha3 sm3"
    " sm4 asimddp sha512 sve asimdfhm dit uscat ilrcpc flagm ssbs sb paca pacg"
)
_ARM_BITS = {**{name: bit for bit, name in enumerate(_ARM_NAMES.split())}, "tls": 63}
"""Bits of folders by names of capabilities."""


@dataclass(frozen=True, slots=True)
class Ldconfig:
    """A program ldconfig: what it calls itself, the version of its libc, and the machine that it is for."""

    generator: bytes
    version: tuple[int, int]
    machine: int

    @property
    def old(self) -> bool:
        """Whether it tells libraries of libc 5, and folders by names of capabilities, as up to 2.36."""
        return self.version < (2, 37)

    @property
    def signed(self) -> bool:
        """Whether characters are signed numbers."""
        return self.machine == X86_64

    @property
    def own_folders(self) -> tuple[str, ...]:
        """Where it looks for libraries whatever its configuration says, as Debian builds it."""
        triplet = _TRIPLETS[self.machine]
        return f"/lib/{triplet}", f"/usr/lib/{triplet}", "/lib", "/usr/lib"


def ldconfig_in(elf: Elf, content: bytes) -> Ldconfig | None:
    """Return what a program says of itself; None for one that is no ldconfig that writes such a cache."""
    found = _GENERATOR.search(content)
    if not found or elf.bits != 64 or elf.machine not in _TRIPLETS:
        return None
    return Ldconfig(found[1], (int(found[2]), int(found[3])), elf.machine)


def generator_in(program: bytes) -> bytes:
    """Return what the content of ldconfig says that it is, with the NUL behind it; nothing where it says nothing."""
    found = _GENERATOR.search(program)
    return found[0] if found else b""


def flags_of(elf: Elf, program: Ldconfig) -> int | None:
    """Return the flags of a library in the cache; None for a file that does not count as one."""
    if not elf.dynamic or elf.kind != SHARED:
        return None
    if program.machine == AARCH64:
        # nothing there looks at the machine of a library
        if elf.bits == 64:
            return _AARCH64 | _LIBC6
        if elf.flags & _ARM_CONVENTION == _ARM_FIFTH:
            return (_ARM_HARD if elf.flags & _HARD else _ARM_SOFT if elf.flags & _SOFT else 0) | _LIBC6
    elif elf.machine == X86_64:
        return (_X86_64 if elf.bits == 64 else _X32) | _LIBC6
    elif elf.machine != I386 or elf.bits != 32:
        return None
    known = elf.interpreter in _INTERPRETERS[program.machine] or _LIBC.intersection(elf.needed)
    return _LIBC6 if known or not program.old else _UNKNOWN


def joined_flags(old: int, new: int) -> int:
    """Return the flags of a name that two files of one folder have: the first, unless they tell only of a libc."""
    return new if {old, new} <= {_UNKNOWN, _LIBC6} else old


def isa_level_of(elf: Elf, program: Ldconfig) -> int:
    """Return what a library asks of the machine, where ldconfig looks at it."""
    return elf.isa_level if program.machine == X86_64 else 0


def is_for_capability(name: str, program: Ldconfig) -> bool:
    """Tell whether a folder in one of libraries has others for some machines alone, which was so up to 2.36."""
    names = frozenset(_X86_BITS) if program.machine == X86_64 else frozenset({"atomics", "tls"})
    return program.old and name in names


def mask_of(path: str, program: Ldconfig) -> int:
    """Return the capabilities that the last parts of a folder's path stand for."""
    bits = _X86_BITS if program.machine == X86_64 else _ARM_BITS
    mask = 0
    for name in path.split("/")[:0:-1] if program.old else ():
        if name not in bits:
            break
        mask += 1 << bits[name]
    return mask % (1 << 64)
