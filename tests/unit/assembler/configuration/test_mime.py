"""The database of media types: what update-mime-database makes of the same descriptions."""

from __future__ import annotations

import hashlib

import pytest

from mime_reader import Cache
from onedigest.assembler.configuration.desktop_entries import make_desktop_entries
from onedigest.assembler.configuration.file_list import Listed
from onedigest.assembler.configuration.mime import FOLDER, make_mime
from onedigest.assembler.configuration.system import System
from onedigest.assembler.entry import Entry, file_entry
from real_debs import fetch_deb, system_of

PACKAGE = (
    "s/shared-mime-info/shared-mime-info_2.4-5+b2_amd64.deb",
    "d7d061df29326b0ca6b273ac9332168659ff1562659f0a33609657a143dd7881",
)
OF_TOOL = {
    "types": "3bcf3dee7e935c8dae0b0d6fc29e5c16cb2e1428b15587c06b1e432e5b42ce7e",
    "aliases": "eb4807d76799389e99a44a2d51620450e7920f29e73e982a1e48b40d64b6eeea",
    "subclasses": "d622742609f3337fe4b57511140e77a79ceae0c5cee6fc98efec6b7804030a06",
    "XMLnamespaces": "1f06595a8bee71d97106ef0978303d6f507365d1c8f59cf3c1f2af6955fecb14",
    "icons": "b2fe91b34410f0b60587f6173349e1a2ee1b0068e6ed840a76e9bfc18fcaa651",
    "generic-icons": "ff2aeb4fbe12a4df000a7fa4e36488226539667ffe7f2eb67cf9aa96d5f5e68f",
    "globs": "f7c1472d64cca72fa3bdab65bc6595afe05bd2f791d489a6fb62305b969dec34",
    "globs2": "4112d8f13782e5172b214416408fad08293b26fb36d2839f7e112ff5bf46c2c7",
    "treemagic": "a553d35395aeb2bcb3cdbef66c50b3e5cded4fff44dfa0e9aa2baf0662752c7a",
    "magic": "ab03d5cbd1778445b69b746b8df1dfad05bc441806d1ac2fa952c44181ec41f8",
    "mime.cache": "01886a093da0cc30a9d93d4f30347e556ffa0c14b4c4dc1994a7e611db777e0b",
}
"""The digest of each file that the real tool writes, its lines sorted; of its cache, of what is read out of it."""

HEAD = b"<mime-info xmlns='http://www.freedesktop.org/standards/shared-mime-info'>"


def system(files: dict[str, bytes]) -> System:
    found = {**files, "usr/bin/update-mime-database": b"", "usr/bin/update-desktop-database": b""}
    return System({path: file_entry(path, data, executable=False, origin="x") for path, data in found.items()}, ())


def made(found: System) -> dict[str, bytes]:
    entries = list(make_mime(found))
    return {each.path.removeprefix(f"{FOLDER}/"): each.content for each in entries if isinstance(each.content, bytes)}


def digest(name: str, content: bytes) -> str:
    text = repr(sorted(Cache(content).values().items())) if name == "mime.cache" else repr(sorted(content.split(b"\n")))
    return hashlib.sha256(text.encode()).hexdigest()


def test_the_database_is_what_the_tool_makes() -> None:
    files = made(system_of(fetch_deb(*PACKAGE)))

    assert {name: digest(name, content) for name, content in files.items()} == OF_TOOL
    assert b"[50:text/html]\n>0:" not in files["magic"]
    assert files["magic"].startswith(b"MIME-Magic\0\n[90:application/vnd.stardivision.writer]\n>2089=\0\x0aStarWriter")


def test_without_the_tool_nothing_is_made() -> None:
    assert not list(make_mime(System({}, ())))
    assert not list(make_desktop_entries(System({}, ())))


