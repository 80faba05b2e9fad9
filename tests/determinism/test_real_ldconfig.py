"""The cache of libraries is that of the suite's own ldconfig, byte for byte, whatever lies in the folders."""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from elf_builder import AARCH64, ARM, I386, X86_64, elf_file
from onedigest.assembler.configuration.file_system import FileSystem
from onedigest.assembler.configuration.library_cache import CACHE, ldconfig_of, library_cache, make_library_cache
from onedigest.assembler.configuration.system import System
from onedigest.assembler.debian_packages import debian_packages_layer
from onedigest.assembler.entry import Entry
from onedigest.store import Store
from real_ldconfig import Suite, bring_suite, run_ldconfig, write_files

SUITES = [*itertools.product(("trixie", "bookworm"), ("amd64", "arm64"))]


@pytest.fixture(scope="module", params=SUITES, ids="-".join)
def suite(request: pytest.FixtureRequest, cache: Path) -> Suite:
    name, architecture = request.param
    return bring_suite(name, architecture, Store(cache / "onedigest"))


LIBRARIES = (
    "libfoo.so", "libfoo.so.1", "libfoo.so.1.2", "libfoo.so.1.10", "libfoo-1.2.so", "libfoo.so.1.2.debug", "lib.so",
    "libFoo.so.1", "libé.so.1", "lib~.so", "lib-.so.0", "libx.so.20240101123456", "ld-linux-x86-64.so.2", "ld-2.36.so",
    "ld-linux-aarch64.so.1", "ld.so.1", "ld64.so.2", "ld.so.", "ld-x", "foo.so.1", "_foo.so", "libfoo.txt", "so",
    "libfoo.so.1.#prelink#", "libfoo.so.1.#prelink#.abcdef", "libfoo.so.1.#prelink#.abc", "libfoo.so.1.dpkg-new",
    "libfoo.so.1.dpkg-tmp", "libfoo.so.1;5f3a", "libfoo.so.1.dpkg-dist", "libfoo.so.1-gdb.py", ".libfoo.so.1",
)  # fmt: skip
SONAMES = (None, "", "libother.so.5", "/usr/lib/libfoo.so.1", ".", *LIBRARIES)
FOLDERS = (
    "usr/lib", "usr/lib/x86_64-linux-gnu", "usr/lib/aarch64-linux-gnu", "usr/local/lib", "opt/a", "opt/b", "opt/tls",
    "usr/lib/x86_64-linux-gnu/glibc-hwcaps/x86-64-v3", "usr/lib/x86_64-linux-gnu/glibc-hwcaps/x86-64-v2",
    "usr/lib/aarch64-linux-gnu/glibc-hwcaps/z", "opt/a/glibc-hwcaps/x86-64-v3", "opt/a/glibc-hwcaps/a:b",
    "opt/a/glibc-hwcaps/.hidden", "opt/a/glibc-hwcaps/empty", "usr/lib/haswell", "opt/a/tls", "opt/a/tls/haswell",
    "opt/a/atomics", "opt/a/sse2/x86_64/avx512_1", "opt/a/fp/asimd", "usr/lib32", "usr/lib/libdir.so.1",
)  # fmt: skip
LINES = (
    "/opt/a", "  /opt/b/  # comment", "/usr/local/lib", "/opt/a/", "opt/b", "/opt/none", "/", "#/opt/a", "/opt/link",
    "/opt/./a/../b", "/usr/lib32", "/opt/a/fp/asimd", "/opt/tls", "/opt/b=other", "/opt/a =any", "hwcap 0 nosegneg",
    "include /etc/ld.so.conf.d/*.conf", "include ld.so.conf.d/[a-b]*", "include /etc/none.conf\t/etc/ld.so.conf.d/?.x",
    "includes", "include", "HWCAP 1 x", "/lib", "/usr/lib/x86_64-linux-gnu", "/opt/a/tls", "/usr/lib/libdir.so.1",
    "include /etc/ld.so.conf.d/[^a].conf", "include /etc/ld.so*/a.conf", "/opt/a/libfoo.so.1",
)  # fmt: skip
TARGETS = (
    *LIBRARIES[:8], "../b/libfoo.so.1", "/opt/a/libfoo.so.1.2", "/usr/lib/libfoo.so.1", "none.so", "/opt/a", "..",
    "/lib/x86_64-linux-gnu/libfoo.so.1", "../../../../../opt/b/libé.so.1", "libfoo.so.1/", "/opt/link/libfoo.so.1",
)  # fmt: skip


MACHINES = {"amd64": (X86_64, "x86_64-linux-gnu"), "arm64": (AARCH64, "aarch64-linux-gnu")}
ODD = ((X86_64, 64), (AARCH64, 64), (I386, 32), (X86_64, 32), (I386, 64), (ARM, 32), (ARM, 32))
INTERPRETERS = (None, None, None, "/lib/ld-linux.so.2", "/lib/ld-linux.so.3", "/lib64/ld-linux-x86-64.so.2")
BROKEN = (b"", b"\x7fELF", b"GROUP ( /lib/libc.so.6 )" * 9, bytes(99), b"\x7fELF" * 30)


