"""Ghostscript's lists of fonts: the parts of packages, in the order of their names."""

from __future__ import annotations

from onedigest.assembler.configuration.file_list import Listed
from onedigest.assembler.configuration.ghostscript import make_ghostscript_fonts
from onedigest.assembler.configuration.system import System
from onedigest.assembler.entry import Entry, file_entry


def test_lists_are_put_together_where_the_tool_is() -> None:
    parts = {
        "etc/ghostscript/fontmap.d/20b.conf": b"two\n",
        "etc/ghostscript/fontmap.d/10a.conf": b"one\n",
        "etc/ghostscript/fontmap.d/10a.conf.dpkg-old": b"old\n",
    }
    files = {path: file_entry(path, data, executable=False, origin="x") for path, data in parts.items()}
    tool = file_entry("usr/sbin/update-gsfontmap", b"", executable=True, origin="x")

    assert list(make_ghostscript_fonts(System(files, ()))) == []
    made = make_ghostscript_fonts(System({**files, tool.path: tool}, ()))
    assert {each.path: each.content for each in made} == {
        "var/lib/ghostscript/fonts/cidfmap": b"",
        "var/lib/ghostscript/fonts/Fontmap": b"one\ntwo\n",
    }


def test_a_list_that_an_image_below_has_parts_of_stays() -> None:
    tool = file_entry("usr/sbin/update-gsfontmap", b"", executable=True, origin="x")
    path = "etc/ghostscript/fontmap.d/10a.conf"
    below = Entry(path, "file", 0o644, 0, Listed(None, b""))

    made = make_ghostscript_fonts(System({tool.path: tool, path: below}, ()))
    assert [each.path for each in made] == ["var/lib/ghostscript/fonts/cidfmap"]
