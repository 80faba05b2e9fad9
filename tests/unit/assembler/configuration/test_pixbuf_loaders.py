"""The list of gdk-pixbuf's loaders: what the real tool writes, and loaders that nobody knows."""

from __future__ import annotations

import hashlib

import pytest

from onedigest.assembler.configuration.file_list import Listed
from onedigest.assembler.configuration.pixbuf_loaders import LOADERS, make_pixbuf_loaders, unknown_loaders
from onedigest.assembler.configuration.system import System
from onedigest.assembler.entry import Entry, file_entry
from real_debs import fetch_deb, system_of

FOLDER = "usr/lib/x86_64-linux-gnu/gdk-pixbuf-2.0/2.10.0"


def system(**loaders: bytes) -> System:
    paths = {f"{FOLDER}/loaders/{name}.so": content for name, content in loaders.items()}
    paths["usr/lib/x86_64-linux-gnu/libgdk_pixbuf-2.0.so.0.4200.12"] = b""
    return System({path: file_entry(path, data, executable=False, origin="x") for path, data in paths.items()}, ())


@pytest.mark.parametrize(
    ("path", "sha256", "folder", "expected"),
    [
        (
            "g/gdk-pixbuf/libgdk-pixbuf-2.0-0_2.42.12+dfsg-4+deb13u1_amd64.deb",
            "94150fb955b2d3a9a5e054e31c5a4b048bad4a479207e86cde46fbc975c838b4",
            "x86_64",
            "13ac62329cd3955c3a32e390dd40b070bd7ce150640a33fbf46c3ce5ca03c227",
        ),
        (
            "g/gdk-pixbuf/libgdk-pixbuf-2.0-0_2.42.10+dfsg-1+deb12u4_amd64.deb",
            "19673127f2530deb7cf637c688a4e16384e6887627296e16b8169038928cadc3",
            "x86_64",
            "d7ee1d2443317c87d76fb3f0c7452d22c52cb76434a978b336060ad1cbb67432",
        ),
    ],
    ids=["trixie", "bookworm"],
)
def test_the_list_is_what_the_tool_writes(path: str, sha256: str, folder: str, expected: str) -> None:
    """The digests are those of the output of gdk-pixbuf-query-loaders, run on these loaders in a root of the suite."""
    found = system_of(fetch_deb(path, sha256))
    (made,) = make_pixbuf_loaders(found)

    assert made.path == f"usr/lib/{folder}-linux-gnu/gdk-pixbuf-2.0/2.10.0/loaders.cache"
    assert isinstance(made.content, bytes)
    assert hashlib.sha256(made.content).hexdigest() == expected
    assert unknown_loaders(found) == []


def test_a_loader_that_is_not_known_is_left_out_and_named() -> None:
    found = system(**{"libpixbufloader-bmp": b"image/bmp image/x-bmp image/x-MS-bmp", "libpixbufloader-new": b""})
    (made,) = make_pixbuf_loaders(found)

    assert isinstance(made.content, bytes)
    assert made.content.decode() == (
        "# GdkPixbuf Image Loader Modules file\n# Automatically generated file, do not edit\n"
        "# Created by gdk-pixbuf-query-loaders from gdk-pixbuf-2.42.12\n#\n"
        f'"/{FOLDER}/loaders/libpixbufloader-bmp.so"{LOADERS["libpixbufloader-bmp.so"]}\n\n'
    )
    assert unknown_loaders(found) == [f"{FOLDER}/loaders/libpixbufloader-new.so"]


def test_a_loader_that_tells_something_else_is_not_known() -> None:
    found = system(**{"libpixbufloader-bmp": b"image/bmp image/x-bmp"})

    assert list(make_pixbuf_loaders(found)) == []
    assert unknown_loaders(found) == [f"{FOLDER}/loaders/libpixbufloader-bmp.so"]


def below(*names: str) -> dict[str, Entry]:
    """Return loaders of an image below, of whose content nothing is known."""
    paths = [f"{FOLDER}/loaders/{name}.so" for name in names]
    return {path: Entry(path, "file", 0o644, 0, Listed(None, b"")) for path in paths}


def test_loaders_of_an_image_below_are_listed_with_others() -> None:
    brought = system(**{"libpixbufloader-bmp": b"image/bmp image/x-bmp image/x-MS-bmp"}).files
    both = {**brought, **below("libpixbufloader-gif")}
    (made,) = make_pixbuf_loaders(System(both, ()))

    assert isinstance(made.content, bytes)
    assert made.content.count(b"/loaders/") == 2
    assert list(make_pixbuf_loaders(System({**both, **below("libpixbufloader-new")}, ()))) == []
    alone = {path: entry for path, entry in brought.items() if "/loaders/" not in path}
    assert list(make_pixbuf_loaders(System({**alone, **below("libpixbufloader-gif")}, ()))) == []
