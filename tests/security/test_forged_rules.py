"""Generated files and locks that somebody wrote by hand, with checksums that fit."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from conftest import ALL_RULES, Project, Result
from full_case import LOCK, SPEC
from onedigest.digest import canonical_json, hex_of, of_bytes
from onedigest.errors import InputError
from onedigest.header import add_json_header
from onedigest.lock.base import Base
from onedigest.lock.base.image import ImageBase
from onedigest.lock.model import Lock, LockedPackage
from onedigest.lock.staleness import refuse_other_answer
from onedigest.rules import bake

pytest_plugins = ("built_app",)

EVIL = LockedPackage(name="evil", version="1.0", wheels=(), dependencies=())

HINT = "\nhint: run `onedigest generate app.py`\n"


def forged(text: str) -> str:
    """Return a generated text with the checksum that its content has now."""
    head, _, body = text.partition("\n")[2].partition("\n")
    assert head.startswith("# Content sha256:")
    return f"{text.partition(chr(10))[0]}\n# Content {of_bytes(body.encode())}\n{body}"


def check(project: Project, *names: str) -> Result:
    return project.run("generate", "--check", *(names or ("app.py",)))


@pytest.mark.parametrize(
    ("engine", "name", "edit"),
    [
        (
            "buildx",
            "Dockerfile",
            lambda text: text.replace("FROM tools AS assembler\n", 'FROM tools AS assembler\nRUN ["id"]\n'),
        ),
        (
            "bazel",
            "BUILD.bazel",
            lambda text: f'{text}\ngenrule(name = "x", outs = ["y"], cmd = "id > $@", local = True)\n',
        ),
        ("nix", "default.nix", lambda text: text.replace("onedigest.image {", "onedigest.image { # forged")),
        ("buildx", "Dockerfile.dockerignore", lambda text: f"{text}!.git\n!.env\n"),
    ],
)
def test_rules_with_a_checksum_that_fits_are_refused(
    app: Project, engine: str, name: str, edit: Callable[[str], str]
) -> None:
    text = app.read(f"lockfiles/app/{name}")
    assert edit(text) != text
    app.write(f"lockfiles/app/{name}", forged(edit(text)))
    said = f"error: lockfiles/app/{name}: is out of date{HINT}"

    for found in (check(app), check(app, "--all")):
        assert (found.code, found.err) == (3, said)
    refused = app.run("build", "--locked", "--engine", engine, "app")
    assert (refused.code, refused.err) == (3, said)
    assert app.run("build", "--locked", "app").code == 0  # the embedded engine reads no rules


def test_bake_target_with_a_checksum_that_fits_is_refused(app: Project) -> None:
    path = app.root / "lockfiles" / "docker-bake.json"
    targets = bake.read_targets(path.read_text())
    evil = replace(targets["app"], dockerfile="evil/Dockerfile", output="../../outside")
    targets["app"] = replace(evil, content=bake._content(evil))
    path.write_text(bake.render_bake(targets.values(), "lockfiles"))

    found = check(app)
    assert found.code == 3
    assert "docker-bake.json: the target of app is out of date" in found.err


def test_layer_with_checksums_that_fit_is_refused(app: Project) -> None:
    """Its parts are forged, and the name that is a checksum of them, wherever it stands."""
    layers, build = "lockfiles/app/layers.json", "lockfiles/app/BUILD.bazel"
    document = json.loads(app.read(layers))["layers"]
    old = next(name for name, parts in document.items() if parts["command"] == "virtual-environment")
    parts = document.pop(old)
    parts["options"]["interpreter"] = "/tmp/evil"
    stem, _, _ = old.rpartition("-")
    name = f"{stem}-{hex_of(of_bytes(canonical_json(parts)))[:12]}"
    text = json.dumps({"layers": document | {name: parts}}, indent=2, sort_keys=True, ensure_ascii=False)
    app.write(layers, add_json_header("app.py", text.removeprefix("{\n") + "\n"))
    app.write(build, forged(app.read(build).replace(old, name)))

    found = check(app)
    assert found.code == 3
    for path in (layers, build):
        assert f"{path}: is out of date" in found.err


def test_lock_that_no_pattern_names_is_checked_with_all(app: Project) -> None:
    app.write("onedigest.toml", f'{ALL_RULES}scripts = ["a*.py"]\n')
    app.write("other.py", app.read("app.py"))
    app.ok("generate", "other.py")
    app.write("lockfiles/other/default.nix", forged(app.read("lockfiles/other/default.nix") + "# forged\n"))

    assert check(app, "--all").err == (
        "error: lockfiles/other/default.nix: is out of date\nhint: run `onedigest generate other.py`\n"
    )


@pytest.mark.parametrize("scripts", ["", 'scripts = ["app.py"]\n'], ids=["every lock", "named scripts"])
def test_lock_folder_that_no_image_has(app: Project, scripts: str) -> None:
    """A copied lock of app.py, whose image has another folder: a target and rules of it were never rendered."""
    app.write("onedigest.toml", ALL_RULES + scripts)
    app.write("lockfiles/zz/pylock.toml", app.read("lockfiles/app/pylock.toml"))
    app.write("lockfiles/zz/Dockerfile", "FROM evil\n")
    path = app.root / "lockfiles" / "docker-bake.json"
    targets = bake.read_targets(path.read_text())
    evil = replace(targets["app"], name="zz", dockerfile="lockfiles/zz/Dockerfile", output="../../outside")
    targets["zz"] = replace(evil, content=bake._content(evil))
    path.write_text(bake.render_bake(targets.values(), "lockfiles"))

    found = check(app, "--all")
    assert (found.code, found.err) == (
        3,
        "error: lockfiles/zz/pylock.toml: is the lock of no image\n"
        "hint: delete the folder `zz`, and run `onedigest generate --all`\n",
    )


def test_layers_of_no_image(app: Project) -> None:
    """extensions.bzl reads the layers of all folders, whether or not they have a lock."""
    app.write(
        "lockfiles/zz/layers.json", '{"layers": {"evil": {"command": "application", "select": ["--copy=x=.."]}}}\n'
    )
    found = check(app, "--all")
    assert (found.code, found.err) == (
        3,
        "error: lockfiles/zz/layers.json: has the layers of no image\n"
        "hint: delete the folder `zz`, and run `onedigest generate --all`\n",
    )


def test_image_of_another_name_is_not_had_by_the_name_of_a_folder(app: Project) -> None:
    """`build --push service` pushed another script's image where the lock of `service` named that script."""
    app.write("lockfiles/service/pylock.toml", app.read("lockfiles/app/pylock.toml"))
    for command in ("build", "fetch", "inspect", "graph"):
        found = app.run(command, "service")
        assert found.code == 1, command
    assert app.run("build", "app", "service").err == (
        "error: lockfiles/service/pylock.toml: there is no image `service`: the lock names app.py, whose image has"
        " another name\nhint: name the script, and delete the folder of an image that is gone\n"
    )


