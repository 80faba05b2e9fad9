"""Each key that uv knows is taken, left out with a word, or refused; and what is taken, uv reads as it was checked."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
from uv import find_uv_bin

from onedigest.errors import InputError
from onedigest.lock.build_settings import build_settings
from onedigest.lock.toml import value
from onedigest.lock.uv_keys import _LEFT_OUT, _NO_BINARY, _OF_BUILDS, _REFUSED, _TAKEN, of_builds, take

SAMPLES = """\
conflicts = [[{ extra = "a" }, { extra = "b" }]]
constraint-dependencies = ["a<2", "b @ https://index.invalid/b-1-py3-none-any.whl"]
exclude-dependencies = ["c", { package = { name = "a", version = "1" }, dependencies = ["d"] }]
exclude-newer = "2026-01-01T00:00:00Z"
extra-index-url = ["https://a.invalid/simple"]
find-links = ["wheels", "https://a.invalid/links"]
fork-strategy = "fewest"
index-strategy = "unsafe-best-match"
index-url = "https://b.invalid/simple"
no-index = false
no-sources = false
no-sources-package = ["e"]
override-dependencies = ["f ; python_version < '0'", { package = { name = "a" }, dependencies = ["g>=1"] }]
prerelease = "allow"
resolution = "lowest-direct"

[[dependency-metadata]]
name = "h"
version = "1.0"
requires-dist = ["i>1"]
requires-python = ">=3.11"
provides-extra = ["j"]

[exclude-newer-package]
k = "2026-01-01"
l = false

[[index]]
name = "m"
url = "https://c.invalid/simple"
default = true
explicit = false
format = "simple"
ignore-error-codes = [403]
exclude-newer = "7 days"

[prerelease-package]
n = "disallow"