@st.composite
def libraries(draw: st.DrawFn, machine: int) -> bytes:
    """Draw the content of a file that may be a library, mostly of one machine."""
    usual = draw(st.sampled_from([9, 9, 9, 9, 9, 9, 4, 4, 4, 2, 1, 0]))
    if usual == 0:
        return draw(st.sampled_from(BROKEN))
    number, bits = draw(st.sampled_from(ODD)) if usual < 3 else (machine, 64)
    content = elf_file(
        draw(st.sampled_from(SONAMES[-len(LIBRARIES) :][:5] if usual > 5 else SONAMES)),
        machine=number,
        bits=bits,
        flags=draw(st.sampled_from([0x5000000, 0x5000200, 0x5000400, 0x4000400])) if number == ARM else 0,
        needed=draw(st.sampled_from([(), ("libc.so.6",), ("libx.so", "libm.so.6")])),
        interpreter=draw(st.sampled_from(INTERPRETERS)),
        isa_needed=draw(st.sampled_from([None, None, 0, 1, 0b10, 0b1101])),
        kind=2 if usual == 1 else 3,
        moved=draw(st.sampled_from([0, 0x10000])),
    )
    return content + bytes(draw(st.integers(0, 1)))


@st.composite
def systems(draw: st.DrawFn, architecture: str) -> dict[str, Entry]:
    """Draw the files of a system."""
    machine, triplet = MACHINES[architecture]
    found: dict[str, Entry] = {}
    for name in (
        "ld.so.conf",
        "ld.so.conf.d/a.conf",
        "ld.so.conf.d/b.conf",
        "ld.so.conf.d/.c.conf",
        "ld.so.conf.d/d.x",
    ):
        lines = draw(st.lists(st.sampled_from(LINES), min_size=2, max_size=6))
        text = "\n".join(line for line in lines if name == "ld.so.conf" or not line.startswith("include ")).encode()
        found[f"etc/{name}"] = Entry(f"etc/{name}", "file", 0o644, len(text), text)
    found["opt/link"] = Entry("opt/link", "link", 0o777, target=draw(st.sampled_from(["b", "/opt/a/tls", "none"])))
    names = st.sampled_from(LIBRARIES[:6]) | st.sampled_from(LIBRARIES)
    folders = [f"usr/lib/{triplet}", *draw(st.lists(st.sampled_from(FOLDERS), min_size=1, max_size=4, unique=True))]
    for folder in folders:
        found[folder] = Entry(folder, "dir", 0o755)
    wanted = st.tuples(st.sampled_from(folders), names)
    for folder, name in draw(st.lists(wanted, min_size=6, max_size=20, unique=True)):
        path = f"{folder}/{name}"
        kind = draw(st.sampled_from(["file"] * 5 + ["link", "link", "hardlink", "dir"]))
        files = sorted(
            each for each, entry in found.items() if entry.kind == "file" and each.startswith(("usr", "opt"))
        )
        if kind == "file" or (kind == "hardlink" and not files):
            content = draw(libraries(machine))
            found[path] = Entry(path, "file", 0o644, len(content), content)
        elif kind == "dir":
            found[path] = Entry(path, "dir", 0o755)
        else:
            target = draw(st.sampled_from(files if kind == "hardlink" else TARGETS))
            found[path] = Entry(path, kind, 0o777, target=target)
    return {path: each for path, each in found.items() if _is_free(path, found)}


def _is_free(path: str, found: dict[str, Entry]) -> bool:
    """Tell whether nothing above a path is something else than a folder."""
    parts = path.split("/")
    above = ("/".join(parts[:count]) for count in range(1, len(parts)))
    return all(found[each].kind == "dir" for each in above if each in found)


class Backwards(FileSystem):
    """Files whose folders are read from the end."""

    def names(self, real: str) -> list[str]:
        return super().names(real)[::-1]


def made(files: FileSystem) -> tuple[bytes, dict[str, str]]:
    program = ldconfig_of(files)
    assert program
    links, cache = library_cache(files, program)
    return cache, dict(links)


def agree(suite: Suite, program: Entry, found: dict[str, Entry], folder: Path) -> None:
    """Compare what is made with what ldconfig makes, unless that depends on the order of names on a disk."""
    system = System({**found, program.path: program}, ())
    ours = made(FileSystem.of(system))
    assume(ours == made(Backwards.of(system)))
    merged = Entry("lib", "link", 0o777, target="usr/lib")
    with tempfile.TemporaryDirectory(dir=folder) as place:
        write_files([*found.values(), Entry("usr/lib", "dir", 0o755), merged], Path(place, "root"))
        cache, links = run_ldconfig(suite, folder, Path(place, "root"))
    assert ours == (cache, links)


def test_any_system_has_the_cache_of_ldconfig(suite: Suite, tmp_path: Path) -> None:
    program = suite.program(tmp_path)

    @settings(
        max_examples=16 if suite.architecture == "amd64" else 6,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
        phases=[Phase.generate],
    )
    @given(systems(suite.architecture))
    def law(found: dict[str, Entry]) -> None:
        agree(suite, program, found, tmp_path)

    law()


def test_packages_of_a_suite_have_the_cache_of_its_ldconfig(suite: Suite, tmp_path: Path) -> None:
    suite.program(tmp_path)
    found = {each.path: each for each in debian_packages_layer(suite.debs.values())}
    ours = {each.path: each for each in make_library_cache(System(found, ()))}
    links = [Entry(each, "link", 0o777, target=f"usr/{each}") for each in ("lib", "lib64") if f"usr/{each}" in found]
    write_files([*found.values(), *links], tmp_path / "root")
    cache, linked = run_ldconfig(suite, tmp_path, tmp_path / "root")

    assert cache
    assert b"/libc.so.6\0" in cache
    assert (ours[CACHE].content, ours[CACHE].mode) == (cache, 0o644)
    assert {path: each.target for path, each in ours.items() if path != CACHE} == linked
