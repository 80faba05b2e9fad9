"""The golden case `full` as values: its spec, its lock, and files of an application."""

from __future__ import annotations

from pathlib import Path

from golden import expected_files, script_of
from onedigest.definition.files import File
from onedigest.definition.project import Project
from onedigest.definition.script import parse
from onedigest.definition.spec import Spec, specify
from onedigest.digest import Digest
from onedigest.lock import text
from onedigest.lock.model import Lock
from onedigest.plan.arrange import arrange
from onedigest.plan.layers import Plan

PROJECT = Project(root=Path(), file="onedigest.toml", table={"rules": ["docker", "bazel", "nix"]})
SPEC: Spec = specify(parse(script_of("full").encode(), "full.py"), PROJECT, "full.py")
LOCK: Lock = text.loads(expected_files("full")["pylock.toml"], "pylock.toml")
SCRIPT = File(target="full.py", digest=Digest("sha256:" + "1" * 64), executable=False, content=b"")
DATA = File(target="data/one.csv", digest=Digest("sha256:" + "2" * 64), executable=False, content=Path("x"))


def plan_of(spec: Spec, lock: Lock = LOCK) -> Plan:
    """Arrange the case's lock for a spec."""
    return arrange(spec, lock, [DATA, SCRIPT])
