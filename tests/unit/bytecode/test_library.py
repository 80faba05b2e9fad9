"""What the bytecode of a base's library is made of: the texts, and the folders above as the base has them."""

from __future__ import annotations

import tarfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from image_layers import File, folder, make_layer, store_layers, store_tar
from onedigest.assembler.descriptor import LAYER_TYPE, Descriptor
from onedigest.assembler.entry import HIGHEST_ID, Entry, file_entry
from onedigest.bytecode import library
from onedigest.bytecode.library import LibraryFiles, library_of_image, library_of_packages
from onedigest.digest import of_bytes
from onedigest.errors import InputError
from onedigest.store import Store

SLIM = "usr/local/lib/python3.13"
PYTHON = "3.13.5"


def read(tmp_path: Path, *layers: Sequence[File], where: str = f"/{SLIM}") -> LibraryFiles:
    store = Store(tmp_path / "store")
    return library_of_image(store_layers(store, *layers), where, PYTHON, store)


def texts(found: LibraryFiles) -> dict[str, bytes]:
    return {each.path: each.read() for each in found.sources}


def folders(found: LibraryFiles) -> dict[str, tuple[int, int, int]]:
    return {path: (each.mode, each.uid, each.gid) for path, each in found.folders.items() if each.kind == "dir"}


def test_texts_are_those_on_top_and_folders_as_the_base_has_them(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        [
            folder("usr"),
            folder("usr/local", 0o2775, (0, 50)),
            folder("usr/local/lib", 0o755),
            folder(SLIM),
            File(f"{SLIM}/os.py", b"old"),
            File(f"{SLIM}/re/__init__.py", b"re"),
        ],
        [folder("usr/local/lib", 0o2775, (7, 50)), File(f"{SLIM}/os.py", b"new"), folder(f"{SLIM}/__pycache__", 0o777)],
        [File(f"{SLIM}/json.py", b"json"), File(f"{SLIM}/__pycache__/json.cpython-313.pyc", b"")],
    )

    assert texts(found) == {f"{SLIM}/os.py": b"new", f"{SLIM}/re/__init__.py": b"re"}
    assert [(each.size, each.digest) for each in found.sources] == [
        (3, file_entry("x", b"new", executable=False, origin="").digest),
        (2, file_entry("x", b"re", executable=False, origin="").digest),
    ]
    assert folders(found) == {
        "usr": (0o755, 0, 0),
        "usr/local": (0o2775, 0, 50),
        "usr/local/lib": (0o2775, 7, 50),
        SLIM: (0o755, 0, 0),
        f"{SLIM}/__pycache__": (0o777, 0, 0),
        f"{SLIM}/re": (0o755, 0, 0),  # which no layer speaks of
    }
    assert all(path == each.path for path, each in found.folders.items())


def test_links_lead_to_one_text(tmp_path: Path) -> None:
    """A hard link to a file of the layer, one to a file of a layer below, and symbolic links."""
    found = read(
        tmp_path,
        [File(f"{SLIM}/os.py", b"os"), File(f"{SLIM}/one.py", f"{SLIM}/os.py", hard=True)],
        [
            File(f"{SLIM}/two.py", f"{SLIM}/one.py", hard=True),
            File(f"{SLIM}/three.py", "two.py"),
            File(f"{SLIM}/four.py", "/lib/python/os.py"),
            File("lib/python", f"/{SLIM}"),
        ],
        [File(f"{SLIM}/os.py", b"newer")],
    )

    assert texts(found) == {
        f"{SLIM}/four.py": b"newer",
        f"{SLIM}/one.py": b"os",
        f"{SLIM}/os.py": b"newer",
        f"{SLIM}/three.py": b"os",
        f"{SLIM}/two.py": b"os",
    }


def test_folder_of_a_link_is_the_real_one(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        [File("usr/lib64", "lib"), folder("usr/lib", 0o700), File("usr/lib/python3.13/os.py", b"os")],
        where="/usr/lib/python3.13",
    )

    assert list(texts(found)) == ["usr/lib/python3.13/os.py"]
    assert folders(found)["usr/lib"] == (0o700, 0, 0)
    assert "usr/lib64" not in found.folders


def test_member_that_comes_twice_is_the_last_one(tmp_path: Path) -> None:
    found = read(
        tmp_path, [File(f"{SLIM}/os.py", b"first"), folder(SLIM, 0o700), folder(SLIM), File(f"{SLIM}/os.py", b"last")]
    )

    assert texts(found) == {f"{SLIM}/os.py": b"last"}
    assert folders(found)[SLIM] == (0o755, 0, 0)


def test_file_of_a_folder_that_came_back_is_the_new_one(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        [folder("usr/local", 0o700), File(f"{SLIM}/os.py", b"old"), File(f"{SLIM}/gone.py", b"old")],
        [File("usr/.wh.local"), File(f"{SLIM}/os.py", b"new")],
    )

    assert texts(found) == {f"{SLIM}/os.py": b"new"}
    assert folders(found)["usr/local"] == (0o755, 0, 0)


