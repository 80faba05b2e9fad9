"""Bases that have a virtual environment of their own: what Flyte's builder makes, and what onedigest makes itself."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from base_images import MACHINES, RUNNING, Files, Made, put_image, python_files
from conftest import Project
from docker_daemon import run_image
from index_server import IndexServer
from locking import Locking
from onedigest.assembler.wheel import wheel_entries
from onedigest.lock import text
from onedigest.lock.base.image import ImageBase
from onedigest.missing.facts import read_facts
from onedigest.oci.read import read_image
from onedigest.oci.validate import validate
from onedigest.store import Store
from wheel_builder import build_wheel

pytest_plugins = ("built_app",)

PROGRAM = "/usr/local/bin/python{}.{}".format(*RUNNING.split("."))
SEARCH = "/opt/venv/bin:/usr/local/bin:/usr/bin"
FLYTE = [f"PATH={SEARCH}", "VIRTUAL_ENV=/opt/venv", "VIRTUALENV=/opt/venv", "PYTHONPATH=/root", "UV_LINK_MODE=copy"]


def flyte_base(host: str, name: str, *, files: Files | None = None) -> str:
    """Put an image as Flyte's builder makes it into a registry: an environment of uv, and its variables."""
    made = {}
    for platform in MACHINES:
        environment: Files = {
            "opt/venv/pyvenv.cfg": b"home = /usr/local/bin\nuv = 0.13.4\n",
            "opt/venv/bin/python": PROGRAM,
            "opt/venv/bin/python3": "python",
            "opt/venv/bin/a0": b"#!/opt/venv/bin/python\n",
        }
        made[platform] = Made([python_files(platform, RUNNING), {**environment, **(files or {})}], {"Env": FLYTE})
    put_image(host, name, "1", made)
    return f"{host}/{name}:1"


@pytest.fixture(autouse=True)
def delta(request: pytest.FixtureRequest) -> None:
    """Let the index have a package with a program."""
    if "locking" in request.fixturenames:
        folder = request.getfixturevalue("locking").index.folder
        build_wheel(folder, "delta", "1.0", entry_points="[console_scripts]\ntool = delta:main\n")


def use(locking: Locking, base: str, *lines: str) -> None:
    block = ('requires-python = ">=3.11"', 'dependencies = ["delta"]', "[tool.onedigest]", f'base = "{base}"', *lines)
    locking.project.script("app.py", *block)


def config_of(locking: Locking) -> dict[str, Any]:
    found: dict[str, Any] = read_image(locking.root / "dist" / "app").platforms[0].config["config"]
    return found


def base_of(locking: Locking) -> ImageBase:
    base = text.loads(locking.read("lockfiles/app/pylock.toml"), "").base
    assert isinstance(base, ImageBase)
    return base


def places(locking: Locking) -> set[str]:
    """Return the folders of /opt that the files of wheels and of the environment are in."""
    rows = locking.ok("inspect", "--files", "app").out.splitlines()
    return {word.split("/")[1] for row in rows for word in row.split() if word.startswith("opt/")}


def test_script_above_an_image_of_flyte(locking: Locking, host: str) -> None:
    use(locking, flyte_base(host, "flyte/one"))
    locking.ok("build", "app.py")
    base = base_of(locking)
    dockerfile = locking.read("lockfiles/app/Dockerfile")
    parts = json.loads(locking.read("lockfiles/app/layers.json"))["layers"]
    options = {row["command"]: row["options"] for row in parts.values() if "options" in row}

    assert (base.venv, base.interpreter, base.python) == ("opt/onedigest", PROGRAM, RUNNING)
    assert config_of(locking)["Entrypoint"] == ["/opt/onedigest/bin/python", "/app/app.py"]
    assert config_of(locking)["Env"] == [
        "HOME=/home/nonroot",
        f"PATH=/opt/onedigest/bin:{SEARCH}",
        "PYTHONPATH=/root",
        "PYTHONUNBUFFERED=1",
        "UV_LINK_MODE=copy",
        "VIRTUALENV=/opt/venv",
        "VIRTUAL_ENV=/opt/onedigest",
    ]
    assert 'ENTRYPOINT ["/opt/onedigest/bin/python", "/app/app.py"]\n' in dockerfile
    assert "ENV VIRTUAL_ENV=/opt/onedigest\n" in dockerfile
    assert dockerfile.count('"--place", "/opt/onedigest"') == 2
    assert {options[kind]["place"] for kind in ("wheels", "virtual-environment")} == {"/opt/onedigest"}
    assert 'place = "/opt/onedigest";' in locking.read("lockfiles/app/default.nix")
    assert places(locking) == {"onedigest", "venv"}
    assert locking.run("generate", "--check", "app.py").code == 0


