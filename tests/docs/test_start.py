"""The first page for newcomers: what it tells them to write and to run, done line by line, with what it says comes out."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from uv import find_uv_bin

from conftest import ROOT, Project
from page_blocks import Shown, read_blocks, read_commands

PAGE = ROOT / "docs" / "start.md"
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
MOVING = re.compile(r"\b[0-9a-f]{12}\b|\b\d+(?:\.\d+)+\b|\b\d+(?= B\b)|\b\d+(?= made\b)")
"""What a release of a package moves, or a layer that is there: digests in short, versions, sizes, layers made."""

ANYTHING = "..."
"""A line that stands for any number of lines."""


@dataclass
class Reader:
    """Somebody who follows the page, and has what it asks for."""

    folder: Path
    environment: dict[str, str]

    def write(self, name: str, text: str) -> None:
        """Write a file as the page has it."""
        (self.folder / name).write_text(text, encoding="utf-8")

    def run(self, shown: Shown) -> str:
        """Run a command, in the folder where the one before ended; return what it says."""
        ended = Path(self.environment["HOME"]) / "ended-in"
        done = subprocess.run(
            ["bash", "-c", f"{shown.command}\ncode=$?\npwd >'{ended}'\nexit $code"],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            check=False,
        )
        assert done.returncode == 0, f"start.md:{shown.line}: `{shown.command}` exits {done.returncode}\n{done.stdout}"
        self.folder = Path(ended.read_text(encoding="utf-8").rstrip("\n"))
        return done.stdout.rstrip("\n")


@dataclass
class Digests:
    """Which digest of this run is which of the page: two that are the same there are the same here."""

    here: dict[str, str] = field(default_factory=dict)

    def named_as_here(self, page: str, said: str) -> str:
        """Return a text of the page with the digests of this run."""
        for theirs, ours in zip(DIGEST.findall(page), DIGEST.findall(said), strict=False):
            if ours not in self.here.values():
                self.here.setdefault(theirs, ours)
        return DIGEST.sub(lambda match: self.here.get(match[0], match[0]), page)


@pytest.fixture
def reader(project: Project, docker: str) -> Iterator[Reader]:
    """A reader with a checkout of this repository, uv, git with a name, and docker, and nothing in a store yet."""
    folder = project.root.parent / "reader"
    programs = folder / ".local" / "bin"
    programs.mkdir(parents=True)
    (programs / "uv").symlink_to(find_uv_bin())
    (folder / "onedigest").symlink_to(ROOT)
    yield Reader(
        folder,
        {
            **{name: value for name, value in project.environment.items() if not name.startswith(("PYTHON", "XDG_"))},
            "HOME": str(folder),
            "PATH": f"{programs}:{project.environment['PATH']}",
            **{f"GIT_{who}_{what}": "reader" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
        },
    )
    subprocess.run(
        [docker, "image", "rm", "--force", "hello"], env=project.environment, capture_output=True, check=False
    )


@pytest.mark.network
@pytest.mark.docker
def test_a_newcomer_gets_what_the_page_shows(reader: Reader) -> None:
    digests = Digests()
    commands = 0

    for block in read_blocks(PAGE):
        if block.title:
            reader.write(block.title, block.text)
        for shown in read_commands(block):
            commands += 1
            said = reader.run(shown)
            expected = digests.named_as_here(shown.output, said)
            assert fits(said, expected), f"start.md:{shown.line}: `{shown.command}` says\n{said}"

    assert commands > 10


def test_all_blocks_of_the_page_are_files_or_commands() -> None:
    blocks = read_blocks(PAGE)

    assert [block.place for block in blocks if not block.title and block.language != "console"] == []
    assert len(blocks) == PAGE.read_text(encoding="utf-8").count("```") // 2


def without_moving(text: str) -> str:
    """Return a text without what new releases of packages move, and without the width of its columns."""
    return "\n".join(" ".join(MOVING.sub("#", line).split()) for line in text.splitlines())


def fits(said: str, expected: str) -> bool:
    """Tell whether a text is what is expected, where a line may stand for any number of them."""
    pieces = re.split(rf"^{re.escape(ANYTHING)}$", without_moving(expected), flags=re.MULTILINE)
    return re.fullmatch(r"[\s\S]*".join(map(re.escape, pieces)), without_moving(said)) is not None


def test_the_first_page_shows_what_this_one_does() -> None:
    (block,) = read_blocks(PAGE.with_name("index.md"))

    assert block.text in "".join(each.text for each in read_blocks(PAGE))
