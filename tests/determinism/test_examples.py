"""The examples: their locks are as generated, their recorded digests are rebuilt from nothing, and they run."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.pylock import Pylock
from uv import find_uv_bin

from conftest import ROOT, Project, unpack
from onedigest.oci.read import read_image
from onedigest.oci.validate import validate
from pythons import interpreters

EXAMPLES = ("hello", "penguins", "species")

FROZEN = ("penguins", "species")
"""Examples on a suite whose archive does not move any more, so that what they lock can still be had."""

EXPECTED = {
    "penguins": (
        "Adelie     Biscoe       44   3710 g  38.7 mm\n"
        "Adelie     Dream        56   3688 g  38.5 mm\n"
        "Adelie     Torgersen    51   3706 g  38.9 mm\n"
        "Chinstrap  Dream        68   3733 g  49.5 mm\n"
        "Gentoo     Biscoe      123   5076 g  47.3 mm\n"
    ),
    "species": "342 penguins, 4 sizes, accuracy 0.99\n",
}


@pytest.fixture
def checkout(project: Project) -> Project:
    """A copy of the repository's examples and locks, without anything that was built or fetched."""
    shutil.copytree(ROOT / "examples", project.root / "examples")
    shutil.copy(ROOT / "onedigest.toml", project.root)
    shutil.copytree(ROOT / "lockfiles", project.root / "lockfiles", ignore=shutil.ignore_patterns(".inputs"))
    return project


def test_checked_in_locks_are_as_generated(checkout: Project) -> None:
    assert checkout.ok("generate", "--check", "--offline", "--all").err == "3 locks checked\n"


@pytest.mark.parametrize("name", EXAMPLES)
def test_lock_is_valid_for_the_specification(name: str) -> None:
    text = (ROOT / "lockfiles" / name / "pylock.toml").read_text(encoding="utf-8")

    Pylock.from_dict(tomllib.loads(text)).validate()
    assert "://" not in text


@pytest.mark.network
@pytest.mark.parametrize("name", FROZEN)
def test_recorded_digest_is_rebuilt_from_nothing(name: str, checkout: Project) -> None:
    result = checkout.ok("build", "--locked", name)
    recorded = tomllib.loads(checkout.read(f"lockfiles/{name}/image.toml"))["index"]

    assert result.out == f"{recorded}\n"
    assert validate(checkout.root / "dist" / name) == []


@pytest.mark.network
def test_default_base_is_locked_and_built_as_it_is_today(project: Project) -> None:
    project.write("hello.py", (ROOT / "examples" / "hello.py").read_bytes())
    project.ok("build", "hello.py")
    project.ok("generate", "--check", "hello.py")

    assert validate(project.root / "dist" / "hello") == []


@pytest.mark.network
@pytest.mark.parametrize("platform", ["linux/amd64", "linux/arm64"])
@pytest.mark.parametrize("name", FROZEN)
@pytest.mark.emulation
def test_image_prints_what_the_script_prints(name: str, platform: str, checkout: Project, tmp_path: Path) -> None:
    """Runs the interpreter out of the image's files, under emulation where they are of another machine."""
    checkout.ok("build", "--locked", name)
    root = tmp_path / "root"
    unpack(checkout.root / "dist" / name, platform, root)

    assert run_in(root, platform, [f"/app/{name}.py"]) == EXPECTED[name]


