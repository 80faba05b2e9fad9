"""Odd settings, scripts and projects end in words and an exit code: no traceback, no hang, whatever is written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from onedigest.cli import run
from onedigest.definition.files import collect
from onedigest.definition.project import Project
from onedigest.definition.script import parse
from onedigest.definition.spec import specify
from onedigest.errors import OnedigestError

SCRIPT = b"# /// script\n# dependencies = []\n# ///\n"
LONG = "a" * 300

SETTINGS: tuple[tuple[str, str], ...] = (
    ('files = ["."]', "`files` has '.', which is the folder itself: `*` is all that is in it"),
    ('files = ["**x/y"]', "`files` has '**x/y', where `**` is only a part of '**x': it stands for folders"),
    ('files = ["x**"]', "`files` has 'x**', where `**` is only a part of 'x**': it stands for folders"),
    ('files = [""]', "`files` has '', which leaves the script's folder"),
    ('files = ["  "]', "`files` has '  ', which leaves the script's folder"),
    ('files = ["/"]', "`files` has '/', which leaves the script's folder"),
    ('files = ["/etc/passwd"]', "`files` has '/etc/passwd', which leaves the script's folder"),
    ('files = ["../x"]', "`files` has '../x', which leaves the script's folder"),
    ('files = ["a/../../x"]', "`files` has 'a/../../x', which leaves the script's folder"),
    ('files = ["a\\u0000b"]', "`files` holds a NUL character"),
    ('files = ["./"]', "`files` has './', which is the folder itself: `*` is all that is in it"),
    ('files = ["./."]', "`files` has './.', which is the folder itself: `*` is all that is in it"),
    ('files = ["[a"]', "`files` pattern '[a' matches nothing"),
    ('files = ["[]"]', "`files` pattern '[]' matches nothing"),
    ('files = ["[z-a]"]', "`files` pattern '[z-a]' matches nothing"),
    ('files = ["[!]"]', "`files` pattern '[!]' matches nothing"),
    ('files = ["~/x"]', "`files` pattern '~/x' matches nothing"),
    ('files = ["C:\\\\x"]', "`files` pattern 'C:\\\\x' matches nothing"),
    ("files = 5", "`files` is not a list of strings"),
    ('files = "x"', "`files` is not a list of strings"),
    ("files = [5]", "`files` is not a list of strings"),
    ("files = [2020-01-01]", "`files` is not a list of strings"),
    ("files = [[]]", "`files` is not a list of strings"),
    ("files = [nan]", "`files` is not a list of strings"),
    ("files = {a = 1}", "`files` is not a list of strings"),
    (
        'copy = { "" = "data" }',
        "`copy` has the target '', which is no plain path, absolute or below the application's folder",
    ),
    ('copy = { "a" = "" }', "`copy` has the source '', which is not a plain path from the script's folder"),
    (
        'copy = { "a\\u0000" = "data" }',
        "`copy` has the target 'a\\x00', which is no plain path, absolute or below the application's folder",
    ),
    (
        'copy = { "a" = "data\\u0000" }',
        "`copy` has the source 'data\\x00', which is not a plain path from the script's folder",
    ),
    ('copy = { "a" = "/etc" }', "`copy` has the source '/etc', which is not a plain path from the script's folder"),
    ('copy = { "a" = 5 }', "`copy` has neither a string nor a list of strings for 'a'"),
    ('copy = { "a" = [5] }', "`copy` has neither a string nor a list of strings for 'a'"),
    ('copy = { "a" = {} }', "`copy` has neither a string nor a list of strings for 'a'"),
    ('copy = { "a" = 2020-01-01 }', "`copy` has neither a string nor a list of strings for 'a'"),
    ("copy = 5", "`copy` is not a table"),
    ('copy = ["a"]', "`copy` is not a table"),
    (
        'copy = { "a\\nb" = "data" }',
        "`copy` has the target 'a\\nb', which is no plain path, absolute or below the application's folder",
    ),
    (
        'copy = { "a" = "data\\nx" }',
        "`copy` has the source 'data\\nx', which is not a plain path from the script's folder",
    ),
    (
        'copy = { "a=b" = "data" }',
        "`copy` has the target 'a=b', which is no plain path, absolute or below the application's folder",
    ),
    (
        'copy = { "a\\\\b" = "data" }',
        "`copy` brings 'a\\\\b/a.txt', whose name holds a backslash, a control character or what is not UTF-8",
    ),
    ('ignore-file = "."', "`ignore-file` names '.', where there is no file"),
    ('ignore-file = "x\\u0000"', "`ignore-file` holds a NUL character"),
    (
        'ignore-file = "/etc/passwd"',
        "`ignore-file` is '/etc/passwd', which is not a plain path from the script's folder",
    ),
    ("ignore-file = 5", "`ignore-file` is not a string"),
    ("env = { A = 1 }", "`env` is not a table of strings: write the value of 'A' in quotes"),
    ("env = { A = 2020-01-01 }", "`env` is not a table of strings: write the value of 'A' in quotes"),
    ("env = { A = nan }", "`env` is not a table of strings: write the value of 'A' in quotes"),
    ('env = { "" = "x" }', "`env` has the name '', which cannot be set"),
    ('env = { "A=B" = "x" }', "`env` has the name 'A=B', which cannot be set"),
    ('env = { A = "x\\u0000" }', "`env` holds a NUL character"),
    ('env = { A = ["x"] }', "`env` is not a table of strings: write the value of 'A' in quotes"),
    ("env = []", "`env` is not a table of strings"),
    ("labels = { a = 1 }", "`labels` is not a table of strings: write the value of 'a' in quotes"),
    ("labels = { a = 2020-01-01 }", "`labels` is not a table of strings: write the value of 'a' in quotes"),
    ('labels = { "" = "x" }', "`labels` has the name '', which cannot be set"),
    ('labels = { a = "x\\ny" }', "`labels` has a line break or another control character in the value of 'a'"),
    ('labels = { "\\u202e" = "x" }', "`labels` has the name '\\u202e', which cannot be set"),
    ("max-layers = 5", "`max-layers` is not a number from 6 to 120"),
    ("max-layers = nan", "`max-layers` is not a number from 6 to 120"),
    ("max-layers = true", "`max-layers` is not a number from 6 to 120"),
    ('max-layers = "6"', "`max-layers` is not a number from 6 to 120"),
    ("max-layers = 1e3", "`max-layers` is not a number from 6 to 120"),
    ("max-layers = -6", "`max-layers` is not a number from 6 to 120"),
    ('user = "99999999999:1"', "`user` is '99999999999:1', but must be UID or UID:GID in digits"),
    ('user = "٣:٣"', "`user` is '٣:٣', but must be UID or UID:GID in digits"),
    ('user = ""', "`user` is '', but must be UID or UID:GID in digits"),
    ('user = "root"', "`user` is 'root', but must be UID or UID:GID in digits"),
    ("user = 5", "`user` is not a string"),
    ('user = "1:"', "`user` is '1:', but must be UID or UID:GID in digits"),
    ('workdir = "a"', "`workdir` is 'a', but must be an absolute path without `.`, `..` or a slash at its end"),
    ('workdir = "/a\\u0000"', "`workdir` holds a NUL character"),
    ('workdir = "//x"', "`workdir` is '//x', but must be an absolute path without `.`, `..` or a slash at its end"),
    ('workdir = "/a//b"', "`workdir` is '/a//b', but must be an absolute path without `.`, `..` or a slash at its end"),
    ('workdir = "/../x"', "`workdir` is '/../x', but must be an absolute path without `.`, `..` or a slash at its end"),
    ("workdir = 5", "`workdir` is not a string"),
    ('workdir = ""', "`workdir` is '', but must be an absolute path without `.`, `..` or a slash at its end"),
    ("own-workdir = 1", "`own-workdir` is not true or false"),
    ('own-workdir = "x"', "`own-workdir` is not true or false"),
    ('name = ""', "`name` is '', but a name has lower-case letters and digits with single `.`, `_` or `-` between"),
    ("name = 5", "`name` is not a string"),
    (
        'name = "a..b"',
        "`name` is 'a..b', but a name has lower-case letters and digits with single `.`, `_` or `-` between",
    ),
    ('name = "A"', "`name` is 'A', but a name has lower-case letters and digits with single `.`, `_` or `-` between"),
    (
        'name = "../x"',
        "`name` is '../x', but a name has lower-case letters and digits with single `.`, `_` or `-` between",
    ),
    ("name = {x = 1}", "`name` is not a string"),
    ('name = "a\\u0000"', "`name` holds a NUL character"),
    ('base = ""', "`base` is neither `debian`, `debian:SUITE` nor the reference of an image"),
    ('base = "a\\u0000"', "`base` holds a NUL character"),
    ('base = "a b"', "`base` is neither `debian`, `debian:SUITE` nor the reference of an image"),
    ("base = 5", "`base` is not a string"),
    ("base = 2020-01-01", "`base` is not a string"),
    ("platforms = []", "`platforms` has nothing in it; known are `linux/amd64`, `linux/arm64`"),
    ('platforms = [["x"]]', "`platforms` is not a list of strings"),
    ('platforms = ["x"]', "`platforms` has 'x'; known are `linux/amd64`, `linux/arm64`"),
    ("platforms = 5", "`platforms` is not a list of strings"),
    ('platforms = ["linux/amd64\\u0000"]', "`platforms` holds a NUL character"),
    ('system-packages = ["-x"]', "`system-packages` has '-x', which cannot be the name of a Debian package"),
    ('system-packages = ["a\\nb"]', "`system-packages` has 'a\\nb', which cannot be the name of a Debian package"),
    ("system-packages = 5", "`system-packages` is not a list of strings"),
    (
        'repository = "x"',
        "`repository` is 'x', but must be HOST/NAME without tag or digest, such as ghcr.io/acme/penguins",
    ),
    (
        'repository = "h:999999999/x"',
        "`repository` is 'h:999999999/x', but must be HOST/NAME without tag or digest, such as ghcr.io/acme/penguins",
    ),
    ("repository = 5", "`repository` is not a string"),
    ('entrypoint = "x"', "`entrypoint` is not a list of strings"),
    ('entrypoint = ["\\u0000"]', "`entrypoint` holds a NUL character"),
    ("args = [5]", "`args` is not a list of strings"),
    ("args = [nan]", "`args` is not a list of strings"),
    ('run = ["\'"]', '`run` has "\'", which cannot be split into words: No closing quotation'),
    ('run = [""]', "`run` has an empty command"),
    ('run = "x"', "`run` is not a list of strings"),
    ("include-script = 1", "`include-script` is not true or false"),
    ("..........", "not valid TOML: invalid statement"),
    ("x = 99999-01-01", "not valid TOML: expected newline or end of document after a statement"),
    ('x = "\\ud800"', "not valid TOML: escaped character is not a Unicode scalar value"),
    ('x = "\\U00110000"', "not valid TOML: escaped character is not a Unicode scalar value"),
    ("env = { A = 1979-05-27T07:32:00 }", "`env` is not a table of strings: write the value of 'A' in quotes"),
    ("labels = { a = 07:32:00 }", "`labels` is not a table of strings: write the value of 'a' in quotes"),
    ("name = 0x7f", "`name` is not a string"),
    ("repository = 2020-01-01", "`repository` is not a string"),
    ("user = [1]", "`user` is not a string"),
    ("workdir = {}", "`workdir` is not a string"),
    ("entrypoint = 5", "`entrypoint` is not a list of strings"),
    ("run = [nan]", "`run` is not a list of strings"),
    ("args = 2020-01-01", "`args` is not a list of strings"),
    ("platforms = nan", "`platforms` is not a list of strings"),
    ("max-layers = 2020-01-01", "`max-layers` is not a number from 6 to 120"),
    ("include-script = 2020-01-01", "`include-script` is not true or false"),
    ("system-packages = [nan]", "`system-packages` is not a list of strings"),
    (f'files = ["{LONG}"]', f"`files` pattern {LONG[:200]!r}… matches nothing"),
    (f'files = ["{"a/" * 3000}b"]', f"`files` has {('a/' * 100)!r}…, which has more than 64 parts or 4096 characters"),
    (
        f'files = ["{"**/" * 200}b"]',
        f"`files` has {('**/' * 67)[:200]!r}…, which has more than 64 parts or 4096 characters",
    ),
    (
        f'copy = {{ "{LONG}" = "data" }}',
        f"`copy` has the target {LONG[:200]!r}…, which is no plain path, absolute or below the application's folder",
    ),
    (
        f'copy = {{ "a" = "{LONG}" }}',
        f"`copy` has the source {LONG[:200]!r}…, which is not a plain path from the script's folder",
    ),
    (f"max-layers = {'9' * 4000}", "not valid TOML: a number has too many digits"),
    (f"max-layers = {'9' * 5000}", "not valid TOML: a number has too many digits"),
    (
        f'workdir = "/{LONG}"',
        f"`workdir` is {f'/{LONG}'[:200]!r}…, but must be an absolute path without `.`, `..` or a slash at its end",
    ),
    (
        f'name = "{LONG}"',
        f"`name` is {LONG[:200]!r}…, but a name has lower-case letters and digits with single `.`, `_` or `-` between",
    ),
    (
        f'repository = "h/{LONG}"',
        f"`repository` is {f'h/{LONG}'[:200]!r}…, but must be HOST/NAME without tag or digest, such as ghcr.io/acme/penguins",
    ),
    (f'run = ["{"a" * 200_000}"]', "`run` has a command of more than 131072 characters"),
    (f"args = [{'1, ' * 10}'a']", "`args` is not a list of strings"),
    (f"args = [{chr(34) + chr(34) + ', '!s}" + '"", ' * 10_000 + "]", "`args` has more than 10000 values"),
    (f'"{"k" * 20_000}" = 1', f"unknown key `{'k' * 100}` in [tool.onedigest]"),
    ('"https://me:hunter2@host/" = 1', "unknown key `https://****@host/` in [tool.onedigest]"),
    (f"x = {'[' * 3000}{']' * 3000}", "not valid TOML: nested more than 64 deep"),
    (f"x = {'[' * 100}{']' * 100}", "not valid TOML: nested more than 64 deep"),
    (f"x = {'{a=' * 100}1{'}' * 100}", "not valid TOML: nested more than 64 deep"),
)


@pytest.mark.parametrize(("line", "expected"), SETTINGS, ids=lambda text: text[:40])
def test_a_setting(line: str, expected: str, tmp_path: Path) -> None:
    (tmp_path / "jobs" / "data").mkdir(parents=True)
    (tmp_path / "jobs" / "data" / "a.txt").write_text("a")

    with pytest.raises(OnedigestError) as caught:
        script = parse(f"# /// script\n# [tool.onedigest]\n# {line}\n# ///\n".encode(), "jobs/a.py")
        collect(specify(script, Project(root=tmp_path), "jobs/a.py"), script, tmp_path / "jobs")
    assert str(caught.value).partition("\n")[0] == f"jobs/a.py:3: {expected}"


def scripted(*lines: str) -> bytes:
    block = "".join(f"# {line}\n" for line in ('requires-python = ">=3.11"', *lines))
    return f"# /// script\n{block}# ///\n".encode()


FLYTE = "from flyte import Image, Secret\nx = Image.from_debian_base({})\n"

SCRIPTS: tuple[tuple[bytes, str], ...] = (
    (b"\xff" + SCRIPT, "job.py:1: not UTF-8"),
    (SCRIPT.decode().encode("utf-16"), "job.py:1: not UTF-8"),
    (b"", "job.py:1: no PEP 723 `script` block"),
    (SCRIPT.replace(b"\n", b"\r"), "job.py:1: no PEP 723 `script` block"),
    (b"# /// script\n# x = '\xed\xa0\x80'\n# ///\n", "job.py:2: not UTF-8"),
    (SCRIPT.replace(b"[]", b"5"), "job.py:2: `dependencies` is not a list of strings"),
    (SCRIPT.replace(b"[]", b"[2020-01-01]"), "job.py:2: `dependencies` is not a list of strings"),
    (
        SCRIPT.replace(b"[]", b"['']"),
        "job.py:2: `dependencies` has '', which is not a requirement: Expected package name at the start of dependency specifier",
    ),
    (
        SCRIPT.replace(b"dependencies = []", b"requires-python = 2020-01-01"),
        "job.py:2: `requires-python` is not a string",
    ),
    (
        SCRIPT.replace(b"dependencies = []", b"requires-python = '>=" + b"9" * 5000 + b"'"),
        f"job.py:2: `requires-python` is not a version specifier: {'>=' + '9' * 198!r}…",
    ),
    (SCRIPT.replace(b"dependencies = []", b"tool = 5"), "job.py:2: `tool` is not a table"),
    (scripted("[tool]", "onedigest = [1]"), "job.py:4: `tool.onedigest` is not a table"),
    (scripted("[tool]", "uv = 5"), "job.py:4: `tool.uv` is not a table"),
    (scripted("[tool.onedigest]", "name = 5", "user = 5"), "job.py:4: `name` is not a string"),
    (scripted("x = https://me:hunter2@host/"), "job.py:3: not valid TOML: invalid value"),
    (FLYTE.format("name='a'").encode()[:-2], "job.py:2: not Python: '(' was never closed"),
    *(
        (FLYTE.format(given).encode(), f"job.py:2: {expected}")
        for given, expected in (
            ("name=5", "`name` of `from_debian_base` is not a string"),
            ("name='a', registry=7", "`registry` of `from_debian_base` is not a string"),
            ("name='a', python_version=3", "`python_version` of `from_debian_base` is not a pair of numbers"),
            ("name='a', python_version=(3,)", "`python_version` of `from_debian_base` is not a pair of numbers"),
            ("name='a', platform=5", "`platform` of `from_debian_base` is not a string or several"),
            ("name='a', install_flyte='no'", "`install_flyte` of `from_debian_base` is not True or False"),
            ("name='a\\0'", "`name` of `from_debian_base` holds a NUL character, or what is no character of Unicode"),
            (
                "name='\\x1b[31m'",
                "`name` is '\\x1b[31m', but a name has lower-case letters and digits with single `.`, `_` or `-` between",
            ),
            ("name='a').with_requirements(", "`with_requirements` lacks `file`"),
            ("name='a').with_requirements(5", "`file` of `with_requirements` is not a path"),
            ("name='a').with_requirements('" + LONG + "'", "a path cannot be read: File name too long"),
            ("name='a').with_env_vars(5", "`env_vars` of `with_env_vars` is not a table of strings"),
            ("name='a').with_env_vars({'A': []}", "`env_vars` of `with_env_vars` is not a table of strings"),
            (
                "name='a').with_env_vars({'A': '\\ud800'}",
                "`env_vars` of `with_env_vars` holds a NUL character, or what is no character of Unicode",
            ),
            ("name='a').with_pip_packages(5", "`packages` of `with_pip_packages` is not a string or several"),
            (
                "name='a').with_pip_packages('a b'",
                "'a b' is not a requirement: Expected semicolon (after name with no version specifier) or end",
            ),
            (
                "name='a').with_pip_packages('a', extra_index_urls=[['x']]",
                "`extra_index_urls` of `with_pip_packages` is not a string or several",
            ),
            (
                "name='a').with_pip_packages('a', secret_mounts=[5]",
                "`secret_mounts` of `with_pip_packages` is not a secret or several",
            ),
            (
                "name='a').with_pip_packages('a', extra_args='--x=//me:hunter2@host'",
                "`--x=//****@host` in `extra_args` has no place in a lock",
            ),
            ("name='a').with_source_folder(", "`with_source_folder` lacks `src`"),
            ("name='a').with_source_folder([]", "`src` of `with_source_folder` is not a path"),
            ("name='a').with_source_folder(('a',)", "`src` of `with_source_folder` is not a path"),
            (
                "name='a').with_uv_project('/'",
                "/ is not below project, the folder that holds the locks",
            ),
            ("name='a').with_source_file([5]", "`src` of `with_source_file` is not a path or several"),
            ("name='a').with_workdir(5", "`workdir` of `with_workdir` is not a string"),
            ("name='a').with_commands([5]", "`commands` of `with_commands` is not a string or several"),
            ("name='a').with_code_bundle(copy_style=5", "`copy_style` of `with_code_bundle` is not a string"),
        )
    ),
)


@pytest.mark.parametrize(("data", "expected"), SCRIPTS, ids=lambda each: str(each)[:60])
def test_a_script(
    data: bytes, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "project"
    (root / ".git").mkdir(parents=True)
    (root / "job.py").write_bytes(data)
    monkeypatch.chdir(root)

    assert run(["generate", "--check", "job.py"]) == 1
    said = capsys.readouterr().err
    assert f"error: {expected}" in said.split("\n")
    assert "hunter2" not in said


PROJECTS: tuple[tuple[str, bytes, str], ...] = tuple(
    (name, text, f"{name}:{expected}")
    for name, text, expected in (
        ("onedigest.toml", b"\xff", "1: not UTF-8"),
        ("onedigest.toml", b"x = " + b"[" * 3000 + b"]" * 3000, "1: not valid TOML: nested more than 64 deep"),
        ("onedigest.toml", b"x = " + b"9" * 5000, "1: not valid TOML: a number has too many digits"),
        ("onedigest.toml", b"a." * 20_000 + b"b = 1", "1: not valid TOML: nested more than 64 deep"),
        ("onedigest.toml", b"\nscripts = 5", "2: `scripts` is not a list of strings"),
        ("onedigest.toml", b"scripts = [5]", "1: `scripts` is not a list of strings"),
        ("onedigest.toml", b"scripts = [2020-01-01]", "1: `scripts` is not a list of strings"),
        ("onedigest.toml", b'scripts = [""]', "1: `scripts` has '', which leaves the project"),
        (
            "onedigest.toml",
            b'scripts = ["."]',
            "1: `scripts` has '.', which is the folder itself: `*` is all that is in it",
        ),
        ("onedigest.toml", b'scripts = ["/x/*"]', "1: `scripts` has '/x/*', which leaves the project"),
        ("onedigest.toml", b'scripts = ["../*"]', "1: `scripts` has '../*', which leaves the project"),
        (
            "onedigest.toml",
            b'scripts = ["../../**/*.py"]',
            "1: `scripts` has '../../**/*.py', which leaves the project",
        ),
        (
            "onedigest.toml",
            b'scripts = ["**x"]',
            "1: `scripts` has '**x', where `**` is only a part of '**x': it stands for folders",
        ),
        ("onedigest.toml", b'scripts = ["a\\u0000b"]', "1: `scripts` holds a NUL character"),
        ("onedigest.toml", b'scripts = ["**/**"]', "1: `scripts` matches no file"),
        ("onedigest.toml", b'scripts = ["jobs"]', "1: `scripts` matches no file"),
        ("onedigest.toml", b'scripts = ["*/"]', "1: `scripts` matches no file"),
        ("onedigest.toml", b'scripts = ["[a"]', "1: `scripts` matches no file"),
        (
            "onedigest.toml",
            b'\nfiles = ["/x"]\nscripts = ["jobs/*"]',
            "2: `files` has '/x', which leaves the script's folder",
        ),
        (
            "onedigest.toml",
            b'labels = { a = 1 }\nscripts = ["jobs/*"]',
            "1: `labels` is not a table of strings: write the value of 'a' in quotes",
        ),
        ("onedigest.toml", b'scripts = ["jobs/*"]\n[name]\nx = 1', "2: `name` is not a string"),
        ("pyproject.toml", b"\xff", "1: not UTF-8"),
        ("pyproject.toml", b"x = " + b"[" * 3000 + b"]" * 3000, "1: not valid TOML: nested more than 64 deep"),
        ("pyproject.toml", b"x = " + b"9" * 5000, "1: not valid TOML: a number has too many digits"),
        ("pyproject.toml", b"[tool.onedigest]\nscripts = 5", "2: `scripts` is not a list of strings"),
    )
)


@pytest.mark.parametrize(("name", "data", "expected"), PROJECTS, ids=lambda each: str(each)[:60])
def test_a_project(
    name: str,
    data: bytes,
    expected: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / name).write_bytes(data)
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "a.py").write_bytes(SCRIPT)
    monkeypatch.chdir(tmp_path)

    assert run(["generate", "--check", "--all"]) == 1
    assert capsys.readouterr().err.split("\n")[0] == f"error: {expected}"


@pytest.mark.parametrize("data", [b"tool = [1]", b"tool = 5", b"[tool]\nonedigest = [1]", b"[tool]\nonedigest = 5"])
def test_a_pyproject_of_another_shape_is_not_ours(
    data: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pyproject.toml").write_bytes(data)
    (tmp_path / "job.py").write_bytes(SCRIPT)
    monkeypatch.chdir(tmp_path)

    assert run(["generate", "--check", "job.py"]) == 3
    assert "job/pylock.toml: there is no lock" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["onedigest.toml", "pyproject.toml"])
@pytest.mark.parametrize("kind", ["folder", "pipe", "loop"])
def test_a_project_file_that_is_no_file_is_not_read(
    name: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / name
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(name)
    (tmp_path / "job.py").write_bytes(SCRIPT)
    monkeypatch.chdir(tmp_path)

    assert run(["generate", "--check", "job.py"]) == 3


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (".py", "no name of an image can be made of '.py'\nhint: set `name` in [tool.onedigest]"),
        ("_.py", "no name of an image can be made of '_.py'\nhint: set `name` in [tool.onedigest]"),
        ("größe日本.py", ""),
        ("日本.py", "no name of an image can be made of '日本.py'\nhint: set `name` in [tool.onedigest]"),
        ("a\nb.py", "the path 'a\\nb.py' holds a backslash or a control character"),
        ("a\\b.py", "the path 'a\\\\b.py' holds a backslash or a control character"),
        (os.fsdecode(b"a\xff.py"), "the path 'a\\udcff.py' is not UTF-8"),
        ("con.py", ""),
        ("a b.py", ""),
        ("-x.py", ""),
        (
            "a" * 200 + ".py",
            f"no name of an image can be made of {'a' * 200 + '.py'!r}\nhint: set `name` in [tool.onedigest]",
        ),
    ],
    ids=ascii,
)
def test_a_name_of_a_script(name: str, expected: str) -> None:
    script = parse(SCRIPT, "a.py")
    if not expected:
        assert specify(script, Project(root=Path()), name).name
        return
    with pytest.raises(OnedigestError) as caught:
        specify(script, Project(root=Path()), name)
    assert str(caught.value) == f"a.py:1: {expected}"


@pytest.mark.parametrize("line", ["concurrent-downloads = nan", "exclude-newer = 2020-01-01", "x = inf"])
def test_a_setting_of_uv_that_is_no_text(line: str) -> None:
    script = parse(scripted("[tool.uv]", line), "a.py")

    with pytest.raises(OnedigestError) as caught:
        specify(script, Project(root=Path()), "a.py")
    assert str(caught.value) == (
        "a.py:3: [tool.uv] has a date, a number that is none, or text that is not Unicode; settings of uv have none\n"
        "hint: write dates in quotes"
    )


ROW = b"version = 1\n[[package]]\nname = 'x'\nversion = '1'\nsource = {virtual = '.'}\n"
NAMED = b"[project]\nname = 'x'\n"
LOCKED = (
    (b"tool = 5", b"", "pyproject.toml:1: `tool` is not a table"),
    (b"[tool]\nuv = 5", b"", "pyproject.toml:2: `tool.uv` is not a table"),
    (b"[project]\nversion = '1'", b"", "pyproject.toml:1: [project] has no `name`"),
    (NAMED + b"requires-python = 5", b"", "pyproject.toml:3: `project.requires-python` is not a string"),
    (NAMED + b"dependencies = 5", b"", "pyproject.toml:3: `project.dependencies` is not a list"),
    (NAMED + b"dependencies = [5]", b"", "pyproject.toml:3: `project.dependencies` is not a string"),
    (
        NAMED + b"dependencies = ['a b']",
        ROW,
        "pyproject.toml:3: 'a b' is no requirement: Expected semicolon (after name with no version specifier) or end",
    ),
    (b"project = 5", b"", "pyproject.toml:1: `project` is not a table"),
    (NAMED + b"optional-dependencies = [1]", b"", "pyproject.toml:3: `project.optional-dependencies` is not a table"),
    (NAMED, b"", "uv.lock: `version` is 'None', and 1 is what this onedigest reads"),
    (NAMED, b"version = 1\npackage = 5", "uv.lock: cannot be used: `package` is not a list"),
    (NAMED, b"version = 1\npackage = [5]", "uv.lock: cannot be used: `package` is not a table"),
    (NAMED, ROW + b"metadata = 5", "uv.lock: cannot be used: `x`: `metadata` is not a table"),
    (
        NAMED + b"dependencies = ['y']",
        ROW + b"metadata.requires-dist = [{name = 'y', specifier = '=a'}]",
        "uv.lock: cannot be held against the projects: it has what is no version specifier: '=a'",
    ),
    (b"\xff", b"", "pyproject.toml:1: not UTF-8"),
    (b"x = " + b"[" * 3000, b"", "pyproject.toml:1: not valid TOML: nested more than 64 deep"),
    (NAMED, b"x = " + b"9" * 5000, "uv.lock: not valid TOML: a number has too many digits"),
)


@pytest.mark.parametrize(("project", "lock", "expected"), LOCKED, ids=lambda each: str(each)[:60])
def test_a_locked_project(
    project: bytes,
    lock: bytes,
    expected: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "pyproject.toml").write_bytes(project)
    (tmp_path / "uv.lock").write_bytes(lock)
    (tmp_path / "onedigest.toml").touch()
    (tmp_path / "job.py").write_text(FLYTE.format("name='a', registry='b').with_uv_project('pyproject.toml'"))
    monkeypatch.chdir(tmp_path)

    assert run(["generate", "--check", "job.py"]) == 1
    assert capsys.readouterr().err.split("\n")[0] == f"error: job.py:2: {expected}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"\xff", "requirements.txt:1: not UTF-8"),
        (
            b"a b",
            "requirements.txt:1: 'a b' is not a requirement: Expected semicolon (after name with no version specifier) or end",
        ),
        (b"-r", ".: cannot be read: Is a directory"),
        (b"-r .", ".: cannot be read: Is a directory"),
        (b"-r a\0b", "requirements.txt:1: 'a\\x00b' holds a control character"),
        (b"-r missing.txt", "missing.txt: cannot be read: No such file or directory"),
        (
            b"-r https://me:hunter2@host/x",
            "requirements.txt:1: 'https://****@host/x' is an address, and a lock has no place for what changes there",
        ),
        (b"--x //me:hunter2@host", "requirements.txt:1: `--x` in a requirements file has no place in a lock"),
        (b"-e //me:hunter2@host", "requirements.txt:1: '//****@host' is not below "),
        (
            b"a @ https://me:hunter2@host/ x",
            "requirements.txt:1: 'a @ https://****@host/ x' is not a requirement: Expected semicolon (after URL and whitespace) or end",
        ),
        (
            b"'",
            'requirements.txt:1: "\'" is not a requirement: Expected package name at the start of dependency specifier',
        ),
        (b"a" * (2 << 20), "requirements.txt:1: has a line of more than 1048576 characters"),
    ],
    ids=lambda each: str(each)[:40],
)
def test_a_requirements_file(
    text: bytes, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "onedigest.toml").touch()
    (tmp_path / "requirements.txt").write_bytes(text)
    (tmp_path / "job.py").write_text(FLYTE.format("name='a', registry='b').with_requirements('requirements.txt'"))
    monkeypatch.chdir(tmp_path)

    assert run(["generate", "--check", "job.py"]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"error: {expected}")
    assert "hunter2" not in said
