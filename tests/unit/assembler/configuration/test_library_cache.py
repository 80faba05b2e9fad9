"""The cache of libraries and links by soname are made of the files of packages, or not at all."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from deb_builder import entry, link, make_deb
from elf_builder import AARCH64, I386, X86_64, elf_file
from onedigest.assembler.configuration.file_list import FORMAT, read_list
from onedigest.assembler.configuration.file_system import FileSystem
from onedigest.assembler.configuration.library_cache import CACHE, ldconfig_of, library_cache, make_library_cache
from onedigest.assembler.configuration.library_cache_format import name_order
from onedigest.assembler.configuration.system import System
from onedigest.assembler.debian_root import debian_configuration_layer
from onedigest.assembler.entry import Entry
from onedigest.assembler.refusal import Refused
from onedigest.digest import canonical_json
from onedigest.lock.base.listing import EXAMINER

NEW = b"\0ldconfig (Debian GLIBC 2.41-12) stable release version 2.41\0"
OLD = NEW.replace(b"2.41", b"2.36")


def file(path: str, content: bytes) -> Entry:
    return Entry(path, "file", 0o644, len(content), content)


def symlink(path: str, target: str) -> Entry:
    return Entry(path, "link", 0o777, target=target)


def system(*entries: Entry, generator: bytes = NEW, machine: int = X86_64) -> System:
    program = file("usr/sbin/ldconfig", elf_file(machine=machine) + generator)
    return System({each.path: each for each in (program, *entries)}, ())


def made(given: System) -> dict[str, Entry]:
    return {each.path: each for each in make_library_cache(given)}


def listed(given: System) -> list[tuple[str, str, int]]:
    """Return the lines of the cache that is made, as a dynamic linker reads them: name, path and flags."""
    cache = made(given)[CACHE].content
    assert isinstance(cache, bytes)

    def text(at: int) -> str:
        return cache[at : cache.index(b"\0", at)].decode()

    numbers = memoryview(cache[: len(cache) // 4 * 4]).cast("I")
    rows = [numbers[12 + 6 * row : 15 + 6 * row] for row in range(numbers[5])]
    return [(text(name), text(path), flags) for flags, name, path in rows]


def test_a_library_is_found_by_its_soname() -> None:
    given = system(file("usr/lib/x86_64-linux-gnu/libfoo.so.1.2", elf_file("libfoo.so.1")))

    assert listed(given) == [("libfoo.so.1", "/lib/x86_64-linux-gnu/libfoo.so.1", 0x303)]
    links = {path: each.target for path, each in made(given).items() if each.kind == "link"}
    assert links == {"usr/lib/x86_64-linux-gnu/libfoo.so.1": "libfoo.so.1.2"}


def test_a_link_of_a_package_stays(tmp_path: Path) -> None:
    members = [
        entry("./usr/sbin/ldconfig", elf_file() + NEW),
        entry("./usr/lib/libfoo.so.1.2", elf_file("libfoo.so.1")),
        link("./usr/lib/libfoo.so.1", "libfoo.so.1.2"),
    ]
    layer = debian_configuration_layer([make_deb(tmp_path / "x.deb", "xx", members)])

    assert [each.path for each in layer if each.kind != "dir"] == [CACHE]


def test_a_link_to_an_older_library_is_turned() -> None:
    given = system(
        file("usr/lib/libfoo.so.1.9", elf_file("libfoo.so.1")),
        file("usr/lib/libfoo.so.1.10", elf_file("libfoo.so.1")),
        symlink("usr/lib/libfoo.so.1", "libfoo.so.1.9"),
    )

    assert made(given)["usr/lib/libfoo.so.1"].target == "libfoo.so.1.10"


def test_a_link_through_alternatives_is_followed() -> None:
    given = system(
        file("usr/lib/x86_64-linux-gnu/blas/libblas.so.3", elf_file("libblas.so.3")),
        symlink("usr/lib/x86_64-linux-gnu/libblas.so.3", "/etc/alternatives/libblas.so.3-x86_64-linux-gnu"),
        symlink("etc/alternatives/libblas.so.3-x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu/blas/libblas.so.3"),
    )

    assert listed(given) == [("libblas.so.3", "/lib/x86_64-linux-gnu/libblas.so.3", 0x303)]


def test_folders_of_the_configuration_come_first() -> None:
    given = system(
        file("etc/ld.so.conf", b"include /etc/ld.so.conf.d/*.conf\n"),
        file("etc/ld.so.conf.d/b.conf", b"/opt/b\n"),
        file("etc/ld.so.conf.d/a.conf", b"/opt/a # first\n/opt/none\n"),
        *(file(f"{folder}/libfoo.so.1", elf_file("libfoo.so.1")) for folder in ("opt/a", "opt/b", "usr/lib")),
    )

    assert [path for _, path, _ in listed(given)] == ["/opt/a/libfoo.so.1", "/opt/b/libfoo.so.1", "/lib/libfoo.so.1"]


@pytest.mark.parametrize(
    ("machine", "library", "flags"),
    [
        (X86_64, elf_file("libfoo.so.1"), 0x303),
        (X86_64, elf_file("libfoo.so.1", machine=I386, bits=32), 0x003),
        (X86_64, elf_file("libfoo.so.1", bits=32), 0x803),
        (AARCH64, elf_file("libfoo.so.1", machine=AARCH64), 0xA03),
    ],
)
def test_libraries_are_told_apart_by_machine(machine: int, library: bytes, flags: int) -> None:
    assert listed(system(file("usr/lib/libfoo.so.1", library), machine=machine)) == [
        ("libfoo.so.1", "/lib/libfoo.so.1", flags)
    ]


def test_what_an_old_libc_does_not_know_is_marked() -> None:
    library = file("usr/lib/libfoo.so.1", elf_file("libfoo.so.1", machine=I386, bits=32))

    assert listed(system(library, generator=OLD)) == [("libfoo.so.1", "/lib/libfoo.so.1", 0x001)]


@pytest.mark.parametrize(
    "given",
    [
        System({}, ()),
        system(generator=b"\0"),
        system(machine=I386),
        System({"usr/sbin/ldconfig": file("usr/sbin/ldconfig", b"#!/bin/sh\n" + NEW)}, ()),
        System({"usr/sbin/ldconfig": symlink("usr/sbin/ldconfig", "../bin/busybox")}, ()),
    ],
    ids=["nothing", "older", "other machine", "script", "dangling"],
)
def test_without_a_known_ldconfig_nothing_is_made(given: System) -> None:
    assert made(given) == {}


def test_the_version_is_that_of_the_program() -> None:
    assert made(system(generator=OLD))[CACHE].content != made(system())[CACHE].content


def test_sonames_that_no_layer_may_have_are_no_links() -> None:
    sonames = ("../../etc/passwd", "/etc/passwd", "..", "", "a\nb", "a\\b", "x" * 256)
    given = system(*(file(f"usr/lib/lib{at}.so", elf_file(name)) for at, name in enumerate(sonames)))

    assert set(made(given)) == {CACHE}
    assert {name for name, _, _ in listed(given)} == set(sonames)


def test_names_of_any_bytes_are_written() -> None:
    content = elf_file("libxxx.so.1").replace(b"libxxx", b"lib\xff\xfe\xfd")
    cache = made(system(file("usr/lib/liba.so", content)))[CACHE].content

    assert isinstance(cache, bytes)
    assert b"/lib/lib\xff\xfe\xfd.so.1\0" in cache


def test_a_configuration_that_includes_itself_is_refused() -> None:
    with pytest.raises(Refused) as caught:
        made(system(file("etc/ld.so.conf", b"include /etc/ld.so.conf\n")))

    assert str(caught.value) == "/etc/ld.so.conf and what it includes is too large, or includes itself [limit]"


def test_many_configurations_that_include_each_other_are_refused() -> None:
    names = [f"etc/ld.so.conf.d/{at}.conf" for at in range(40)]
    given = system(
        file("etc/ld.so.conf", b"include ld.so.conf.d/*\n"), *(file(name, b"include *.conf\n") for name in names)
    )

    with pytest.raises(Refused):
        made(given)


def test_a_configuration_of_many_lines_or_patterns_is_refused() -> None:
    for line in (b"/usr/lib\n", b"include /usr/*/z*\n", b"include /none\n"):
        with pytest.raises(Refused):
            made(system(file("etc/ld.so.conf", line * 10_001), file("usr/share/a", b"")))


def test_links_in_circles_lead_nowhere() -> None:
    given = system(symlink("usr/lib/liba.so", "libb.so"), symlink("usr/lib/libb.so", "liba.so"))

    assert listed(given) == []


def test_numbers_in_names_count_as_numbers() -> None:
    names = [b"lib", b"lib-2.so", b"lib.so", b"lib.so.9", b"lib.so.10", b"liba.so", b"lib1.so", b"lib02.so"]
    shuffled = names[::-1]

    assert sorted(shuffled, key=lambda name: name_order(name, signed=True)) == names
    assert name_order(b"1" * 5000, signed=True) != name_order(b"2" * 5000, signed=True)
    assert name_order("é".encode(), signed=True) < name_order(b"", signed=True) < name_order("é".encode(), signed=False)


def test_paths_are_followed_as_linux_does() -> None:
    files = FileSystem.of(
        System(
            {
                each.path: each
                for each in (
                    file("usr/lib/a", b""),
                    symlink("opt/up", "../usr/lib"),
                    symlink("opt/root", "/"),
                    Entry("var/empty", "dir", 0o755),
                    Entry("usr/lib/b", "hardlink", 0o644, target="usr/lib/a"),
                )
            },
            (),
        )
    )

    paths = ("/lib/a", "opt/up/a", "/opt/root/usr//lib/./a", "../../lib/a", "var/empty", "var", "", "/opt/up/../lib")
    assert [files.real(path) for path in paths] == [*["usr/lib/a"] * 4, "var/empty", "var", "", "usr/lib"]
    assert [files.real(path) for path in ("usr/none", "usr/lib/a/", "usr/lib/a/..", "usr/lib/a/b")] == [None] * 4
    assert files.names("usr/lib") == ["a", "b"]
    assert files.same("usr/lib/b") == "usr/lib/a"


def as_listed(given: System, folder: Path) -> dict[str, Entry]:
    """Return the files of a system as a list tells of them where they are those of an image."""
    rows = []
    for path, each in given.files.items():
        assert isinstance(each.content, bytes)
        examined = each.kind == "file" and EXAMINER.wants.fullmatch(path)
        facts = dict(EXAMINER.examine(path, io.BytesIO(each.content))) if examined else {}
        rows.append([path, each.kind, each.target, facts])
    (folder / "files.json").write_bytes(canonical_json({"format": FORMAT, "files": rows}))
    return read_list(folder / "files.json")


@pytest.mark.parametrize("generator", [OLD, NEW])
def test_files_of_an_image_below_count_as_those_of_packages(generator: bytes, tmp_path: Path) -> None:
    below = system(
        file("etc/ld.so.conf", b"include /etc/ld.so.conf.d/*.conf\n"),
        file("etc/ld.so.conf.d/python.conf", b"/opt/python/lib\n"),
        file("opt/python/lib/libpython3.so.1.0", elf_file("libpython3.so.1.0", needed=["libc.so.6"])),
        file("usr/lib/libfoo.so.1.9", elf_file("libfoo.so.1", machine=I386, bits=32, needed=["libm.so.6"])),
        file("usr/lib/libbar.so.1", elf_file("libbar.so.1", interpreter="/lib/ld-linux.so.2", machine=I386, bits=32)),
        file("usr/lib/liboff.so", elf_file("libxxx.so").replace(b"libxxx", b"lib\xff\xfe\n")),
        file("usr/lib/glibc-hwcaps/x86-64-v3/libfoo.so.1", elf_file("libfoo.so.1", isa_needed=0b111)),
        file("usr/lib/libtext.so", b"GROUP ( libc.so.6 )"),
        file("usr/lib/libnone.so", elf_file()),
        symlink("usr/lib/libfoo.so", "libfoo.so.1.9"),
        symlink("lib", "usr/lib"),
        generator=generator,
    )
    above = System({"usr/lib/libnew.so.1": file("usr/lib/libnew.so.1", elf_file("libnew.so.1"))}, ())
    both = System({**below.files, **above.files}, ())

    one, other = FileSystem.of(both), FileSystem.of(System({**as_listed(below, tmp_path), **above.files}, ()))
    program = ldconfig_of(one)
    assert program
    assert program == ldconfig_of(other)
    assert library_cache(one, program) == library_cache(other, program)


def test_facts_of_a_file_are_few() -> None:
    content = elf_file("libfoo.so.1", needed=["libc.so.6"]) + bytes(3 << 20)
    facts = EXAMINER.examine("usr/lib/libfoo.so.1", io.BytesIO(content))

    numbers = {"bits": "64", "flags": "0", "isa-level": "0", "kind": "3", "machine": "62"}
    assert facts == {**numbers, "dynamic": "yes", "needed": "libc.so.6", "soname": "libfoo.so.1"}
