"""A command of `run` that changes a source must not leave bytecode of the old one, which Python would go on running."""

from __future__ import annotations

import importlib.util
import io
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from onedigest.digest import of_bytes
from onedigest.engines.outdated_bytecode import refuse_outdated
from onedigest.errors import InputError
from onedigest.oci.buildkit_export import ExportedPlatform
from onedigest.plan import kinds
from onedigest.plan.layers import Bytecode, Layer, Plan, PlatformPlan
from onedigest.platforms import AMD64, ARM64

SITE = "opt/venv/lib/python3.13/site-packages"
OLD, NEW = b"x = 1\n", b"x = 2\n"
SOURCE, COMPILED = f"{SITE}/pkg/a.py", f"{SITE}/pkg/__pycache__/a.cpython-313.pyc"
LIBRARY = "usr/lib/python3.13"

Files = Mapping[str, bytes | str | tarfile.TarInfo | None]
"""Contents by path: of a link its target as text, of a folder None."""


def bytecode(source: bytes, flags: int = 1) -> bytes:
    header = importlib.util.MAGIC_NUMBER + flags.to_bytes(4, "little") + importlib.util.source_hash(source)
    return header + b"code"


BELOW: Files = {
    COMPILED: bytecode(OLD),
    f"{SITE}/pkg/__pycache__/__init__.cpython-313.pyc": bytecode(b""),
    f"{SITE}/pkg/__pycache__/odd.cpython-313.pyc": b"",
    f"{LIBRARY}/__pycache__/ssl.cpython-313.pyc": bytecode(OLD),
}


def layer(path: Path, files: Files) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            if content is None:
                member.type = tarfile.DIRTYPE
            elif isinstance(content, str):
                member.type, member.linkname = tarfile.SYMTYPE, content
            elif isinstance(content, tarfile.TarInfo):
                member = content
            data = content if isinstance(content, bytes) else b""
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