def test_no_more_of_a_layer_is_read_than_is_needed(tmp_path: Path) -> None:
    """What was noted of layers tells where it is: those without it need not be there, nor what comes after it."""
    store = Store(tmp_path / "store")
    middle = [folder(SLIM), File(f"{SLIM}/os.py", b"os"), File("usr/share/x", b"x")]
    layers = store_layers(store, [File("etc/a")], middle, [File("etc/b")])
    before = texts(library_of_image(layers, f"/{SLIM}", PYTHON, store))
    for each in (layers[0], layers[2]):
        store.path(each.digest).unlink()
    path = store.path(layers[1].digest)
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-8])  # what ends the member of gzip

    assert texts(library_of_image(layers, f"/{SLIM}", PYTHON, store)) == before == {f"{SLIM}/os.py": b"os"}


def test_layer_that_was_cut_is_refused(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    layers = store_layers(store, [File(f"{SLIM}/os.py", b"x" * 5000)])
    library_of_image(layers, f"/{SLIM}", PYTHON, store)
    path = store.path(layers[0].digest)
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:30])
    with pytest.raises(InputError) as caught:
        library_of_image(layers, f"/{SLIM}", PYTHON, store)

    assert str(caught.value) == f"the layer {layers[0].digest} is not gzip: it ends too early"


def test_plain_tar_is_read(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    tar = make_layer([File(f"{SLIM}/os.py", b"os")])
    layer = Descriptor(of_bytes(tar), store.add(tar), len(tar), LAYER_TYPE.removesuffix("+gzip"))

    assert texts(library_of_image([layer], f"/{SLIM}", PYTHON, store)) == {f"{SLIM}/os.py": b"os"}


@pytest.mark.parametrize("owner", [(HIGHEST_ID + 1, 0), (0, HIGHEST_ID + 1)])
def test_folder_of_an_owner_that_no_layer_of_ours_has_stays_alone(owner: tuple[int, int], tmp_path: Path) -> None:
    found = read(tmp_path, [File(f"{SLIM}/os.py"), folder(f"{SLIM}/re", owner=owner), File(f"{SLIM}/re/_parser.py")])

    assert list(texts(found)) == [f"{SLIM}/os.py"]
    assert f"{SLIM}/re" not in found.folders


def test_source_with_holes_is_left_out(tmp_path: Path) -> None:
    """GNU's tar leaves them out of its archives; of a text nobody makes some."""
    store = Store(tmp_path / "store")
    member = tarfile.TarInfo(f"{SLIM}/os.py")
    member.pax_headers = {"GNU.sparse.realsize": "5000", "GNU.sparse.major": "1"}
    block = member.tobuf(tarfile.PAX_FORMAT)
    layer = store_tar(store, block + make_layer([File(f"{SLIM}/re.py", b"re")]))

    assert texts(library_of_image([layer], f"/{SLIM}", PYTHON, store)) == {f"{SLIM}/re.py": b"re"}


def test_device_in_the_place_of_a_source_is_left_out(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    member = tarfile.TarInfo(f"{SLIM}/os.py")
    member.type = tarfile.FIFOTYPE
    layer = store_tar(store, member.tobuf() + make_layer([File(f"{SLIM}/re.py", b"re")]))

    assert list(texts(library_of_image([layer], f"/{SLIM}", PYTHON, store))) == [f"{SLIM}/re.py"]


def test_of_a_very_long_source_no_more_is_read_than_tells_so(tmp_path: Path) -> None:
    (source,) = read(tmp_path, [File(f"{SLIM}/os.py", bytes(9 << 20))]).sources

    assert (source.size, len(source.read())) == (9 << 20, (8 << 20) + 1)


def test_library_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "MOST_BYTES", 9)
    with pytest.raises(InputError) as caught:
        read(tmp_path, [File(f"{SLIM}/os.py", b"12345"), File(f"{SLIM}/re.py", b"12345")])

    assert str(caught.value) == (
        f"the standard library /{SLIM} has more than 9 bytes\n"
        "hint: `bytecode = false` builds the image without compiled files"
    )


def test_image_with_all_bytecode_has_nothing_to_compile(tmp_path: Path) -> None:
    found = read(tmp_path, [File(f"{SLIM}/os.py"), File(f"{SLIM}/__pycache__/os.cpython-313.pyc")])

    assert (found.sources, found.folders) == ([], {})


def test_packages_of_debian() -> None:
    """Their folders are root's, links are followed, and what is for tests or other Pythons is left out."""
    where = "usr/lib/python3.13"
    contents = {f"{where}/os.py": b"os", f"{where}/test/a.py": b"", f"{where}/data.py": b"data", "usr/share/b.py": b""}
    entries = [
        Entry("usr", "dir", 0o700, uid=7),
        Entry(where, "dir", 0o711),
        *(file_entry(path, data, executable=False, origin="x") for path, data in contents.items()),
        Entry(f"{where}/_data.py", "link", 0o777, target="data.py"),
        Entry(f"{where}/hard.py", "hardlink", 0o644, target=f"{where}/os.py"),
        Entry(f"{where}/sitecustomize.py", "link", 0o777, target="/etc/python3.13/sitecustomize.py"),
        file_entry("etc/python3.13/sitecustomize.py", b"", executable=False, origin="x"),
        file_entry("usr/lib/python3/dist-packages/c.py", b"", executable=False, origin="x"),
    ]
    found = library_of_packages(entries, f"/{where}", PYTHON)

    assert texts(found) == {
        f"{where}/_data.py": b"data", f"{where}/data.py": b"data", f"{where}/hard.py": b"os", f"{where}/os.py": b"os",
    }  # fmt: skip
    assert folders(found) == {"usr": (0o755, 0, 0), "usr/lib": (0o755, 0, 0), where: (0o711, 0, 0)}
