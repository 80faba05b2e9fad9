"""Real Nix builds from the generated files what the embedded engine builds, by the engine and by hand."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from build_tools import NAMES, SHARED, call, copy_project, find_tool, layout_digest, nix_python, odd_project, recorded
from conftest import Project, Result

pytestmark = [pytest.mark.nix, pytest.mark.network]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Iterator[Project]:
    """The odd project, locked and built."""
    find_tool("nix-build")
    with odd_project(tmp_path_factory.mktemp("nix"), cache) as project:
        yield project


def nix(project: Project, program: str, name: str, *arguments: str) -> Result:
    python = ("--argstr", "python", nix_python())
    return call(project, program, f"lockfiles/{name}", *python, *arguments)


def test_engine_gives_the_recorded_digests(built: Project) -> None:
    result = built.ok("build", "--engine", "nix", "--locked", *NAMES)

    assert result.out == "".join(f"{name} {recorded(built, name)}\n" for name in NAMES)
    document = json.loads(built.ok("build", "--engine", "nix", "--locked", "--json", "app").out)
    assert document["images"][0]["made"] == [], "Nix has all of it"


@pytest.mark.parametrize("name", NAMES)
def test_every_image_is_checked_by_hand(name: str, built: Project) -> None:
    layout, digests, check = (
        nix(built, "nix-build", name, "--no-out-link", *attribute)
        for attribute in ((), ("-A", "digests"), ("-A", "check"))
    )
    assert [each.code for each in (layout, digests, check)] == [0, 0, 0], layout.err + digests.err + check.err

    assert layout_digest(Path(layout.out.strip())) == recorded(built, name)
    assert json.loads(Path(digests.out.strip()).read_bytes())["index"] == recorded(built, name)
    assert Path(check.out.strip()).read_text() == recorded(built, name) + "\n"


def test_files_parse_and_evaluate_strictly_without_nixpkgs(built: Project) -> None:
    for path in sorted((built.root / "lockfiles").rglob("*.nix")):
        assert call(built, "nix-instantiate", "--parse", str(path)).code == 0
    for name in NAMES:
        result = nix(built, "nix-instantiate", name, "--eval", "--strict")
        assert result.code == 0, result.err


def test_derivations_depend_on_no_path_and_are_shared_by_images(built: Project, tmp_path: Path) -> None:
    def derivations(project: Project, name: str) -> dict[str, str]:
        result = nix(project, "nix-instantiate", name, "-A", "layers")
        assert result.code == 0, result.err
        paths = [path.partition("!")[0] for path in result.out.split()]
        return {re.sub(r".*/[0-9a-z]{32}-", "", path): path for path in paths}

    app, other = derivations(built, "app"), derivations(built, "application")
    shared = {name for name in app.keys() & other.keys() if app[name] == other[name]}
    elsewhere = copy_project(built, tmp_path / "elsewhere")

    assert derivations(elsewhere, "app") == app
    assert shared == {
        "debian-bookworm-amd64.drv", "debian-bookworm-arm64.drv", "native-1.0-amd64.drv", "native-1.0-arm64.drv",
        "bytecode-debian-bookworm-amd64.drv", "bytecode-debian-bookworm-arm64.drv", "bytecode-native-1.0-amd64.drv",
        "bytecode-native-1.0-arm64.drv", "folder-app.drv", "working-directory.drv",
    }  # fmt: skip


def test_edit_of_a_script_makes_its_layer_alone(built: Project) -> None:
    built.ok("build", "--engine", "nix", "app")
    before = built.read("app.py")
    built.write("app.py", f"{before}print({os.getpid()})\n")  # Nix keeps what it made for other runs
    found = json.loads(built.ok("build", "--engine", "nix", "--json", "app").out)["images"][0]
    embedded = built.ok("build", "app").out
    built.write("app.py", before)
    built.ok("build", "app")

    assert found["made"] == ["app.py and further files in /app"]
    assert embedded == f"{found['digest']}\n"


def test_files_of_a_copied_folder_come_and_go(built: Project) -> None:
    rules = built.read("lockfiles/etl.daily/default.nix")
    before = built.ok("build", "--engine", "nix", "etl.daily").out
    for path in ("extra/new.txt", "extra/further/one.txt", "extra/further/default.nix"):
        built.write(path, path)
        found = built.ok("build", "--engine", "nix", "etl.daily").out
        assert found == built.ok("build", "etl.daily").out != before
    shutil.rmtree(built.root / "extra" / "further")
    (built.root / "extra" / "new.txt").unlink()

    assert built.ok("build", "--engine", "nix", "etl.daily").out == before
    assert built.read("lockfiles/etl.daily/default.nix") == rules


def test_store_has_the_files_of_the_application_alone(built: Project) -> None:
    """Neither credentials nor repositories, locks and other files of the project, which anybody on a machine may read."""
    others = (
        ".env",
        ".git/config",
        "extra/.env",
        "extra/.git/HEAD",
        "extra/deep/id_rsa",
        "extra/__pycache__/x.pyc",
        "x/y",
    )
    for path in others:
        built.write(path, "secret")
    derivation = nix(built, "nix-instantiate", "etl.daily", "-A", "layers.application")
    text = Path(derivation.out.strip().partition("!")[0]).read_text()
    for path in others:
        (built.root / path).unlink()
    (built.root / ".git").rmdir()
    (files,) = map(Path, set(re.findall(r'"(/[^"]+-xapplication-files)"', text)))

    assert sorted(path.relative_to(files).as_posix() for path in files.rglob("*") if path.is_file()) == [
        "data/a b:c%3A`ü`.txt",
        "data/tool.sh",
        "extra/.dockerignore",
        "extra/deep/BUILD.bazel",
        "extra/deep/er/tool.py",
        'extra/deep/q"uote.txt',
        "jobs/etl.py",
    ]
    assert not [path for path in files.rglob("*") if path.name in ("lockfiles", "x", ".git")]


def test_missing_input_is_told(built: Project) -> None:
    wheel = built.root / "lockfiles" / ".inputs" / "alpha-1.0-py3-none-any.whl"
    kept = wheel.rename(wheel.with_suffix(".away"))
    broken = nix(built, "nix-build", "app", "--no-out-link")
    kept.rename(wheel)

    assert broken.code == 1
    assert "missing: lockfiles/.inputs/alpha-1.0-py3-none-any.whl; run `onedigest fetch --all`" in broken.err


def test_input_whose_bytes_changed_is_refused(built: Project) -> None:
    """Nix does not read a file again whose content it has; so its store must not have the one that is changed."""
    wheel = built.root / "lockfiles" / ".inputs" / "alpha-1.0-py3-none-any.whl"
    kept = wheel.rename(wheel.with_suffix(".away"))
    wheel.write_bytes(kept.read_bytes()[:-1])
    text = built.read("lockfiles/app/default.nix")
    digest = re.search(r'"alpha-1.0-py3-none-any.whl" = "sha256:(\w+)"', text)
    assert digest
    built.write("lockfiles/app/default.nix", text.replace(digest[1], f"{0:064}"))
    by_hand = nix(built, "nix-build", "app", "--no-out-link")
    built.write("lockfiles/app/default.nix", text)
    kept.rename(wheel)

    assert by_hand.code == 1
    assert "path mismatch" in by_hand.err
    assert "if it changed, delete it and run `onedigest fetch --all`" in by_hand.err


def test_record_that_is_another_or_missing_fails_the_check(built: Project) -> None:
    record = built.read("lockfiles/app/image.toml")
    built.write("lockfiles/app/image.toml", re.sub(r'index = "sha256:....', 'index = "sha256:0000', record))
    wrong = nix(built, "nix-build", "app", "-A", "check", "--no-out-link")
    (built.root / "lockfiles/app/image.toml").unlink()
    none = nix(built, "nix-build", "app", "-A", "check", "--no-out-link")
    built.write("lockfiles/app/image.toml", record)

    assert (wrong.code, none.code) == (100, 1)
    assert f"  index: {recorded(built, 'app')} built, sha256:0000" in wrong.err
    assert "no build of app is recorded: run `onedigest build app`" in none.err


def test_image_with_commands_says_what_can_build_it(built: Project) -> None:
    by_hand = nix(built, "nix-build", "commands")
    engine = built.run("build", "--engine", "nix", "commands")

    assert "`run` needs an engine that runs commands: build with `onedigest build --engine buildx`" in by_hand.err
    assert (engine.code, engine.out) == (5, "")


def test_without_nixpkgs_and_without_a_python_both_say_what_to_do(built: Project) -> None:
    by_hand = call(built, "nix-build", "lockfiles/app", "--no-out-link")
    engine = built.run("build", "--engine", "nix", "app", ONEDIGEST_NIX_PYTHON="")

    assert "there is no <nixpkgs> to take Python from: add --argstr python /path/to/python3" in by_hand.err
    assert (engine.code, engine.out, engine.err) == (
        5,
        "",
        "error: Nix has no nixpkgs to take Python from\n"
        "hint: add nixpkgs to NIX_PATH, or set ONEDIGEST_NIX_PYTHON to a python3 (3.11 or newer) that Nix's builders can "
        "run\n",
    )


def test_python_that_builders_do_not_see_is_named(built: Project) -> None:
    result = built.run("build", "--engine", "nix", "app", ONEDIGEST_NIX_PYTHON="/nonexistent/python3")

    assert (result.code, result.out, result.err) == (
        5,
        "",
        f"{SHARED}error: Nix's builders cannot run /nonexistent/python3\n"
        "hint: ONEDIGEST_NIX_PYTHON is to name a python3 that they see: one of the store, or of `sandbox-paths`\n",
    )
