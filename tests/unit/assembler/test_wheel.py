"""Where files of a wheel go, as pip and uv have them, and which project a wheel is of."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import VECTORS
from onedigest.assembler.layer import virtual_environment_layer, wheels_layer
from onedigest.assembler.refusal import Refused
from onedigest.assembler.wheel import wheel_entries
from onedigest.uv_program import find_uv
from wheel_builder import wheel_bytes, zip_bytes

OLD_TOOL = VECTORS / "records" / "Old_Tool-1.0-py2.py3-none-any.whl"
"""What setuptools, pip and easy_install have made, with `lib64` and headers."""
NAME = "demo-1.0-py3-none-any.whl"
BUILT_WITH_3_4 = {"bin/pip2", "bin/easy_install-3.4"}
"""Launchers that uv takes as the wheel has them, and pip makes for the Python that is there."""
OF_THIS_PYTHON = {"bin/pip3", "bin/pip3.13", "bin/easy_install-3.13"}
"""Those that pip makes in their place, and so do we."""
LEFT_BY_UV = re.compile(
    r".*\.dist-info/(?:REQUESTED|direct_url\.json|uv_cache\.json)|\.lock|bin/(?:activate|deactivate|pydoc).*"
)


def tree(folder: Path) -> dict[str, str]:
    """Return what is in a virtual environment: files, with those that run, and where links lead."""
    found = {}
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            found[name] = str(path.readlink())
        elif path.is_file():
            found[name] = "program" if path.stat().st_mode & 0o111 else "file"
    return found


def test_files_of_an_old_wheel_are_where_uv_puts_them(tmp_path: Path) -> None:
    venv, uv = tmp_path / "venv", find_uv()
    subprocess.run([uv, "venv", "--quiet", "--no-config", "--python", sys.executable, venv], check=True)
    before = tree(venv)
    command = [uv, "pip", "install", "--quiet", "--no-config", "--offline", "--no-deps", "--no-cache"]
    subprocess.run([*command, "--python", venv / "bin/python", OLD_TOOL], check=True)
    minor = f"3.{sys.version_info.minor}"
    theirs = {
        path: kind
        for path, kind in tree(venv).items()
        if (path not in before or path == "lib64") and not LEFT_BY_UV.fullmatch(path)
    }
    ours = {
        entry.path.removeprefix("opt/venv/"): entry.target or ("program" if entry.mode & 0o111 else "file")
        for entry in wheel_entries(OLD_TOOL, minor)
    }

    own = {each.replace("3.13", minor) for each in OF_THIS_PYTHON}
    assert {path for path in ours if path not in own} == {path for path in theirs if path not in BUILT_WITH_3_4}
    assert all(theirs[path] == kind for path, kind in ours.items() if path in theirs)


def test_record_names_files_where_they_are(tmp_path: Path) -> None:
    entries = {entry.path: entry for entry in wheel_entries(OLD_TOOL, "3.13")}
    record = entries["opt/venv/lib/python3.13/site-packages/Old_Tool-1.0.dist-info/RECORD"].content

    assert isinstance(record, bytes)
    paths = [line.partition(",")[0] for line in record.decode().splitlines()]
    assert "../../../lib/pkgconfig/old.pc" in paths
    assert "../../../include/site/python3.13/old-tool/old.h" in paths
    assert "old_hook.py" in paths
    assert not [path for path in paths if "lib64" in path]
    assert len(paths) == sum(entry.kind == "file" for entry in entries.values())


IDENTITIES = {
    "the same": (NAME, "demo", "1.0", "demo-1.0", ""),
    "spelled otherwise": ("Demo.X-1.0-py3-none-any.whl", "demo_x", "1.0.0", "DEMO-X-1", ""),
    "a local version that only the file name has": ("demo-1.0+cu121-py3-none-any.whl", "demo", "1.0", "demo-1.0", ""),
    "a local version everywhere": ("demo-1.0+cu121-py3-none-any.whl", "demo", "1.0+cu121", "demo-1.0+CU121", ""),
    "a local version that the file name lacks": (
        NAME,
        "demo",
        "1.0+cu121",
        "demo-1.0+cu121",
        "holds demo 1.0+cu121, demo 1.0 is expected",
    ),
    "another local version": (
        "demo-1.0+cpu-py3-none-any.whl",
        "demo",
        "1.0+cu121",
        "demo-1.0+cu121",
        "holds demo 1.0+cu121, demo 1.0+cpu is expected",
    ),
    "a local version of the directory alone": (
        "demo-1.0+cu121-py3-none-any.whl",
        "demo",
        "1.0",
        "demo-1.0+cu121",
        "METADATA is of demo 1.0, and its directory is demo-1.0+cu121.dist-info",
    ),
    "another version": (
        "demo-1.0.post1-py3-none-any.whl",
        "demo",
        "1.0",
        "demo-1.0",
        "holds demo 1.0, demo 1.0.post1 is expected",
    ),
    "another project": (NAME, "other", "1.0", "other-1.0", "holds other 1.0, demo 1.0 is expected"),
}


def build_of(path: Path, name: str, version: str, stem: str) -> None:
    """Write a wheel that is of something by its METADATA, and by its directory."""
    files = {
        f"{stem}.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{stem}.dist-info/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{stem}.dist-info/RECORD": b"",
    }
    path.write_bytes(zip_bytes(files))


@pytest.mark.parametrize(("file", "name", "version", "stem", "why"), IDENTITIES.values(), ids=IDENTITIES)
def test_wheel_is_of_what_its_metadata_and_its_directory_say(
    file: str, name: str, version: str, stem: str, why: str, tmp_path: Path
) -> None:
    path = tmp_path / file
    build_of(path, name, version, stem)
    if not why:
        assert wheel_entries(path, "3.13")
        return
    with pytest.raises(Refused) as caught:
        wheel_entries(path, "3.13")

    assert str(caught.value) == f"{file}: {why} [identity]"


def test_lock_says_what_a_wheel_is_of_where_its_file_name_does_not(tmp_path: Path) -> None:
    path = tmp_path / "download-7-py3-none-any.whl"
    build_of(path, "demo", "1.0", "demo-1.0")
    other = tmp_path / "other-1.0-py3-none-any.whl"
    build_of(other, "other", "1.0", "other-1.0")

    entries = wheels_layer([other, path], "3.13", stated=f"{path.name}=demo==1.0")
    assert [entry.origin for entry in entries if entry.path.endswith("/METADATA")] == [path.name, other.name]
    assert virtual_environment_layer("/usr/bin/python3", "3.13.1", wheels=[path], stated=f"{path.name}=demo==1.0")
    with pytest.raises(Refused) as caught:
        wheels_layer([path], "3.13", stated=f"{path.name}=demo==2.0")
    assert str(caught.value) == f"{path.name}: holds demo 1.0, demo 2.0 is expected [identity]"
    with pytest.raises(Refused) as caught:
        wheels_layer([path, other], "3.13", stated=f"{path.name}=Other==1.0")
    assert str(caught.value) == f"{path.name} and {other.name}: two wheels of one project [conflict]"


@pytest.mark.parametrize("stated", ["demo", "a.whl=demo", "a.whl=demo==", "=demo==1.0", "a.whl==demo==1"])
def test_what_a_wheel_is_of_has_one_form(stated: str) -> None:
    with pytest.raises(Refused) as caught:
        wheels_layer([], "3.13", stated=stated)

    assert str(caught.value) == f"{stated!r} is not FILE=NAME==VERSION [identity]"


@pytest.mark.parametrize("name", ["METADATA", "WHEEL"])
def test_headers_behind_a_byte_order_mark_are_refused(name: str, tmp_path: Path) -> None:
    """Neither pip nor uv finds a name, a version or a Wheel-Version there."""
    stem = "demo-1.0.dist-info"
    files = {
        f"{stem}/METADATA": b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n",
        f"{stem}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{stem}/RECORD": b"",
    }
    files[f"{stem}/{name}"] = "\ufeff".encode() + files[f"{stem}/{name}"]
    (tmp_path / NAME).write_bytes(zip_bytes(files))
    with pytest.raises(Refused) as caught:
        wheel_entries(tmp_path / NAME, "3.13")

    why = "begins with a byte order mark, so no reader finds its headers"
    assert str(caught.value) == f"{NAME}: {stem}/{name}: {why} [wheel]"


def launchers(folder: Path, text: str, python: str = "3.13") -> dict[str, str]:
    """Return what each program of a wheel with these entry points calls."""
    path = folder / NAME
    path.write_bytes(wheel_bytes("demo", "1.0", entry_points=text))
    found = {}
    for entry in wheel_entries(path, python):
        if entry.path.startswith("opt/venv/bin/") and isinstance(entry.content, bytes):
            match = re.search(r"from (\S+) import (\S+)\n[^()]*sys.exit\((\S+)\(\)\)", entry.content.decode())
            found[entry.path.removeprefix("opt/venv/bin/")] = f"{match[1]}:{match[3]}" if match else ""
    return found


def test_launchers_of_pip_have_the_number_of_the_image_s_python(tmp_path: Path) -> None:
    text = "[console_scripts]\npip = a:b\npip3 = a:c\npip3.4 = a:c\npip4 = a:c\npipx = a:x\npip3.4-old = a:x\n"

    assert launchers(tmp_path, text, "3.12") == {
        "pip": "a:b",
        "pip3": "a:b",
        "pip3.12": "a:b",
        "pipx": "a:x",
        "pip3.4-old": "a:x",
    }
    assert launchers(tmp_path, "[console_scripts]\npip3.4 = a:c\n") == {"pip3.4": "a:c"}
    assert launchers(tmp_path, "[gui_scripts]\npip = a:c\n") == {"pip": "a:c"}


def test_scripts_of_setuptools_are_not_there_beside_the_launchers_that_replace_them() -> None:
    programs = {entry.path.rpartition("/")[2] for entry in wheel_entries(OLD_TOOL, "3.13") if "/bin/" in entry.path}

    assert programs == {
        *("both", "easy_install", "easy_install-3.13", "pip", "pip3", "pip3.13", "tool"),
        *("other-script.py", "tool.exe.manifest", "window"),
    }


def test_window_has_the_name_that_a_program_has_too(tmp_path: Path) -> None:
    assert launchers(tmp_path, "[gui_scripts]\nx = a:window\n[console_scripts]\nx = a:text\n") == {"x": "a:window"}


def test_entry_points_are_taken_with_extras_and_odd_names(tmp_path: Path) -> None:
    text = "[console_scripts]\nodd name = a.b:c.d [x, y]\nx.py= a :c\n-=a:c[]\n"

    assert launchers(tmp_path, text) == {"odd name": "a.b:c.d", "x.py": "a:c", "-": "a:c"}