def test_lock_folder_beside_one_of_the_same_name_elsewhere(app: Project) -> None:
    app.write("onedigest.toml", f'{ALL_RULES}scripts = ["inner/*.py"]\n')
    app.write("inner/onedigest.toml", ALL_RULES)
    app.write("inner/app.py", app.read("app.py"))
    app.ok("generate", "inner/app.py")
    app.write("lockfiles/app/default.nix", forged(app.read("lockfiles/app/default.nix") + "# forged\n"))

    found = check(app, "--all")
    assert found.code != 0
    assert "app" in found.err


def test_line_ends_are_read_once(app: Project) -> None:
    path = app.root / "lockfiles" / "app" / "Dockerfile"
    text = path.read_bytes()
    path.write_bytes(text.replace(b"\n", b"\r\n"))
    assert check(app).code == 0
    path.write_bytes(text.replace(b"\n", b"\r\r\n"))
    assert check(app).code == 3


@pytest.mark.parametrize(
    ("name", "edit"),
    [
        ("docker-bake.json", lambda _: "[" * 200_000),
        ("docker-bake.json", lambda text: text.replace("lockfiles/app/Dockerfile", "\\ud800")),
        ("BUILD.bazel", lambda text: text + "#" * 100_000),
        ("app/layers.json", lambda _: "[" * 200_000),
        ("app/layers.json", lambda text: text.replace("# ", "\\ud800", 1).replace('"//": [', '"//": ["\\', 1)),
    ],
    ids=["nested", "half of a character", "longer", "layers nested", "no header"],
)
def test_shared_files_that_cannot_be_read_are_told(app: Project, name: str, edit: Callable[[str], str]) -> None:
    app.write(f"lockfiles/{name}", edit(app.read(f"lockfiles/{name}")))
    found = check(app)
    assert found.code == 3
    assert f"lockfiles/{name}: was changed by hand" in found.err


