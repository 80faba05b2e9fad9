"""Files that hold credentials by their name get into no image, unless they are named themselves; and that is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from engines.buildx.test_build_context import send
from moby_patterns import sent
from onedigest.assembler import credential_files
from onedigest.assembler.credential_files import find_rule
from onedigest.assembler.selection import Selection, select
from onedigest.definition.files import collect
from onedigest.definition.project import Project
from onedigest.definition.script import parse
from onedigest.definition.spec import specify
from onedigest.errors import InputError, Problem
from onedigest.rules.dockerfile import ignore_lines

CREDENTIALS = (
    ".git/config",
    ".git/refs/heads/main",
    "sub/.git",
    ".env",
    ".ENV",
    ".env.local",
    ".env.production",
    ".envrc",
    ".netrc",
    "_netrc",
    ".git-credentials",
    ".pypirc",
    ".npmrc",
    ".pgpass",
    ".docker/config.json",
    ".dockercfg",
    ".ssh/known_hosts",
    ".ssh/anything",
    "id_rsa",
    "id_dsa",
    "id_ecdsa",
    "id_ed25519",
    "id_ed25519_sk",
    "id_rsa.bak",
    "server.pem",
    "CERT.PEM",
    "tls.key",
    "a.p12",
    "a.pfx",
    "a.jks",
    ".aws/credentials",
    ".aws/config",
    ".kube/config",
    ".azure/accessTokens.json",
    ".config/gcloud/credentials.db",
    "application_default_credentials.json",
    "client_secret_1.json",
    "service-account.json",
    ".gnupg/private-keys-v1.d/x",
    "terraform.tfstate",
    "terraform.tfstate.backup",
    ".cargo/credentials.toml",
    ".streamlit/secrets.toml",
    ".vault-token",
    ".bash_history",
)
HARMLESS = (
    "a.py",
    "env",
    "prod.env",
    ".env.example",
    ".env.sample",
    ".env.template",
    "id_rsa.pub",
    "id_mapping.csv",
    "config.json",
    ".docker/Dockerfile",
    "docker/config.json",
    "git/config",
    ".gitignore",
    ".gitattributes",
    ".github/workflows/ci.yml",
    "a.pem.txt",
    "keys.csv",
    "key",
    "certificates.crt",
    "credentials.py",
    "netrc.py",
    "aws/credentials.md",
    ".dockerignore",
    "ssh/config",
    "kubeconfig.py",
)


def collected(root: Path, *lines: str) -> tuple[list[str], list[str]]:
    """Return the files of an application, and what was warned about."""
    said: list[Problem] = []
    block = "".join(f"# {line}\n" for line in ("[tool.onedigest]", "include-script = false", *lines))
    script = parse(f"# /// script\n{block}# ///\n".encode(), "a.py")
    files = collect(specify(script, Project(root=root), "a.py"), script, root, said.append)
    return [file.target for file in files], [str(each) for each in said]


def refused(root: Path, *lines: str) -> str:
    with pytest.raises(InputError) as caught:
        collected(root, *lines)
    return str(caught.value)


def write(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)


HINT = "\nhint: to have such a file in the image, name it itself, without a pattern"


@pytest.mark.parametrize("name", CREDENTIALS)
def test_a_name_tells(name: str, tmp_path: Path) -> None:
    write(tmp_path, f"data/{name}", "data/a.py")
    path = f"data/{name}"

    assert find_rule(path)
    assert collected(tmp_path, 'files = ["data/**/*"]') == (
        ["data/a.py"],
        [f"a.py:4: `files` pattern 'data/**/*' matches {path!r}, which may hold credentials: left out{HINT}"],
    )
    assert collected(tmp_path, f'files = ["{path}"]') == ([path], [])
    assert collected(tmp_path, f'copy = {{ "x" = "{path}" }}') == (["x"], [])
    kept, said = collected(tmp_path, 'copy = { "." = "data" }')
    assert kept == ["a.py"]
    if ".git" not in Path(name).parts:  # repositories are no part of a copy, which is documented
        assert said == [f"a.py:4: `copy` of 'data' has {path!r}, which may hold credentials: left out{HINT}"]


@pytest.mark.parametrize("name", HARMLESS)
def test_a_name_that_only_looks_alike_is_a_file_like_others(name: str, tmp_path: Path) -> None:
    write(tmp_path, f"data/{name}")

    assert find_rule(name) == ""
    assert collected(tmp_path, 'files = ["data/**/*"]') == ([f"data/{name}"], [])
    assert collected(tmp_path, 'copy = { "." = "data" }') == ([name], [])


def test_several_are_one_warning(tmp_path: Path) -> None:
    write(tmp_path, ".env", "id_rsa", "cacert.pem", "a.txt")

    assert collected(tmp_path, 'files = ["*"]')[0] == ["a.txt"]
    assert collected(tmp_path, 'copy = { "x" = "." }')[1] == [
        f"a.py:4: `copy` of '.' has '.env' and 2 more, which may hold credentials: left out{HINT}"
    ]


def test_a_file_named_itself_is_there_beside_the_folder(tmp_path: Path) -> None:
    write(tmp_path, "data/cacert.pem", "data/a.txt")

    assert collected(tmp_path, 'copy = { "." = "data", "cacert.pem" = "data/cacert.pem" }')[0] == [
        "a.txt",
        "cacert.pem",
    ]
    assert collected(tmp_path, 'files = ["data/*", "data/cacert.pem"]')[0] == ["data/a.txt", "data/cacert.pem"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            'files = [".git/*"]',
            "`files` pattern '.git/*' matches only what may hold credentials, such as '.git/config'",
        ),
        ('files = [".git"]', "`files` pattern '.git' matches only what may hold credentials, such as '.git/config'"),
        ('files = ["*.pem"]', "`files` pattern '*.pem' matches only what may hold credentials, such as 'a.pem'"),
        ('copy = { "x" = ".git" }', "`copy` of '.git' has only what may hold credentials, such as '.git/config'"),
        ('copy = { "x" = ".ssh" }', "`copy` of '.ssh' has only what may hold credentials, such as '.ssh/id_rsa'"),
    ],
)
def test_nothing_else_is_an_error(line: str, expected: str, tmp_path: Path) -> None:
    write(tmp_path, ".git/config", "a.pem", ".ssh/id_rsa")

    assert refused(tmp_path, line) == f"a.py:4: {expected}{HINT}"


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ('files = ["data/notes.txt"]', "`files` pattern 'data/notes.txt' matches"),
        ('copy = { "x" = "data/notes.txt" }', "`copy` of 'data/notes.txt' has"),
    ],
)
def test_a_link_of_another_name_brings_none(line: str, named: str, tmp_path: Path) -> None:
    write(tmp_path, ".git/config", "data/a.txt")
    (tmp_path / "data" / "notes.txt").symlink_to("../.git/config")

    expected = f"a.py:4: {named} only what may hold credentials, such as 'data/notes.txt'{HINT}"
    assert refused(tmp_path, line) == expected


def test_a_folder_behind_a_link_of_another_name_brings_none(tmp_path: Path) -> None:
    write(tmp_path, ".git/config")
    (tmp_path / "notes").symlink_to(".git")

    assert "only what may hold credentials, such as 'notes/config'" in refused(tmp_path, 'files = ["notes/*"]')
    assert "only what may hold credentials, such as 'notes/config'" in refused(tmp_path, 'copy = { "x" = "notes" }')
    assert "only what may hold credentials" in refused(tmp_path, 'files = ["notes/config"]')


def test_a_link_to_a_certificate_is_named_by_its_own_name(tmp_path: Path) -> None:
    write(tmp_path, "certs/ca-2026.pem")
    (tmp_path / "certs" / "ca.pem").symlink_to("ca-2026.pem")

    assert collected(tmp_path, 'files = ["certs/ca.pem"]') == (["certs/ca.pem"], [])


def test_the_ignore_file_may_leave_them_out_without_words(tmp_path: Path) -> None:
    write(tmp_path, "data/.env", "data/a.txt")
    (tmp_path / ".dockerignore").write_text("**/.env\n")

    assert collected(tmp_path, 'copy = { "." = "data" }', 'ignore-file = ".dockerignore"') == (["a.txt"], [])


def test_the_code_that_flyte_bakes_in_has_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from onedigest.flyte_plugin.bundles import _files_below

    write(tmp_path, "a.py", ".env", ".git/config")

    assert [target for target, _ in _files_below(tmp_path)] == ["a.py"]
    assert ".env, which may hold credentials: left out of the code; to have it there, use" in capsys.readouterr().err


def test_the_table_has_each_name_once_and_in_small_letters() -> None:
    names = (*credential_files.FOLDERS, *credential_files.FILES)

    assert len(set(names)) == len(names)
    assert [name for name in names if name != name.casefold()] == []


@pytest.mark.parametrize("name", [".env", "jobs/.NETRC", "./.git/config", "rules"])
def test_lines_of_credentials_are_no_rules_of_what_is_sent(name: str, tmp_path: Path) -> None:
    """They would stand in a .dockerignore that is checked in, and the file would be sent to a builder."""
    write(tmp_path, ".env", "jobs/.NETRC", ".git/config", "lib/a.py")
    (tmp_path / "rules").symlink_to(".env")

    message = refused(tmp_path, 'copy = { "x" = "." }', f'ignore-file = "{name}"')
    assert message == f"a.py:5: `ignore-file` names {name!r}, which may hold credentials\nhint: name a .dockerignore"


ODD_NAMES = (
    "lib/a\nb/.env", "lib/a\nb/c/id_rsa", "lib/a\nb/.git/config", "lib/a\rb/.env", "lib/.env.\n", "lib/x/.ENV",
    "lib/x\u2028y/Id_Ed25519", "x\n/.netrc",
)  # fmt: skip


def odd_lines(root: Path) -> list[str]:
    """Return the lines of a .dockerignore for a whole project that has credentials in folders of odd names."""
    write(root, "lib/a.py", *ODD_NAMES)
    (root / "lib" / "cfg").symlink_to("x/.ENV")
    found = select(root, Selection(copies=(("x", "."),)))
    assert [file.target for file in found.files] == ["x/lib/a.py"]
    return ["*", *ignore_lines(found.selection, "lockfiles")]


def test_no_credentials_are_sent_of_folders_with_odd_names(tmp_path: Path) -> None:
    lines = odd_lines(tmp_path)

    assert [name for name in ("lib/a.py", *ODD_NAMES) if sent(lines, name)] == ["lib/a.py"]


@pytest.mark.docker
def test_buildkit_is_sent_no_credentials_of_folders_with_odd_names(docker: str, tmp_path: Path) -> None:
    root, asked = tmp_path / "tree", tmp_path / "asked"
    root.mkdir()
    asked.mkdir()

    found = send(docker, root, odd_lines(root), asked)
    assert found == {"lib/a.py", "lib/cfg"}
