"""A repository of 40 scripts that share packages and a folder, in git, on a tiny base: what changes is counted there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from conftest import Project, Result, machine_environment
from wheel_builder import build_wheel

SCRIPTS = 40
BUMPED = 21
"""Scripts that need the package `transport`, which gets a new version."""
COPIERS = 8
"""Scripts that copy the folder `lib`."""
PACKAGES = ("alpha", "beta", "gamma", "delta")
ENGINE_RULES = '["docker", "bazel", "nix"]'


@dataclass(frozen=True)
class Changes:
    """What git says of a step: the lines added and removed of each file."""

    lines: dict[str, tuple[int, int]]

    @property
    def files(self) -> list[str]:
        """Return the paths of all files that changed."""
        return sorted(self.lines)

    def of_image(self, name: str) -> list[str]:
        """Return the names of files in the folder of an image."""
        return [PurePosixPath(path).name for path in self.files if PurePosixPath(path).parts[:2] == ("lockfiles", name)]

    def shared(self) -> list[str]:
        """Return the paths of files that belong to no image."""
        return [path for path in self.files if len(PurePosixPath(path).parts) < 3]

    def summary(self) -> str:
        """Return how much changed, as `git diff --shortstat` counts."""
        added, removed = (sum(pair[side] for pair in self.lines.values()) for side in (0, 1))
        return f"{len(self.lines)} files, +{added}/-{removed} lines"


@dataclass
class Fleet:
    """A repository, its index of wheels, and its cache: all of them below one folder."""

    folder: Path
    base: str
    address: str

    @property
    def project(self) -> Project:
        """The repository, with the variables of its commands."""
        environment = machine_environment(self.folder, self.folder / "cache")
        return Project(self.folder / "repository", {**environment, "UV_DEFAULT_INDEX": self.address})

    def write(self, rules: str, scripts: int = SCRIPTS) -> None:
        """Write scripts and settings, and commit them."""
        self.project.root.mkdir()
        self.set_rules(rules)
        self.project.write("lib/shared/__init__.py", "")
        self.project.write("lib/shared/rows.py", "ROWS = 3\n")
        self.project.write(".gitignore", "dist/\n")
        for number in range(scripts):
            self.add_script(f"job{number:02}", number)
        self.git("init", "--quiet", "--initial-branch=main")
        self.commit("scripts")

    def set_rules(self, rules: str) -> None:
        """Write the settings; `rules` is the value of the key, or empty where it is not set."""
        settings = f'scripts = ["jobs/*.py"]\nbase = "{self.base}"\n'
        self.project.write("onedigest.toml", settings + (f"rules = {rules}\n" if rules else ""))

    def add_script(self, name: str, number: int) -> None:
        """Write a script; its number decides which packages it needs, and whether it copies `lib`."""
        chosen = [each for place, each in enumerate(PACKAGES) if (number + place) % 3]
        needed = [*(["transport"] if number < BUMPED else []), *chosen]
        listed = ", ".join(f'"{each}"' for each in needed)
        copied = ["[tool.onedigest]", 'copy = { lib = "../lib" }'] if number % (SCRIPTS // COPIERS) == 0 else []
        block = ('requires-python = ">=3.11"', f"dependencies = [{listed}]", *copied)
        self.project.script(f"jobs/{name}.py", *block, code=f"print({number})\n")

    def run(self, *arguments: str) -> Result:
        """Run a command, which must succeed."""
        return self.project.ok(*arguments)

    def git(self, *arguments: str) -> str:
        """Run git, which must succeed; return what it prints."""
        done = self.try_git(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def try_git(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run git as a user without settings."""
        identity = {
            f"GIT_{who}_{what}": "a@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
        }
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "GIT_CONFIG_NOSYSTEM": "1",
            **identity,
        }
        return subprocess.run(
            ["git", *arguments], cwd=self.project.root, env=environment, capture_output=True, text=True, check=False
        )

    def commit(self, message: str) -> None:
        """Commit all that git does not ignore."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)

    def changes(self) -> Changes:
        """Return what differs from the last commit, and commit it."""
        self.git("add", "--all")
        rows = [row.split("\t") for row in self.git("diff", "--cached", "--numstat", "--no-renames").splitlines()]
        found = Changes({path: (int(added), int(removed)) for added, removed, path in rows})
        self.commit("step")
        return found

    def copy(self, target: Path) -> Fleet:
        """Copy the repository with its cache, for another step from here."""
        target.mkdir()
        for name in ("repository", "cache"):
            shutil.copytree(self.folder / name, target / name, symlinks=True)
        return Fleet(target, self.base, self.address)

    def images(self) -> list[str]:
        """Return the names of images that have a lock."""
        return sorted(path.parent.name for path in (self.project.root / "lockfiles").glob("*/pylock.toml"))

    def digests(self) -> dict[str, str]:
        """Return the recorded digest of each image."""
        texts = {name: self.project.read(f"lockfiles/{name}/image.toml") for name in self.images()}
        return {
            name: found[1]
            for name, text in texts.items()
            if (found := re.search(r'^index = "(.*)"', text, re.MULTILINE))
        }


def publish(folder: Path, name: str, version: str) -> None:
    """Put a version of a package into the index: two small modules."""
    files = {f"{name}/__init__.py": f'VERSION = "{version}"\n'.encode() * 40, f"{name}/rows.py": b"ROWS = 1\n"}
    build_wheel(folder, name, version, files=files)
