"""The page about the library: its examples run, and every public name is on it."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

import onedigest
from conftest import ROOT, Project
from page_blocks import read_blocks
from registry_server import serve_registry

PAGE = ROOT / "docs" / "reference" / "python.md"
OPTIONS = doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL


@pytest.mark.network
def test_examples_give_what_the_page_shows(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = [block.text for block in read_blocks(PAGE) if block.language == "python"]
    script = next(text for text in blocks if text.startswith("# /// script"))
    (project.root / "hello.py").write_text(script, encoding="utf-8")
    for name in ("XDG_CACHE_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, project.environment[name])
    monkeypatch.chdir(project.root)
    said: list[str] = []
    with serve_registry(tmp_path / "registry") as served:
        text = "\n".join(text for text in blocks if ">>>" in text)
        examples = doctest.DocTestParser().get_doctest(
            text, {"repository": f"{served.host}/acme/hello"}, "python.md", str(PAGE), 0
        )
        doctest.DocTestRunner(optionflags=OPTIONS).run(examples, out=said.append, clear_globs=False)

    assert "".join(said) == ""
    assert len(examples.examples) > 25


def test_the_page_has_every_public_name_and_argument() -> None:
    text = PAGE.read_text(encoding="utf-8")

    assert [name for name in onedigest.__all__ if f"`{name}`" not in text and f"# {name}\n" not in text] == []


@pytest.mark.parametrize("kind", ["Workspace", "WorkspaceImage"])
def test_the_page_has_every_method(kind: str) -> None:
    text = PAGE.read_text(encoding="utf-8")
    names = [name for name in vars(getattr(onedigest, kind)) if not name.startswith("_")]

    assert [name for name in names if not re.search(rf"(?:Workspace|workspace|image)\.{name}\b|`{name}`", text)] == []