def hard_link(path: str, target: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo(path)
    member.type, member.linkname = tarfile.LNKTYPE, target
    return member


def said(folder: Path, *commands: Files, below: Files = BELOW, above: Files | None = None) -> list[str]:
    """Return what is said of an image with commands that wrote these files."""
    made = Layer(holds="bytecode of pkg 1", name="b", content=Bytecode(python="3.13.5", of=()))
    run = [kinds.command(number, f"do {number}", of_bytes(b"")) for number in range(1, len(commands) + 1)]
    layers = (made, *run, *([made] if above is not None else []))
    tars = [below, *commands, *([above] if above is not None else [])]
    exported = tuple(("sha256:x", layer(folder / f"{number}.tar", each)) for number, each in enumerate(tars))
    return refused(layers, {"linux/amd64": exported})


def refused(layers: tuple[Layer, ...], exported: Mapping[str, Sequence[tuple[str, Path]]]) -> list[str]:
    platforms = [each for each in (AMD64, ARM64) if each.oci in exported]
    plan = Plan(
        name="x", platforms=tuple(PlatformPlan(platform=each, layers=layers, config=b"{}") for each in platforms)
    )
    try:
        refuse_outdated(plan, {name: ExportedPlatform(config={}, layers=tuple(own)) for name, own in exported.items()})
    except InputError as error:
        return [str(problem) for problem in error.problems]
    return []


def test_source_that_is_edited_is_named_with_what_helps(tmp_path: Path) -> None:
    assert said(tmp_path, {SITE: None, SOURCE: NEW}) == [
        f"run[0]: run 1: do 1: Python would still run the old code of /{SOURCE},"
        " for the command leaves the bytecode as it was\n"
        f"hint: have the command remove /{COMPILED} too, or set `bytecode = false`"
    ]


def test_several_sources_are_counted(tmp_path: Path) -> None:
    names = "abcde"
    below = {f"{SITE}/pkg/__pycache__/{name}.cpython-313.pyc": bytecode(OLD) for name in names}
    (found,) = said(tmp_path, {}, {f"{SITE}/pkg/{name}.py": NEW for name in names}, below=below)

    assert found == (
        "run[1]: run 2: do 2: Python would still run the old code of"
        f" /{SITE}/pkg/a.py, /{SITE}/pkg/b.py, /{SITE}/pkg/c.py and 2 more,"
        " for the command leaves the bytecode as it was\n"
        f"hint: have the command remove /{SITE}/pkg/__pycache__ too, or set `bytecode = false`"
    )


@pytest.mark.parametrize(
    "commands",
    [
        pytest.param([{LIBRARY: None, f"{LIBRARY}/ssl.py": NEW}], id="of the standard library"),
        pytest.param([{f"./{SOURCE}": NEW}], id="with a dot before"),
        pytest.param([{SOURCE: NEW * (9 << 20)}], id="too large to be compiled"),
        pytest.param([{SOURCE: "/srv/patched.py"}], id="a link to a file that is elsewhere"),
        pytest.param([{SOURCE: "../../b.py", f"{SITE}/../b.py": NEW}], id="a link"),
        pytest.param([{SOURCE: NEW, COMPILED: bytecode(OLD)}], id="with the bytecode only touched"),
        pytest.param([{f"{SITE}/pkg/.wh.a.py": b""}, {SOURCE: NEW}], id="removed and written again"),
        pytest.param([{SOURCE: NEW}, {f"{SITE}/pkg/.wh.__init__.py": b""}], id="and another one removed later"),
        pytest.param([{SOURCE: NEW}, {f"{SITE}/pkg/__pycache__/.wh.b.cpython-313.pyc": b""}], id="other bytecode removed"),
        pytest.param(
            [{f"{SITE}/own/__pycache__/a.cpython-313.pyc": bytecode(OLD), f"{SITE}/own/a.py": NEW}],
            id="a package copied and then edited",
        ),
        pytest.param(
            [{f"{SITE}/own/__pycache__/a.cpython-313.pyc": bytecode(OLD)}, {f"{SITE}/own/a.py": NEW}],
            id="a package copied, and edited later",
        ),
    ],
)  # fmt: skip
def test_old_code_would_run(commands: list[Files], tmp_path: Path) -> None:
    assert len(said(tmp_path, *commands)) == 1


@pytest.mark.parametrize(
    "commands",
    [
        pytest.param([{SOURCE: OLD}], id="touched alone, as chmod does"),
        pytest.param([{SOURCE: OLD, COMPILED: bytecode(OLD)}], id="touched with its bytecode, as chown does"),
        pytest.param([{f"{SITE}/b.py": OLD, SOURCE: hard_link(SOURCE, f"{SITE}/b.py")}], id="linked to what is the same"),
        pytest.param([{f"{SITE}/pkg/b.py": NEW, f"{SITE}/other.py": NEW}], id="a new source"),
        pytest.param([{f"{SITE}/pkg/odd.py": NEW}], id="a source whose bytecode is empty"),
        pytest.param([{f"{SITE}/pkg/a.txt": NEW}], id="no source"),
        pytest.param([{f"{SITE}/pkg/.wh.a.py": b""}], id="removed, so there is nothing to import"),
        pytest.param([{SOURCE: NEW, COMPILED: bytecode(NEW)}], id="compiled again, unchecked"),
        pytest.param([{SOURCE: NEW, COMPILED: bytecode(OLD, 3)}], id="compiled, and checked by its hash"),
        pytest.param([{SOURCE: NEW, COMPILED: bytecode(OLD, 0)}], id="compiled, and checked by its time"),
        pytest.param([{SOURCE: NEW, f"{SITE}/pkg/__pycache__/.wh.a.cpython-313.pyc": b""}], id="bytecode removed"),
        pytest.param([{SOURCE: NEW, f"{SITE}/pkg/.wh.__pycache__": b""}], id="its folder removed"),
        pytest.param([{SOURCE: NEW, f"{SITE}/pkg/__pycache__/.wh..wh..opq": b""}], id="its folder emptied"),
        pytest.param([{SOURCE: NEW, f"{SITE}/pkg/__pycache__": "/dev/null"}], id="its folder replaced by a link"),
        pytest.param([{SOURCE: NEW}, {f"{SITE}/pkg/.wh.__pycache__": b""}], id="its folder removed later"),
        pytest.param([{SOURCE: NEW}, {COMPILED: bytecode(NEW)}], id="compiled later"),
        pytest.param([{SOURCE: NEW}, {SOURCE: OLD}], id="as it was, later"),
        pytest.param([{SOURCE: NEW}, {f"{SITE}/.wh.pkg": b""}], id="all of it removed later"),
        pytest.param([{f"{SITE}/.wh.pkg": b""}, {SOURCE: NEW}], id="all of it removed before"),
        pytest.param([{f"{SITE}/pkg": None, f"{SITE}/pkg/.wh..wh..opq": b"", SOURCE: NEW}], id="folder made anew"),
        pytest.param([{f"{SITE}/pkg": "/srv/pkg", "srv/pkg/a.py": NEW}], id="folder replaced by a link"),
    ],
)  # fmt: skip
def test_new_code_runs(commands: list[Files], tmp_path: Path) -> None:
    assert said(tmp_path, *commands) == []


def test_application_above_a_command_has_bytecode_of_its_own(tmp_path: Path) -> None:
    assert said(tmp_path, {SOURCE: NEW}, above={COMPILED: bytecode(b"x = 3\n")}) == []


def test_command_is_named_once_for_all_platforms(tmp_path: Path) -> None:
    made = Layer(holds="bytecode of pkg 1", name="b", content=Bytecode(python="3.13.5", of=()))
    run = kinds.command(1, "sed " + "x" * 200, of_bytes(b""))
    below, above = layer(tmp_path / "below", BELOW), layer(tmp_path / "above", {SOURCE: NEW})
    exported = [("sha256:x", below), ("sha256:y", above)]

    (found,) = refused((made, run), {"linux/amd64": exported, "linux/arm64": exported})
    assert found.startswith(f"run[0]: run 1: sed {'x' * 86}...: Python would")


def test_image_without_bytecode_is_left_alone(tmp_path: Path) -> None:
    run = kinds.command(1, "sed", of_bytes(b""))
    written = layer(tmp_path / "x", {SOURCE: NEW, COMPILED: bytecode(OLD)})

    assert refused((run,), {"linux/amd64": [("sha256:x", written)]}) == []
