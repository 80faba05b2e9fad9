"""Keeps the architecture: which module may import which, one door for each third-party package, names, sizes."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest

from conftest import ROOT

PACKAGE = ROOT / "generator" / "onedigest"

# What each part may import of ours, besides itself. The order is that of the pipeline.
BASIC = {"conflicts", "errors", "digest", "platforms", "untrusted", "checkout", "formats"}
MAY_IMPORT: dict[str, set[str]] = {
    "assembler": set(),
    "errors": set(),
    "conflicts": {"errors"},
    "formats": {"assembler"},
    "shipped": set(),
    "shown_text": set(),
    "digest": {"assembler"},
    "platforms": set(),
    "untrusted": {"digest", "platforms"},
    "checkout": {"assembler", "errors", "untrusted"},
    "header": {"conflicts", "digest", "formats"},
    "script": {"assembler", "checkout", "conflicts", "errors", "untrusted"},
    "project": {"__version__", "assembler", "checkout", "conflicts", "errors", "header", "script", "untrusted"},
    "values": {"assembler", "platforms", "untrusted"},
    "spec": BASIC | {"project", "script", "values"},
    "application": BASIC | {"assembler", "script", "spec"},
    "inputs": BASIC | {"shipped"},
    "oci": BASIC | {"assembler", "inputs"},
    "sources": BASIC | {"inputs", "oci"},
    "lock": BASIC | {"__version__", "assembler", "header", "inputs", "oci", "sources", "spec"},
    "drawing": {"lock", "shown_text"},
    "plan": BASIC | {"application", "assembler", "lock", "oci", "spec"},
    "fetching": BASIC | {"assembler", "inputs", "lock", "oci", "plan", "sources", "spec"},
    "record": BASIC | {"assembler", "lock", "plan"},
    "comparison": BASIC | {"lock", "oci", "plan", "record"},
    "attestation": BASIC | {"application", "assembler", "lock", "oci", "plan"},
    "rules": BASIC | {"application", "assembler", "header", "inputs", "lock", "oci", "plan", "shipped", "spec"},
    "flyte": BASIC | {"assembler", "inputs", "script", "spec", "values"},
    "engines": BASIC | {"assembler", "inputs", "lock", "oci", "plan", "record", "rules"},
}
DOORS = {
    "backports": {"oci/compression.py"},
    "click": {"cli"},
    "cyclonedx": {"attestation/sbom.py"},
    "deflate": {"oci/libdeflate.py"},
    "flyte": {"flyte/builder.py", "flyte/sdk.py"},
    "jinja2": {"rules/environment.py"},
    "networkx": {"lock/graph.py"},
    "packageurl": {"attestation/sbom.py"},
    "packaging": {"cli", "flyte", "lock", "project.py", "spec.py"},
    "pysequoia": {"inputs/debian/signature.py"},
    "rich": {"cli"},
    "subprocess": {
        "engines/docker.py",
        "engines/processes.py",
        "engines/variations.py",
        "flyte/builder.py",
        "inputs/git.py",
        "inputs/uv.py",
        "oci/credentials.py",
    },
    "urllib3": {
        "inputs/download.py",
        "inputs/encryption.py",
        "inputs/pace.py",
        "inputs/patience.py",
        "inputs/pools.py",
        "oci/registry.py",
        "oci/transport.py",
    },
    "uv": {"inputs/uv.py"},
}
DUMPING_GROUNDS = {"utils", "util", "common", "helpers", "helper", "base_types", "types", "constants", "misc", "core"}
LONGEST = 350

MODULES = sorted(PACKAGE.rglob("*.py"))


def relative(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def part(path: Path) -> str:
    return relative(path).partition("/")[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    """Return the full names of all modules that a module imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def broken_import_rules(path: Path) -> list[str]:
    allowed = MAY_IMPORT.get(part(path))
    if allowed is None:
        return []
    ours = {name.split(".")[1] for name in imported(path) if name.startswith("onedigest.")}
    return [f"{relative(path)} imports {name}" for name in sorted(ours - allowed - {part(path)})]


def broken_doors(path: Path) -> list[str]:
    tops = {name.split(".")[0] for name in imported(path)}
    return [
        f"{relative(path)} imports {top}"
        for top, doors in DOORS.items()
        if top in tops and not doors & {relative(path), part(path)}
    ]


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_imports_go_one_way(path: Path) -> None:
    assert broken_import_rules(path) == []


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_each_third_party_package_has_one_door(path: Path) -> None:
    assert broken_doors(path) == []


def test_every_part_has_its_rule() -> None:
    parts = {part(path) for path in MODULES} - {"__init__", "__main__", "cli"}

    assert parts == set(MAY_IMPORT)


def test_the_assembler_imports_the_standard_library_alone() -> None:
    names = {name.split(".")[0] for path in MODULES if part(path) == "assembler" for name in imported(path)}

    assert names - set(sys.stdlib_module_names) == {"onedigest"}


def test_a_broken_rule_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = tmp_path / "record.py"
    module.write_text("def f():\n    from onedigest.cli import words\n    import networkx\n")
    monkeypatch.setattr(sys.modules[__name__], "PACKAGE", tmp_path)

    assert broken_import_rules(module) == ["record.py imports cli"]
    assert broken_doors(module) == ["record.py imports networkx"]


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_no_module_is_a_dumping_ground(path: Path) -> None:
    assert path.stem not in DUMPING_GROUNDS
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST


@pytest.mark.parametrize("path", [path for path in MODULES if path.read_text().strip()], ids=relative)
def test_each_module_says_what_it_knows(path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""

    assert re.match(r"(Knows|Turns|One script)\b", docstring)


@pytest.mark.parametrize("path", [path for path in MODULES if part(path) != "cli"], ids=relative)
def test_nothing_below_the_command_line_prints_or_reads_the_environment(path: Path) -> None:
    if relative(path) in ("__main__.py", "assembler/__main__.py"):
        return
    names = {ast.unparse(node.func) for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)}

    assert not names & {"print", "sys.exit", "exit", "os.getenv", "time.time", "datetime.now", "input"}
    assert "os.environ" not in path.read_text()


def test_architecture_document_names_every_module_that_exists_and_no_other() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([a-z_]+(?:/[a-z_]+)*(?:\.py|/))`", text))
    existing = {relative(path) for path in MODULES} | {f"{relative(path.parent)}/" for path in MODULES} | {"tests/"}
    tests = {path.relative_to(ROOT).as_posix() for path in (ROOT / "tests").rglob("*.py")}

    assert named - existing - tests == set()
    assert {f"{each}.py" if (PACKAGE / f"{each}.py").is_file() else f"{each}/" for each in MAY_IMPORT} - named == set()
