"""Builds the site of docs/ as `make docs` does: a dead link, and a page that the navigation does not name, are faults."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).resolve().parent.parent
CONFIGURATION = "zensical.toml"
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
LOADED = {
    ("img", "src"),
    ("script", "src"),
    ("source", "src"),
    ("iframe", "src"),
    ("link", "href"),
}
"""Attributes whose address a browser loads without being asked."""

LOADED_BY_STYLES = re.compile(r"(?:@import\s+|url\()[\"']?(?:https?:)?//")


def main() -> int:
    """Build the site into `site`, or say what is wrong with its pages."""
    faults = navigation_faults(ROOT)
    if not faults:
        with tempfile.TemporaryDirectory() as folder:
            faults = build(ROOT, Path(folder), ROOT / "site")
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


def build(root: Path, folder: Path, site: Path) -> list[str]:
    """Build the site of a checkout in an empty folder, and put it in its place when nothing is wrong with it.

    Zensical keeps a cache beside its configuration, in a folder that CI uses for its own: so it is handed a copy.
    """
    shutil.copy(root / CONFIGURATION, folder)
    shutil.copytree(root / "docs", folder / "docs")
    command = [sys.executable, "-m", "zensical", "build", "--strict"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, encoding="utf-8", check=False)
    said = COLOURS.sub("", done.stdout + done.stderr)
    if done.returncode or "Warning" in said:
        return [said.partition("Traceback")[0].strip()]
    if faults := built_faults(folder / "site"):
        return faults
    shutil.rmtree(site, ignore_errors=True)
    shutil.copytree(folder / "site", site)
    return []


def navigation_faults(root: Path) -> list[str]:
    """Say which pages the navigation lacks, which it has twice, and which it names though they are not there."""
    configuration = tomllib.loads((root / CONFIGURATION).read_text(encoding="utf-8"))
    named = Counter(named_pages(configuration["project"]["nav"]))
    there = {page.relative_to(root / "docs").as_posix() for page in (root / "docs").rglob("*.md")}
    return [
        *(f"docs/{page}: `nav` of {CONFIGURATION} does not name this page" for page in sorted(there - named.keys())),
        *(f"{CONFIGURATION}: `nav` names docs/{page}, which is not there" for page in sorted(named.keys() - there)),
        *(f"{CONFIGURATION}: `nav` names docs/{page} twice" for page in sorted(named) if named[page] > 1),
    ]


def named_pages(entries: Sequence[str | Mapping[str, Any]]) -> Iterator[str]:
    """Yield the pages of a navigation, from all its sections."""
    for entry in entries:
        if isinstance(entry, str):
            yield entry
            continue
        for below in entry.values():
            yield from [below] if isinstance(below, str) else named_pages(below)


@dataclass
class Page(HTMLParser):
    """What a page of the built site links to, what it loads, and the places in it that links may name."""

    links: list[str] = field(default_factory=list)
    loads: list[str] = field(default_factory=list)
    places: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take what an element says of itself."""
        for name, value in attrs:
            if name == "id" or (tag == "a" and name == "name"):
                self.places.add(value or "")
            elif (tag, name) in LOADED:
                self.loads.append(value or "")
            elif tag == "a" and name == "href":
                self.links.append(value or "")


def built_faults(site: Path) -> list[str]:
    """Say which links of the built pages lead nowhere, and what would be loaded from another host."""
    site = site.resolve()
    pages = {path: read_page(path) for path in sorted(site.rglob("*.html")) if path.name != "404.html"}
    faults = []
    for path, page in pages.items():
        where = path.relative_to(site).as_posix()
        faults += [f"{where}: loads {address}" for address in page.loads if urlsplit(address).netloc]
        faults += [
            f"{where}: loads {address}, which is not there"
            for address in page.loads
            if not leads_somewhere(address, path, pages)
        ]
        faults += [
            f"{where}: links to {address}, which is not there"
            for address in dict.fromkeys(page.links)
            if not leads_somewhere(address, path, pages)
        ]
    faults += [
        f"{path.relative_to(site).as_posix()}: loads a style or font from another host"
        for path in sorted(site.rglob("*.css"))
        if LOADED_BY_STYLES.search(path.read_text(encoding="utf-8"))
    ]
    return faults


def read_page(path: Path) -> Page:
    """Read a page of the built site."""
    page = Page()
    page.feed(path.read_text(encoding="utf-8"))
    return page


def leads_somewhere(address: str, path: Path, pages: Mapping[Path, Page]) -> bool:
    """Tell whether a link of a page has a target; those to other hosts are not looked at."""
    parts = urlsplit(address)
    if parts.scheme or parts.netloc:
        return parts.scheme in {"http", "https", "mailto"}
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    target = target / "index.html" if target.is_dir() else target
    if not target.is_file():
        return False
    return not parts.fragment or target not in pages or unquote(parts.fragment) in pages[target].places


if __name__ == "__main__":
    sys.exit(main())
