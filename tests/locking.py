"""A project on a tiny base and an index on loopback, whose commands run in this process."""

from __future__ import annotations

import pytest

from conftest import Project, Result
from index_server import IndexServer
from make_documents import check_document
from onedigest.cli import run


class Locking:
    """A project with `app.py`, which is locked and built, and the index that it takes wheels from."""

    def __init__(self, project: Project, index: IndexServer, capsys: pytest.CaptureFixture[str]) -> None:
        self.project = project
        self.root = project.root
        self.index = index
        self._capsys = capsys

    def run(self, *arguments: str) -> Result:
        """Run a command in this process."""
        self._capsys.readouterr()
        code = run(list(arguments))
        done = self._capsys.readouterr()
        check_document(arguments, code, done.out)
        return Result(code, done.out, done.err)

    def ok(self, *arguments: str) -> Result:
        """Run a command that must succeed."""
        result = self.run(*arguments)
        assert result.code == 0, result.err
        return result

    def read(self, name: str) -> str:
        return self.project.read(name)

    def edit(self, name: str, old: str, new: str) -> None:
        """Change a file, which must have the old text."""
        text = self.read(name)
        assert old in text
        self.project.write(name, text.replace(old, new))

    def ask(self, *dependencies: str) -> None:
        """Let the script require other packages than `alpha`."""
        named = ", ".join(f'"{each}"' for each in dependencies)
        self.edit("app.py", 'dependencies = ["alpha"]', f"dependencies = [{named}]")

    def forbid_choosing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let nothing run uv, or ask an index, a registry or Debian's archive."""
        from onedigest.debian.archive import Archive
        from onedigest.lock.base import image_choice
        from onedigest.tools import uv

        def refuse(*_: object, **__: object) -> None:
            raise AssertionError("something was chosen")

        monkeypatch.setattr(uv, "lock", refuse)
        monkeypatch.setattr(Archive, "read", refuse)
        monkeypatch.setattr(image_choice, "resolve_image", refuse)
        self.index.close()
