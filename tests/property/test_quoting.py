"""Laws of quoting: every value comes out of BuildKit, bake, Bazel and Nix as it went in."""

from __future__ import annotations

import ast
import json
import os
import string
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from build_tools import find_tool
from conftest import ROOT
from docker_daemon import find_docker
from full_case import LOCK, plan_of
from onedigest import zipapp
from onedigest.definition.project import Project
from onedigest.definition.script import parse
from onedigest.definition.spec import Spec, specify
from onedigest.oci.buildkit_export import read_export
from onedigest.rules.bake import BakeTarget, read_targets, render_bake, target_of
from onedigest.rules.dockerfile import render_dockerfile
from onedigest.rules.model import OWN, own_files
from onedigest.rules.quoting import (
    bake_plain,
    bake_string,
    exec_form,
    nix,
    nix_name,
    source,
    starlark,
    word,
)

NASTY = [
    "$",
    "${",
    "$${",
    "%{",
    "\\",
    '"',
    "'",
    "`",
    "{{",
    "{%",
    "<<EOF",
    "#",
    "ö",
    "𝄞",
    " ",
    "\t",
    "&&",
    "*?[]^!",
    "=",
    "\\n",
]
TEXT = st.lists(
    st.one_of(st.sampled_from(NASTY), st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"])), max_size=6
).map("".join)
ANY_TEXT = st.one_of(TEXT, st.just("line\nbreak\r\n"), st.just("\x01\x7f"))
LINES = TEXT.map(str.strip).filter(lambda text: text and not text.endswith("\\") and not text.startswith("["))
NAMES = st.lists(
    st.text(string.ascii_letters + "_", min_size=1, max_size=8), min_size=1, max_size=6, unique_by=str.lower
)


SHELL = replace(LOCK, base=replace(LOCK.base, system_packages=(replace(LOCK.base.system_packages[0], name="dash"),)))
"""The lock of an image with a shell."""


def spec_of(**keys: object) -> Spec:
    """Return a spec of a script that says these things."""
    script = parse(b"# /// script\n# dependencies = []\n# ///\n", "app.py")
    table = {key.replace("_", "-"): value for key, value in keys.items()}
    return specify(script, Project(root=Path(), table=table), "app.py")


@pytest.mark.docker
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    values=st.lists(TEXT, min_size=1, max_size=20),
    words=st.lists(ANY_TEXT.filter(lambda text: "\0" not in text), min_size=1, max_size=6),
    folder=TEXT.filter(lambda text: text.strip() and not set("/:\\") & set(text)),
    check=st.one_of(LINES, st.lists(TEXT, min_size=1, max_size=3).map(lambda words: ["/bin/x", *words])),
)
@example(values=NASTY, words=[*NASTY, "", "\n"], folder="a b\t$x", check=["/bin/x", *NASTY])
@example(values=["x"], words=["x"], folder="'\"$", check="test \"$HOME\" = '[x]'  && a \\\\ b # c")
def test_every_value_reaches_the_configuration(
    values: list[str], words: list[str], folder: str, check: str | list[str]
) -> None:
    find_docker()
    env = {f"V{number}": value for number, value in enumerate(values)}
    labels = {f"org.example/l{number}": value for number, value in enumerate(values)}
    workdir = os.path.normpath(f"/w/{folder}")
    told = {"expose": [80], "volumes": [os.path.normpath(f"/v/{folder}").rstrip()], "stop_signal": "RTMIN+3"}
    health = {"command": check, "interval": "90s", "timeout": "1500ms", "start-interval": "1s", "retries": 2}
    keys = {"env": env, "labels": labels, "workdir": workdir, "entrypoint": words, "args": words, **told}
    spec = spec_of(user="1:2", healthcheck=health, system_packages=["dash"], **keys)
    plan = plan_of(spec, SHELL)
    planned = json.loads(plan.platforms[0].config)["config"]
    dockerfile = render_dockerfile(spec, SHELL, plan, "lockfiles", zipapp.newest())["Dockerfile"]
    last = dockerfile.rindex("FROM image-${TARGETARCH}")
    place = next(line for line in dockerfile.splitlines() if line.startswith("WORKDIR "))
    text = f"FROM scratch\n{place}\n" + dockerfile[last:].split("\n", 1)[1]
    with tempfile.TemporaryDirectory() as root:
        command = [
            "docker",
            "buildx",
            "build",
            "--output",
            f"type=oci,tar=false,dest={root}/out",
            "--provenance=false",
            "-",
        ]
        done = subprocess.run(command, input=text.encode(), capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()
        config = next(iter(read_export(Path(root) / "out").values())).config["config"]

    assert sorted(config["Env"]) == sorted(planned["Env"])
    assert {f"{name}={value}" for name, value in env.items()} < set(config["Env"])
    for key in ("ExposedPorts", "Volumes", "StopSignal", "Healthcheck"):
        assert config[key] == planned[key]
    assert config["Labels"] == labels
    assert (config["WorkingDir"], config["Entrypoint"], config["Cmd"]) == (workdir, words, words)


@pytest.mark.docker
@settings(max_examples=12, deadline=None)
@given(texts=st.lists(ANY_TEXT, min_size=1, max_size=12))
@example(texts=NASTY)
def test_every_text_comes_out_of_a_bake_file(texts: list[str]) -> None:
    find_docker()
    given = "".join(f', "a{number}": {bake_string(text)}' for number, text in enumerate(texts))
    bake = f'{{"target": {{"default": {{"context": ".", "output": [{{"type": "oci"{given}}}]}}}}}}'
    with tempfile.TemporaryDirectory() as root:
        (Path(root) / "bake.json").write_text(bake, encoding="utf-8")
        command = ["docker", "buildx", "bake", "-f", "bake.json", "--print"]
        done = subprocess.run(command, cwd=root, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()

    # buildx prints these as they are understood; arguments and labels it would escape again
    (found,) = json.loads(done.stdout)["target"]["default"]["output"]
    assert {name: value for name, value in found.items() if name.startswith("a")} == {
        f"a{number}": text for number, text in enumerate(texts)
    }


@given(ANY_TEXT)
def test_bake_strings_are_read_back(text: str) -> None:
    assert bake_plain(json.loads(bake_string(text))) == text


@given(st.lists(st.lists(ANY_TEXT, min_size=1, max_size=3), min_size=1, max_size=3))
def test_exec_form_is_json_once_its_lines_are_joined(rows: list[list[str]]) -> None:
    assert json.loads(exec_form(rows).replace("\\\n", "")) == [each for row in rows for each in row]


@given(TEXT)
def test_words_and_sources_stay_on_their_line(text: str) -> None:
    for quoted in (word(text), source(text)):
        assert "\n" not in quoted
        assert not quoted.endswith("\\"), "the next line would belong to it"


VALUES = st.recursive(
    st.one_of(ANY_TEXT, st.integers(0, 1 << 40)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(ANY_TEXT, inner, max_size=3)),
    max_leaves=8,
)


@given(VALUES)
def test_starlark_values_are_those_that_went_in(value: object) -> None:
    """Python reads the same literals: Starlark's strings and escapes are a part of Python's."""
    assert ast.literal_eval(starlark(value)) == value
    assert "\n\n" not in starlark(value)


@pytest.mark.nix
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.lists(VALUES, min_size=10, max_size=40))
@example(values=[dict.fromkeys(("or", "a.b", "a b", "${x}", "''", "if", "_x-y'", "1a", ""), 1)])
def test_nix_values_are_those_that_nix_reads(values: list[object], tmp_path: Path) -> None:
    program = find_tool("nix-instantiate")
    file = tmp_path / "values.nix"
    file.write_text(nix(values), encoding="utf-8")
    command = [program, "--eval", "--strict", "--json", str(file)]
    done = subprocess.run(command, capture_output=True, check=True)

    assert json.loads(done.stdout) == values
    assert all(nix_name(name).startswith('"') for name in ("or", "if", "a.b"))


@pytest.mark.bazel
def test_strings_of_a_build_file_are_those_that_bazel_reads(tmp_path: Path) -> None:
    """One file with all that is nasty: what Bazel writes of it as JSON is what went in."""
    find_tool("bazel")
    texts = [*NASTY, "".join(NASTY), "größe\n\r\t\x01\x7f", '${HOME} $(x) "y" \\', "a%s b%%"]
    (tmp_path / "MODULE.bazel").touch()
    (tmp_path / "write.bzl").write_text(
        "def _impl(ctx):\n"
        '    file = ctx.actions.declare_file("out.json")\n'
        "    ctx.actions.write(file, ctx.attr.text)\n"
        "    return [DefaultInfo(files = depset([file]))]\n"
        'write = rule(attrs = {"text": attr.string()}, implementation = _impl)\n'
    )
    build = f'load(":write.bzl", "write")\nwrite(name = "w", text = json.encode({starlark({"texts": texts})}))\n'
    (tmp_path / "BUILD.bazel").write_text(build, encoding="utf-8")
    subprocess.run(["bazel", "build", "//:w"], cwd=tmp_path, capture_output=True, check=True)
    written = json.loads((tmp_path / "bazel-bin" / "out.json").read_bytes())
    subprocess.run(["bazel", "shutdown"], cwd=tmp_path, capture_output=True, check=True)

    assert written == {"texts": texts}


@given(
    st.builds(
        BakeTarget,
        name=st.from_regex(r"[a-z0-9]+(__[a-z0-9]+)?", fullmatch=True),
        script=TEXT, dockerfile=TEXT, tag=TEXT, output=TEXT,
        contexts=st.lists(st.sampled_from(["base-amd64", "tools"]), min_size=1, unique=True).flatmap(
            lambda names: st.tuples(*(st.tuples(st.just(name), TEXT) for name in names))
        ),
        configurations=st.lists(st.sampled_from(["linux/amd64", "linux/arm64"]), min_size=1, unique=True).flatmap(
            lambda names: st.tuples(*(st.tuples(st.just(name), ANY_TEXT) for name in names))
        ),
        annotations=st.lists(TEXT, max_size=2).map(tuple),
    )
)  # fmt: skip
def test_targets_come_out_of_a_bake_file_as_they_went_in(target: BakeTarget) -> None:
    text = render_bake([target], "locks")

    assert read_targets(text) == {target.name: target}
    assert render_bake(read_targets(text).values(), "locks") == text


def test_templates_are_where_the_program_looks() -> None:
    assert {path.name for path in (ROOT / "templates").iterdir()} >= {"Dockerfile.j2", "docker-bake.json.j2"}
    assert {path.name for path in (ROOT / "BUILD_templates").iterdir()} >= {"BUILD.bazel.j2", "default.nix.j2"}
    assert own_files(OWN) == ("Dockerfile", "Dockerfile.dockerignore", "BUILD.bazel", "layers.json", "default.nix")
    assert target_of(spec_of(), plan_of(spec_of()), "locks").name == "app"