def test_script_above_a_script_above_a_script(locking: Locking, host: str) -> None:
    """Each has the next free place, with its own first on PATH, and may write to its working directory."""
    base = f"{host}/tiny:3"
    found = []
    for number in range(3):
        use(locking, base)
        locking.ok("build", "--push", "--repository", f"{host}/stack/app", "--tag", str(number), "app.py")
        locking.ok("build", "app.py")
        base = f"{host}/stack/app:{number}"
        path = next(each for each in config_of(locking)["Env"] if each.startswith("PATH="))
        images = base_of(locking).images
        found.append((base_of(locking).venv, path.count("/opt/"), [each.open_workdir for each in images]))
        assert validate(locking.root / "dist" / "app") == []

    assert found == [
        ("opt/venv", 1, [False, False]),
        ("opt/onedigest", 2, [True, True]),
        ("opt/onedigest2", 3, [True, True]),
    ]
    assert places(locking) == {"onedigest", "onedigest2", "venv"}


def test_lock_that_states_another_place_is_refused(locking: Locking, host: str) -> None:
    """Files of two environments in one folder would be one, without a word."""
    use(locking, flyte_base(host, "flyte/forged"))
    locking.ok("generate", "app.py")
    lock = text.loads(locking.read("lockfiles/app/pylock.toml"), "")
    forged = replace(lock, base=replace(lock.base, venv="opt/venv"))
    locking.project.write("lockfiles/app/pylock.toml", text.dumps(forged))
    result = locking.run("build", "--locked", "app.py")

    assert (result.code, result.err) == (
        1,
        f"error: lockfiles/app/pylock.toml: the base {host}/flyte/forged:1: the virtual environment is /opt/venv in the"
        " lock, and belongs in /opt/onedigest\nhint: run `onedigest generate app.py`\n",
    )


def test_what_leads_into_the_base_is_said(locking: Locking, host: str) -> None:
    base = flyte_base(host, "flyte/said")
    use(locking, base, 'entrypoint = ["/opt/venv/bin/tool"]')
    said = locking.ok("build", "app.py").err

    assert (
        "warning: app.py:6: `/opt/venv/bin/tool` of `entrypoint` is of the base's own environment, and the image's is"
        " /opt/onedigest\nhint: write `/opt/onedigest/bin/tool`, unless the base's is meant\n" in said
    )
    assert config_of(locking)["Entrypoint"] == ["/opt/venv/bin/tool"], "what a script says stands as it is"


def test_facts_of_a_wheel_are_of_its_place(tmp_path: Path) -> None:
    points = "[console_scripts]\ntool = alpha:main\n"
    wheel = build_wheel(tmp_path, "alpha", "1.0", entry_points=points)
    store = Store(tmp_path / "store")
    digest = store.add(wheel.read_bytes())
    found = [read_facts(wheel.name, digest, store, "3.12", venv) for venv in ("opt/venv", "opt/onedigest")]

    assert [each.started for each in found if each] == [
        ((f"opt/{name}/bin/tool", f"#!/opt/{name}/bin/python"),) for name in ("venv", "onedigest")
    ]
    assert {each.path.split("/")[1] for each in wheel_entries(wheel, "3.12", None, "opt/onedigest")} == {"onedigest"}


TWO = """import os, subprocess, sys
import beta
for words in (["alpha-tool"], ["beta-tool"], ["/opt/venv/bin/python", "-c", "import alpha; alpha.main()"]):
    subprocess.run(words, check=True)
print(sys.prefix, sys.base_prefix, os.environ["PATH"].split(":")[:2])
open("written", "w").close()
try:
    import alpha
except ImportError:
    print("alone")
"""


@pytest.mark.network
@pytest.mark.docker
def test_both_environments_work(host: str, project: Project, index: IndexServer, docker: str) -> None:
    """A script above a real image of onedigest: programs of both, in one image of every engine."""
    for name in ("alpha", "beta"):
        main = f"def main():\n    print('{name} runs')\n".encode()
        points = f"[console_scripts]\n{name}-tool = {name}:main\n"
        build_wheel(index.folder, name, "1.0", files={f"{name}/__init__.py": main}, entry_points=points)
    lines = ('requires-python = ">=3.11"', "[tool.onedigest]", 'platforms = ["linux/amd64"]')
    project.script("one.py", lines[0], 'dependencies = ["alpha"]', *lines[1:])
    project.ok("build", "--push", "--repository", f"{host}/two/one", "--tag", "1", "one.py")
    base = f'base = "{host}/two/one:1"'
    project.script("two.py", lines[0], 'dependencies = ["beta"]', *lines[1:], base, code=TWO)
    embedded = project.ok("build", "--load", "two.py").out
    said = run_image(docker, "two:latest", "linux/amd64")
    built = project.ok("build", "--locked", "--engine", "buildx", "--output", "other", "two.py").out
    subprocess.run([docker, "image", "rm", "two:latest"], env=project.environment, capture_output=True, check=True)

    assert said.splitlines() == [
        *("alpha runs", "beta runs", "alpha runs"),
        "/opt/onedigest /usr ['/opt/onedigest/bin', '/opt/venv/bin']",
        "alone",
    ]
    assert built == embedded
