"""Schema and program agree on every key: what one refuses the other refuses, but for what no schema can tell."""

from __future__ import annotations

import datetime
from functools import cache
from pathlib import Path
from typing import Any

import fastjsonschema
import jsonschema
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from onedigest.definition.key import Place
from onedigest.definition.keys import GROUPS, KEYS, in_place
from onedigest.definition.project import Project
from onedigest.definition.project_parts import ProjectSettings
from onedigest.definition.schema import FILES, make_schema, tool_schema
from onedigest.definition.script import Script
from onedigest.definition.spec import fields, specify
from onedigest.errors import InputError

OF_PROJECTS = ("scripts", "required-version")
IMAGE = ProjectSettings(name="app", uv_lock="", entrypoint=lambda _: ("x",))

NO_SCHEMA_TELLS = {
    "copy": ("is no plain path", "is not a plain path", "more than 10000 values"),  # parts of more than 255 bytes
    "entrypoint": (),
    "expand-env": ("which `env` does not set",),
    "expose": ("which is no port", "more than 1000 ports"),
    "files": ("has more than 64 parts",),
    "healthcheck": ("is a list in a string", "is neither a line of a shell nor a list of words"),
    "ignore-file": ("which is not a plain path",),
    "own-workdir": ("which is everybody's",),
    "platforms": ("has nothing in it",),
    "required-version": ("is not a version specifier",),
    "run": ("cannot be split into words",),
    "scripts": ("has more than 64 parts",),
    "user": ("no layer can have files of a number above",),
    "volumes": ("which is no absolute path",),
    "workdir": ("must be an absolute path",),
}
"""What specs refuse of a key though its schema takes it, by parts of messages."""


@cache
def validator(file: str) -> Any:
    return fastjsonschema.compile(make_schema(file))


def file_of(key: str) -> str:
    return "pyproject" if key in ("extras", "groups", *OF_PROJECTS) else "script"


def schema_takes(table: dict[str, Any], file: str) -> bool:
    try:
        validator(file)(table)
    except fastjsonschema.JsonSchemaValueException:
        return False
    return True


def refusal(table: dict[str, Any]) -> str:
    """Return what the program says of a table, or nothing where it takes it."""
    own = {key: table[key] for key in OF_PROJECTS if key in table}
    for key, value in own.items():
        try:
            KEYS[key].shape.check(value)
        except ValueError as error:
            return str(error)
    rest = {key: value for key, value in table.items() if key not in own}
    script = Script(path="app.py", text="", requires_python="", dependencies=(), onedigest=rest, uv={}, lines={"": 1})
    try:
        specify(script, Project(root=Path()), "app.py", IMAGE if {"extras", "groups"} & rest.keys() else None)
    except InputError as error:
        return str(error)
    return ""


def has_whole_float(value: Any) -> bool:
    """Tell whether a value has a number such as 64.0, which JSON schemas take for a whole one."""
    if isinstance(value, dict):
        return any(map(has_whole_float, value.values()))
    if isinstance(value, list):
        return any(map(has_whole_float, value))
    return isinstance(value, float) and value.is_integer()


ODD = st.text("/.*ab:=,018- \\\n\t\"'[]@_+v\x00\u2028", max_size=14)
WORDS = st.sampled_from([
    "linux/arm64", "ARM64/v8", "amd64, arm64", "x86-64", "linux/amd64/v3", "docker", "nix", "SIGTERM", "int", "RTMIN+15",
    "RTMAX-15", "SIGPOLL", "8080", "53/udp", "9000-9010", "1m30s", "500ms", "30", "../lib", "/data", "/data ", "..", ".",
    "1000:1000", "9999999", "NONE", "CMD", "CMD-SHELL", ">=0.1", "ghcr.io/acme/x", "debian:trixie", "git-", "g-", "a" * 300,
    "data/**/*.csv", "a**", "[1]", "x \\", "PATH", "org.example.a", "'",
])  # fmt: skip
LEAVES = (
    ODD | WORDS | st.text(max_size=5) | st.booleans() | st.integers() | st.integers(-1, 130) | st.floats()
    | st.just(datetime.date(2024, 1, 1)) | st.just(datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC))
)  # fmt: skip
NAMES = st.sampled_from(["command", "interval", "timeout", "retries", "start-period", "A", "a.b", "/", "lib"]) | ODD
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=8
) | st.fixed_dictionaries(
    {"command": st.lists(WORDS | ODD, max_size=3) | WORDS | ODD}, optional={"interval": WORDS, "retries": LEAVES}
)


