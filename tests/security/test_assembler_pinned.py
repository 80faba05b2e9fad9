"""An assembler that a checkout or a cache brings along: no engine runs another one than the lock pins."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from forged_locks import document, written
from golden import script_of
from onedigest import zipapp
from onedigest.definition.project import Project
from onedigest.definition.script import parse
from onedigest.definition.spec import specify
from onedigest.digest import hex_of
from onedigest.fetching import place_assemblers
from onedigest.lock import text as lock_text
from onedigest.plan.arrange import arrange
from onedigest.plan.inputs import FOLDER
from onedigest.rules.dockerfile import render_dockerfile
from onedigest.rules.shared import render_shared
from onedigest.store import STAMP, Store

EVIL = b"import pathlib, sys\npathlib.Path(sys.argv[0]).with_name('pwned').touch()\n"


def dockerfile(case: str) -> str:
    """Return the Dockerfile of a golden case."""
    spec = specify(parse(script_of(case).encode(), f"{case}.py"), Project(root=Path()), f"{case}.py")
    lock = lock_text.loads(written(document(case), case), "pylock.toml")
    return render_dockerfile(spec, lock, arrange(spec, lock, ()), "lockfiles", zipapp.newest())["Dockerfile"]


def commands(text: str) -> list[list[str]]:
    """Return the commands of a Dockerfile that name the assembler, as words."""
    joined = text.replace("\\\n", " ")
    rows = [json.loads(line[line.index("[") :]) for line in joined.splitlines() if line.startswith("RUN ")]
    return [words for words in rows if "/assemble.pyz" in words]


def run(command: list[str], assembler: Path) -> subprocess.CompletedProcess[str]:
    """Run a command of a Dockerfile on this machine, with the assembler at another place."""
    words = [sys.executable, *(str(assembler) if word == "/assemble.pyz" else word for word in command[1:])]
    return subprocess.run(words, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("case", ["full", "image"])
def test_dockerfile_runs_no_other_assembler(case: str, tmp_path: Path) -> None:
    assembler = tmp_path / "assemble.pyz"
    first = commands(dockerfile(case))[0]
    assembler.write_bytes(EVIL)
    refused = run(first, assembler)
    assembler.write_bytes(zipapp.shipped(zipapp.newest()))
    taken = run(first, assembler)

    assert not (tmp_path / "pwned").exists()
    assert (refused.returncode, refused.stderr) == (1, f"refused: {assembler} is not the pinned assembler\n")
    assert (taken.returncode, taken.stdout.startswith("usage: assemble")) == (0, True)


def test_dockerfile_proves_the_assembler_before_any_stage_uses_it() -> None:
    text = dockerfile("full")
    first, *others = commands(text)

    assert first[-3:] == ["/assemble.pyz", zipapp.newest(), "--help"]
    assert first[1:4] == ["-I", "-c", zipapp.START]
    assert others
    assert text.count("COPY lockfiles/.inputs/assemble-") == 1
    assert all(name == "assembler" for name in re.findall(r"(?m)^FROM (\S+) AS layer-", text))


def test_bazel_runs_the_assembler_behind_its_digest() -> None:
    text = render_shared(Path("/project/lockfiles"), ["bazel", "nix"])["internal.bzl"]

    assert f'ASSEMBLER_DIGEST = "{zipapp.newest()}"' in text
    assert f'START = "{zipapp.START}"' in text
    start = text[text.index('start.add("-I")') :].splitlines()[:4]
    assert [line.strip() for line in start] == [
        'start.add("-I")',
        'start.add("-c", START)',
        "start.add(ctx.file._assembler)",
        "start.add(ASSEMBLER_DIGEST)",
    ]
    assert text.count("_assembler.short_path, ASSEMBLER_DIGEST,") == text.count("_assembler.short_path") == 1


def test_repository_of_bazel_runs_the_assembler_behind_its_digest(tmp_path: Path) -> None:
    """What lists the files of applications is run on the machine, outside of any sandbox."""
    text = render_shared(Path("/project/lockfiles"), ["bazel"])["extensions.bzl"]
    program = text.split('_SELECT = """\\\n')[1].split('"""')[0]
    assembler, project = tmp_path / "assemble.pyz", tmp_path / "project"
    (project / "lib" / "further").mkdir(parents=True)
    for path in ("größe.py", "lib/further/one.txt"):
        (project / path).write_text("", encoding="utf-8")
    request = {
        "assembler": str(assembler),
        "digest": zipapp.newest(),
        "layers": {"fine": ["--script=größe.py", "--copy=lib=lib"], "wrong": ["--copy=lib=other"]},
        "project": str(project),
        "start": zipapp.START,
    }
    (tmp_path / "request.json").write_text(json.dumps(request, ensure_ascii=False), encoding="utf-8")

    def run() -> Any:
        words = [sys.executable, "-I", "-X", "utf8", "-c", program]
        subprocess.run(words, cwd=tmp_path, check=True, env={"LC_ALL": "C"})
        return json.loads((tmp_path / "selected.json").read_bytes())

    assembler.write_bytes(EVIL)
    refused = run()
    assembler.write_bytes(zipapp.shipped(zipapp.newest()))
    taken = run()

    assert not (tmp_path / "pwned").exists()
    assert refused["layers"]["fine"] == {"refused": f"refused: {assembler} is not the pinned assembler"}
    assert taken["folders"] == ["lib", "lib/further"]
    assert taken["layers"]["wrong"]["refused"].startswith("refused: `copy` names 'other', where there is no file")
    assert taken["layers"]["fine"]["files"] == [
        {"target": "größe.py", "path": "größe.py", "role": "script"},
        {"target": "lib/further/one.txt", "path": "lib/further/one.txt", "role": "plain"},
    ]


def test_nix_takes_the_assembler_by_its_digest() -> None:
    text = render_shared(Path("/project/lockfiles"), ["bazel", "nix"])["onedigest.nix"]

    assert f'assembler = pinned "{zipapp.file_name(zipapp.newest())}" "{zipapp.newest()}";' in text
    assert re.search(r"builtins\.path \{\n\s+name = storeName file;\n.*?inherit sha256;", text, re.DOTALL)


def test_assembler_of_a_checkout_is_replaced(tmp_path: Path) -> None:
    """A file with the time stamp of the store's own, which an unpacked cache can have."""
    placed = tmp_path / "lockfiles" / FOLDER / zipapp.file_name(zipapp.newest())
    placed.parent.mkdir(parents=True)
    placed.write_bytes(EVIL.ljust(len(zipapp.shipped(zipapp.newest())), b"#"))
    os.utime(placed, (STAMP, STAMP))
    place_assemblers(Store(tmp_path / "store"), placed.parent, [zipapp.newest()])

    assert placed.read_bytes() == zipapp.shipped(zipapp.newest())


