"""Projects of uv on an index on loopback, locked by the real uv."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from uv import find_uv_bin

from index_server import IndexServer
from wheel_builder import build_wheel

NEW, OLD = "cp312-cp312-manylinux_2_17_x86_64", "cp311-cp311-manylinux_2_17_x86_64"

BACKEND = '''\
"""A backend without requirements (PEP 517): what is below `src`, and the metadata of pyproject.toml."""
import pathlib, re, tomllib, zipfile

def _metadata():
    project = tomllib.loads(pathlib.Path("pyproject.toml").read_text())["project"]
    source = "".join(path.read_text() for path in sorted(pathlib.Path("src").glob("*/__init__.py")))
    version = project.get("version") or re.search("__version__ = .(.*).", source)[1]
    lines = ["Metadata-Version: 2.1", f"Name: {project['name']}", f"Version: {version}"]
    lines += [f"Requires-Dist: {each}" for each in project.get("dependencies", [])]
    for extra, several in project.get("optional-dependencies", {}).items():
        lines += [f"Provides-Extra: {extra}", *(f"Requires-Dist: {each}; extra == '{extra}'" for each in several)]
    stem = f"{re.sub('[-_.]+', '_', project['name']).lower()}-{version}"
    scripts = "".join(f"{name} = {place}\\n" for name, place in project.get("scripts", {}).items())
    files = {"METADATA": "\\n".join([*lines, ""]), "WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"}
    return stem, files | ({"entry_points.txt": f"[console_scripts]\\n{scripts}"} if scripts else {})

def prepare_metadata_for_build_wheel(folder, settings=None):
    stem, files = _metadata()
    target = pathlib.Path(folder, f"{stem}.dist-info")
    target.mkdir()
    for name, text in files.items():
        (target / name).write_text(text)
    return target.name

prepare_metadata_for_build_editable = prepare_metadata_for_build_wheel

def build_wheel(folder, settings=None, metadata=None):
    stem, files = _metadata()
    name = f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(pathlib.Path(folder, name), "w") as wheel:
        for path in sorted(pathlib.Path("src").rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                wheel.write(path, path.relative_to("src").as_posix())
        for each, text in files.items():
            wheel.writestr(f"{stem}.dist-info/{each}", text)
        wheel.writestr(f"{stem}.dist-info/RECORD", "")
    return name

build_editable = build_wheel
'''

ROOT = """\
[project]
name = "Shop"
version = "0.1.0"
requires-python = ">=3.11"
dependencies = ["alpha>=1", "shop-core", "gamma; sys_platform == 'linux'"]

[project.optional-dependencies]
fast = ["beta<2"]
slow = ["beta>=2"]
both = ["delta", "shop[fast]"]

[project.scripts]
shop = "shop.main:run"

[dependency-groups]
dev = ["delta", {include-group = "lint"}]
lint = ["epsilon"]

[build-system]
requires = []
build-backend = "small_backend"
backend-path = ["."]

[tool.uv]
constraint-dependencies = ["alpha<9"]
override-dependencies = ["omega==1"]
conflicts = [[{ extra = "fast" }, { extra = "slow" }], [{ extra = "both" }, { extra = "slow" }]]

[tool.uv.workspace]
members = ["packages/*"]
exclude = ["packages/old"]

[tool.uv.sources]
shop-core = { workspace = true }
"""

CORE = """\
[project]
name = "shop-core"
dynamic = ["version"]
requires-python = ">=3.11"
dependencies = ["alpha"]

[build-system]
requires = []
build-backend = "small_backend"
backend-path = ["."]
"""

WEB = """\
[project]
name = "shop-web"
version = "2"
requires-python = ">=3.11"
dependencies = ["shop-core", "zeta>=1"]

[tool.uv.sources]
shop-core = { workspace = true }
zeta = { path = "../../vendor/zeta" }
"""

ZETA = """\
[project]
name = "zeta"
version = "1.5"
dependencies = ["alpha"]

[build-system]
requires = []
build-backend = "small_backend"
backend-path = ["."]
"""

FILES = {
    "pyproject.toml": ROOT,
    "src/shop/__init__.py": "",
    "src/shop/main.py": "def run():\n    print('shop')\n",
    "packages/core/pyproject.toml": CORE,
    "packages/core/src/shop_core/__init__.py": "__version__ = '1.2'\n",
    "packages/web/pyproject.toml": WEB,
    "packages/web/main.py": "print('web')\n",
    "packages/old/pyproject.toml": "[project]\nname = 'old'\nversion = '1'\n",
    "vendor/zeta/pyproject.toml": ZETA,
    "vendor/zeta/src/zeta.py": "",
    **{f"{folder}small_backend.py": BACKEND for folder in ("", "packages/core/", "vendor/zeta/")},
    ".git/HEAD": "ref: refs/heads/main\n",
}


def write_tree(root: Path, files: dict[str, str]) -> None:
    """Write files below a folder."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def fill(folder: Path) -> None:
    """Write the packages that the projects here ask for."""
    for name in ("alpha", "gamma", "delta", "epsilon", "omega"):
        build_wheel(folder, name, "1.0")
    build_wheel(folder, "beta", "1.0")
    build_wheel(folder, "beta", "2.0")


@contextmanager
def served(folder: Path) -> Iterator[IndexServer]:
    """Serve these packages."""
    fill(folder)
    server = IndexServer(folder)
    try:
        yield server
    finally:
        server.close()


def lock(root: Path, index: IndexServer) -> None:
    """Have the real uv lock a project."""
    variables = {
        "PATH": os.environ["PATH"],
        "HOME": str(root),
        "UV_DEFAULT_INDEX": index.address,
        "UV_CACHE_DIR": str(root.parent / f"uv-{root.name}"),
        "UV_PYTHON_DOWNLOADS": "never",
        "GIT_CONFIG_GLOBAL": os.devnull,
    }
    done = subprocess.run(
        [find_uv_bin(), "lock", "--quiet"], cwd=root, env=variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
