"""The folders that a registry's image has above files with places of their own, and those that are unfit."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from onedigest.assembler.places import folders_above
from onedigest.errors import Problem

if TYPE_CHECKING:
    from onedigest.definition.spec import Spec
    from onedigest.oci.rootfs import Node, Rootfs

PLAIN = "0755:0:0"
"""The mode and owner of a folder that is plainly root's."""

WELL_KNOWN = {"/root": "0700:0:0", "/run/lock": "1777:0:0", "/tmp": "1777:0:0", "/var/tmp": "1777:0:0"}  # noqa: S108  paths
"""Folders that are otherwise in every image which has them: mode and owner."""

_HOME = re.compile(r"/root|/home/[^/]+")
"""Folders that become the user's, as Flyte gives them to its own."""


def list_folders(spec: Spec, rootfs: Rootfs) -> tuple[str, ...]:
    """Return the folders that an image has above and at absolute targets of copies, those that are plainly root's."""
    nodes = {path: rootfs.plain(path) for path in _paths(spec)}
    return tuple(path for path, node in nodes.items() if node and node.kind == "dir" and _is(node, PLAIN))


def unfit_folders(spec: Spec, rootfs: Rootfs) -> Iterator[Problem]:
    """Yield what is in the way of absolute targets of copies: links, files, and folders of somebody else."""
    targets = {target for target, _ in spec.copies}
    for path in _paths(spec):
        node = rootfs.plain(path)
        if node is None or (path in targets and node.kind == "file"):
            continue
        if node.kind == "link":
            found = rootfs.find(path)
            hint = f"write /{found[0]} for it in `copy`" if found else ""
            yield Problem(f"its {path}, which `copy` names, is a link", hint=hint)
        elif node.kind != "dir":
            yield Problem(f"its {path}, which `copy` brings files into, is a file", hint="choose another place")
        elif not (_is(node, PLAIN) or _is(node, WELL_KNOWN.get(path, PLAIN)) or _HOME.fullmatch(path)):
            message = f"its {path}, which `copy` brings files into, is not plainly root's"
            yield Problem(
                message, hint="choose a place that the base has not, or below a folder of root with mode 0755"
            )


def _is(node: Node, stated: str) -> bool:
    """Tell whether a folder has a mode and an owner; of its group nothing is known."""
    return f"{node.mode:04o}:{node.owner}" == stated.rpartition(":")[0]


def _paths(spec: Spec) -> list[str]:
    """Return the absolute targets of copies and the folders above them, but for the top, sorted."""
    targets = {target for target, _ in spec.copies if target.startswith("/")} - {"/"}
    return sorted(targets | folders_above(targets))
