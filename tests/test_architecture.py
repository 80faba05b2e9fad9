"""Keeps the house: five questions about all modules, each answered with all faults at once."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from conftest import ROOT

PACKAGE = ROOT / "generator" / "onedigest"

GROUND = (
    "bytecode_path",
    "checkout",
    "digest",
    "errors",
    "explained",
    "formats",
    "header",
    "merge_conflicts",
    "platforms",
    "remove_folder",
    "replace_file",
    "seal",
    "shipped",
    "shown_text",
    "store",
    "untrusted",
    "uv_program",
    "wording",
    "variables",
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
    ("missing", "wheel_check", "fetching", "bytecode"),
    ("rules", "attestation"),
    ("engines",),
    ("workspace",),
    ("terminal",),
    ("cli", "flyte_plugin"),
)
"""The floors of the house, from below. A room stands above all that it uses: it imports itself and lower floors alone."""

OUTSIDE = ("__init__.py", "__main__.py")
"""What leads into the house, from above."""

NETWORK = frozenset({"net", "registry", "debian", "tools"})
NEVER = dict.fromkeys(("plan", "rules", "attestation", "missing", "wheel_check"), NETWORK)
"""Rooms below that a room has no business with: what is made of a lock asks nobody."""

DOORS: Mapping[str, frozenset[str]] = {
    "backports": frozenset({"oci/compression.py"}),
    "certifi": frozenset({"net/encryption.py"}),
    "click": frozenset({"cli"}),
    "cyclonedx": frozenset({"attestation"}),
    "deflate": frozenset({"oci/libdeflate.py"}),
    "flyte": frozenset({"flyte_plugin/builder.py", "flyte_plugin/defining_files.py", "flyte_plugin/sdk.py"}),
    "jinja2": frozenset({"rules/jinja.py"}),
    "networkx": frozenset({"lock/graph.py"}),
    "packageurl": frozenset({"attestation"}),
    "packaging": frozenset({"definition", "flyte_plugin", "from_source", "lock", "wheel_check", "workspace"}),
    "pyproject_hooks": frozenset({"from_source/backend.py"}),
    "pysequoia": frozenset({"debian/signature.py"}),
    "python_socks": frozenset({"net/socks.py"}),
    "rich": frozenset({"terminal"}),
    "subprocess": frozenset(
        {
            "bytecode/compiler.py",
            "tools/docker.py",
            "tools/processes.py",
            "engines/variations.py",
            "flyte_plugin/builder.py",
            "from_source/sandbox.py",
            "tools/git.py",
            "net/keyring.py",
            "tools/uv.py",
            "tools/python_identity.py",
            "tools/uv_python.py",
            "registry/credentials.py",
        }
    ),
    "truststore": frozenset({"net/encryption.py"}),
    "urllib3": frozenset(
        {
            "net/download.py",
            "net/encryption.py",
            "net/answer_limits.py",
            "net/retries.py",
            "net/connection.py",
            "net/proxy_faults.py",
            "net/failure_reasons.py",
            "registry/endpoint.py",
            "registry/refusals.py",
            "registry/repository.py",
            "registry/transport.py",
        }
    ),
    "uv": frozenset({"uv_program.py"}),
}
"""Who may import a package: rooms, and modules."""

BY_NAME = frozenset({"backports.zstd"})
"""Modules that are imported by a text, for Python has them under another name later."""

OWNERS = {"pylock.toml": "formats.py", "image.toml": "formats.py", ".inputs": "assembler/left_out.py"}
"""Files of the lock folder, and the one module that names each."""

FACES = ("cli", "flyte_plugin", "terminal", *OUTSIDE, "assembler/__main__.py")
PRINTING = frozenset({"print", "input", "exit", "quit", "sys.exit", "sys.stdout.write", "sys.stderr.write"})
ENVIRONMENT = frozenset({"os.environ", "os.environb", "os.getenv", "os.getenvb", "os.path.expanduser", "Path.home"})
CLOCK = frozenset(
    {
        *("time.time", "time.time_ns", "time.localtime", "time.ctime", "date.today", "datetime.date.today"),
        *("datetime.now", "datetime.utcnow", "datetime.today", "datetime.datetime.now", "datetime.datetime.utcnow"),
    }
)
SAID_BY_FACES: tuple[tuple[frozenset[str], tuple[str, ...]], ...] = (
    (PRINTING, FACES),
    (ENVIRONMENT, (*FACES, "workspace/machine.py", "workspace/own_store.py")),
    (CLOCK, (*FACES, "workspace/image_sources.py")),
)
"""Names that reach for a terminal, for variables and for a clock, and the rooms and modules that may."""

DOCUMENTS = ("workspace/results.py",)
"""Modules whose values are documents, of which each field is written."""

DUMPING_GROUNDS = {"utils", "util", "common", "helpers", "helper", "base_types", "types", "constants", "misc", "core"}
LONGEST = 350
"""Lines of a module, above which a reviewer looks whether it is about one thing."""

LONGEST_SENTENCE = 25
"""Words of the sentence that heads a module."""


@dataclass(frozen=True, kw_only=True)
class Module:
    """What the rules ask of one module."""

    name: str  # its path in the package
    text: str
    imported: frozenset[str]  # full names, wherever in it
    used: frozenset[str]  # dotted names, and names of builtins that are called
    read: frozenset[str]  # attributes
    constants: frozenset[str]
    fields: tuple[str, ...]  # of its dataclasses, such as `Spec.name`
    docstring: str

    @property
    def room(self) -> str:
        """The room that it is in."""
        first, _, rest = self.name.partition("/")
        nested = f"{first}/{rest.partition('/')[0]}"
        if nested in ("definition/flyte", "definition/uv_project"):
            return nested
        first = first.removesuffix(".py")
        return "ground" if first in GROUND else first

    def is_of(self, places: Iterable[str]) -> bool:
        """Tell whether it is one of these modules, or in one of these rooms."""
        return bool({self.name, self.room, self.name.partition("/")[0]} & set(places))


def read_module(name: str, text: str) -> Module:
    """Read a module, once for all rules."""
    tree = ast.parse(text)
    imported, used, read, constants, fields = set[str](), set[str](), set[str](), set[str](), list[str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            used.add(dotted(node))
            if isinstance(node.ctx, ast.Load):
                read.add(node.attr)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            used.add(node.func.id)
        elif isinstance(node, ast.Call) and dotted(node.func) == "importlib.import_module":
            imported |= {
                each.value for each in ast.walk(node) if isinstance(each, ast.Constant) and each.value in BY_NAME
            }
        elif isinstance(node, ast.Name) and node.id == "print":  # handed on, it prints as well
            used.add(node.id)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            constants.add(node.value)
        elif isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.ClassDef) and any("dataclass" in ast.unparse(each) for each in node.decorator_list):
            fields += [
                f"{node.name}.{field.target.id}"
                for field in node.body
                if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
            ]
    return Module(
        name=name,
        text=text,
        imported=frozenset(imported),
        used=frozenset(used),
        read=frozenset(read),
        constants=frozenset(constants),
        fields=tuple(fields),
        docstring=ast.get_docstring(tree) or "",
    )


def dotted(node: ast.expr) -> str:
    """Return a name with its attributes; nothing where it is more than names."""
    if isinstance(node, ast.Name):
        return node.id
    if not isinstance(node, ast.Attribute):
        return ""
    value = dotted(node.value)
    return f"{value}.{node.attr}" if value else ""


@dataclass(frozen=True)
class House:
    """All modules of the package, by their paths in it."""

    modules: Sequence[Module]

    @cached_property
    def names(self) -> frozenset[str]:
        """The paths of all modules."""
        return frozenset(module.name for module in self.modules)

    @cached_property
    def uses(self) -> dict[str, list[Module]]:
        """Which of our modules each module imports, wherever in it and whatever for."""
        by_name = {module.name: module for module in self.modules}
        return {
            module.name: [by_name[name] for name in sorted(self._imports(module) - {module.name})]
            for module in self.modules
        }

    def _imports(self, module: Module) -> set[str]:
        ours = (name.removeprefix("onedigest.") for name in module.imported if name.startswith("onedigest."))
        return {found for name in ours if (found := self._file_of(name.replace(".", "/")))}

    def _file_of(self, name: str) -> str:
        """Return the file of a module, or of the module that a name is in; nothing for names of the package itself."""
        folder = name.rpartition("/")[0]
        places = (f"{name}.py", f"{name}/__init__.py", f"{folder}.py", f"{folder}/__init__.py")
        return next((each for each in places if each in self.names), "")


def house_of(texts: Mapping[str, str]) -> House:
    return House([read_module(name, text) for name, text in texts.items()])


@cache
def our_house() -> House:
    paths = sorted(PACKAGE.rglob("*.py"))
    return house_of({path.relative_to(PACKAGE).as_posix(): path.read_text(encoding="utf-8") for path in paths})


def assert_none(faults: Iterable[str], *, remarks: Sequence[str] = ()) -> None:
    """Fail with all faults, one a line."""
    found = sorted(faults)
    assert not found, "\n".join(["", *found, *remarks])


# 1. imports


def test_imports_go_down_the_floors_and_in_no_circle() -> None:
    assert_none(broken_imports(our_house()))


def broken_imports(house: House) -> Iterator[str]:
    floors = {each: number for number, rooms in enumerate(FLOORS) for each in rooms}
    inside = [module for module in house.modules if module.name not in OUTSIDE]
    for module in inside:
        if module.room not in floors:
            yield f"{module.name} is in no room of FLOORS"
            continue
        for other in house.uses[module.name]:
            below = floors.get(other.room, len(FLOORS)) < floors[module.room]
            if other.room != module.room and (not below or other.room in NEVER.get(module.room, ())):
                yield f"{module.name} imports {other.name}, which is not below it"
    yield from circles({name: {other.name for other in uses} for name, uses in house.uses.items()})
    standard = sys.stdlib_module_names | {"onedigest"}
    for module in inside:
        if module.room == "assembler":
            more = sorted({top_of(name) for name in module.imported} - standard)
            yield from (f"{module.name} imports {name}: the assembler has the standard library alone" for name in more)


def circles(graph: Mapping[str, set[str]]) -> list[str]:
    """Return each group of modules that reach each other; imports for types alone count: a reader follows them all."""
    reached = {name: reachable(graph, name) for name in graph if graph[name]}
    groups = {
        tuple(sorted(other for other in found if name in reached.get(other, ()))) for name, found in reached.items()
    }
    return sorted(f"a circle: {' - '.join(group)}" for group in groups if group)


def reachable(graph: Mapping[str, set[str]], start: str) -> set[str]:
    found: set[str] = set()
    waiting = [start]
    while waiting:
        new = graph[waiting.pop()] - found
        found |= new
        waiting += new
    return found


def top_of(name: str) -> str:
    return name.partition(".")[0]


def test_an_import_that_does_not_go_down_is_found() -> None:
    house = house_of(
        {
            "__init__.py": "from onedigest.cli import words",
            "assembler/tar.py": "import click",
            "attic.py": "",
            "cli/words.py": "from onedigest import store",
            "lock/a.py": "import onedigest.lock.b",
            "lock/b.py": "def f():\n    from onedigest.lock.c import name",
            "lock/c.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from onedigest.lock import a",
            "net/download.py": "",
            "plan/inputs.py": "from onedigest.net.download import download",
            "store.py": "def f():\n    from onedigest.cli.words import word",
        }
    )

    assert sorted(broken_imports(house)) == [
        "a circle: cli/words.py - store.py",
        "a circle: lock/a.py - lock/b.py - lock/c.py",
        "assembler/tar.py imports click: the assembler has the standard library alone",
        "attic.py is in no room of FLOORS",
        "plan/inputs.py imports net/download.py, which is not below it",
        "store.py imports cli/words.py, which is not below it",
    ]


# 2. doors


def test_each_third_party_package_and_each_file_of_a_lock_has_its_doors() -> None:
    assert_none(broken_doors(our_house()))


def broken_doors(house: House) -> Iterator[str]:
    unused = {(package, door) for package, doors in DOORS.items() for door in doors}
    for module in house.modules:
        for package in sorted({top_of(name) for name in module.imported} - {"onedigest"}):
            if package in DOORS and module.is_of(DOORS[package]):
                unused -= {(package, door) for door in DOORS[package] if module.is_of({door})}
            elif package in DOORS or package not in sys.stdlib_module_names:
                yield f"{module.name} imports {package}, and is none of its doors"
        for name, owner in OWNERS.items():
            if module.name != owner and any(each == name or each.endswith(f"/{name}") for each in module.constants):
                yield f"{module.name} names {name}, which {owner} does"
    yield from (f"DOORS: {door} does not import {package}" for package, door in unused)


def test_a_package_that_comes_in_by_another_door_is_found() -> None:
    house = house_of(
        {
            "cli/lock.py": "import click.testing\nPATH = f'{name}/pylock.toml'",
            "formats.py": "LOCK = 'pylock.toml'",
            "lock/graph.py": "import networkx",
            "oci/layout.py": "import importlib\nimportlib.import_module('a' if new else 'backports.zstd')",
            "oci/read.py": "import requests\nfrom subprocess import run",
            "store.py": "def f():\n    import networkx",
        }
    )

    found = [fault for fault in broken_doors(house) if not fault.startswith("DOORS: ")]

    assert found == [
        "cli/lock.py names pylock.toml, which formats.py does",
        "oci/layout.py imports backports, and is none of its doors",
        "oci/read.py imports requests, and is none of its doors",
        "oci/read.py imports subprocess, and is none of its doors",
        "store.py imports networkx, and is none of its doors",
    ]
    assert "DOORS: rules/jinja.py does not import jinja2" in broken_doors(house)
    assert "DOORS: lock/graph.py does not import networkx" not in broken_doors(house)


# 3. faces


def test_nothing_below_the_faces_prints_or_reads_the_environment_or_the_clock() -> None:
    assert_none(said_below(our_house()))


def said_below(house: House) -> Iterator[str]:
    for names, places in SAID_BY_FACES:
        for module in house.modules:
            if not module.is_of(places):
                reached = names & {*module.used, *module.imported}
                yield from (f"{module.name} uses {name}" for name in sorted(reached))


def test_what_prints_or_reads_the_environment_or_the_clock_below_the_faces_is_found() -> None:
    house = house_of(
        {
            "cli/words.py": "import os, sys\nprint(os.environ)\nsys.exit(1)",
            "lock/a.py": "import os\ndef f():\n    return os.environ.get('HOME')",
            "lock/b.py": "from os import environ\nfrom datetime import datetime\nDATE = datetime.now()",
            "lock/c.py": "import sys, time\nTIME = time.time()\nsys.exit(print('x'))",
            "lock/d.py": '"""Text that says print(x) and os.environ."""\nlock.exit()\nclock.time()',
            "lock/e.py": "fetch(tell=print)\nread(date=time.time)",
            "workspace/machine.py": "import os\nprint(os.environ)",
        }
    )

    assert sorted(said_below(house)) == [
        "lock/a.py uses os.environ",
        "lock/b.py uses datetime.now",
        "lock/b.py uses os.environ",
        "lock/c.py uses print",
        "lock/c.py uses sys.exit",
        "lock/c.py uses time.time",
        "lock/e.py uses print",
        "lock/e.py uses time.time",
        "workspace/machine.py uses print",
    ]


# 4. modules


def test_each_module_is_about_one_thing_and_says_so_in_a_sentence() -> None:
    assert_none(odd_modules(our_house(), read_in_templates()), remarks=long_modules(our_house()))


def odd_modules(house: House, read_elsewhere: Iterable[str]) -> Iterator[str]:
    for module in house.modules:
        if Path(module.name).stem in DUMPING_GROUNDS:
            yield f"{module.name} is a dumping ground by its name"
        if module.text.strip():
            head = module.docstring.split("\n\n")[0]
            yield from (f"{module.name}: its first sentence {fault}" for fault in odd_head(head))
    read = frozenset(read_elsewhere).union(*(module.read for module in house.modules))
    for module in house.modules:
        if module.name not in DOCUMENTS:
            unread = (field for field in module.fields if field.partition(".")[2] not in read)
            yield from (f"{module.name}: {field} is never read" for field in unread)


def odd_head(head: str) -> Iterator[str]:
    if not head.endswith("."):
        yield "has no full stop"
    if "\n" in head:
        yield "is longer than a line"
    if re.search(r"[.!?]\s+[A-Z]", head):
        yield "is several sentences"
    if len(head.split()) > LONGEST_SENTENCE:
        yield f"has more than {LONGEST_SENTENCE} words"
    if head.startswith("Knows"):
        yield "begins with `Knows`, which each could"


def read_in_templates() -> set[str]:
    folders = (ROOT / "templates", ROOT / "BUILD_templates")
    texts = [path.read_text(encoding="utf-8") for each in folders for path in each.rglob("*") if path.is_file()]
    return {word for text in texts for word in re.findall(r"\w+", text)}


def long_modules(house: House) -> list[str]:
    """Return what is no fault, but worth a look."""
    sizes = {module.name: len(module.text.splitlines()) for module in house.modules}
    return [f"(no fault: {name} has {size} lines)" for name, size in sorted(sizes.items()) if size > LONGEST]


def test_a_module_that_is_about_many_things_is_found() -> None:
    fields = "from dataclasses import dataclass\n@dataclass(frozen=True)\nclass A:\n    read: int\n    unread: int\n"
    house = house_of(
        {
            "digest.py": f'"""Digests."""\n{fields}def f(a):\n    a.unread = a.read',
            "empty.py": "",
            "lock/a.py": '"""Knows locks"""',
            "lock/b.py": '"""Locks. Wheels."""\n' + "\n" * LONGEST,
            "lock/c.py": '"""Locks,\nand wheels."""',
            "lock/d.py": f'"""{"word " * LONGEST_SENTENCE}word."""',
            "lock/e.py": "X = 1",
            "lock/utils.py": '"""All the rest.\n\nIn. Many. Words."""',
        }
    )

    assert sorted(odd_modules(house, ())) == [
        "digest.py: A.unread is never read",
        "lock/a.py: its first sentence begins with `Knows`, which each could",
        "lock/a.py: its first sentence has no full stop",
        "lock/b.py: its first sentence is several sentences",
        "lock/c.py: its first sentence is longer than a line",
        "lock/d.py: its first sentence has more than 25 words",
        "lock/e.py: its first sentence has no full stop",
        "lock/utils.py is a dumping ground by its name",
    ]
    assert list(odd_modules(house_of({"digest.py": f'"""Digests."""\n{fields}'}), {"read", "unread"})) == []
    assert long_modules(house) == [f"(no fault: lock/b.py has {LONGEST + 1} lines)"]


# 5. documents


def test_documents_name_what_exists() -> None:
    assert_none(missing_names(our_house(), ROOT))


def missing_names(house: House, root: Path) -> Iterator[str]:
    """Return what documents, messages and tests name, and is not there; and what ARCHITECTURE.md leaves out."""
    architecture = (root / "ARCHITECTURE.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([a-z_]+(?:/[a-z_]+)*(?:\.py|/))`", architecture))
    folders = {f"{parent}/" for name in house.names for parent in Path(name).parents}
    unknown = {name for name in named - house.names - folders if not name.startswith("tests/")}
    yield from (f"ARCHITECTURE.md: {name} does not exist" for name in unknown)
    tops = {name if name.endswith(".py") else f"{name}/" for name in {each.partition("/")[0] for each in house.names}}
    yield from (f"ARCHITECTURE.md does not name {name}" for name in tops - named - set(OUTSIDE))
    for module in house.modules:
        for page in set(re.findall(r"(?<!containerd, )\bdocs/[\w/-]+\.md\b", module.text)):
            if not (root / page).is_file():
                yield f"{module.name}: {page} does not exist"
        for page, number in set(re.findall(r"(docs/\S+\.md), section (\d+)", module.text)):
            if f"\n## {number}. " not in (root / page).read_text(encoding="utf-8"):
                yield f"{module.name}: {page} has no section {number}"
    for page in (*sorted(root.glob("*.md")), *sorted((root / "docs").rglob("*.md"))):
        if page.name != "CHANGELOG.md":  # tells of what was
            for name in set(re.findall(r"\btests/[\w/]+\.py\b", page.read_text(encoding="utf-8"))):
                if not (root / name).is_file():
                    yield f"{page.relative_to(root)}: {name} does not exist"
    yield from odd_codes(house, (root / "docs" / "formats" / "layers.md").read_text(encoding="utf-8"))
    for folder in sorted((root / "tests" / "unit").rglob("*/")):
        name = folder.relative_to(root / "tests" / "unit").as_posix()
        if f"{name}/" not in folders and any(folder.glob("test_*.py")):
            yield f"tests/unit/{name} is no room"


def odd_codes(house: House, layers: str) -> Iterator[str]:
    """Compare the codes of refusal with their table in the format of layers."""
    text = "".join(module.text for module in house.modules if module.room == "assembler")
    used = set(re.findall(r'Refused\(\s*"([a-z-]+)"', text))
    rows = [line.split("|")[1] for line in layers.partition("\n## 9. ")[2].splitlines() if line.startswith("| `")]
    told = set(re.findall(r"`([a-z-]+)`", " ".join(rows)))
    yield from (f"docs/formats/layers.md: nothing is refused as {code}" for code in told - used)
    yield from (f"docs/formats/layers.md does not name {code}" for code in used - told)


def test_a_name_of_what_does_not_exist_is_found(tmp_path: Path) -> None:
    files = {
        "ARCHITECTURE.md": "`lock/`, `lock/text.py`, `lock/codec.py`, `plan/`, `tests/`, `tests/test_a.py`",
        "CHANGELOG.md": "tests/gone.py",
        "docs/formats/layers.md": "# Layers\n\n## 2. Paths\n\n## 9. Refusals\n\n| `odd-path` | odd |\n| `odd-name` | odd |\n",
        "docs/start.md": "`tests/unit/lock/test_text.py` and `tests/unit/test_codec.py`",
        "tests/unit/lock/test_text.py": "",
        "tests/unit/cellar/test_wine.py": "",
        "tests/unit/test_store.py": "",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    house = house_of(
        {
            "__init__.py": "",
            "assembler/tar.py": 'raise Refused(\n    \'x\')\nraise Refused("odd-path", x)\nraise Refused("odd-mode", x)',
            "lock/text.py": "# docs/formats/layers.md, section 2\n# docs/formats/layers.md, section 3",
            "store.py": "HINT = 'see docs/indexes.md'",
        }
    )

    assert sorted(missing_names(house, tmp_path)) == [
        "ARCHITECTURE.md does not name assembler/",
        "ARCHITECTURE.md does not name store.py",
        "ARCHITECTURE.md: lock/codec.py does not exist",
        "ARCHITECTURE.md: plan/ does not exist",
        "ARCHITECTURE.md: tests/test_a.py does not exist",
        "docs/formats/layers.md does not name odd-mode",
        "docs/formats/layers.md: nothing is refused as odd-name",
        "docs/start.md: tests/unit/test_codec.py does not exist",
        "lock/text.py: docs/formats/layers.md has no section 3",
        "store.py: docs/indexes.md does not exist",
        "tests/unit/cellar is no room",
    ]
