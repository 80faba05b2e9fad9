"""Logs of Bazel and Nix become errors that say what is wrong and what helps."""

from __future__ import annotations

import pytest

from onedigest.engines.diagnosis import build_failure
from onedigest.tools.find import parse_version

MISMATCH = """\
error:
       … while reading `alpha-1.0-py3-none-any.whl`: if it changed, delete it and run `onedigest fetch --all`
       error: store path mismatch in (possibly filtered) path added from '/x/lockfiles/.inputs/alpha-1.0-py3-none-any.whl'
"""


@pytest.mark.parametrize(
    ("log", "said", "code"),
    [
        (
            "Error in fail: missing: lockfiles/.inputs/a.whl, lockfiles/.inputs/b.whl; run `onedigest fetch --all`",
            "`lockfiles/.inputs/a.whl, lockfiles/.inputs/b.whl` is missing\nhint: run `onedigest fetch`",
            1,
        ),
        (
            "INFO: From Making layer //lockfiles:a:\nrefused: a.whl: not the file of the lock, whose digest is 1 [changed]\n",
            "a.whl: not the file of the lock, whose digest is 1 [changed]\nhint: run `onedigest fetch`",
            1,
        ),
        (
            MISMATCH,
            "`alpha-1.0-py3-none-any.whl` is not the file of the lock: its sha256 differs\n"
            "hint: delete it, and run `onedigest fetch`",
            1,
        ),
        (
            "x\nerror: the assembler needs Python 3.11 or newer, this is 3.9\n",
            "Bazel: the assembler needs Python 3.11 or newer, this is 3.9\n"
            "hint: give it a newer one: docs/guides/bazel.md and docs/guides/nix.md say how",
            5,
        ),
        (
            "ERROR: Client cwd '/ö' is not inside workspace '/?'",
            "Bazel cannot read the path of this workspace, which is not ASCII\n"
            "hint: install the locale en_US.ISO-8859-1, which Bazel needs for that (`localedef`, Debian's `locales`)",
            5,
        ),
        (
            "ERROR: no such package '@@[unknown repo 'onedigest_files' requested from @@]//': The repository "
            "'@@[unknown repo 'onedigest_files' requested from @@]' could not be resolved: No repository visible as "
            "'@onedigest_files' from main repository",
            "the Bazel workspace does not know the repository `onedigest_files`\n"
            "hint: put into MODULE.bazel what lockfiles/extensions.bzl says",
            5,
        ),
        (
            "Error in fail: missing: python3 on PATH, 3.11 or newer, which lists the files of images; install it, or",
            "there is no python3 on PATH, 3.11 or newer, with which Bazel lists the files of images\n"
            "hint: install it, or name one with `--repo_env=ONEDIGEST_PYTHON=/path/to/python3` in .bazelrc",
            5,
        ),
        (
            "Error in fail: refused: /x/assemble-1.pyz is not the pinned assembler",
            "/x/assemble-1.pyz is not the pinned assembler\nhint: run `onedigest fetch`",
            1,
        ),
        (
            "INFO: Elapsed time\nERROR: something else\n\n",
            "Bazel failed:\n  ERROR: something else\nhint: --verbose shows its log",
            5,
        ),
    ],
)
def test_failure_is_told_with_its_remedy(log: str, said: str, code: int) -> None:
    error = build_failure("Bazel", log)

    assert (str(error), error.exit_code) == (said, code)


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("bazel 7.7.1", (7, 7)),
        ("nix-build (Nix) 2.34.8", (2, 34)),
        ("bazel development version", None),
        ("", None),
    ],
)
def test_version_is_read_where_one_is_said(text: str, version: tuple[int, int] | None) -> None:
    assert parse_version(text) == version
