"""The list of Graphviz' plugins: what `dot -c` writes, and what is no plugin."""

from __future__ import annotations

import hashlib
import struct

import pytest

from onedigest.assembler.configuration.elf_data import Library, NoLibrary
from onedigest.assembler.configuration.file_list import Listed
from onedigest.assembler.configuration.graphviz import make_graphviz_plugins
from onedigest.assembler.configuration.system import System
from onedigest.assembler.entry import Entry, file_entry
from real_debs import fetch_deb, system_of

TRIXIE = ("g/graphviz/libgvc6_2.42.4-3_amd64.deb", "a6f5311fdfe1e8260edef8d1bccfbe80a436a7803699925d9c478d6a72a29f31")
ON_ARM = ("g/graphviz/libgvc6_2.42.4-3_arm64.deb", "7c5da672e5c76bc1aaf2cdbcf38a707e5806cc499d97dbc1415ce022aa8cbdf9")
BOOKWORM = (
    "g/graphviz/libgvc6_2.42.2-7+deb12u1_amd64.deb",
    "fd10c9da5646dbc2e3216fc2b565fd482c199d08e1b1e78b63f921453f943c01",
)
OF_DOT = "2c2f13d02fc8853a77c2a87761f6167a462c5d48bfe904295867b0289f747c71"
"""The digest of what `dot -c` of both suites writes, run in a root that has these plugins alone."""


@pytest.mark.parametrize(
    ("package", "folder"), [(TRIXIE, "x86_64"), (BOOKWORM, "x86_64"), (ON_ARM, "aarch64")], ids=str
)
def test_the_list_is_what_dot_writes(package: tuple[str, str], folder: str) -> None:
    (made,) = make_graphviz_plugins(system_of(fetch_deb(*package)))

    assert made.path == f"usr/lib/{folder}-linux-gnu/graphviz/config6a"
    assert isinstance(made.content, bytes)
    assert b"\nlibgvplugin_dot_layout.so.6 dot_layout {\n\tlayout {\n\t\tdot 0\n" in made.content
    assert b"\n#FAILS\t\tpng:lasi 2\n" in made.content  # nothing there renders for lasi
    assert hashlib.sha256(made.content).hexdigest() == OF_DOT


def plugin(text: bytes = b"mine\0", *, api: int = 3) -> bytes:
    """Return a library whose plugin has the type `svg:svg` of a kind, as a linker would lay it out."""
    name, kind = 0x400, 0x408
    relocated = {0x300: name, 0x308: 0x310, 0x318: 0x330, 0x338: kind}  # plugin, its offers, their types
    data = bytearray(0x420)
    data[:64] = struct.pack("<4sBB10xHHIQQQIHHH6x", b"\x7fELF", 2, 1, 3, 62, 1, 0, 64, 0, 0, 64, 56, 2)
    struct.pack_into("<IIQQQQQQ", data, 64, 1, 6, 0, 0, 0, len(data), len(data), 4096)
    struct.pack_into("<IIQQQQQQ", data, 120, 2, 6, 0x100, 0x100, 0x100, 0x70, 0x70, 8)
    dynamic = {5: 0x180, 6: 0x200, 7: 0x240, 8: 24 * len(relocated), 0x6FFFFEF5: 0x1B0}
    for number, pair in enumerate(dynamic.items()):
        struct.pack_into("<QQ", data, 0x100 + 16 * number, *pair)
    data[0x180:0x19B] = b"\0gvplugin_mine_LTX_library\0"
    struct.pack_into("<IIIIQI", data, 0x1B0, 1, 1, 1, 0, 0, 1)
    key = 5381
    for byte in b"gvplugin_mine_LTX_library":
        key = (key * 33 + byte) & 0xFFFFFFFF
    struct.pack_into("<I", data, 0x1CC, key | 1)
    struct.pack_into("<IIQQ", data, 0x218, 1, 0, 0x300, 16)
    for number, (address, value) in enumerate(relocated.items()):
        struct.pack_into("<QQq", data, 0x240 + 24 * number, address, 8, value)
    struct.pack_into("<i", data, 0x310, api)
    struct.pack_into("<i", data, 0x340, -7)
    data[name : name + len(text)] = text
    data[kind : kind + 8] = b"svg:svg\0"
    return bytes(data)


def system(content: bytes) -> System:
    name = "usr/lib/x86_64-linux-gnu/graphviz/libgvplugin_mine.so.6"
    found = file_entry(f"{name}.0.0", content, executable=False, origin="mine.deb")
    return System({found.path: found, name: Entry(name, "link", 0o777, target="libgvplugin_mine.so.6.0.0")}, ())


def test_a_plugin_of_others_is_listed_by_its_soname() -> None:
    (made,) = make_graphviz_plugins(system(plugin()))

    assert isinstance(made.content, bytes)
    assert made.content.endswith(
        b"on upgrade.\n\nlibgvplugin_mine.so.6 mine {\n\tdevice {\n#FAILS\t\tsvg:svg -7\n\t}\n}\n"
    )


@pytest.mark.parametrize(
    "content",
    [b"", b"#!/bin/sh\n", plugin()[:0x180], plugin()[:0x310], plugin(api=9), plugin()[:0x40F]],
    ids=["empty", "script", "cut in its names", "cut in its tables", "kind", "name without an end"],
)
def test_what_cannot_be_read_is_left_out(content: bytes) -> None:
    assert make_graphviz_plugins(system(content)) == []


def test_no_byte_that_is_wrong_breaks_the_reader() -> None:
    whole = plugin()
    for at in range(len(whole)):
        for value in (0x00, 0x7F, 0xFF):
            found = list(make_graphviz_plugins(system(whole[:at] + bytes([value]) + whole[at + 1 :])))
            assert len(found) <= 1


def test_a_library_without_the_symbol_says_so() -> None:
    with pytest.raises(NoLibrary, match="no symbol gvplugin_other_LTX_library"):
        Library(plugin()).symbol("gvplugin_other_LTX_library")


def test_the_list_of_an_image_below_stays() -> None:
    path = "usr/lib/x86_64-linux-gnu/graphviz/libgvplugin_core.so.6"
    below = {path: Entry(path, "file", 0o644, 0, Listed(None, b""))}

    assert make_graphviz_plugins(System({**system(plugin()).files, **below}, ())) == []