def assert_agreed(key: str, value: Any) -> None:
    said = refusal({key: value})
    takes = schema_takes({key: value}, file_of(key))
    if not said:
        assert takes, "the schema refuses what the program takes"
    elif takes and not has_whole_float(value):
        assert any(part in said for part in NO_SCHEMA_TELLS.get(key, ())), said


@settings(max_examples=400)
@given(st.sampled_from(sorted(KEYS)), VALUES)
@example("files", ["..\n"])
@example("ignore-file", "\x00")
@example("copy", {"": []})
@example("copy", {"/a/b": "../..", ".": ".", "lib": ["a", "..."]})
@example("healthcheck", "true\n")
def test_schema_and_program_agree_on_any_value(key: str, value: Any) -> None:
    assert_agreed(key, value)


HAND_MADE: dict[str, tuple[list[Any], list[Any]]] = {
    "name": (["a", "a.b-c_d", "a" * 128], ["A", "-a", "a--b", "a" * 129, 1, ["a"], "", "a\n"]),
    "base": (["debian", "x/y:1@sha256:0"], ["", "a b", "a\n", 1, []]),
    "platforms": (["arm64", "linux/amd64,linux/arm64", ["aarch64", ""], ["Linux/ARM64/v8.0"]], [[], "", "linux", ["linux/s390x"], 1, "linux/amd64/v3", {}]),
    "security": ([True, False], ["true", 1, 0, "no", []]),
    "repository": (["ghcr.io/acme/x", "h:5000/x"], ["x", "h/x:tag", "h/X", 1, "h/" + "x" * 255]),
    "max-layers": ([6, 120], [5, 121, "64", True, 6.5]),
    "rules": ([[], ["nix", "nix"]], ["docker", ["make"], [1], {}]),
    "system-packages": ([["git", "g++", "a-"], []], ["git", ["git-"], ["Git"], ["g"], [1]]),
    "build": ([["a", "A.b_c"]], ["a", ["-a"], ["a "], [""], [1]]),
    "extras": ([["a"]], ["a", [1], ["a!"]]),
    "groups": ([["a"]], ["a", [1], ["a!"]]),
    "files": ([["*", "a//b", "./a", "**", "a/**/b/"]], ["*", ["/a"], ["../a"], ["a/.."], ["."], [""], [" "], ["a**"], ["***"], [1], ["a\0"]]),
    "copy": ([{}, {"a": []}, {"a": "../b", "/": "."}, {"/a": ["b", "c"]}], [{"a": 1}, {"../a": "b"}, {"a/": "b"}, {"/.": "b"}, {"a=b": "c"}, {"a": "/b"}, {"a": "b/../c"}, {"a": ""}, [], "a", {"/a" * 65: "b"}]),
    "ignore-file": (["", "a", "../a", "./a//b"], ["/a", 1, ["a"]]),
    "ignore-in-copies": ([True], [1, "true"]),
    "bytecode": ([True, False], ["no", 0]),
    "include-script": ([False], [0]),
    "env": ([{}, {"A": ""}, {"a.b": "tab\t"}], [{"A": 1}, {"1": "x"}, {"A": "a\nb"}, [], {"A": True}]),
    "expand-env": ([[]], ["PATH", [1]]),
    "labels": ([{"a/b": "x"}], [{"a-": "x"}, {"": "x"}, {"a": 1}]),
    "annotations": ([{"a.b": "x"}], [{"-": "x"}, {"a": ["x"]}]),
    "user": (["0", "0:0", "1000:1000"], [1000, "root", "1:", ":1", "-1", "1:2:3", "\u0661"]),
    "workdir": (["/", "/a/b", "/..."], ["a", "/a/", "//a", "/a/../b", "/.", "", 1, "/a\n"]),
    "own-workdir": ([True], ["yes"]),
    "entrypoint": ([[], ["a", ""]], ["a", [1], ["a\0"]]),
    "args": ([[]], ["--fast", [1]]),
    "run": ([["true", "echo 'a b'"]], ["true", [""], [" \n"], [1]]),
    "expose": ([[8080, "53/udp", "1-2"], []], [8080, ["x"], [0], [65536], [True], [80.5], ["1/icmp"], {}]),
    "volumes": ([["/a", "/a b"]], ["/a", ["a"], ["/"], ["/a/"], ["/a:ro"], ["/a "], ["/a\\b"], [1]]),
    "healthcheck": (
        [False, "true", ["NONE"], ["CMD-SHELL", "x"], {"command": "x", "retries": 0, "interval": "1h1m1s1ms"}],
        [True, {}, [], "", " ", "a\nb", "a \\", 1, {"command": "x", "retry": 1}, {"command": "x", "interval": 30}, {"command": "x", "timeout": ""}, {"command": "x", "retries": True}, {"command": 1}, ["a\n"]],
    ),
    "stop-signal": (["TERM", "sigterm", 15, "15", "SIGRTMIN+0", "rtmax-14", "cld"], ["SIG", "TERMS", 0, 32, 65, "033", True, "RTMIN+16", "RTMAX-0", "s\u0131gterm", [], ""]),
    "scripts": ([["jobs/*.py"], []], ["jobs", [1], ["../x"], ["/x"]]),
    "required-version": ([">=0.1,<2", "==1.*"], [1, "", "1;2", ">=1!2" + "x" * 200]),
}  # fmt: skip
"""For each key what both take, and what both refuse."""


