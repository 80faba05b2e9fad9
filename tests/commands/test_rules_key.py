"""The key `rules`: what is written, what is removed, and what engines and checks say of what is not asked for."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from conftest import ALL_RULES, Project, Result
from full_case import SPEC
from onedigest import zipapp
from onedigest.definition.script import parse
from onedigest.digest import of_bytes
from onedigest.errors import EngineError
from onedigest.formats import RULES
from onedigest.workspace.planned_image import refuse_missing_rules
from onedigest.workspace.script_image import ScriptImage

pytest_plugins = ("built_app",)

GIT = {".gitattributes", ".gitignore"}
LOCK = {"app/image.toml", "app/pylock.toml"}
DOCKER = {"app/Dockerfile", "app/Dockerfile.dockerignore", "docker-bake.json"}
BAZEL = {"app/BUILD.bazel", "app/layers.json", "BUILD.bazel", "defs.bzl", "extensions.bzl", "internal.bzl"}
NIX = {"app/default.nix", "onedigest.nix"}


def files(project: Project) -> set[str]:
    """Return the paths of what is in the lock folder, without inputs."""
    folder = project.root / "lockfiles"
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    return {path for path in found if not path.startswith(".inputs/")}


def ask(project: Project, *names: str) -> None:
    """Say which rules the project has."""
    project.write("onedigest.toml", f"rules = {json.dumps(names)}\n")


def check(project: Project) -> Result:
    return project.run("generate", "--check", "--all")


def restated(text: str, old: str, new: str) -> str:
    """Return a generated text with something replaced, and with a checksum that fits."""
    head, line, body = re.split(r"(?m)^(.*Content sha256:[0-9a-f]{64}.*\n)", text, maxsplit=1)
    body = body.replace(old, new)
    return head + re.sub("sha256:[0-9a-f]{64}", of_bytes(body.encode()), line) + body


def restate_format(project: Project, number: int) -> None:
    """Have all rules of the project state another format, as another release would have written them; 0 is none."""
    words = f", rules format {number}." if number else "."
    for name in files(project):
        path, text = f"lockfiles/{name}", project.read(f"lockfiles/{name}")
        if name == "docker-bake.json":
            project.write(path, text.replace(f", rules format {RULES}.", words))
        elif f"Rules format {RULES}" in text:
            old = next(each for each in text.splitlines(keepends=True) if f"Rules format {RULES}" in each)
            new = old.replace(f"format {RULES}", f"format {number}") if number else ""
            project.write(path, restated(text, old, new))


@pytest.mark.parametrize(
    ("asked", "written"),
    [((), set()), (("docker",), DOCKER), (("bazel",), BAZEL), (("nix",), NIX), (("docker", "nix"), DOCKER | NIX)],
)
def test_nothing_is_written_that_is_not_asked_for(app: Project, asked: tuple[str, ...], written: set[str]) -> None:
    everything = files(app)
    assert everything == GIT | LOCK | DOCKER | BAZEL | NIX
    before = {name: app.read(f"lockfiles/{name}") for name in everything}

    ask(app, *asked)
    app.ok("generate", "app.py")
    assert files(app) == GIT | LOCK | written
    assert check(app).code == 0
    assert f'index = "{app.ok("build", "--locked", "app").out.strip()}"' in app.read("lockfiles/app/image.toml")

    app.write("onedigest.toml", ALL_RULES)
    app.ok("generate", "app.py")
    assert {name: app.read(f"lockfiles/{name}") for name in files(app)} == before


def test_docker_is_what_is_asked_for_where_nothing_is_said(app: Project) -> None:
    app.write("onedigest.toml", "")
    app.ok("generate", "app.py")

    assert files(app) == GIT | LOCK | DOCKER


def test_key_in_a_script_is_for_its_image_alone(app: Project) -> None:
    ask(app)
    app.ok("generate", "app.py")
    app.write("other.py", app.read("app.py").replace("# [tool.onedigest]\n", '# [tool.onedigest]\n# rules = ["nix"]\n'))
    app.ok("generate", "other.py")

    assert files(app) == GIT | LOCK | {"other/pylock.toml", "other/default.nix", "onedigest.nix"}
    assert check(app).code == 0


def test_files_that_other_images_need_are_kept(app: Project) -> None:
    """To generate one image says nothing of what others ask for."""
    app.write("other.py", app.read("app.py"))
    app.ok("generate", "other.py")
    app.write("app.py", app.read("app.py").replace("# [tool.onedigest]\n", "# [tool.onedigest]\n# rules = []\n"))
    app.ok("generate", "app.py")

    own = {
        f"other/{name}"
        for name in ("pylock.toml", *(each.removeprefix("app/") for each in DOCKER | BAZEL | NIX if "/" in each))
    }
    shared = {name for name in DOCKER | BAZEL | NIX if not name.startswith("app/")}
    assert files(app) == GIT | LOCK | own | shared
    assert list(json.loads(app.read("lockfiles/docker-bake.json"))["target"]) == ["other"]
    assert check(app).code == 0

    shutil.rmtree(app.root / "lockfiles" / "other")
    (app.root / "other.py").unlink()
    app.ok("generate", "app.py")
    assert files(app) == GIT | LOCK


def test_file_that_is_not_asked_for_is_told(app: Project) -> None:
    ask(app, "docker", "bazel")
    found = check(app)

    assert (found.code, found.err) == (
        3,
        "error: lockfiles/app/default.nix: is there, and `rules` does not ask for it\n"
        "hint: run `onedigest generate app.py`\n"
        "error: lockfiles/onedigest.nix: is there, and `rules` does not ask for it\n"
        "hint: run `onedigest generate --all`\n",
    )


def test_file_of_somebody_else_is_left_and_told(app: Project) -> None:
    ask(app, "docker")
    app.write("lockfiles/app/default.nix", "{ }\n")
    app.write("lockfiles/BUILD.bazel", "# mine\n")
    said = app.ok("generate", "app.py").err

    left = "is not a file of onedigest, and is left as it is; `rules` does not ask for one of this name"
    assert f"warning: lockfiles/app/default.nix: {left}\n" in said
    assert f"warning: lockfiles/BUILD.bazel: {left}\n" in said
    assert app.read("lockfiles/app/default.nix") == "{ }\n"
    assert app.read("lockfiles/BUILD.bazel") == "# mine\n"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            'rules = ["bazle"]',
            "`rules` has 'bazle'; known are `docker`, `bazel`, `nix`; did you mean `bazel`?",
        ),
        ('rules = ["nix", "make"]', "`rules` has 'make'; known are `docker`, `bazel`, `nix`"),
        ('rules = "docker"', "`rules` is not a list of strings"),
    ],
)
def test_unknown_rules_are_refused(project: Project, line: str, said: str) -> None:
    project.script("app.py", "[tool.onedigest]", line)
    found = project.run("generate", "app.py")

    assert (found.code, found.err) == (1, f"error: app.py:3: {said}\n")


@pytest.mark.parametrize("engine", ["bazel", "nix"])
def test_engine_says_which_key_it_needs(app: Project, engine: str) -> None:
    ask(app, "docker")
    app.ok("generate", "app.py")
    found = app.run("build", "--engine", engine, "app", PATH="/nonexistent")

    assert (found.code, found.err) == (
        5,
        f"error: app.py:4: `rules` does not ask for {engine}, whose rules the {engine} engine reads\n"
        f'hint: set `rules = ["docker", "{engine}"]`, then run `onedigest generate app.py`\n',
    )
    compared = app.ok("verify", "--engine", engine, "app", PATH="/nonexistent").err
    assert f"{engine}: not compared: app.py:4: `rules` does not ask for {engine}" in compared


def test_engine_of_docker_says_which_key_it_needs() -> None:
    image = ScriptImage(
        script=parse(b"# /// script\n# [tool.onedigest]\n# rules = []\n# ///\n", "full.py"),
        spec=replace(SPEC, rules=("nix",)),
        script_folder=Path(),
        folder=Path("lockfiles/full"),
    )
    with pytest.raises(EngineError, match=r'(?s)full.py:3: `rules` does not ask for docker.*\["docker", "nix"\]'):
        refuse_missing_rules(image, "buildx")


def test_order_and_repetition_of_the_names_do_not_matter(app: Project) -> None:
    ask(app, "nix", "docker", "bazel", "nix")

    assert check(app).code == 0


def test_key_moves_no_lock(app: Project) -> None:
    lock = app.read("lockfiles/app/pylock.toml")
    ask(app)
    app.ok("generate", "app.py")

    assert app.read("lockfiles/app/pylock.toml") == lock


@pytest.mark.parametrize(
    ("number", "hint"),
    [
        (0, "run `onedigest generate --all`, which moves no lock and no digest"),
        (99, "run `uv tool install --upgrade onedigest`"),
    ],
)
def test_rules_of_another_format_are_one_line(app: Project, number: int, hint: str) -> None:
    app.write("other.py", app.read("app.py"))
    app.ok("generate", "other.py")
    before = {name: app.read(f"lockfiles/{name}") for name in files(app)}
    restate_format(app, number)
    (app.root / "lockfiles" / "other" / "default.nix").unlink()  # what the other format may not have had
    found = check(app)

    assert (found.code, found.err) == (
        3,
        f"error: lockfiles: the rules are of format {number}, and this version writes format {RULES}\nhint: {hint}\n",
    )
    assert app.run("build", "--locked", "app").code == 0
    refused = app.run("build", "--locked", "--engine", "nix", "app")
    assert (refused.code, "lockfiles/app/default.nix: is out of date" in refused.err) == (3, True)

    result = app.run("generate", "app.py", "other.py")
    if number > RULES:
        assert result.err == "".join(
            f"error: lockfiles/{name}/Dockerfile: a newer release wrote it, in rules format {number}; "
            f"this version writes {RULES}\nhint: {hint}\n"
            for name in ("app", "other")
        )
    else:
        assert {name: app.read(f"lockfiles/{name}") for name in files(app)} == before


def test_edit_by_hand_is_told_beside_another_format(app: Project) -> None:
    restate_format(app, 0)
    app.write("lockfiles/app/Dockerfile", app.read("lockfiles/app/Dockerfile") + "# edited\n")

    assert check(app).err == (
        "error: lockfiles: the rules are of format 0, and this version writes format 1\n"
        "hint: run `onedigest generate --all`, which moves no lock and no digest\n"
        "error: lockfiles/app/Dockerfile: was changed by hand\nhint: run `onedigest generate app.py`\n"
    )


def test_build_reads_no_rules_but_refuses_those_that_were_edited(app: Project) -> None:
    dockerfile = app.root / "lockfiles" / "app" / "Dockerfile"
    text = dockerfile.read_text()
    dockerfile.unlink()
    assert app.run("build", "--locked", "app").code == 0
    dockerfile.write_text(text.replace("FROM scratch", "FROM evil").replace("FROM ", "FROM  ", 1))
    found = app.run("build", "--locked", "app")

    assert (found.code, found.err) == (
        3,
        "error: lockfiles/app/Dockerfile: was changed by hand\nhint: run `onedigest generate app.py`\n",
    )


def test_assembler_that_is_not_shipped_is_named(app: Project) -> None:
    name, digest = zipapp.file_name(zipapp.newest()), zipapp.newest()
    for path in ("app/Dockerfile", "app/Dockerfile.dockerignore", "internal.bzl", "onedigest.nix"):
        text = app.read(f"lockfiles/{path}").replace(digest, f"sha256:{'0' * 64}")
        app.write(f"lockfiles/{path}", restated(text, name, "assemble-000000000000.pyz"))
    said = "names `assemble-000000000000.pyz`, an assembler that this version does not have"

    found = check(app)
    assert found.code == 3
    assert f"error: lockfiles/app/Dockerfile: {said}\nhint: run `onedigest generate app.py`\n" in found.err
    assert f"error: lockfiles/onedigest.nix: {said}\n" in found.err
    assert f"lockfiles/app/Dockerfile: {said}" in app.run("fetch", "app").err
    assert app.run("build", "--locked", "app").code == 0
    app.ok("generate", "app.py")
    assert check(app).code == 0


def test_what_is_removed_is_said_and_is_no_lock(app: Project) -> None:
    for command in ("generate", "build"):
        ask(app)
        if command == "build":
            app.write("app.py", app.read("app.py").replace("# [tool.onedigest]", "# [tool.onedigest]\n# args = ['x']"))
        found = app.ok(command, "app.py")
        own = "removed, since `rules` does not ask for it: BUILD.bazel, Dockerfile, Dockerfile.dockerignore"
        assert f"\n  {own}, default.nix, layers.json\n" in f"\n{found.err}", command
        shared = "BUILD.bazel, defs.bzl, docker-bake.json, extensions.bzl, internal.bzl, onedigest.nix"
        assert f"lockfiles: removed, since `rules` does not ask for it: {shared}\n" in found.err, command
        ask(app, "docker", "bazel", "nix")
        assert app.ok("generate", "app.py").err.startswith("app: rules written, ")
        assert "removed" not in app.ok("generate", "app.py").err


def test_conflict_in_the_bake_file_drops_no_target(app: Project) -> None:
    app.write("other.py", app.read("app.py"))
    app.ok("generate", "other.py")
    text = app.read("lockfiles/docker-bake.json")
    app.write("lockfiles/docker-bake.json", f"<<<<<<< ours\n{text}=======\n{text}>>>>>>> theirs\n")
    marks = "error: lockfiles/docker-bake.json: has conflict markers of a merge"
    found = check(app)
    assert (found.code, found.err) == (3, f"{marks}\nhint: run `onedigest generate --all`\n")
    found = app.run("generate", "app.py")

    assert (found.code, found.err) == (
        1,
        f"{marks}, so the targets of other images would be lost: other\n"
        "hint: run `onedigest generate --all`, which writes it anew\n",
    )
    app.ok("generate", "--all")
    assert app.read("lockfiles/docker-bake.json") == text


def test_fetch_brings_the_assemblers_that_rules_name(app: Project) -> None:
    inputs = app.root / "lockfiles" / ".inputs"
    shutil.rmtree(inputs, ignore_errors=True)
    ask(app)
    app.ok("generate", "app.py")
    app.ok("fetch", "app")
    assert list(inputs.glob("assemble-*")) == []

    for kind in ("docker", "bazel", "nix"):
        ask(app, kind)
        app.ok("generate", "app.py")
        app.ok("fetch", "app")
        assert [path.name for path in inputs.glob("assemble-*")] == [zipapp.file_name(zipapp.newest())], kind
        shutil.rmtree(inputs)


def test_pruning_loses_no_targets_either(app: Project) -> None:
    app.write("other.py", app.read("app.py"))
    app.ok("generate", "other.py")
    (app.root / "other.py").unlink()
    app.write("lockfiles/docker-bake.json", "<<<<<<< ours\n" + app.read("lockfiles/docker-bake.json"))
    found = app.run("generate", "--prune")

    assert found.code == 1
    assert "lockfiles/docker-bake.json: cannot be read, so the targets of other images would be lost: app" in found.err
    app.ok("generate", "--all")
    assert list(json.loads(app.read("lockfiles/docker-bake.json"))["target"]) == ["app"]
