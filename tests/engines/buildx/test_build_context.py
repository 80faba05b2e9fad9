"""BuildKit is sent what the patterns say, and its stages select from that what is selected from the whole project."""

from __future__ import annotations

import os
import posixpath
import re
import subprocess
from pathlib import Path

import pytest

from conftest import Project
from engines.buildx.test_buildx import built_diff_ids, docker_here, planned_diff_ids
from onedigest.assembler.selection import Selection, select
from onedigest.oci.buildkit_export import read_export
from onedigest.rules.context import context_patterns

FILES = (
    "jobs/hello.py", "jobs/config.yaml", "jobs/one.sql", "jobs/.env", "jobs/.env.example", "jobs/data/a.csv",
    "jobs/data/x/b.csv", "jobs/data/x/c.parquet", "jobs/data/deep/er/d.parquet", "jobs/data/.hidden.csv",
    "jobs/data/[e].csv", "jobs/data/a b.csv", "jobs/data/ lead.csv", "jobs/data/#h.csv", "jobs/data/!n.csv",
    "jobs/data/q'\".csv", "jobs/data/ö.csv", "jobs/data/a+b(c){d}|$^.csv", "jobs/data/__pycache__/m.pyc",
    "jobs/data/m.pyc", "jobs/data/key.pem", "jobs/data/A.KEY", "jobs/data/layout/oci-layout",
    f"jobs/data/layout/blobs/sha256/{'0' * 64}", "jobs/data/layout/index.csv", "lib/__init__.py", "lib/deep/x.py",
    "lib/notes.md", "lib/keep.md", "lib/.git/config", "lib/log/x.log", "one.txt", "#odd/!x/[y]/z.txt", "other/secret.txt",
    "lockfiles/onedigest.nix", "lockfiles/hello/pylock.toml", ".git/config", "node_modules/a/index.js",
    "jobs/cert/ca-2026.pem", "g{2}|[x].py", "g{2}|h/a.csv", "g/no.csv", "gg|h/no.csv",
)  # fmt: skip
LINKS = {"jobs/now": "data/x", "jobs/lib": "../lib", "jobs/data/same.csv": "a.csv", "jobs/cert/ca.pem": "ca-2026.pem"}
FURTHER = {"oci-layout", "index.csv", "index.js", "notes.md", "x.log", "lib", "now"}
"""What is sent though it is not selected: of layouts, caches and links, and what rules of a copied folder leave out."""

RULES = "# rules\n**/*.md\n!lib/keep.md\n*/log\n\r\n"

