"""The dependency graph, with paths and order in it, and the one door to networkx."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import TypeAlias

import networkx
from packaging.utils import canonicalize_name

from onedigest.lock.model import Lock

Node = tuple[str, str]
"""Name and version. The script itself is the node `ROOT`."""

ROOT: Node = ("", "")

MOST_PATHS = 1000

Graph: TypeAlias = "networkx.DiGraph[Node]"
"""An edge leads from a package to one that it needs."""


def from_lock(lock: Lock) -> Graph:
    """Return the graph of a lock. Nodes and edges are added in order, for networkx keeps the order they come in."""
    graph: Graph = networkx.DiGraph()
    graph.add_node(ROOT)
    for package in lock.packages:
        graph.add_node(package.key, **({"source": str(package.origin)} if package.origin else {}))
    graph.add_edges_from((ROOT, root) for root in lock.roots)
    for package in lock.packages:
        graph.add_edges_from((package.key, dependency) for dependency in package.dependencies)
    return graph


def source_of(graph: Graph, node: Node) -> str:
    """Return what a package was built of, or nothing where it is from an index."""
    return str(graph.nodes[node].get("source", ""))


def reachable(edges: Mapping[str, Iterable[str]], start: str) -> list[str]:
    """Return everything that can be reached from a node, itself included, sorted."""
    graph: networkx.DiGraph[str] = networkx.DiGraph()
    graph.add_node(start)
    for node in sorted(edges):
        graph.add_edges_from((node, target) for target in sorted(edges[node]))
    return sorted({start, *networkx.descendants(graph, start)})


def ranks(graph: Graph) -> list[list[Node]]:
    """Return the nodes in ranks: each stands below all that need it. Nodes of one cycle share a rank."""
    condensed = networkx.condensation(graph)
    members: dict[int, list[Node]] = {part: sorted(data["members"]) for part, data in condensed.nodes(data=True)}
    found = [
        sorted(node for part in generation for node in members[part])
        for generation in networkx.topological_generations(condensed)
    ]
    return [rank for rank in found if rank]


def paths_to(graph: Graph, name: str) -> list[list[Node]]:
    """Return, for each version of a package, the shortest paths from the script to it, in alphabetical order.

    The name may be spelled in any way that PEP 503 has for it. There are `MOST_PATHS` paths at the most: their number
    may double with each package.
    """
    found: list[list[Node]] = []
    normal = canonicalize_name(name)
    for node in sorted(each for each in graph if each[0] == normal):
        if networkx.has_path(graph, ROOT, node):
            found += islice(_shortest_paths(graph, node), MOST_PATHS - len(found))
    return found


def _shortest_paths(graph: Graph, node: Node) -> Iterator[list[Node]]:
    """Yield the shortest paths to a node in alphabetical order, one after the other."""
    left = networkx.single_source_shortest_path_length(graph.reverse(copy=False), node)
    open_paths = [[ROOT]]
    while open_paths:
        path = open_paths.pop()
        if path[-1] == node:
            yield path
            continue
        nearer = [each for each in graph.successors(path[-1]) if left.get(each) == left[path[-1]] - 1]
        open_paths += [[*path, each] for each in sorted(nearer, reverse=True)]


def cycles(graph: Graph) -> list[list[Node]]:
    """Return the groups of packages that need each other, sorted."""
    groups = (sorted(group) for group in networkx.strongly_connected_components(graph))
    return sorted(group for group in groups if len(group) > 1)
