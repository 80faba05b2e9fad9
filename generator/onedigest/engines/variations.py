"""The conditions that must not matter to an image, and a second build while they vary.

Each build makes all layers anew, but for one: the bytecode of a base's standard library takes seconds, and most
conditions are about nothing in it. It is compiled again under those that bytecode could depend on: the seed of hashes,
the order of files, and how many processes compile. Under the others the layer of the store is taken over.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from onedigest import formats
from onedigest.checkout import open_inside
from onedigest.engines.kept_layers import lend_layer
from onedigest.errors import EngineError, InputError
from onedigest.plan.layers import Layer
from onedigest.store import STAMP, Store, link

_LATER = "2037-12-31 23:59:30"
_OLD = 1_000_000_000

_CHILD = """
import os, runpy, sys
mask, processors, *arguments = sys.argv[1:]
os.umask(int(mask, 8))
if processors and hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: int(processors)])
sys.argv = ["onedigest", *arguments]
runpy.run_module("onedigest", run_name="__main__", alter_sys=True)
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Variation:
    """One thing that is otherwise than usual."""

    name: str
    variables: Mapping[str, str] = field(default_factory=dict)
    prefix: tuple[str, ...] = ()
    umask: int = 0o022
    processors: str = ""
    reverse: bool = False
    time: int = STAMP
    folder: str = "project"
    compiles_all: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildFiles:
    """What a build reads: paths of files from the root, and inputs by their digests.

    `libraries` are the layers with bytecode of standard libraries, and `programs` is a folder with a Python that
    compiles, or empty.
    """

    root: Path
    files: tuple[str, ...]
    image: str
    lockfiles: str
    digests: tuple[str, ...]
    libraries: tuple[Layer, ...] = ()
    programs: str = ""


def list_variations(faketime: str | None) -> tuple[Variation, ...]:
    """Return all variations; that of the clock needs the command `faketime`."""
    clock = (Variation(name="clock", prefix=(faketime, _LATER)),) if faketime else ()
    return (
        *clock,
        Variation(name="time zone", variables={"TZ": "Pacific/Kiritimati"}),
        Variation(
            name="locale", variables={"LC_ALL": "C", "LANG": "tr_TR", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
        ),
        Variation(name="umask", umask=0o077),
        Variation(name="hash seed", variables={"PYTHONHASHSEED": "4242"}, compiles_all=True),
        Variation(name="home", variables={"HOME": "/nonexistent"}),
        Variation(name="working directory", folder="an other größe/folder"),
        Variation(name="directory order", reverse=True, compiles_all=True),
        Variation(name="file times", time=_OLD),
        Variation(name="number of processors", processors="1", compiles_all=True),
    )


def build_varied(
    project: BuildFiles, variation: Variation, store: Store, environment: Mapping[str, str]
) -> VariedBuild:
    """Build an image from a copy of its project without the layers of the store. Raises `EngineError`."""
    with store.scratch() as scratch:
        root = scratch / variation.folder
        cache = Store(scratch / "cache" / "onedigest", scratch / "state" / "onedigest" / "key")
        _copy_files(project, root, variation)
        _link_inputs(project.digests, store, cache, reverse=variation.reverse)
        for layer in () if variation.compiles_all else project.libraries:
            lend_layer(layer, store, cache)
        variables = {
            **environment,
            "PATH": os.pathsep.join(each for each in (project.programs, environment.get("PATH", "")) if each),
            "PYTHONHASHSEED": "0",
            "XDG_CACHE_HOME": str(scratch / "cache"),
            "XDG_STATE_HOME": str(scratch / "state"),
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            **variation.variables,
        }
        if not "".join(project.files).isascii():
            variables["PYTHONUTF8"] = "1"  # no Python without it names such a file in a locale of ASCII
        arguments = ("build", "--offline", "--json", "--lockfiles", project.lockfiles, project.image)
        command = [*variation.prefix, sys.executable, "-c", _CHILD, f"{variation.umask:o}", variation.processors]
        code, out, err = _run([*command, *arguments], root, variables)
        if code:
            said = err.decode("utf-8", "replace").strip()
            raise EngineError.of(f"the build failed under another {variation.name}: {said}")
        found = json.loads(out)["images"][0]
        record = (root / project.lockfiles / found["name"] / formats.RECORD_FILE).read_text(encoding="utf-8")
        return VariedBuild(digest=found["digest"], record=record)


@dataclass(frozen=True, kw_only=True, slots=True)
class VariedBuild:
    """What a varied build gave: the image's digest, and the text of its record."""

    digest: str
    record: str


def _run(command: Sequence[str], folder: Path, variables: Mapping[str, str]) -> tuple[int, bytes, bytes]:
    """Run a build in a group of its own, which ends with us: what goes on would write into a folder that is removed."""
    with subprocess.Popen(
        command,
        cwd=folder,
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        try:
            out, err = process.communicate()
        except BaseException:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
    return process.returncode, out, err


def _copy_files(project: BuildFiles, root: Path, variation: Variation) -> None:
    for path in sorted(project.files, reverse=variation.reverse):
        if path.startswith("/") or ".." in path.split("/"):
            raise InputError.of("is not in the project, which is copied", where=path)
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with open_inside(project.root / path, project.root, path) as source, target.open("wb") as copy:
            shutil.copyfileobj(source, copy, 1 << 20)
            target.chmod(stat.S_IMODE(os.fstat(source.fileno()).st_mode))
        os.utime(target, (variation.time, variation.time))


def _link_inputs(digests: Iterable[str], store: Store, cache: Store, *, reverse: bool) -> None:
    for digest in sorted(digests, reverse=reverse):
        target = cache.path(digest)
        target.parent.mkdir(parents=True, exist_ok=True)
        link(store.path(digest), target)