def answer(change: Callable[[Lock], Lock]) -> str:
    with pytest.raises(InputError) as caught:
        refuse_other_answer(SPEC, change(LOCK), "lock")
    return "\n".join(problem.message for problem in caught.value.problems)


def of_suite(base: Base, suite: str) -> Base:
    renamed = (replace(each, suite=each.suite.replace(base.suite, suite)) for each in base.releases)
    return replace(base, releases=tuple(renamed))


def evil_image(base: Base) -> Base:
    return ImageBase(
        interpreter=base.interpreter,
        python=base.python,
        libc_version=base.libc_version,
        image="evil/python:3",
        index=of_bytes(b""),
        system="",
        images=(),
    )


def test_golden_lock_answers_its_spec() -> None:
    refuse_other_answer(SPEC, LOCK, "lock")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda lock: replace(lock, asked="{}"), "the table [tool.onedigest.spec] is not what the script asks for"),
        (lambda lock: replace(lock, script="b.py"), "it is a lock of b.py"),
        (
            lambda lock: replace(lock, platforms=lock.platforms[:1]),
            "it is for linux/amd64, not linux/amd64, linux/arm64",
        ),
        (lambda lock: replace(lock, base=replace(lock.base, python="3.9.1")), "its Python 3.9.1 does not satisfy"),
        (lambda lock: replace(lock, base=of_suite(lock.base, "sid")), "its base is debian:sid, not "),
        (
            lambda lock: replace(lock, base=replace(lock.base, interpreter="/app/python")),
            "its interpreter is /app/python, and debian:",
        ),
        (lambda lock: replace(lock, base=evil_image(lock.base)), "its base is evil/python:3, not "),
        (lambda lock: replace(lock, base=evil_image(lock.base)), "its base has not one image for each platform"),
        (lambda lock: replace(lock, roots=(*lock.roots, ("evil", "1"))), "it has `evil` as a requirement"),
        (lambda lock: replace(lock, roots=()), "it has no `"),
        (lambda lock: replace(lock, packages=(*lock.packages, EVIL)), "it has `evil 1.0`, which nothing requires"),
        (
            lambda lock: replace(lock, packages=(*lock.packages, replace(EVIL, dependencies=(EVIL.key,)))),
            "it has `evil 1.0`, which nothing requires",
        ),
    ],
)
def test_lock_that_answers_something_else_is_refused(change: Callable[[Lock], Lock], said: str) -> None:
    assert f"the lock does not fit {SPEC.script}: {said}" in answer(change)


def test_debian_packages_that_nobody_asked_for_are_refused() -> None:
    assert LOCK.base.system_packages
    with pytest.raises(InputError, match="and no `system-packages` is asked for"):
        refuse_other_answer(replace(SPEC, system_packages=()), LOCK, "lock")


def test_pinned_version_that_the_script_rules_out_is_refused() -> None:
    spec = replace(SPEC, dependencies=tuple(f"{name}==0" for name, _ in LOCK.roots))
    with pytest.raises(InputError, match=r"does not satisfy `\S+==0`"):
        refuse_other_answer(spec, LOCK, "lock")


def test_lock_with_a_checksum_that_fits_is_held_against_the_script(app: Project) -> None:
    path = Path("lockfiles/app/pylock.toml")
    app.write(str(path), forged(re.sub(r'(?m)^image = ".*"$', 'image = "evil/python:3"', app.read(str(path)))))

    for arguments in (("generate", "--check", "app.py"), ("build", "--locked", "app")):
        assert "lockfiles/app/pylock.toml: the lock does not fit app.py: its base is evil/python:3, not " in (
            app.run(*arguments).err
        )