WAYS = {
    "files of a folder": Selection(folder="jobs", script="hello.py", files=("data/*.csv",)),
    "files at any depth": Selection(folder="jobs", script="hello.py", files=("data/**/*.parquet",)),
    "one file": Selection(folder="jobs", script="hello.py", files=("config.yaml",)),
    "files beside the script": Selection(folder="jobs", files=("*.sql", "[!a-b]onfig.yam?")),
    "credentials that are named": Selection(folder="jobs", files=(".env", "cert/ca.pem", "data/*.csv")),
    "a folder as a pattern": Selection(folder="jobs", files=("data",)),
    "files of any folder": Selection(folder="jobs", files=("*/*.csv",)),
    "all below the script": Selection(folder="jobs", files=("data/**", "**/*.yaml")),
    "a folder": Selection(folder="jobs", script="hello.py", copies=(("lib", "../lib"),)),
    "a folder through a link": Selection(folder="jobs", script="hello.py", copies=(("lib", "lib"),)),
    "files through a link": Selection(folder="jobs", files=("now/*.csv",)),
    "the whole project": Selection(folder="jobs", script="hello.py", copies=((".", ".."),)),
    "one file elsewhere": Selection(folder="jobs", copies=(("x.txt", "../one.txt"), ("y.txt", "../lib/notes.md"))),
    "odd names": Selection(folder="#odd", copies=(("x", "../lib/deep"),), files=("!x/[[]y[]]/*",)),
    "names with signs of regular expressions": Selection(script="g{2}|[x].py", files=("g{2}|h/*.csv",)),
    "rules": Selection(folder="jobs", copies=(("lib", "../lib"),), ignore_file="../.dockerignore"),
    "rules for all": Selection(folder="jobs", copies=((".", ".."),), ignore_file="../.dockerignore"),
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("project")
    for path in FILES:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(path)
    for path, target in LINKS.items():
        (root / path).symlink_to(target)
    (root / ".dockerignore").write_text(RULES)
    (root / "lib" / "deep" / "x.py").chmod(0o755)
    (root / "empty").mkdir()
    return root


def send(docker: str, root: Path, lines: list[str], folder: Path) -> set[str]:
    """Have BuildKit take a context by the lines of a .dockerignore, and hand it back; return its files and links."""
    (folder / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")
    (folder / "Dockerfile.dockerignore").write_text("".join(f"{line}\n" for line in lines))
    command = [docker, "buildx", "build", "--quiet", "-f", str(folder / "Dockerfile"), "--output", str(folder / "sent")]
    done = subprocess.run([*command, str(root)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = set()
    for above, folders, files in os.walk(folder / "sent"):
        links = [name for name in folders if (Path(above) / name).is_symlink()]
        found |= {(Path(above) / name).relative_to(folder / "sent").as_posix() for name in (*files, *links)}
    return found


@pytest.mark.docker
@pytest.mark.parametrize("way", WAYS)
def test_buildkit_is_sent_what_is_selected(way: str, root: Path, docker: str, tmp_path: Path) -> None:
    found = select(root, WAYS[way])
    assert found.problems == ()
    patterns = context_patterns(found.selection, "lockfiles")
    sent = send(docker, root, ["*", *(each.line for each in patterns)], tmp_path)
    again = select(tmp_path / "sent", WAYS[way])

    assert [(each.target, each.role) for each in again.files] == [(each.target, each.role) for each in found.files]
    assert again.problems == ()
    further = sent - set(found.selection.reached)
    assert {posixpath.basename(path) for path in further} <= FURTHER


@pytest.mark.docker
@pytest.mark.network
def test_a_file_more_in_a_copied_folder_moves_no_rules(project: Project, docker: str) -> None:
    """BuildKit builds it from the Dockerfile of before, without onedigest, with the digest that is recorded."""
    for name in ("lib/__init__.py", "jobs/data/x y/a.csv", "jobs/.env"):
        project.write(name, name)
    project.script(
        "jobs/app.py",
        'requires-python = ">=3.11"',
        "[tool.onedigest]",
        'base = "debian:bookworm"',
        'copy = { "lib" = "../lib" }',
        'files = ["data/**/*.csv", ".env"]',
    )
    project.write("onedigest.toml", 'scripts = ["jobs/*.py"]\n')
    first = project.ok("build", "jobs/app.py")
    rules = {name: project.read(f"lockfiles/app/{name}") for name in ("Dockerfile", "Dockerfile.dockerignore")}

    for name in ("lib/deep/new.py", "jobs/data/x y/new.csv", "jobs/data/z.csv"):
        project.write(name, "")
    project.write("lib/.env", "SECRET")
    project.ok("generate", "jobs/app.py")
    assert rules == {name: project.read(f"lockfiles/app/{name}") for name in rules}
    assert project.ok("build", "jobs/app.py").out != first.out
    project.ok("fetch", "app")
    plain = docker_here(
        project, "buildx", "build", "-f", "lockfiles/app/Dockerfile", "--output", "type=oci,dest=plain,tar=false", "."
    )

    assert plain.code == 0, plain.err
    built = built_diff_ids(read_export(project.root / "plain"))
    assert built["linux/amd64"] == planned_diff_ids(project, "app")["linux/amd64"]


@pytest.mark.docker
@pytest.mark.network
def test_a_copy_of_the_whole_project_has_nothing_that_a_build_wrote(project: Project, docker: str) -> None:
    project.write("pkg/__init__.py", "")
    project.write(".env", "SECRET")
    project.script(
        "app.py",
        'requires-python = ">=3.11"',
        "[tool.onedigest]",
        'base = "debian:bookworm"',
        "include-script = false",
        'entrypoint = ["python", "app.py"]',
        'copy = { "." = "." }',
    )
    first = project.ok("build", "app.py").out
    assert project.ok("build", "app.py").out == first
    built = project.ok("build", "--engine", "buildx", "app.py")

    assert built.out == first
    files = project.ok("inspect", "--files", "app").out
    assert "app/pkg/__init__.py" in files
    assert not re.search(r"app/(?:lockfiles|dist|\.env)", files)


def test_patterns_are_those_of_the_way() -> None:
    lines = [each.line for each in context_patterns(WAYS["files of a folder"])]

    assert [line for line in lines if line.startswith("!")] == ["!jobs/data/*.csv", "!jobs/hello.py"]
