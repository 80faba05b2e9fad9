"""A dependency graph as text, Mermaid, DOT, SVG and values of JSON, the same bytes for the same lock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from xml.sax.saxutils import escape

from onedigest.lock.graph import ROOT, Graph, Node, cycles, ranks, source_of
from onedigest.shown_text import masked, one_line

_BOX_HEIGHT, _RANK_GAP, _COLUMN_GAP, _MARGIN, _CHARACTER = 26, 46, 14, 16, 7.2
_PER_ROW = 8
_ENTITIES = {
    "&": "amp",
    '"': "quot",
    "#": "num",
    "<": "lt",
    ">": "gt",
    "`": "grave",
    "%": "percnt",
    ":": "colon",
    ";": "semi",
    "{": "lbrace",
    "}": "rbrace",
    "[": "lbrack",
    "]": "rbrack",
    "(": "lpar",
    ")": "rpar",
    "|": "vert",
    "$": "dollar",
    "*": "ast",
    "@": "commat",
    "\\": "bsol",
}
_MERMAID = str.maketrans({character: f"&{entity};" for character, entity in _ENTITIES.items()})
"""What means something in the text of a Mermaid node: markup, directives, icons, formulas."""


def text(graph: Graph, name: str) -> str:
    """Draw a tree for a terminal. A package that was shown before stands with `(*)` and without its branches."""
    lines = [_label(ROOT, name)]
    shown: set[Node] = set()

    def draw(node: Node, indent: str) -> None:
        below = sorted(graph.successors(node))
        for number, each in enumerate(below):
            last = number == len(below) - 1
            again = each in shown and graph.out_degree(each) > 0
            label = _label(each, name) + _origin(graph, each)
            lines.append(f"{indent}{'└── ' if last else '├── '}{label}{' (*)' if again else ''}")
            if each not in shown:
                shown.add(each)
                draw(each, indent + ("    " if last else "│   "))

    draw(ROOT, "")
    if any(line.endswith("(*)") for line in lines):
        lines.append("(*) shown above")
    lines += [f"cycle: {', '.join(_label(node, name) for node in group)}" for group in cycles(graph)]
    return "\n".join(lines) + "\n"


def mermaid(graph: Graph, name: str) -> str:
    """Draw a Mermaid flowchart, which code hosts render."""
    nodes = sorted(graph)
    number = {node: f"n{index}" for index, node in enumerate(nodes)}
    lines = ["flowchart TD", *(f'    {number[node]}["{_mermaid_label(node, name)}"]' for node in nodes)]
    lines += [f"    {number[source]} --> {number[target]}" for source, target in sorted(graph.edges)]
    return "\n".join(lines) + "\n"


def dot(graph: Graph, name: str) -> str:
    """Draw in the language of Graphviz."""

    def quoted(node: Node) -> str:
        label = _label(node, name).replace("&", "&amp;")  # Graphviz reads the entities of HTML
        return '"' + label.replace("\\", "\\\\").replace('"', '\\"') + '"'

    lines = ["digraph {", "    node [shape=box];", *(f"    {quoted(node)};" for node in sorted(graph))]
    lines += [f"    {quoted(source)} -> {quoted(target)};" for source, target in sorted(graph.edges)]
    return "\n".join([*lines, "}"]) + "\n"


def document(graph: Graph, name: str) -> dict[str, Any]:
    """Return nodes and edges as values of JSON; the script's node has an empty version."""
    nodes = [
        {
            "name": node[0] or name,
            "version": node[1],
            **({"source": source} if (source := source_of(graph, node)) else {}),
        }
        for node in sorted(graph)
    ]
    number = {node: index for index, node in enumerate(sorted(graph))}
    edges = [[number[source], number[target]] for source, target in sorted(graph.edges)]
    return {"nodes": nodes, "edges": edges}


def svg(graph: Graph, name: str) -> str:
    """Draw boxes in ranks, the script on top and each package below all that need it."""
    rows = [rank[at : at + _PER_ROW] for rank in _untangled(graph) for at in range(0, len(rank), _PER_ROW)]
    widths = {node: round(len(_label(node, name)) * _CHARACTER + 16) for node in graph}
    row_widths = [sum(widths[node] for node in row) + _COLUMN_GAP * (len(row) - 1) for row in rows]
    width = max(row_widths) + 2 * _MARGIN
    places: dict[Node, tuple[int, int]] = {}
    for number, (row, row_width) in enumerate(zip(rows, row_widths, strict=True)):
        x = (width - row_width) // 2
        for node in row:
            places[node] = (x, _MARGIN + number * (_BOX_HEIGHT + _RANK_GAP))
            x += widths[node] + _COLUMN_GAP
    height = 2 * _MARGIN + len(rows) * (_BOX_HEIGHT + _RANK_GAP) - _RANK_GAP
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}">',
        "<style>text { font: 12px monospace; text-anchor: middle }</style>",
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        *(_svg_edge(places, widths, source, target) for source, target in sorted(graph.edges)),
        *(_svg_box(places[node], widths[node], _label(node, name), root=node == ROOT) for node in sorted(graph)),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


FORMATS: dict[str, Callable[[Graph, str], str]] = {
    "text": text,
    "mermaid": mermaid,
    "dot": dot,
    "svg": svg,
}


def why(paths: Sequence[Sequence[Node]], name: str) -> str:
    """Write each path from the script to a package on one line."""
    return "".join(" -> ".join(_label(node, name) for node in path) + "\n" for path in paths)


def _untangled(graph: Graph) -> list[list[Node]]:
    """Return the ranks, each ordered by where what needs its nodes stands: fewer lines cross."""
    ordered: list[list[Node]] = []
    place: dict[Node, float] = {}

    def middle(node: Node) -> tuple[float, Node]:
        above = [place[each] for each in graph.predecessors(node) if each in place]
        return (sum(above) / len(above) if above else 0.0, node)

    for rank in ranks(graph):
        row = sorted(rank, key=middle)
        place |= {node: (index + 1) / (len(row) + 1) for index, node in enumerate(row)}
        ordered.append(row)
    return ordered


def _svg_edge(places: dict[Node, tuple[int, int]], widths: dict[Node, int], source: Node, target: Node) -> str:
    x1, y1 = places[source][0] + widths[source] // 2, places[source][1] + _BOX_HEIGHT
    x2, y2 = places[target][0] + widths[target] // 2, places[target][1]
    half = (y1 + y2) // 2
    return f'<path d="M{x1} {y1}C{x1} {half} {x2} {half} {x2} {y2}" fill="none" stroke="#9aa5b1"/>'


def _svg_box(place: tuple[int, int], width: int, label: str, *, root: bool) -> str:
    x, y = place
    fill = "#d6e4ff" if root else "#f5f7fa"
    return (
        f'<rect x="{x}" y="{y}" width="{width}" height="{_BOX_HEIGHT}" rx="4" fill="{fill}" stroke="#52606d"/>'
        f'<text x="{x + width // 2}" y="{y + 17}">{escape(label)}</text>'
    )


def _label(node: Node, name: str) -> str:
    return one_line(masked(name if node == ROOT else f"{node[0]} {node[1]}"))


def _origin(graph: Graph, node: Node) -> str:
    source = source_of(graph, node)
    return one_line(masked(f", built from {source}")) if source else ""


def _mermaid_label(node: Node, name: str) -> str:
    return _label(node, name).translate(_MERMAID)