@pytest.mark.parametrize("key", KEYS)
def test_schema_and_program_agree_on_what_people_write(key: str) -> None:
    right, wrong = HAND_MADE[key]
    for value in [*right, KEYS[key].example]:
        table = {key: value, **({"env": {"PATH": "/x"}} if key == "expand-env" else {})}
        assert (refusal(table), schema_takes(table, file_of(key))) == ("", True), value
        jsonschema.validate(table, make_schema(file_of(key)))
    for value in wrong:
        assert refusal({key: value}), value
        assert not schema_takes({key: value}, file_of(key)), value


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"expand-env": ["A"]}, "which `env` does not set"),
        ({"own-workdir": True, "workdir": "/"}, "which is everybody's"),
        ({"user": "2097152"}, "no layer can have files of a number above"),
        ({"expose": ["90-80"]}, "which is no port"),
        ({"expose": ["1-2000"]}, "more than 1000 ports"),
        ({"run": ["echo 'a"]}, "cannot be split into words"),
        ({"files": ["a/" * 64 + "b"]}, "more than 64 parts"),
        ({"workdir": "/" + "a" * 256}, "must be an absolute path"),
        ({"healthcheck": '["a"]'}, "is a list in a string"),
        ({"healthcheck": [""]}, "neither a line of a shell nor a list of words"),
        ({"platforms": [""]}, "has nothing in it"),
        ({"required-version": "soon"}, "is not a version specifier"),
        ({"max-layers": 64.0}, "is not a number from 6 to 120"),
    ],
)
def test_some_wrong_values_no_schema_can_tell(table: dict[str, Any], said: str) -> None:
    assert schema_takes(table, "pyproject")
    assert said in refusal(table)


def test_unknown_keys_are_refused_by_both() -> None:
    assert "did you mean `platforms`?" in refusal({"plattforms": []})
    assert not any(schema_takes({"plattforms": []}, file) for file in FILES)


@pytest.mark.parametrize("file", FILES)
def test_schema_of_a_file_has_the_keys_of_its_places(file: str) -> None:
    for name, key in KEYS.items():
        assert schema_takes({name: key.example}, file) == (name in in_place(*FILES[file]))


@pytest.mark.parametrize("key", ["extras", "groups", "scripts", "required-version"])
def test_key_in_another_place_is_refused_by_both(key: str) -> None:
    script = Script(
        path="app.py", text="", requires_python="", dependencies=(), onedigest={key: ["a"]}, uv={}, lines={"": 1}
    )
    with pytest.raises(InputError, match="is a key of"):
        specify(script, Project(root=Path()), "app.py")
    assert key not in in_place(Place.SCRIPT)


def test_default_that_a_page_shows_is_what_a_spec_has_without_the_key() -> None:
    for key in (each for _, keys in GROUPS for each in keys if not each.without):
        written = key.shape.written(key.default)
        assert key.shape.check(written) == key.default
        if key.name not in OF_PROJECTS:
            script = Script(
                path="a.py",
                text="",
                requires_python="",
                dependencies=(),
                onedigest={key.name: written},
                uv={},
                lines={"": 1},
            )
            of = IMAGE if Place.SCRIPT not in key.places else None
            found, plain = (
                specify(each, Project(root=Path()), "a.py", of)
                for each in (
                    script,
                    Script(
                        path="a.py", text="", requires_python="", dependencies=(), onedigest={}, uv={}, lines={"": 1}
                    ),
                )
            )
            assert fields(found) == fields(plain)


def test_validate_pyproject_finds_the_schema_and_uses_it() -> None:
    from validate_pyproject import api, plugins

    found = [each for each in plugins.list_from_entry_points() if each.tool == "onedigest"]
    check = api.Validator(found)
    table = {"build-system": {"requires": []}, "tool": {"onedigest": {"base": "debian", "extras": ["a"]}}}

    assert [each.schema for each in found] == [tool_schema("onedigest")]
    check(table)
    wrong = {"tool": {"onedigest": {"base": 1}}}
    with pytest.raises(fastjsonschema.JsonSchemaValueException, match=r"`tool\.onedigest\.base` must be string"):
        check(wrong)
