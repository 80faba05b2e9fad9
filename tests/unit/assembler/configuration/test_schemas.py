"""Compiled schemas of GLib: what glib-compile-schemas makes of the same files, read back as GLib reads them."""

from __future__ import annotations

import pytest

from conftest import ROOT
from gvdb_reader import Table, digest_of, read_gvdb
from onedigest.assembler.configuration.file_list import Listed
from onedigest.assembler.configuration.gvariant import NoValue
from onedigest.assembler.configuration.gvariant_text import value_bytes
from onedigest.assembler.configuration.schemas import FOLDER, make_schemas
from onedigest.assembler.configuration.system import System
from onedigest.assembler.entry import Entry, file_entry
from real_debs import fetch_deb, system_of

SAMPLES = ROOT / "tests" / "schemas"
PACKAGE = (
    "g/gsettings-desktop-schemas/gsettings-desktop-schemas_48.0-1_all.deb",
    "151133be02bff0bff4c860260a3418378821fad8c5d11133f588d4de760797a5",
)


def system(files: dict[str, bytes]) -> System:
    paths = {f"{FOLDER}/{name}": content for name, content in files.items()}
    return System({path: file_entry(path, data, executable=False, origin="x") for path, data in paths.items()}, ())


def compiled(found: System) -> Table:
    (made,) = make_schemas(found)
    assert made.path == "usr/share/glib-2.0/schemas/gschemas.compiled"
    assert isinstance(made.content, bytes)
    return read_gvdb(made.content)


def test_schemas_of_a_real_package_are_what_the_tool_makes() -> None:
    table = compiled(system_of(fetch_deb(*PACKAGE)))

    assert len(table) == 53  # 52 schemas, and the list of them
    assert digest_of(table) == "28d9701a50bc9d233f4b4bc392ba0e2ef2bb5d271eed486833f28c56ab39060f"


def test_every_form_of_a_key_is_what_the_tool_makes() -> None:
    """Samples have each type, translated defaults, choices, aliases, ranges, overrides, and files with faults."""
    table = compiled(system({path.name: path.read_bytes() for path in SAMPLES.iterdir()}))

    assert sorted(table) == ["", "o.base", "o.good", "o.item", "o.list", "o.main", "o.sub", "o.subsub"]
    good = table["o.good"]
    assert isinstance(good, dict)
    assert good["y"] == b"b\0\0(s)"  # the later file of the vendor counts
    assert digest_of(table) == "d1eef303a3c88d55ebde942c5f991b29ebc98654e711408e20a3ce2975756b89"


def test_a_file_with_a_fault_leaves_the_others_alone() -> None:
    one = b"<schemalist><schema id='one' path='/one/'><key name='x' type='i'><default>1</default></key></schema></schemalist>"
    faults = {
        "a": b"",
        "b": b"<schemalist>",
        "c": one.replace(b"one", b"two").replace(b"'i'", b"'" + b"(" * 3000 + b"'"),
        "d": one.replace(b"one", b"three").replace(b"1</", b"[" * 3000 + b"</"),
        "e": b"<!DOCTYPE a [<!ENTITY b 'c'>]>" + one.replace(b"one", b"four"),
        "f": b"<a>" * 100 + b"</a>" * 100,
        "g": one.replace(b"one", b"five").replace(b"<schema ", b"<schema extends='six' "),
        "h": one.replace(b"one", b"seven").replace(b"path='/seven/'", b"path='seven'"),
        "i": one.replace(b"one", b"eight").replace(b"<default>1</default>", b""),
        "j": one.replace(b"one", b"nine").replace(b"'x'", b"''"),
        "k": b"<schemalist><enum id='e'><value nick='a' value='b'/></enum></schemalist>",
        "l": one,
    }
    table = compiled(system({f"{name}.gschema.xml": data for name, data in faults.items()}))

    assert sorted(table) == ["", "one"]
    assert not list(make_schemas(system({"a.gschema.xml": b"no schema"})))


@pytest.mark.parametrize(
    ("kind", "written", "message"),
    [
        ("i", "'a'", "'a' is no integer"),
        ("y", "256", "256 is not in the range of y"),
        ("d", "word", "word is no number"),
        ("b", "1", "1 is neither true nor false"),
        ("s", "1", "1 is no string"),
        ("as", "['a'", "no ']' after a value"),
        ("as", "['a'] 'b'", "\"'b'\" follows the value"),
        ("v", "<[]>", "the type of an empty array is not stated"),
        ("u", "int32 5", "a value of the type i stands where one of u is wanted"),
        ("(ii)", "(1, 2, 3)", "3 values are none of the type (ii)"),
        ("i", "$", "'$' is not understood"),
        ("a{si}", "{'a'}", "a key has no value"),
        ("ai", "(1,)", "tuple is no value of the type ai"),
        ("s", r"'\ud800'", "\\ud800 is no character"),
        ("s", "'" + "x" * 70000 + "'", "the text is too long"),
    ],
    ids=str,
)
def test_a_text_that_is_no_value_says_why(kind: str, written: str, message: str) -> None:
    with pytest.raises(NoValue) as error:
        value_bytes(kind, written)

    assert str(error.value) == message


def test_a_type_of_many_parts_takes_no_time() -> None:
    kind = "(i" * 30 + "i" + ")" * 30

    assert len(value_bytes(kind, "(1," * 30 + "1" + ")" * 30)) == 4 * 31


def test_escapes_are_those_of_the_text_format() -> None:
    assert value_bytes("s", r"'\u00e9\t\\\'\q\9'") == "é\t\\'q9\0".encode()
    assert value_bytes("ay", r"b'\101\n'") == b"A\n\0"


def test_schemas_of_an_image_below_are_compiled_with_others() -> None:
    text = b"<schemalist><schema id='%s' path='/a/'><key name='x' type='i'><default>1</default></key></schema></schemalist>"
    path = f"{FOLDER}/below.gschema.xml"
    below = {path: Entry(path, "file", 0o644, 0, Listed(None, text % b"below"))}

    assert list(make_schemas(System(below, ()))) == []
    assert sorted(compiled(System({**system({"a.gschema.xml": text % b"a"}).files, **below}, ()))) == ["", "a", "below"]
