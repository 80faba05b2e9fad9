"""What is known of the folders of a Debian root is what Debian's own packages give."""

from __future__ import annotations

import posixpath

import pytest

from conftest import Project
from onedigest.assembler.commands import LAYERS, Given
from onedigest.assembler.entry import Entry
from onedigest.lock import text as lock_text
from onedigest.plan.base_folders import BaseFolders, debian_folders
from onedigest.platforms import ALL

USERS = ("65532:65532", "33:33", "0:0")
UNWORKABLE = ("/usr/share/doc/", "/usr/share/zoneinfo/")
"""Where nobody works: below these there are links to folders that are not known."""


def odd(root: dict[str, Entry]) -> dict[str, str]:
    found = {f"/{path}": f"{each.mode:04o}:{each.uid}:{each.gid}" for path, each in root.items() if each.kind == "dir"}
    return {path: text for path, text in found.items() if text != "0755:0:0"}


def links(root: dict[str, Entry]) -> dict[str, str]:
    """Return the links to folders, where they lead."""
    found = {
        f"/{path}": posixpath.normpath(posixpath.join(posixpath.dirname(f"/{path}"), each.target))
        for path, each in root.items()
        if each.kind == "link"
    }
    return {
        path: target
        for path, target in found.items()
        if not path.startswith(UNWORKABLE) and target[1:] in root and root[target[1:]].kind == "dir"
    }


@pytest.mark.parametrize("suite", ["bookworm", "trixie"])
def test_folders_of_a_debian_root_are_known(suite: str, project: Project) -> None:
    project.script("app.py", 'requires-python = ">=3.11"', "[tool.onedigest]", f'base = "debian:{suite}"')
    project.ok("generate", "app.py")
    project.ok("fetch", "app")
    lock = lock_text.loads(project.read("lockfiles/app/pylock.toml"), "pylock.toml")

    for platform in ALL:
        inputs = [
            project.root / "lockfiles" / ".inputs" / each.file_name
            for each in lock.base.debian_packages
            if platform in each.platforms
        ]
        for user in USERS:
            entries = LAYERS["debian-root"].entries(Given({"user": user}, inputs))
            root = {each.path: each for each in entries}
            known: BaseFolders = debian_folders(suite, user, platform)

            assert odd(root) == known.odd
            assert links(root) == known.links
            assert all(root[path[1:]].kind == "dir" for path in known.there)
