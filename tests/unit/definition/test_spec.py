"""What may be asked of an image: defaults, precedence, limits and messages."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from onedigest import formats
from onedigest.definition.project import Project, find
from onedigest.definition.script import parse
from onedigest.definition.spec import Spec, asked_value, defaults, digest_of, fields, specify
from onedigest.digest import of_bytes
from onedigest.errors import InputError
from onedigest.platforms import AMD64, ARM64

EMPTY = Project(root=Path())


def spec(*lines: str, project: Project = EMPTY, path: str = "jobs/my_app.py", head: str = "") -> Spec:
    block = "".join(f"# {line}\n" for line in [*head.splitlines(), "[tool.onedigest]", *lines])
    return specify(parse(f"# /// script\n{block}# ///\n".encode(), "my_app.py"), project, path)


def message(*lines: str, head: str = "") -> str:
    with pytest.raises(InputError) as caught:
        spec(*lines, head=head)
    return str(caught.value)


def test_defaults() -> None:
    found = spec()

    assert found.name == "my-app"
    assert found.base == "debian"
    assert found.platforms == (AMD64, ARM64)
    assert found.user == "65532:65532"
    assert found.workdir == "/app"
    assert found.entrypoint == ("/opt/venv/bin/python", "/app/my_app.py")
    assert (found.include_script, found.max_layers, found.requires_python) == (True, 64, "")


def test_every_key_is_read() -> None:
    found = spec(
        'name = "other"',
        'base = "debian:bookworm"',
        'platforms = ["linux/arm64"]',
        'system-packages = ["libgomp1", "git"]',
        'repository = "ghcr.io/acme/penguins"',
        'files = ["data/*.csv"]',
        'env = { B = "2", A = "1" }',
        'labels = { "org.example" = "x" }',
        'user = "1000"',
        'workdir = "/srv"',
        'entrypoint = ["/bin/x"]',
        'args = ["--fast"]',
        "include-script = false",
        "max-layers = 9",
        'run = ["true"]',
        'copy = { "lib" = "../lib", "a.txt" = "notes.txt" }',
        'ignore-file = ".dockerignore"',
        "own-workdir = true",
        'expand-env = ["A"]',
        'expose = [8080, "5353/udp", "9000-9001"]',
        'volumes = ["/data", "/cache"]',
        'healthcheck = { command = ["/bin/check"], interval = "1m30s", timeout = "500ms", retries = 3 }',
        'stop-signal = "term"',
        'annotations = { "org.opencontainers.image.description" = "what it is" }',
    )

    assert fields(found) == {
        "name": "other",
        "script": "jobs/my_app.py",
        "base": "debian:bookworm",
        "platforms": ["linux/arm64"],
        "system-packages": ["git", "libgomp1"],
        "repository": "ghcr.io/acme/penguins",
        "files": ["data/*.csv"],
        "env": {"A": "1", "B": "2"},
        "labels": {"org.example": "x"},
        "user": "1000:1000",
        "workdir": "/srv",
        "entrypoint": ["/bin/x"],
        "args": ["--fast"],
        "include-script": False,
        "max-layers": 9,
        "run": ["true"],
        "copy": {"a.txt": "notes.txt", "lib": "../lib"},
        "ignore-file": ".dockerignore",
        "own-workdir": True,
        "expand-env": ["A"],
        "expose": ["5353/udp", "8080/tcp", "9000/tcp", "9001/tcp"],
        "volumes": ["/cache", "/data"],
        "healthcheck": {"test": ["CMD", "/bin/check"], "interval": "90s", "timeout": "500ms", "retries": 3},
        "stop-signal": "SIGTERM",
        "annotations": {"org.opencontainers.image.description": "what it is"},
    }


def test_text_leaves_out_what_is_a_default() -> None:
    assert fields(spec()) == {"script": "jobs/my_app.py"}
    assert fields(spec('name = "my-app"', "max-layers = 64", 'workdir = "/app"')) == fields(spec())
    assert fields(spec("include-script = false")) == {"script": "jobs/my_app.py", "include-script": False}
    assert fields(spec("own-workdir = true", 'workdir = "/x"')).keys() == {"script", "own-workdir", "workdir"}
    assert fields(spec("entrypoint = []"))["entrypoint"] == []


def test_new_key_with_a_default_moves_no_lock() -> None:
    @dataclass(frozen=True, kw_only=True, slots=True)
    class Newer(Spec):
        squash: bool = False

    found = spec('user = "1:1"')
    values = {each.name: getattr(found, each.name) for each in dataclasses.fields(Spec)}

    assert Newer(**values).digest() == found.digest()
    assert Newer(**values, squash=True).digest() != found.digest()
    assert fields(Newer(**values, squash=True))["squash"] is True


STATED: dict[int, dict[str, object]] = {
    1: {
        "requires-python": "",
        "dependencies": [],
        "uv": "",
        "base": "debian",
        "platforms": ["linux/amd64", "linux/arm64"],
        "system-packages": [],
        "repository": "",
        "files": [],
        "copy": {},
        "ignore-file": "",
        "ignore-in-copies": False,
        "env": {},
        "labels": {},
        "user": "65532:65532",
        "workdir": "/app",
        "own-workdir": False,
        "args": [],
        "include-script": True,
        "expand-env": [],
        "max-layers": 64,
        "bytecode": True,
        "run": [],
        "expose": [],
        "volumes": [],
        "healthcheck": {},
        "stop-signal": "SIGINT",
        "annotations": {},
        "security": True,
        "build": [],
        "extras": [],
        "groups": [],
        "uv-lock": "",
        "uv-projects": [],
        "name": "my-app",
        "entrypoint": ["/opt/venv/bin/python", "/app/my_app.py"],
        "entrypoint with own-workdir": ["/opt/venv/bin/python", "/srv/my_app.py"],
        "entrypoint without a script": [],
    }
}
"""The defaults by their number. A lock leaves them out, so one that moves needs a new number; a new key needs none."""


def test_defaults_move_with_their_number() -> None:
    found: dict[str, object] = {**defaults(), "name": spec().name, "entrypoint": list(spec().entrypoint)}
    found["entrypoint with own-workdir"] = list(spec("own-workdir = true", 'workdir = "/srv"').entrypoint)
    found["entrypoint without a script"] = list(spec("include-script = false").entrypoint)

    assert max(STATED) == formats.DEFAULTS
    assert found == STATED[formats.DEFAULTS]


def test_digest_is_of_the_text_and_the_number_of_the_defaults() -> None:
    found = spec('user = "1:1"')

    assert (
        found.digest()
        == digest_of(fields(found))
        == of_bytes(b'{"defaults":%d,"spec":{"script":"jobs/my_app.py","user":"1:1"}}' % formats.DEFAULTS)
    )
    assert digest_of(fields(found), formats.DEFAULTS + 1) != found.digest()
    assert (asked_value(fields(found), "user"), asked_value(fields(found), "workdir")) == ("1:1", "/app")


def test_addresses_stand_as_digests() -> None:
    found = spec(head='dependencies = ["x @ https://me:secret@index.example/x-1-py3-none-any.whl"]')
    other = spec(head='dependencies = ["x @ https://me:secret@index.example/x-2-py3-none-any.whl"]')
    table = spec("[tool.uv]", 'index-url = "https://me:secret@index.example/simple"')

    assert fields(found)["dependencies"][0].startswith("x @ sha256:")
    assert found.digest() != other.digest()
    assert "index.example" not in str(fields(found)) + str(fields(table))


def test_without_script_there_is_no_default_entrypoint() -> None:
    assert spec("include-script = false").entrypoint == ()


def test_script_beats_project_beats_default() -> None:
    project = Project(root=Path(), file="onedigest.toml", table={"user": "1:2", "workdir": "/p"})
    found = spec('user = "3:4"', project=project)

    assert (found.user, found.workdir, found.max_layers) == ("3:4", "/p", 64)


def test_order_and_spelling_of_dependencies_do_not_matter() -> None:
    first = spec(head='dependencies = ["b >=1,<2", "a"]')
    second = spec(head='dependencies = ["a", "b<2,>=1"]')

    assert first.digest() == second.digest()


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ('"arm64"', "linux/arm64"),
        ('["aarch64"]', "linux/arm64"),
        ('"linux/arm64/v8"', "linux/arm64"),
        ('["arm64", "linux/arm64", "arm64/v8"]', "linux/arm64"),
        ('"x86_64"', "linux/amd64"),
        ('["linux/amd64/v1"]', "linux/amd64"),
        ('"linux/amd64,linux/arm64"', "linux/amd64 linux/arm64"),
        ('"arm64, x86-64"', "linux/amd64 linux/arm64"),
        ('["linux/arm64,linux/amd64"]', "linux/amd64 linux/arm64"),
        ('["Linux/AMD64", "linux/arm64"]', "linux/amd64 linux/arm64"),
    ],
)
def test_platforms_are_written_in_each_manner(written: str, expected: str) -> None:
    names = expected.split()
    found = spec(f"platforms = {written}")

    assert [platform.oci for platform in found.platforms] == names
    assert found.digest() == spec(f"platforms = {json.dumps(names)}").digest()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            'name = "My App"',
            "`name` is 'My App', but a name has lower-case letters and digits with single `.`, `_` or `-` between",
        ),
        ("name = 1", "`name` is not a string"),
        ('base = ""', "`base` is neither `debian`, `debian:SUITE` nor the reference of an image"),
        ('platforms = ["linux/s390x"]', "`platforms` has 'linux/s390x'; known are `linux/amd64`, `linux/arm64`"),
        ('platforms = "s390x, arm64"', "`platforms` has 's390x'; known are `linux/amd64`, `linux/arm64`"),
        ('platforms = "linux"', "`platforms` has 'linux'; known are `linux/amd64`, `linux/arm64`"),
        (
            'platforms = ["linux/amd64/v3"]',
            "`platforms` has 'linux/amd64/v3'; known are `linux/amd64`, `linux/arm64`, without variants",
        ),
        ('platforms = " , "', "`platforms` has nothing in it; known are `linux/amd64`, `linux/arm64`"),
        ("platforms = 64", "`platforms` is not a list of strings"),
        ("platforms = []", "`platforms` has nothing in it; known are `linux/amd64`, `linux/arm64`"),
        ('system-packages = ["Git!"]', "`system-packages` has 'Git!', which cannot be the name of a Debian package"),
        (
            'repository = "acme:1"',
            "`repository` is 'acme:1', but must be HOST/NAME without tag or digest, such as ghcr.io/acme/penguins",
        ),
        ('files = ["../x"]', "`files` has '../x', which leaves the script's folder"),
        ('files = ["/etc/passwd"]', "`files` has '/etc/passwd', which leaves the script's folder"),
        ("env = { A = 1 }", "`env` is not a table of strings: write the value of 'A' in quotes"),
        ('labels = { "a=b" = "" }', "`labels` has the name 'a=b', which cannot be set"),
        ('user = "root"', "`user` is 'root', but must be UID or UID:GID in digits"),
        (
            'workdir = "app/"',
            "`workdir` is 'app/', but must be an absolute path without `.`, `..` or a slash at its end",
        ),
        ('entrypoint = "python"', "`entrypoint` is not a list of strings"),
        ('build = "PyPika"', '`build` is not a list of strings: write `["PyPika"]`'),
        ('include-script = "yes"', "`include-script` is not true or false"),
        ("max-layers = 127", "`max-layers` is not a number from 6 to 120"),
    ],
)
def test_wrong_value(line: str, expected: str) -> None:
    assert message(line) == f"my_app.py:3: {expected}"


def test_unknown_key_names_the_nearest() -> None:
    assert message('plattforms = ["linux/amd64"]') == (
        "my_app.py:3: unknown key `plattforms` in [tool.onedigest]\nhint: did you mean `platforms`?"
    )


def test_all_problems_are_told_at_once() -> None:
    text = message('user = "x"', "zzz = 1", head='requires-python = "3"\ndependencies = ["a b"]')

    assert [line for line in text.splitlines() if not line.startswith("hint")] == [
        "my_app.py:2: `requires-python` is not a version specifier: '3'",
        "my_app.py:3: `dependencies` has 'a b', which is not a requirement: "
        "Expected semicolon (after name with no version specifier) or end",
        "my_app.py:5: `user` is 'x', but must be UID or UID:GID in digits",
        "my_app.py:6: unknown key `zzz` in [tool.onedigest]",
    ]


def test_project_is_found_upwards(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "x"\n[tool.onedigest]\nuser = "1"\nscripts = ["jobs/*.py"]\n'
    )
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "b.py").touch()
    (tmp_path / "jobs" / "a.py").touch()

    found = find(tmp_path / "jobs")

    assert (found.root, found.file, found.table) == (tmp_path, "pyproject.toml", {"user": "1"})
    assert found.where("user") == "pyproject.toml:4"
    assert [path.name for path in found.list_scripts()] == ["a.py", "b.py"]


def test_pyproject_without_our_table_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "onedigest.toml").write_text("")
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "pyproject.toml").write_text("[project]\n")

    assert find(tmp_path / "inner").root == tmp_path


def test_broken_project_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "onedigest.toml").write_text("user = \n")

    with pytest.raises(InputError) as caught:
        find(tmp_path)

    assert str(caught.value) == "onedigest.toml:1: not valid TOML: invalid value"
