"""Paths of a system lead where Linux would lead them, and links that lead nowhere are no trap."""

from __future__ import annotations

import pytest

from onedigest.assembler.configuration.paths import find, glob, place
from onedigest.assembler.entry import Entry, file_entry

LINKS = {
    "etc/a": "/usr/share/a",
    "etc/relative": "../usr/share/a",
    "etc/loop": "loop",
    "etc/one": "two",
    "etc/two": "one/x",
    "etc/up": "../../../usr",
    "usr/share/file": "a/text",
}
FILES: dict[str, Entry] = {
    **{path: Entry(path, "link", 0o777, target=target) for path, target in LINKS.items()},
    **{path: file_entry(path, b"", executable=False, origin="x") for path in ("usr/share/a/text", "usr/share/a/.hidden")},
    "usr/share/a": Entry("usr/share/a", "dir", 0o755),
    "usr/share/hard": Entry("usr/share/hard", "hardlink", 0o644, target="usr/share/a/text"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/etc/a/text", "usr/share/a/text"),
        ("/etc/relative/new", "usr/share/a/new"),
        ("/etc/a", "etc/a"),
        ("/bin/x", "usr/bin/x"),
        ("//lib//x/./y/../z", "usr/lib/x/z"),
        ("/bin", "usr/bin"),
        ("/etc/up/share/x", "usr/share/x"),
        ("/../../x", "x"),
        ("/etc/loop/x", None),
        ("/etc/one/x", None),
        ("relative", None),
        ("", None),
        ("/", ""),
    ],
)
def test_a_path_has_its_place(path: str, expected: str | None) -> None:
    assert place(FILES, path) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/usr/share/file", "usr/share/a/text"),
        ("/usr/share/hard", "usr/share/a/text"),
        ("/etc/a", "usr/share/a"),
        ("/etc/loop", None),
        ("/etc/one", None),
        ("/etc/none", None),
        ("/", None),
    ],
)
def test_a_path_leads_to_a_file(path: str, expected: str | None) -> None:
    found = find(FILES, path)

    assert (found.path if found else None) == expected


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("/usr/share/a/*", ["/usr/share/a/text"]),
        ("/usr/share/a/.*", ["/usr/share/a/.hidden"]),
        ("/usr/*/a/t[a-f]xt", ["/usr/share/a/text"]),
        ("/etc/a/te?t", ["/etc/a/text"]),
        ("/etc/*", ["/etc/a", "/etc/loop", "/etc/one", "/etc/relative", "/etc/two", "/etc/up"]),
        ("/none/*", []),
        ("*", []),
    ],
)
def test_a_pattern_fits_files(pattern: str, expected: list[str]) -> None:
    assert glob(FILES, pattern) == expected
