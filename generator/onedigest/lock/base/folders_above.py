"""Knows which folders an image of a registry has above files that come to a place of their own, and which are unfit."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from onedigest.errors import Problem
from onedigest.oci.rootfs import Rootfs
from onedigest.spec import Spec

_PLAIN = (0o755, 0)
_KNOWN = {"/run/lock": (0o1777, 0), "/tmp": (0o1777, 0), "/var/tmp": (0o1777, 0)}  # noqa: S108  paths
_HOME = re.compile(r"/root|/home/[^/]+")
"""Folders that become the user's, as Flyte gives them to its own."""


def folders_above(spec: Spec, rootfs: Rootfs) -> tuple[str, ...]:
    """Return the folders that an image has above and at absolute targets of copies, those that are plainly root's."""
    nodes = {path: rootfs.plain(path) for path in _paths(spec)}
    return tuple(
        path for path, node in nodes.items() if node and (node.kind, node.mode, node.owner) == ("dir", *_PLAIN)
    )


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
            yield Problem(f"its {path}, which `copy` brings files into, is a file")
        elif (node.mode, node.owner) not in (_PLAIN, _KNOWN.get(path)) and not _HOME.fullmatch(path):
            message = f"its {path}, which `copy` brings files into, is not plainly root's"
            yield Problem(
                message, hint="choose a place that the base has not, or below a folder of root with mode 0755"
            )


def _paths(spec: Spec) -> list[str]:
    """Return the absolute targets of copies and the folders above them, but for the top, sorted."""
    targets = [target for target, _ in spec.copies if target.startswith("/")]
    return sorted(
        {str(each) for target in targets for each in (PurePosixPath(target), *PurePosixPath(target).parents)} - {"/"}
    )
