"""Pages of an index and metadata of wheels are text of strangers: what is odd in them tells nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from onedigest.errors import NetworkError
from onedigest.lock.targets import Target
from onedigest.lock.wheel_metadata import read_metadata
from onedigest.lock.yanked import yanked_wheels
from onedigest.platforms import AMD64
from onedigest.store import Store
from wheel_builder import wheel_bytes

BEST, OTHER = "x-1-cp313-cp313-manylinux_2_17_x86_64.whl", "x-1-py3-none-any.whl"
TARGETS = [Target(AMD64, "3.13.5", "2.41")]


class Pages:
    """Stands for a client that gets one document, or none."""

    def __init__(self, text: bytes | None) -> None:
        self.text = text
        self.asked: list[str] = []

    def get(self, url: str, *, most: int, index: str = "") -> bytes:
        self.asked.append(index + url)
        if self.text is None or len(self.text) > most:
            raise NetworkError.of("none")
        return self.text


def yanked(
    text: bytes | None, *names: str, registry: str = "https://index.invalid/simple/"
) -> tuple[list[str], list[str]]:
    """Return what is taken back by a page, and which pages were asked for."""
    wheels = [{"url": f"https://files.invalid/{name}"} for name in names]
    pages = Pages(text)
    row = {"name": "x", "version": "1", "source": {"registry": registry}, "wheels": wheels}
    return sorted(yanked_wheels([row], TARGETS, cast(Any, pages))), pages.asked


@pytest.mark.parametrize(
    "text",
    [
        b'{"files": [{"filename": "%b", "yanked": true}, {"filename": "y", "yanked": false}]}' % BEST.encode(),
        b'{"files": [{"filename": "%b", "yanked": "why"}, {"filename": "y"}]}' % BEST.encode(),
        b'<html><a href="https://f/%b#sha256=1" data-yanked="x &gt; y">z</a><a href="y">y</a>' % BEST.encode(),
        b"<a data-yanked href='../../%b'>z</a>" % BEST.encode(),
        b'<a href="y" data-requires-python=">=3.8">y</a><a href="%b?a=b" data-requires-python=">=3.8" data-yanked>'
        % BEST.encode(),
        b"<A\nHREF=/files/%b DATA-YANKED=''\n>z</A>" % BEST.encode(),
        b'<a title="data-yanked" href="y">y</a><a data-dist-info-metadata="a=b" data-yanked="&lt;a" href="/f/%b">'
        % BEST.encode().replace(b"_", b"%5f").replace(b"-", b"%2D"),
    ],
)
def test_files_that_a_page_takes_back(text: bytes) -> None:
    assert yanked(text, BEST, OTHER) == ([BEST], ["https://index.invalid/simple/x/"])


@pytest.mark.parametrize(
    "text",
    [
        None,
        b"",
        b"{",
        b'{"files": 7}',
        b'{"files": [7, null, {"yanked": true}]}',
        b'{"files": ' + b"[" * 100_000,
        b"<a" * 100_000,
        b"<a data-yanked>",
        b'<a data-yanked href="//[x/%b">' % BEST.encode(),
        b'<a data-yanked href="' * 50_000,
        b"<a " + b'"' * 99_999,
        b"<article data-yanked href=%b>" % BEST.encode(),
        b'<a title="data-yanked" href="%b">' % BEST.encode(),
        b"\xff\xfe<a data-yanked href=x>",
    ],
)
def test_odd_pages_take_nothing_back(text: bytes | None) -> None:
    assert yanked(text, BEST, OTHER)[0] == []


def test_page_is_asked_for_only_where_there_is_a_choice() -> None:
    assert yanked(b"", BEST)[1] == []
    assert yanked(b"", BEST, "x-1-cp313-cp313-win_amd64.whl")[1] == []
    assert yanked(b"", BEST, OTHER, registry="/folder/of/wheels")[1] == []


def test_metadata_of_a_wheel(tmp_path: Path) -> None:
    store, client = (
        Store(tmp_path / "store"),
        Pages(b"Metadata-Version: 2.1\nProvides-Extra: a\nRequires-Dist: b<2; extra == 'a'\n\nProvides-Extra: no\n"),
    )
    wheel = tmp_path / "x-1-py3-none-any.whl"
    wheel.write_bytes(wheel_bytes("x", "1", extras=["c"], requires=["d"], requires_python=">=3"))
    beside = {"provides-extra": ["a"], "requires-dist": ["b<2; extra == 'a'"], "requires-python": []}
    inside = {"provides-extra": ["c"], "requires-dist": ["d"], "requires-python": [">=3"]}

    assert read_metadata("https://f/x.whl", f"sha256:{'a' * 64}", cast(Any, client), store) == beside
    assert read_metadata("https://f/x.whl?sig=a%2Fb", "", cast(Any, client), store) == beside
    assert client.asked == ["https://f/x.whl.metadata", "https://f/x.whl.metadata?sig=a%2Fb"]
    for other in (b"<html>Provides-Extra: x", wheel.read_bytes(), b""):
        assert read_metadata("https://f/x.whl", "", cast(Any, Pages(other)), store) is None
    assert read_metadata("https://f/x.whl", store.add(wheel.read_bytes()), cast(Any, client), store) == inside
    assert read_metadata(str(wheel), "", cast(Any, client), store) == inside
    assert read_metadata(str(tmp_path / "none"), "", cast(Any, client), store) is None
    assert read_metadata("https://f/x.whl", "", cast(Any, Pages(None)), store) is None
    wheel.write_bytes(b"PK\3\4" * 99)
    assert read_metadata(str(wheel), "", cast(Any, client), store) is None