def test_assembler_that_was_poisoned_in_the_store_is_made_anew(tmp_path: Path) -> None:
    store, inputs = Store(tmp_path / "store"), tmp_path / "lockfiles" / FOLDER
    place_assemblers(store, inputs, [zipapp.newest()])
    stored = store.path(zipapp.newest())
    stored.chmod(0o644)
    stored.write_bytes(EVIL.ljust(len(zipapp.shipped(zipapp.newest())), b"#"))
    os.utime(stored, (STAMP, STAMP))
    place_assemblers(store, inputs, [zipapp.newest()])

    assert (inputs / f"assemble-{hex_of(zipapp.newest())[:12]}.pyz").read_bytes() == zipapp.shipped(zipapp.newest())
    assert stored.read_bytes() == zipapp.shipped(zipapp.newest())


def test_what_starts_the_assembler_hands_on_its_arguments(tmp_path: Path) -> None:
    assembler = tmp_path / "assemble.pyz"
    assembler.write_bytes(zipapp.shipped(zipapp.newest()))
    start = [sys.executable, "-I", "-c", zipapp.START, str(assembler), zipapp.newest()]
    made = subprocess.run([*start, "working-directory", "--output", str(tmp_path / "layer"), "--quiet"], check=False)
    wrong = subprocess.run([*start, "wheels"], capture_output=True, text=True, check=False)

    assert (made.returncode, (tmp_path / "layer").is_file()) == (0, True)
    assert (wrong.returncode, wrong.stderr.startswith("usage: assemble wheels")) == (2, True)
