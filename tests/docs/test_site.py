"""The site of docs/: every page has its place, and what would be a dead link for a reader is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from conftest import ROOT
from make_docs import build, built_faults, navigation_faults

CONFIGURATION = """\
[project]
site_name = "x"
use_directory_urls = false
nav = [{ "Start" = "index.md" }, { "Guides" = [{ "Docker" = "guides/docker.md" }] }]
theme = { font = false }
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A small one, whose site has no fault."""
    root = tmp_path / "checkout"
    (root / "docs" / "guides").mkdir(parents=True)
    (root / "zensical.toml").write_text(CONFIGURATION, encoding="utf-8")
    (root / "docs" / "index.md").write_text("# One\n\n[docker](guides/docker.md#two)\n", encoding="utf-8")
    (root / "docs" / "guides" / "docker.md").write_text("# Docker\n\n## Two\n", encoding="utf-8")
    return root


def test_each_page_has_its_place_in_the_navigation() -> None:
    assert navigation_faults(ROOT) == []


def test_pages_that_the_navigation_lacks_or_makes_up_are_named(checkout: Path) -> None:
    (checkout / "docs" / "guides" / "docker.md").rename(checkout / "docs" / "guides" / "nix.md")

    assert navigation_faults(checkout) == [
        "docs/guides/nix.md: `nav` of zensical.toml does not name this page",
        "zensical.toml: `nav` names docs/guides/docker.md, which is not there",
    ]


def test_a_page_has_one_place(checkout: Path) -> None:
    twice = CONFIGURATION.replace('{ "Start" = "index.md" }', '"index.md", { "Start" = "index.md" }')
    (checkout / "zensical.toml").write_text(twice, encoding="utf-8")

    assert navigation_faults(checkout) == ["zensical.toml: `nav` names docs/index.md twice"]


def test_a_site_without_a_fault_takes_its_place(checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    (checkout / "site").mkdir()
    (checkout / "site" / "old.html").touch()

    assert build(checkout, tmp_path / "made", checkout / "site") == []
    assert (checkout / "site" / "guides" / "docker.html").is_file()
    assert not (checkout / "site" / "old.html").exists()
    assert not (checkout / ".cache").exists()


@pytest.mark.parametrize(
    ("link", "said"),
    [("guides/dock.md", "page does not exist"), ("guides/docker.md#three", "anchor does not exist")],
)
def test_a_dead_link_stops_the_build(link: str, said: str, checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    (checkout / "docs" / "index.md").write_text(f"# One\n\n[docker]({link})\n", encoding="utf-8")

    faults = build(checkout, tmp_path / "made", checkout / "site")

    assert said in "\n".join(faults)
    assert "index.md:3" in "\n".join(faults)
    assert "Traceback" not in "\n".join(faults)
    assert not (checkout / "site").exists()


def test_what_the_builder_overlooks_is_found_in_the_built_pages(tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    (site / "other.html").write_text('<h2 id="here">Here</h2>', encoding="utf-8")
    (site / "look.css").write_text("@import url(https://fonts.example/f.css);", encoding="utf-8")
    links = ["other.html", "other.html#here", "other.html#gone", "gone.html", "https://example.org/", "../secret", "."]
    anchors = "".join(f'<a href="{link}">x</a>' for link in links)
    page = f'<script src="https://cdn.example/x.js"></script><img src="a.png">{anchors}'
    (site / "index.html").write_text(page, encoding="utf-8")

    assert built_faults(site) == [
        "index.html: loads https://cdn.example/x.js",
        "index.html: loads a.png, which is not there",
        "index.html: links to other.html#gone, which is not there",
        "index.html: links to gone.html, which is not there",
        "index.html: links to ../secret, which is not there",
        "look.css: loads a style or font from another host",
    ]