@pytest.mark.network
@pytest.mark.parametrize("name", FROZEN)
def test_uv_prints_the_same(name: str, checkout: Project) -> None:
    """What images are held against is what the script prints without any image."""
    command = [find_uv_bin(), "run", "--quiet", "--no-project", "--python", sys.executable, "--script"]
    done = subprocess.run(
        [*command, f"examples/{name}.py"],
        cwd=checkout.root,
        env=checkout.environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout == EXPECTED[name]


@pytest.mark.network
@pytest.mark.emulation
@pytest.mark.parametrize("platform", ["linux/amd64", "linux/arm64"])
def test_base_has_what_python_programs_need(platform: str, checkout: Project, tmp_path: Path) -> None:
    checkout.ok("build", "--locked", "penguins")
    root = tmp_path / "root"
    unpack(checkout.root / "dist" / "penguins", platform, root)
    code = (
        "import bz2, ctypes, curses, decimal, grp, hashlib, locale, lzma, os, pwd, readline, sqlite3, ssl, sys, tempfile, uuid, zoneinfo\n"
        "print(sys.prefix, sys.base_prefix, sys.version_info[:3])\n"
        "print(pwd.getpwuid(65532).pw_name, grp.getgrgid(65532).gr_name, pwd.getpwuid(0).pw_name)\n"
        "print(ssl.create_default_context().cert_store_stats()['x509_ca'] > 100, zoneinfo.ZoneInfo('Asia/Tokyo'))\n"
        "print(tempfile.gettempdir(), os.path.exists('/bin/sh'), os.path.exists('/var/lib/dpkg/status.d/libc6'))\n"
    )

    assert run_in(root, platform, ["-c", code]) == (
        "/opt/venv /usr (3, 11, 2)\n"
        "nonroot nonroot root\n"
        "True Asia/Tokyo\n"
        "/tmp False True\n"
    )  # fmt: skip


def run_in(root: Path, platform: str, arguments: list[str]) -> str:
    """Run the image's Python as its user, with the image's files as root file system."""
    emulator = ""
    if platform == "linux/arm64":
        if not (found := shutil.which("qemu-aarch64-static")):
            pytest.skip("qemu-aarch64-static is not installed (Debian package qemu-user-static)")
        shutil.copy(found, root / "qemu")
        emulator = "/qemu"
    chroot = shutil.which("chroot", path="/usr/sbin:/usr/bin:/sbin:/bin")
    if chroot is None or subprocess.run([chroot, "/", "/bin/true"], check=False, capture_output=True).returncode:
        pytest.skip("chroot needs root")
    python = "/opt/venv/bin/python"
    # without binfmt_misc the emulator is told by hand which name its program was called by
    emulated = [emulator, "-0", python] if emulator else []
    command = [chroot, "--userspec=65532:65532", str(root), *emulated, python, *arguments]
    environment = {"PATH": "/opt/venv/bin:/usr/bin", "JOBLIB_MULTIPROCESSING": "0", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.network
@pytest.mark.parametrize("output", ["dist/penguins", "penguins.tar"])
def test_other_tools_read_the_image(output: str, checkout: Project, tmp_path: Path) -> None:
    """skopeo sees the recorded digest, and a copy of all platforms that it makes has every digest right."""
    skopeo = shutil.which("skopeo")
    if skopeo is None:
        pytest.skip("skopeo is not installed (Debian package skopeo)")
    checkout.ok("build", "--locked", "penguins", "--output", output)
    recorded = tomllib.loads(checkout.read("lockfiles/penguins/image.toml"))["index"]
    kind = "oci-archive" if output.endswith(".tar") else "oci"
    source = f"{kind}:{checkout.root / output}"

    for architecture in ("amd64", "arm64"):
        command = [skopeo, "--override-arch", architecture, "inspect", source]
        found = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
        assert (found["Architecture"], found["Digest"]) == (architecture, recorded)
    copy = [skopeo, "copy", "--quiet", "--insecure-policy", "--all", source, f"oci:{tmp_path / 'copy'}"]
    subprocess.run(copy, capture_output=True, check=True)
    assert read_image(tmp_path / "copy").digest == recorded
    assert validate(tmp_path / "copy") == []


@pytest.mark.network
def test_installers_accept_the_lock_once_inputs_are_there(checkout: Project, tmp_path: Path) -> None:
    """uv installs from the fetched wheels, for the lock's Python, without an index."""
    python = next((each for each in interpreters() if "3.11" in version_of(each)), None)
    if python is None:
        pytest.skip("there is no Python 3.11")
    checkout.ok("fetch", "penguins")
    target = tmp_path / "target"
    arguments = ["--offline", "--no-deps", "--preview", "--target", str(target), "--python", python]
    done = subprocess.run(
        [find_uv_bin(), "pip", "install", *arguments, "-r", "lockfiles/penguins/pylock.toml"],
        cwd=checkout.root,
        env=checkout.environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert (target / "polars").is_dir()


def version_of(python: str) -> str:
    return subprocess.run([python, "--version"], capture_output=True, text=True, check=True).stdout
