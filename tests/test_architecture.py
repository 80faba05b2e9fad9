"""Keeps the architecture: which module may import which, one door for each third-party package, names, sizes."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

import pytest

from conftest import ROOT

PACKAGE = ROOT / "generator" / "onedigest"

# The floors of the house, from below. A room stands above all that it uses: it imports itself and lower floors alone.
GROUND = (
    "checkout",
    "conflicts",
    "digest",
    "errors",
    "formats",
    "header",
    "platforms",
    "removing",
    "replacing",
    "seal",
    "shipped",
    "shown_text",
    "store",
    "untrusted",
    "uv_program",
    "zipapp",
)
FLOORS: tuple[tuple[str, ...], ...] = (
    ("assembler",),
    ("ground",),
    ("net", "oci", "definition"),
    ("tools", "registry", "debian"),
    ("sources",),
    ("from_source",),
    ("definition/uv_project",),
    ("definition/flyte",),
    ("lock",),
    ("plan",),
    ("missing", "wheel_check", "fetching", "comparison"),
    ("rules", "attestation"),
    ("engines",),
    ("workspace",),
    ("cli", "flyte_plugin"),
)
NETWORK = {"net", "registry", "debian", "tools"}
NEVER = {"plan": NETWORK, "rules": NETWORK, "attestation": NETWORK, "missing": NETWORK, "wheel_check": NETWORK}
"""Rooms below that a room has no business with: what is made of a lock asks nobody."""
DOORS = {
    "backports": {"oci/compression.py"},
    "certifi": {"net/encryption.py"},
    "click": {"cli"},
    "cyclonedx": {"attestation"},
    "deflate": {"oci/libdeflate.py"},
    "flyte": {"flyte_plugin/builder.py", "flyte_plugin/declaring.py", "flyte_plugin/sdk.py"},
    "jinja2": {"rules/jinja.py"},
    "networkx": {"lock/graph.py"},
    "packageurl": {"attestation"},
    "packaging": {"cli", "definition", "from_source", "lock", "wheel_check"},
    "pyproject_hooks": {"from_source/backend.py"},
    "pysequoia": {"debian/signature.py"},
    "python_socks": {"net/socks.py"},
    "rich": {"cli"},
    "subprocess": {
        "tools/docker.py",
        "tools/processes.py",
        "engines/variations.py",
        "flyte_plugin/builder.py",
        "from_source/sandbox.py",
        "tools/git.py",
        "net/keyring.py",
        "tools/uv.py",
        "registry/credentials.py",
    },
    "truststore": {"net/encryption.py"},
    "urllib3": {
        "net/download.py",
        "net/encryption.py",
        "net/pace.py",
        "net/patience.py",
        "net/connection.py",
        "net/proxy_faults.py",
        "net/reasons.py",
        "registry/endpoint.py",
        "registry/refusals.py",
        "registry/repository.py",
        "registry/transport.py",
    },
    "uv": {"uv_program.py"},
}
DUMPING_GROUNDS = {"utils", "util", "common", "helpers", "helper", "base_types", "types", "constants", "misc", "core"}
LONGEST = 360
LONGEST_SENTENCE = 25
"""Lines of a module, and words of the sentence that heads it."""

MODULES = sorted(PACKAGE.rglob("*.py"))


def relative(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def part(path: Path) -> str:
    return relative(path).partition("/")[0].removesuffix(".py")


@cache
def tree_of(path: Path) -> ast.Module:
    """Read a module, once for all rules."""
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def imported(path: Path) -> set[str]:
    """Return the full names of all modules that a module imports, wherever in it."""
    found = set()
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def room(name: str) -> str:
    """Return the room of a module, by its path."""
    first, _, rest = name.partition("/")
    if first == "definition" and (nested := rest.partition("/")[0]) in ("flyte", "uv_project"):
        return f"definition/{nested}"
    first = first.removesuffix(".py")
    return "ground" if first in GROUND else first


def broken_import_rules(name: str, uses: Iterable[str]) -> list[str]:
    """Return what a module imports that is not below it, by paths."""
    floors = {each: number for number, rooms in enumerate(FLOORS) for each in rooms}
    own = room(name)
    never = NEVER.get(own, set())
    rooms = {room(each): each for each in sorted(uses)}
    return [
        f"{name} imports {each}"
        for other, each in sorted(rooms.items())
        if other != own and (floors.get(other, len(FLOORS)) >= floors[own] or other in never)
    ]


def broken_doors(path: Path) -> list[str]:
    tops = {name.split(".")[0] for name in imported(path)}
    return [
        f"{relative(path)} imports {top}"
        for top, doors in DOORS.items()
        if top in tops and not doors & {relative(path), part(path), room(relative(path))}
    ]


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_imports_go_one_way(path: Path) -> None:
    if relative(path) not in ("__init__.py", "__main__.py"):
        assert broken_import_rules(relative(path), imported_modules(path)) == []


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_each_third_party_package_has_one_door(path: Path) -> None:
    assert broken_doors(path) == []


def test_every_part_has_its_rule() -> None:
    rooms = {room(relative(path)) for path in MODULES} - {"__init__", "__main__"}

    assert rooms == {each for floor in FLOORS for each in floor} - {"workspace"}


OURS = frozenset(relative(each) for each in MODULES)


def imported_modules(path: Path) -> set[str]:
    """Return those of our modules that a module imports, wherever in it and whatever for."""
    names = [name.removeprefix("onedigest.") for name in imported(path) if name.startswith("onedigest.")]
    return {found for name in names if (found := module_of(name.replace(".", "/")))} - {relative(path)}


def module_of(name: str) -> str:
    """Return the file of a module, or of the module that a name is in; nothing for names of the package itself."""
    folder = name.rpartition("/")[0]
    places = (f"{name}.py", f"{name}/__init__.py", f"{folder}.py", f"{folder}/__init__.py")
    return next((each for each in places if each in OURS), "")


def circles(graph: Mapping[str, set[str]]) -> list[str]:
    """Return each group of modules that reach each other."""
    reached = {name: reachable(graph, name) for name in graph}
    groups = {tuple(sorted(other for other in reached[name] if name in reached[other])) for name in graph}
    return sorted(" - ".join(group) for group in groups if group)


def reachable(graph: Mapping[str, set[str]], start: str) -> set[str]:
    found: set[str] = set()
    waiting = [start]
    while waiting:
        new = graph[waiting.pop()] - found
        found |= new
        waiting += new
    return found


def test_no_modules_import_each_other() -> None:
    """Imports for types alone count, and those inside of functions: a reader follows them all."""
    assert circles({relative(path): imported_modules(path) for path in MODULES}) == []


def test_a_circle_is_found() -> None:
    graph = {"a": {"b"}, "b": {"c", "d"}, "c": {"a"}, "d": set(), "e": {"a"}}

    assert circles(graph) == ["a - b - c"]


def unread_fields() -> list[str]:
    """Return the fields of dataclasses and named tuples whose names nothing of ours, and no template, reads."""
    trees = {relative(path): tree_of(path) for path in MODULES}
    nodes = [(name, node) for name, tree in trees.items() for node in ast.walk(tree)]
    read = {node.attr for _, node in nodes if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)}
    templates = [
        path for name in ("templates", "BUILD_templates") for path in (ROOT / name).rglob("*") if path.is_file()
    ]
    read |= {word for path in templates for word in re.findall(r"\w+", path.read_text(encoding="utf-8"))}
    return [
        f"{name}: {node.name}.{field.target.id}"
        for name, node in nodes
        if isinstance(node, ast.ClassDef) and "dataclass" in " ".join(map(ast.unparse, node.decorator_list))
        for field in node.body
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and field.target.id not in read
    ]


def test_no_field_is_written_and_never_read() -> None:
    assert unread_fields() == []


@pytest.mark.parametrize(
    ("name", "owner"),
    [("pylock.toml", "formats.py"), ("image.toml", "formats.py"), (".inputs", "assembler/left_out.py")],
)
def test_a_file_of_the_lock_folder_is_named_by_its_owner_alone(name: str, owner: str) -> None:
    texts = {
        relative(path): [node.value for node in ast.walk(tree_of(path)) if isinstance(node, ast.Constant)]
        for path in MODULES
    }
    naming = {
        module
        for module, values in texts.items()
        if any(value == name or (isinstance(value, str) and value.endswith(f"/{name}")) for value in values)
    }

    assert naming == {owner}


def test_the_assembler_imports_the_standard_library_alone() -> None:
    names = {name.split(".")[0] for path in MODULES if part(path) == "assembler" for name in imported(path)}

    assert names - set(sys.stdlib_module_names) == {"onedigest"}


def test_a_broken_rule_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = tmp_path / "store.py"
    module.write_text("def f():\n    from onedigest.cli import words\n    import networkx\n")
    monkeypatch.setattr(sys.modules[__name__], "PACKAGE", tmp_path)

    assert broken_import_rules("store.py", ["cli/words.py", "errors.py"]) == ["store.py imports cli/words.py"]
    assert broken_import_rules("plan/inputs.py", ["net/download.py"]) == ["plan/inputs.py imports net/download.py"]
    assert broken_doors(module) == ["store.py imports networkx"]


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_no_module_is_a_dumping_ground(path: Path) -> None:
    assert path.stem not in DUMPING_GROUNDS
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST


@pytest.mark.parametrize("path", [path for path in MODULES if path.read_text().strip()], ids=relative)
def test_each_module_says_in_one_sentence_what_it_is_about(path: Path) -> None:
    first = (ast.get_docstring(tree_of(path)) or "").split("\n\n")[0]

    assert first.endswith(".")
    assert "\n" not in first
    assert not re.search(r"[.!?]\s+[A-Z]", first), "one sentence"
    assert len(first.split()) <= LONGEST_SENTENCE
    assert not first.startswith("Knows")


@pytest.mark.parametrize("path", [path for path in MODULES if part(path) != "cli"], ids=relative)
def test_nothing_below_the_command_line_prints_or_reads_the_environment(path: Path) -> None:
    if relative(path) in ("__main__.py", "assembler/__main__.py"):
        return
    names = {ast.unparse(node.func) for node in ast.walk(tree_of(path)) if isinstance(node, ast.Call)}

    assert not names & {"print", "sys.exit", "exit", "os.getenv", "time.time", "datetime.now", "input"}
    assert "os.environ" not in path.read_text()


def test_architecture_document_names_every_module_that_exists_and_no_other() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([a-z_]+(?:/[a-z_]+)*(?:\.py|/))`", text))
    existing = {relative(path) for path in MODULES} | {f"{relative(path.parent)}/" for path in MODULES} | {"tests/"}
    tests = {path.relative_to(ROOT).as_posix() for path in (ROOT / "tests").rglob("*.py")}

    top = {
        f"{each}.py" if (PACKAGE / f"{each}.py").is_file() else f"{each}/"
        for each in (*GROUND, *sum(FLOORS, ()))
        if each not in ("ground", "workspace")
    }
    assert named - existing - tests == set()
    assert top - named == set()


def test_each_section_that_is_cited_is_in_its_document() -> None:
    cited = {
        (relative(path), document, number)
        for path in MODULES
        for document, number in re.findall(r"(docs/\S+\.md), section (\d+)", path.read_text(encoding="utf-8"))
    }
    missing = [each for each in cited if f"\n## {each[2]}. " not in (ROOT / each[1]).read_text(encoding="utf-8")]

    assert cited
    assert missing == []


def test_each_code_of_refusal_is_in_its_table() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in MODULES if part(path) == "assembler")
    used = set(re.findall(r'Refused\(\s*"([a-z-]+)"', text))
    table = (ROOT / "docs" / "formats" / "layers.md").read_text(encoding="utf-8").partition("\n## 9. ")[2]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]

    assert set(re.findall(r"`([a-z-]+)`", " ".join(rows))) == used