def test_a_type_has_its_lines() -> None:
    text = HEAD + (
        b"<mime-type type='a/b'><glob pattern='*.One' weight='60'/><glob pattern='Two' case-sensitive='true'/>"
        b"<glob pattern='t*o'/><alias type='c/d'/><sub-class-of type='text/plain'/><icon name='i'/>"
        b"<magic priority='70'><match type='host16' offset='1:4' value='0x0102' mask='0xff00'>"
        b"<match type='string' offset='0' value='\\x41\\102\\n\\\\'/></match></magic>"
        b"<root-XML namespaceURI='urn:x' localName='y'/>"
        b"<treemagic><treematch path='p' type='file' match-case='true'/></treemagic></mime-type></mime-info>"
    )
    files = made(system({f"{FOLDER}/packages/x.xml": text}))

    assert files["globs2"].splitlines()[2:] == [b"60:a/b:*.one", b"50:a/b:Two:cs", b"50:a/b:Two", b"50:a/b:t*o"]
    assert files["magic"] == b"MIME-Magic\0\n[70:a/b]\n>1=\0\2\1\2&\xff\0~2+4\n1>0=\0\4AB\n\\\n"
    assert files["treemagic"] == b'MIME-TreeMagic\0\n[50:a/b]\n>"p"=file,match-case\n'
    assert (files["aliases"], files["subclasses"], files["icons"]) == (b"c/d a/b\n", b"a/b text/plain\n", b"a/b:i\n")
    cache = Cache(files["mime.cache"])
    assert (cache.suffixes, cache.literals) == ([(".one", "a/b", 60)], [("Two", "a/b", 0x132)])
    assert cache.globs == [("t*o", "a/b", 50)]
    assert cache.magic == [(70, "a/b", [(1, 4, 2, b"\1\2", b"\xff\0", [(0, 1, 1, b"AB\n\\", b"", [])])])]
    assert cache.extent == 7


@pytest.mark.parametrize(
    "fault",
    [
        b"<glob pattern='x' weight='1000'/>",
        b"<glob/>",
        b"<glob pattern='" + b"*" * 2000 + b"'/>",
        b"<alias type='none'/>",
        b"<magic><match type='big16' offset='0' value='70000'/></magic>",
        b"<magic><match type='string' offset='x' value='a'/></magic>",
        b"<magic><match type='string' offset='0' value=''/></magic>",
        b"<magic><match type='string' offset='9:0' value='a'/></magic>",
        b"<magic><match type='string' offset='0' value='ab' mask='0xff'/></magic>",
        b"<magic><match type='other' offset='0' value='a'/></magic>",
        b"<magic>" * 100 + b"</magic>" * 100,
    ],
)
def test_a_file_with_a_fault_leaves_the_others_alone(fault: bytes) -> None:
    good = HEAD + b"<mime-type type='a/b'/></mime-info>"
    wrong = HEAD + b"<mime-type type='w/w'>" + fault + b"</mime-type></mime-info>"
    files = made(system({f"{FOLDER}/packages/a.xml": wrong, f"{FOLDER}/packages/b.xml": good}))

    assert files["types"] == b"a/b\n"


def test_applications_are_listed_as_the_tool_lists_them() -> None:
    """The expected text is what the real tool wrote for these entries."""
    entries = {
        "b": b"[Desktop Entry]\nMimeType=text/plain;image/png;x-scheme-handler/http\n[Desktop Action n]\nMimeType=a/b;\n",
        "a": b"[Desktop Entry]\nMimeType=text/plain;bad;text/;a/\n",
        "h": b"[Desktop Entry]\nHidden=true\nMimeType=text/plain;\n",
        "kde/k": b"#c\n\n[Desktop Entry]\nNoDisplay=true\nMimeType = text/html;;text/html; text/xml\n",
    }
    files = {f"usr/share/applications/{name}.desktop": content for name, content in entries.items()}
    (found,) = make_desktop_entries(system(files))

    assert found.path == "usr/share/applications/mimeinfo.cache"
    assert found.content == (
        b"[MIME Cache]\nimage/png=b.desktop;\ntext/html=kde-k.desktop;\ntext/plain=a.desktop;b.desktop;\n"
        b"x-scheme-handler/http=b.desktop;\n"
    )


def test_databases_of_an_image_below_stay_where_nothing_is_brought() -> None:
    tool = "usr/bin/update-mime-database"
    paths = {tool: b"", f"{FOLDER}/packages/a.xml": HEAD + b"<mime-type type='a/b'/></mime-info>"}
    below = {path: Entry(path, "file", 0o644, len(text), Listed(None, text)) for path, text in paths.items()}
    more = f"{FOLDER}/packages/b.xml"
    brought = file_entry(more, HEAD + b"<mime-type type='c/d'/></mime-info>", executable=False, origin="x")

    assert list(make_mime(System(below, ()))) == []
    assert made(System({**below, more: brought}, ()))["types"] == b"a/b\nc/d\n"
    path = "usr/share/applications/a.desktop"
    text = b"[Desktop Entry]\nMimeType=a/b\n"
    entry = Entry(path, "file", 0o644, len(text), Listed(None, text))
    assert list(make_desktop_entries(System({**system({}).files, path: entry}, ()))) == []
