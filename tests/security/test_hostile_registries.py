"""Files of packages that registries and caches are made of: each takes bounded time, whatever it says."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

import pytest

from onedigest.assembler.configuration.certificates import keystore
from onedigest.assembler.configuration.gvariant import NoValue, members
from onedigest.assembler.configuration.library_cache import make_library_cache
from onedigest.assembler.configuration.mime import make_mime
from onedigest.assembler.configuration.schemas import make_schemas
from onedigest.assembler.configuration.system import System
from onedigest.assembler.entry import Entry, file_entry

SCHEMAS, TYPES = "usr/share/glib-2.0/schemas", "usr/share/mime/packages"
SPACE = "xmlns='http://www.freedesktop.org/standards/shared-mime-info'"
KEY = "<key name='k' type='i'><default>1</default></key>"
OVERRIDE = "<override name='k'>2</override>"
LDCONFIG = (
    b"\x7fELF\x02\x01" + bytes(12) + b"\x3e\0" + bytes(44) + b"ldconfig (D) stable release version 2.41\0" + bytes(99)
)
SECONDS = 10
"""Each took minutes; now they take about one second."""


def of(maker: Callable[[System], Iterable[Entry]], files: dict[str, str | bytes]) -> list[Entry]:
    started = time.monotonic()
    entries = {
        path: file_entry(path, text if isinstance(text, bytes) else text.encode(), executable=True, origin="a.deb")
        for path, text in files.items()
    }
    found = list(maker(System(entries, ())))
    assert time.monotonic() - started < SECONDS
    return found


def schemas(text: str, overrides: str = "") -> list[Entry]:
    return of(
        make_schemas,
        {f"{SCHEMAS}/a.gschema.xml": f"<schemalist>{text}</schemalist>", f"{SCHEMAS}/a.gschema.override": overrides},
    )


def values(kind: str, count: int) -> str:
    return "".join(f"<{kind} nick='c{number}' value='{number}'/>" for number in range(count))


@pytest.mark.parametrize(
    "text",
    [
        "<schema id='a'><key name='x' type='s'><default>'0'</default><choices>"
        + values("choice", 20_000)
        + "</choices><aliases>"
        + "".join(f"<alias value='z{number}' target='0'/>" for number in range(20_000))
        + "</aliases></key></schema>",
        f"<enum id='e'>{values('value', 10_000)}</enum><schema id='a'>"
        + "".join(f"<key name='x{number}' enum='e'><default>'c1'</default></key>" for number in range(10_000))
        + "</schema>",
        f"<schema id='s0'>{KEY}</schema>"
        + "".join(f"<schema id='s{number + 1}' extends='s{number}'/>" for number in range(20_000))
        + f"<schema id='z' extends='s20000'>{OVERRIDE * 20_000}</schema>",
        f"<schema id='a'><key name='x' type='({'i' * 1_000_000})'><default>1</default></key></schema>",
    ],
    ids=["aliases", "choices", "extends", "type"],
)
def test_schemas_that_are_too_much_are_left_out(text: str) -> None:
    assert schemas(text) == []


def test_defaults_of_very_many_desktops_are_bounded() -> None:
    (made,) = schemas(f"<schema id='a'>{KEY}</schema>", "".join(f"[a:d{number}]\nk=1\n" for number in range(20_000)))

    assert made.size < 10_000


def test_type_of_a_value_is_bounded() -> None:
    with pytest.raises(NoValue):
        members("i" * 1001)


def test_magic_longer_than_its_length_can_be_is_left_out() -> None:
    match = f"<match type='string' offset='0' value='{'a' * 70_000}'/>"
    text = f"<mime-info {SPACE}><mime-type type='a/b'><magic>{match}</magic></mime-type></mime-info>"

    assert of(make_mime, {"usr/bin/update-mime-database": "", f"{TYPES}/a.xml": text}) == []


@pytest.mark.parametrize(
    "said",
    [
        "".join(f"<glob pattern='a{number}[b'/>" for number in range(20_000)),
        "".join(f"<sub-class-of type='a/{number}'/>" for number in range(50_000)),
        "".join(f"<glob pattern='*.a{number}'/>" for number in range(10_000)),
    ],
    ids=["globs", "parents", "suffixes"],
)
def test_very_many_types_are_written_at_once(said: str) -> None:
    text = f"<mime-info {SPACE}><mime-type type='a/b'>{said}</mime-type></mime-info>"
    others = {f"{TYPES}/b{number}.xml": f"<mime-info {SPACE}/>" for number in range(500)}

    assert of(make_mime, {"usr/bin/update-mime-database": "", f"{TYPES}/a.xml": text, **others})


@pytest.mark.parametrize("line", ["include " + "/a" * 1_000_000, "include /d/*/" + "?*" * 1900])
def test_long_patterns_of_the_linker_are_bounded(line: str) -> None:
    folders = {f"d/{number}/x": b"" for number in range(2000)}

    assert of(make_library_cache, {"usr/sbin/ldconfig": LDCONFIG, "etc/ld.so.conf": line, **folders})


def test_very_many_certificates_are_written_at_once() -> None:
    started = time.monotonic()
    keystore({f"debian:{number}.pem": b"x" for number in range(200_000)})

    assert time.monotonic() - started < SECONDS
