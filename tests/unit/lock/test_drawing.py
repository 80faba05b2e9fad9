"""Graphs: every form is deterministic, quotes its language, and survives cycles."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from golden import expected_files
from onedigest.lock import drawing, text
from onedigest.lock.graph import Graph, from_lock, paths_to


@pytest.fixture
def graph() -> Graph:
    return from_lock(text.loads(expected_files("full")["pylock.toml"], "pylock.toml"))


def test_text(graph: Graph) -> None:
    assert drawing.text(graph, "full") == (
        "full\n"
        "├── alpha 1.0\n"
        "│   ├── beta 1.5\n"
        "│   │   └── alpha 1.0 (*)\n"
        "│   └── gamma 3\n"
        "│       ├── delta 0.1\n"
        "│       └── intel 1\n"
        "└── native 1.0\n"
        "(*) shown above\n"
        "cycle: alpha 1.0, beta 1.5\n"
    )


def test_mermaid_quotes_labels(graph: Graph) -> None:
    lines = drawing.mermaid(graph, 'a "b" #1').splitlines()

    assert lines[0] == "flowchart TD"
    assert lines[1] == '    n0["a &quot;b&quot; &num;1"]'
    assert "    n0 --> n1" in lines


def test_dot_quotes_labels(graph: Graph) -> None:
    assert '    "a \\"b\\"" -> "alpha 1.0";' in drawing.dot(graph, 'a "b"').splitlines()


def test_json_names_nodes_and_edges(graph: Graph) -> None:
    found = drawing.document(graph, "full")

    assert found["nodes"][0] == {"name": "full", "version": ""}
    assert [0, 1] in found["edges"]


def test_svg_is_well_formed_and_holds_every_node(graph: Graph) -> None:
    root = ElementTree.fromstring(drawing.svg(graph, "a<b&c"))
    texts = [each.text for each in root.iter() if each.tag.endswith("}text")]

    assert sorted(filter(None, texts)) == [
        "a<b&c",
        "alpha 1.0",
        "beta 1.5",
        "delta 0.1",
        "gamma 3",
        "intel 1",
        "native 1.0",
    ]


@pytest.mark.parametrize("shape", drawing.FORMATS)
def test_same_bytes_each_time(shape: str, graph: Graph) -> None:
    assert drawing.FORMATS[shape](graph, "full") == drawing.FORMATS[shape](graph, "full")


def test_why(graph: Graph) -> None:
    assert drawing.why(paths_to(graph, "delta"), "full") == "full -> alpha 1.0 -> gamma 3 -> delta 0.1\n"
