"""A release: wheel and sdist with the same bytes everywhere, the tool's own image, and a changelog that has its notes."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import tarfile
import tomllib
import zipfile
from pathlib import Path
from types import ModuleType

import pytest
from uv import find_uv_bin

from conftest import ROOT, Project, machine_environment
from onedigest import __version__

WHEEL = f"onedigest-{__version__}-py3-none-any.whl"
SDIST = f"onedigest-{__version__}.tar.gz"
LONGEST = 160


def build(checkout: Path, folder: Path, environment: dict[str, str], *prefix: str, umask: int) -> Path:
    """Run `release/build` of a checkout; return the folder that it wrote."""
    command = [*prefix, str(checkout / "release" / "build"), "HEAD", str(folder)]
    variables = {**environment, "UV": find_uv_bin()}
    done = subprocess.run(command, env=variables, umask=umask, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert [line.split()[1] for line in done.stdout.splitlines()] == [WHEEL, SDIST]
    return folder


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Path:
    """Wheel and sdist of the commit that is tested."""
    home = tmp_path_factory.mktemp("home")
    return build(ROOT, home / "dist", machine_environment(home, cache), umask=0o022)


@pytest.fixture(scope="module")
def notes() -> ModuleType:
    """The program that prints a section of the changelog."""
    spec = importlib.util.spec_from_file_location("notes", ROOT / "release" / "notes.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.network
def test_a_release_has_the_same_bytes_in_another_folder_at_another_time(
    dist: Path, tmp_path: Path, cache: Path
) -> None:
    other = tmp_path / "größe und mehr"
    subprocess.run(["git", "clone", "--quiet", "--shared", str(ROOT), str(other)], check=True)
    (other / "generator" / "onedigest" / "not_committed.py").write_text("")
    environment = machine_environment(tmp_path, cache) | {"UV_OFFLINE": "1", "TZ": "Asia/Tokyo", "LANG": "C"}
    faketime = shutil.which("faketime")
    assert faketime
    again = build(other, tmp_path / "again", environment, faketime, "2031-05-05 05:05:05", umask=0o077)

    assert [(again / name).read_bytes() for name in (WHEEL, SDIST)] == [
        (dist / name).read_bytes() for name in (WHEEL, SDIST)
    ]


@pytest.mark.network
def test_a_release_has_what_is_shipped_beside_the_modules(dist: Path) -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    shipped = {f"onedigest/{name}" for name in tracked.splitlines() if name.startswith(("assemblers/", "templates/"))}
    with zipfile.ZipFile(dist / WHEEL) as wheel:
        names = set(wheel.namelist())
    with tarfile.open(dist / SDIST) as sdist:
        sources = {name.partition("/")[2] for name in sdist.getnames()}

    assert shipped | {"onedigest/py.typed", "onedigest/__main__.py"} <= names
    assert {name.partition("/")[0] for name in names} == {"onedigest", f"onedigest-{__version__}.dist-info"}
    assert {"LICENSE", "pyproject.toml", "release/build", "docs/security.md", "tests/test_release.py"} <= sources


@pytest.mark.docker
@pytest.mark.network
def test_the_image_of_the_tool_answers_with_the_version_of_its_wheel(dist: Path, project: Project, docker: str) -> None:
    shutil.copytree(dist, project.root / "dist")
    shutil.copytree(ROOT / "release", project.root / "release", ignore=shutil.ignore_patterns(".inputs"))
    script = project.root / "release" / "image.py"
    script.write_text(
        script.read_text().replace("# [tool.onedigest]\n", '# [tool.onedigest]\n# platforms = ["linux/amd64"]\n')
    )
    project.ok("generate", "release/image.py")
    run = project.ok("run", "release/image.py", "--version")
    (loaded,) = [line for line in run.err.splitlines() if " loaded into docker as " in line]
    lock = tomllib.loads(project.read("release/lockfiles/onedigest/pylock.toml"))

    assert run.out == f"onedigest {__version__}\n"
    assert [each["wheels"][0]["name"] for each in lock["packages"] if each["name"] == "onedigest"] == [WHEEL]
    subprocess.run(
        [docker, "image", "rm", "--force", loaded.rpartition(" ")[2]],
        env=project.environment,
        check=True,
        capture_output=True,
    )


def test_the_lock_of_the_image_is_of_its_script(project: Project) -> None:
    shutil.copytree(ROOT / "release", project.root / "release", ignore=shutil.ignore_patterns(".inputs"))

    assert project.ok("generate", "--check", "--offline", "release/image.py").err == "1 lock checked\n"


def test_one_version_is_stated_everywhere() -> None:
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == __version__
    assert f'"../dist/{WHEEL}"' in (ROOT / "release" / "image.py").read_text()


def test_changes_are_one_line_each_below_their_kind(notes: ModuleType) -> None:
    lines = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").partition("\n## ")[2].splitlines()[1:]
    allowed = re.compile(rf"- \S.*[.]|## \d+\.\d+\.\d+ - \d{{4}}-\d\d-\d\d|### ({'|'.join(notes.KINDS)})|")

    assert [line for line in lines if not allowed.fullmatch(line) or len(line) > LONGEST] == []


def test_notes_are_those_of_one_dated_version(notes: ModuleType) -> None:
    text = "# Changelog\n\n## Unreleased\n\n- New.\n\n## 0.2.0 - 2026-12-01\n\n### Fixed\n\n- Old.\n\n## 0.1.0\n\n- First.\n"

    assert notes.notes_of(text, "0.2.0") == "### Fixed\n\n- Old.\n"
    for version in ("0.1.0", "0.3.0", "0.2", "Unreleased", "0.2.0 - 2026"):
        with pytest.raises(ValueError, match=re.escape(f"CHANGELOG.md has no section `## {version} - YYYY-MM-DD`")):
            notes.notes_of(text, version)


@pytest.mark.parametrize("path", sorted((ROOT / ".github" / "workflows").glob("*.yml")), ids=lambda path: path.name)
def test_workflows_name_actions_by_their_commit_and_ask_for_nothing_by_default(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    actions = re.findall(r"uses: (?!\./)(.*)", text)
    commands = re.sub(r"(?m)^ +TOKEN: .*", "", text)

    assert "\npermissions: {}\n" in text
    assert actions
    assert [each for each in actions if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+(\.\d+)+", each)] == []
    assert re.findall(r"run: .*\$\{\{", commands) == []  # a shell gets values as variables
