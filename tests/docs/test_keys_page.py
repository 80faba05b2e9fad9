"""The pages of keys and of variables, and the files of the schema, say what their tables say."""

from __future__ import annotations

import ast
import re
import tomllib
from functools import cache
from pathlib import Path

import pytest

from conftest import ROOT
from make_keys import pages
from onedigest.definition.keys import GROUPS, KEYS
from onedigest.lock.toml import value as toml
from onedigest.variables import VARIABLES

HINT = "run: .venv/bin/python tests/make_keys.py"
PACKAGE = ROOT / "generator" / "onedigest"
NAME = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|(?:https?|all|no)_proxy")
PLAIN = {"HOME", "PATH", "NETRC", "TMPDIR"}
"""Variables whose names have no `_`, which are looked for where a mapping is asked for them."""

SET = {
    "BUILDX_NO_DEFAULT_ATTESTATIONS", "CARGO_NET_OFFLINE", "GCM_INTERACTIVE", "GIT_ALLOW_PROTOCOL",
    "GIT_ATTR_NOSYSTEM", "GIT_CEILING_DIRECTORIES", "GIT_CONFIG_COUNT", "GIT_CONFIG_GLOBAL",
    "GIT_CONFIG_NOSYSTEM", "GIT_CONFIG_SYSTEM", "GIT_DIR", "GIT_HTTP_LOW_SPEED_LIMIT", "GIT_HTTP_LOW_SPEED_TIME",
    "GIT_LFS_SKIP_SMUDGE", "GIT_NO_LAZY_FETCH", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH", "GIT_SSL_CERT", "GIT_SSL_KEY",
    "GIT_TERMINAL_PROMPT", "LC_ALL", "PIP_NO_INDEX", "SOURCE_DATE_EPOCH", "SSH_ASKPASS", "SSH_ASKPASS_REQUIRE",
    "UV_OFFLINE", "WAYLAND_DISPLAY",
}  # fmt: skip
"""What is set, or taken away, for programs that are run."""

WITHIN = {"CONDA_PREFIX", "POLARS_MAX_THREADS", "VIRTUAL_ENV", "VERSION_CODENAME", "VERSION_ID"}
"""Variables of images and of their os-release."""

OURS = {"ONEDIGEST_UV_CONFIG_OF_PROJECT"}
"""What one part of the program tells another one."""

NO_VARIABLES = {
    "HTTP_REQUEST", "LOCK_FILE", "O_TMPFILE", "RECORD_FILE", "RECORD_LAYER", "TYPE_CHECKING", "UNEXPECTED_EOF",
    "VENV_PROGRAMS", "WRONG_VERSION_NUMBER", "ENVIRONMENT_VARIABLES",
}  # fmt: skip


@cache
def modules() -> list[ast.Module]:
    return [
        ast.parse(path.read_text(encoding="utf-8"))
        for path in sorted(PACKAGE.rglob("*.py"))
        if "assembler" not in path.relative_to(PACKAGE).parts and path.name != "variables.py"
    ]


def constants(tree: ast.AST) -> set[str]:
    return {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def asked(tree: ast.AST) -> set[str]:
    """Return the texts that some mapping of an environment is asked for."""
    found = set()
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(value=of, attr="get" | "pop"), args=[ast.Constant(value=str(name)), *_]):
                pass
            case ast.Subscript(value=of, slice=ast.Constant(value=str(name))):
                pass
            case ast.Compare(left=ast.Constant(value=str(name)), ops=[ast.In() | ast.NotIn()], comparators=[of]):
                pass
            case _:
                continue
        if re.search(r"environ(ment)?$", ast.unparse(of)):
            found.add(name)
    return found


@pytest.mark.parametrize("path", pages(), ids=lambda path: path.name)
def test_file_says_what_its_table_says(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == pages()[path], HINT


def test_each_key_has_a_heading_and_a_row() -> None:
    text = next(text for path, text in pages().items() if path.name == "keys.md")

    assert re.findall(r"^### `(.*)` \{ #\1 \}$", text, re.MULTILINE) == list(KEYS)
    assert re.findall(r"^\| \[`(.*)`\]\(#\1\) \|", text, re.MULTILINE) == list(KEYS)


def test_examples_are_toml_as_people_write_it() -> None:
    for key in [each for _, keys in GROUPS for row in keys for each in (row, *row.keys)]:
        assert tomllib.loads(f"{key.name} = {toml(key.example)}") == {key.name: key.example}


def test_every_variable_that_the_code_reads_is_in_its_table() -> None:
    trees = modules()
    written = {text for tree in trees for text in constants(tree) if NAME.fullmatch(text)}
    read = written | {text for tree in trees for text in asked(tree) if text in PLAIN or not NAME.fullmatch(text)}
    table = {each.name for each in VARIABLES}

    assert read - table - SET - WITHIN - OURS - NO_VARIABLES == set()


def test_every_variable_of_the_table_is_read() -> None:
    trees = modules()
    texts = {text for tree in trees for text in constants(tree)}
    capitals = {text for text in texts if text.endswith("_PROXY")}
    read = texts | {text.lower() for text in capitals}
    missing = [
        each.name
        for each in VARIABLES
        if each.name not in read and not all(part in texts for part in each.name.split("{NAME}") if part)
    ]

    assert missing == []


def test_lists_of_other_words_have_no_word_that_is_gone() -> None:
    texts = {text for tree in modules() for text in constants(tree)}

    assert (SET | WITHIN | OURS | NO_VARIABLES) - texts == set()


def test_variables_are_named_once_and_their_sentences_end() -> None:
    names = [each.name for each in VARIABLES]

    assert len(names) == len(set(names))
    assert [each.name for each in VARIABLES if not each.says.endswith(".")] == []