[sources]
o = { index = "m", marker = "sys_platform == 'linux'" }
p = [{ path = "wheels/p-1-py3-none-any.whl" }]
q = { url = "https://c.invalid/q-1-py3-none-any.whl" }
"""


def ask_uv(folder: Path, settings: str) -> str:
    """Return what uv says of settings of a project that needs nothing."""
    head = '[project]\nname = "x"\nversion = "0"\nrequires-python = ">=3.11"\n[tool.uv]\n'
    (folder / "pyproject.toml").write_text(head + settings)
    done = subprocess.run(
        [find_uv_bin(), "lock", "--offline", "--no-build"],
        cwd=folder,
        env={"HOME": str(folder), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stderr


def taken(own: dict[str, Any]) -> dict[str, Any]:
    return take(own, lambda key: f"job.py:{key}")[0]


def warnings(own: dict[str, Any]) -> list[str]:
    return list(map(str, take(own, lambda key: f"job.py:{key}")[1]))


def problems(own: dict[str, Any]) -> str:
    with pytest.raises(InputError) as caught:
        take(own, lambda key: f"job.py:{key}")
    return str(caught.value)


def test_every_key_of_uv_is_decided(tmp_path: Path) -> None:
    said = ask_uv(tmp_path, "no-such-key = 1\n")
    known = set(re.findall(r"`([a-z-]+)`", said.partition("expected one of ")[2]))

    assert len(known) > 70
    assert known <= {*_TAKEN, *_OF_BUILDS, _NO_BINARY, *_LEFT_OUT, *_REFUSED}
    assert set(_TAKEN).isdisjoint({*_OF_BUILDS, *_LEFT_OUT, *_REFUSED})


def test_what_is_taken_is_what_uv_reads(tmp_path: Path) -> None:
    own = tomllib.loads(SAMPLES)
    found = taken(own)

    assert set(own) == set(_TAKEN)
    assert {**found, "override-dependencies": ...} == {**own, "override-dependencies": ...}
    assert found["override-dependencies"][0] == 'f; python_version < "0"'
    (tmp_path / "wheels").mkdir()
    text = "".join(f"{key} = {value(item)}\n" for key, item in found.items())
    assert "during settings discovery" not in ask_uv(tmp_path, text)


@pytest.mark.parametrize("key", sorted({*_TAKEN, *_OF_BUILDS, _NO_BINARY} - {"no-build"}))
@pytest.mark.parametrize("wrong", [3, "\x1b", [3], [[3]], [{"x": 1}], {"x": {"y": 1}}, {"x y": "z"}, None])
def test_value_of_a_wrong_shape_is_refused(key: str, wrong: Any) -> None:
    assert problems({key: wrong}).startswith(f"job.py:{key}: `{key}` in [tool.uv] ")


@pytest.mark.parametrize("key", sorted(_LEFT_OUT))
def test_key_that_is_left_out_is_named(key: str) -> None:
    assert taken({key: "x"}) == {}
    assert warnings({key: "x"}) == [f"job.py:{key}: `{key}` in [tool.uv] is left out: {_LEFT_OUT[key]}"]


@pytest.mark.parametrize("key", sorted(_REFUSED))
def test_key_that_cannot_be_followed_is_an_error(key: str) -> None:
    assert problems({key: "x"}).startswith(f"job.py:{key}: `{key}` in [tool.uv] cannot be followed: ")


def test_all_problems_are_told_at_once() -> None:
    assert problems({"index": {"url": "x"}, "exclude-newer": 3, "no-binary": True, "cache-dir": "x"}).splitlines() == [
        'job.py:exclude-newer: `exclude-newer` in [tool.uv] is not a date in quotes, such as "2026-01-31T00:00:00Z"',
        "job.py:index: `index` in [tool.uv] is a table, and several are due: [[tool.uv.index]]",
        "job.py:no-binary: `no-binary` in [tool.uv] cannot be followed:"
        " wheels are installed, and what `build` in [tool.onedigest] names is built",
        "hint: leave it out, and name in `build` what is to be built",
    ]


def test_unknown_key_is_named_with_the_one_that_is_near() -> None:
    assert warnings({"exclude-never": "x"}) == [
        "job.py:exclude-never: unknown key `exclude-never` in [tool.uv] is left out\nhint: did you mean `exclude-newer`?"
    ]


def test_what_is_done_anyway_needs_no_word() -> None:
    assert warnings({"no-build": True, "package": False}) == []
    assert warnings({"no-build": False, "package": True}) == [
        "job.py:package: `package` in [tool.uv] is left out: it is about a project, and this is a script",
    ]


def test_what_is_to_have_no_wheel_is_to_be_named_in_build() -> None:
    own = {"no-binary-package": ["Py_Pika", "other"]}
    with pytest.raises(InputError) as caught:
        take(own, lambda key: f"job.py:{key}", ("other", "third"))

    assert str(caught.value) == (
        "job.py:no-binary-package: `no-binary-package` in [tool.uv] cannot be followed:"
        " wheels are installed, and what `build` in [tool.onedigest] names is built\n"
        'hint: write `build = ["other", "py-pika", "third"]` in [tool.onedigest]'
    )
    assert take(own, lambda key: key, ("other", "py-pika")) == ({}, ())


def test_what_is_said_of_builds_is_not_for_uv() -> None:
    own = {
        "config-settings": {"a": ["b", "c"]},
        "config-settings-package": {"Core": {"a": "d"}},
        "extra-build-variables": {"core": {"A": "1"}},
        "extra-build-dependencies": {"core": ["wheel", {"requirement": "cython<3", "match-runtime": False}]},
        "build-constraint-dependencies": ["setuptools<80"],
        "exclude-newer": "2026-01-01",
    }
    assert taken(own) == {"exclude-newer": "2026-01-01"}
    assert warnings(own) == []
    assert json.loads(build_settings(of_builds(own), "core")) == {
        "config-settings": {"a": "d"},
        "variables": {"A": "1"},
        "dependencies": ["wheel", "cython<3"],
        "constraints": ["setuptools<80"],
        "exclude-newer": "2026-01-01",
    }
    assert json.loads(build_settings(of_builds(own), "other"))["config-settings"] == {"a": ["b", "c"]}
    wrong = problems({"extra-build-dependencies": {"a": [{"requirement": "b", "match-runtime": True}]}})
    assert wrong == (
        "job.py:extra-build-dependencies: `extra-build-dependencies` in [tool.uv] has `match-runtime = true`,"
        " and a wheel is built without what the image has"
    )


def test_fields_of_an_index_that_choose_no_package_are_left_out() -> None:
    own = {"index": [{"url": "https://a.invalid/simple", "authenticate": "always", "cache-control": {"api": "x"}}]}

    assert taken(own) == {"index": [{"url": "https://a.invalid/simple"}]}
    assert warnings(own) == [
        f"job.py:index: `{field}` of an index in [tool.uv] is left out: it is about a machine,"
        " and counts in a uv.toml of your own"
        for field in ("authenticate", "cache-control")
    ]


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        ({"index-url": "ssh://a.invalid/x"}, "is neither an address by https, http or file, nor a path"),
        ({"index-url": "https:///x"}, "is neither an address by https, http or file, nor a path"),
        ({"index-url": "https://a.invalid\\@b.invalid/"}, "is neither an address by https, http or file, nor a path"),
        ({"index-url": "file://b.invalid/x"}, "is neither an address by https, http or file, nor a path"),
        ({"index-url": ""}, "is empty"),
        ({"find-links": ["https://a.invalid/${HOME}"]},
         "has an address with the variable `${HOME}`, and none is filled in"),
        ({"index": [{"name": "x"}]}, "has a table without `url`"),
        ({"index": [{"url": "x", "ignore-error-codes": [200]}]},
         "has a `ignore-error-codes` that is not a list of status codes from 400 to 599"),
        ({"index": [{"url": "x", "default": "yes"}]}, "has a `default` that is not true or false"),
        ({"resolution": "newest"}, "is none of highest, lowest, lowest-direct"),
        ({"override-dependencies": ["a b"]}, "has what is not a requirement"),
        ({"sources": {"a": {"url": "https://a.invalid/a.whl", "path": "a.whl"}}},
         "has a source with not one of git, index, path, url, workspace"),
        ({"sources": {"a": {"index": "b", "proxy": "c"}}}, "has an unknown key `proxy`"),
        ({"sources": {"a": {"path": "a.whl", "editable": "no"}}}, "is not true or false"),
        ({"exclude-dependencies": [{"package": {"name": "a"}}]}, "has a table without `dependencies`"),
    ],
)  # fmt: skip
def test_wrong_value_is_told(own: dict[str, Any], expected: str) -> None:
    (key,) = own

    assert problems(own) == f"job.py:{key}: `{key}` in [tool.uv] {expected}"
